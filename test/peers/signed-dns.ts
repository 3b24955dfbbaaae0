/**
 * Real DNS with DNSSEC on loopback: NSD serves zones that ldns-signzone signed, Unbound validates them against their keys.
 *
 * `address` is the validating resolver. A zone is signed, unsigned (its answers are not vouched for), or out of date (its
 * signatures have expired, so that the resolver answers SERVFAIL). Everything stands in a temporary folder; `stop` ends only
 * what was started here.
 */
import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { createHash, X509Certificate } from 'node:crypto';
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createValidatedDns } from '../../src/route/validated-dns.js';
import { freePort, until } from '../e2e/world.js';

const PROGRAMS = ['/usr/sbin/nsd', '/usr/sbin/unbound', '/usr/bin/ldns-signzone', '/usr/bin/ldns-keygen'];
const missing = PROGRAMS.filter(program => !existsSync(program));

/** Why there can be none here; undefined when there can. */
export const noSignedDns = missing.length > 0 ? `${missing.join(', ')} not installed` : undefined;

export interface SignedZone {
  /** Lines of the zone file besides SOA and NS; names without a dot at the end are below the zone. */
  readonly records: readonly string[];
  /** Default signed. */
  readonly keys?: 'signed' | 'unsigned' | 'expired';
}

export class SignedDns {
  readonly dir = mkdtempSync(join(tmpdir(), 'rampd-dns-'));
  readonly #running: ChildProcess[] = [];
  /** `127.0.0.1:port` of the resolver. */
  address = '';

  static async start(zones: Readonly<Record<string, SignedZone>>): Promise<SignedDns> {
    const dns = new SignedDns();
    const [nsd, unbound] = [await freePort(), await freePort()];
    const anchors = Object.entries(zones).flatMap(([name, zone]) => dns.#zone(name, zone));
    dns.#write('anchors', anchors.join('\n'));
    dns.#write('nsd.conf', nsdConf(dns.dir, nsd, Object.keys(zones)));
    dns.#write('unbound.conf', unboundConf(dns.dir, unbound, nsd, Object.keys(zones)));
    dns.address = `127.0.0.1:${unbound}`;
    dns.#run('/usr/sbin/nsd', '-d', '-c', join(dns.dir, 'nsd.conf'));
    dns.#run('/usr/sbin/unbound', '-d', '-c', join(dns.dir, 'unbound.conf'));
    const client = createValidatedDns({ servers: [dns.address], timeout: 500, tries: 1 });
    const first = Object.keys(zones)[0] ?? '';
    await until(
      () => client.txt(`up.${first}`),
      answer => answer.kind !== 'failed',
    );
    return dns;
  }

  async stop(): Promise<void> {
    for (const child of this.#running) {
      if (child.exitCode !== null) continue;
      const gone = new Promise(done => child.once('exit', done));
      child.kill('SIGTERM');
      await gone;
    }
    rmSync(this.dir, { recursive: true, force: true });
  }

  #run(program: string, ...args: string[]): void {
    this.#running.push(spawn(program, args, { cwd: this.dir, stdio: 'ignore' }));
  }

  #write(name: string, text: string): void {
    writeFileSync(join(this.dir, name), `${text}\n`);
  }

  /** Writes the zone, signed or not; returns its key as a trust anchor. */
  #zone(name: string, { records, keys = 'signed' }: SignedZone): string[] {
    const soa = ['$TTL 300', `$ORIGIN ${name}.`, `@ IN SOA ns.${name}. hostmaster.${name}. 1 3600 600 86400 60`, `@ IN NS ns.${name}.`];
    this.#write(`${name}.zone`, [...soa, 'ns IN A 127.0.0.1', 'up IN TXT "up"', ...records].join('\n'));
    if (keys === 'unsigned') return [];
    const run = (program: string, ...args: string[]): string => execFileSync(program, args, { cwd: this.dir }).toString().trim();
    const key = run('/usr/bin/ldns-keygen', '-a', 'ECDSAP256SHA256', '-k', name);
    const dates = keys === 'expired' ? ['-i', '20200101000000', '-e', '20200201000000'] : [];
    run('/usr/bin/ldns-signzone', ...dates, '-o', name, '-f', `${name}.signed`, `${name}.zone`, key);
    this.#write(`${name}.zone`, readFileSync(join(this.dir, `${name}.signed`), 'utf8'));
    return [readFileSync(join(this.dir, readdirSync(this.dir).find(f => f === `${key}.key`) ?? ''), 'utf8').trim()];
  }
}

/** A line for a TLSA record: `tlsaLine(25, 'mx', pem)` is 3 1 1. */
export function tlsaLine(port: number, host: string, pem: string, usage = 3, selector = 1, matching = 1): string {
  const certificate = new X509Certificate(pem);
  const content = selector === 1 ? certificate.publicKey.export({ type: 'spki', format: 'der' }) : certificate.raw;
  const digest =
    matching === 0
      ? content
      : createHash(matching === 1 ? 'sha256' : 'sha512')
          .update(content)
          .digest();
  return `_${port}._tcp.${host} IN TLSA ${usage} ${selector} ${matching} ${digest.toString('hex')}`;
}

const nsdConf = (dir: string, port: number, zones: readonly string[]): string => `server:
  ip-address: 127.0.0.1
  port: ${port}
  username: ""
  chroot: ""
  zonesdir: ${dir}
  database: ""
  pidfile: ${dir}/nsd.pid
  xfrdfile: ${dir}/xfrd.state
  zonelistfile: ${dir}/zone.list
  logfile: ${dir}/nsd.log
  server-count: 1
  rrl-ratelimit: 0
remote-control:
  control-enable: no
${zones.map(zone => `zone:\n  name: ${zone}\n  zonefile: ${zone}.zone`).join('\n')}`;

const unboundConf = (dir: string, port: number, nsd: number, zones: readonly string[]): string => `server:
  interface: 127.0.0.1@${port}
  username: ""
  chroot: ""
  directory: ${dir}
  pidfile: ${dir}/unbound.pid
  logfile: ${dir}/unbound.log
  use-syslog: no
  do-ip6: no
  do-not-query-localhost: no
  trust-anchor-file: ${dir}/anchors
  num-threads: 1
  aggressive-nsec: no
  # Nothing is asked outside these zones.
  local-zone: "." transparent
  val-log-level: 2
remote-control:
  control-enable: no
${zones.map(zone => `stub-zone:\n  name: ${zone}\n  stub-addr: 127.0.0.1@${nsd}`).join('\n')}`;
