/**
 * OpenDKIM and OpenDMARC as a receiver's mail filters: the first verifies signatures and says so in a header, the second
 * judges by it what the domain of From publishes, and refuses what fails.
 *
 * OpenDMARC asks the machine's resolver only, at port 53. It gets a mount table of its own in which /etc/resolv.conf names
 * ours, on a loopback address of its own. Starts and stops nothing but itself.
 */
import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type DnsServer, startDnsServer } from '../../src/rehearse/dns-server.js';
import type { Zones } from '../../src/rehearse/dns-zones.js';
import { freePort } from '../e2e/world.js';
import { ended, up } from './receiving.js';

const OPENDKIM = '/usr/sbin/opendkim';
const OPENDMARC = '/usr/sbin/opendmarc';
const missing = [OPENDKIM, OPENDMARC].filter(program => !existsSync(program));

/** Why there can be none here; undefined when there can. */
export const noMilters =
  missing.length > 0
    ? `${missing.join(', ')} not installed`
    : spawnSync('unshare', ['-m', 'true']).status !== 0
      ? 'no process may have a mount table of its own here'
      : undefined;

export class Milters {
  readonly dir = mkdtempSync(join(tmpdir(), 'rampd-milters-'));
  readonly #running: ChildProcess[] = [];
  #dns: DnsServer | undefined;
  /** For Postfix's main.cf. */
  mainCf = '';

  /** `name` is the host that they write as theirs. */
  static async start(name: string, zones: Zones): Promise<Milters> {
    const milters = new Milters();
    try {
      await milters.#start(name, zones);
    } catch (error) {
      await milters.stop();
      throw error;
    }
    return milters;
  }

  async stop(): Promise<void> {
    // Asked to end, libmilter looks whether it should every 5 seconds.
    for (const child of this.#running) await ended(child, 'SIGKILL');
    await this.#dns?.stop();
    rmSync(this.dir, { recursive: true, force: true });
  }

  async #start(name: string, zones: Zones): Promise<void> {
    // Port 53 of one of the many loopback addresses that nobody uses.
    const host = ['127', 53, 1 + (process.pid % 250), 1 + Math.floor(Math.random() * 250)].join('.');
    this.#dns = await startDnsServer({ zones, host, port: 53 });
    const resolvConf = this.#write('resolv.conf', `nameserver ${host}\n`);
    const resolver = `server:
  do-not-query-localhost: no
  username: ""
  chroot: ""
  use-syslog: no
forward-zone:
  name: "."
  forward-addr: ${host}@53
`;
    const [dkim, dmarc] = [await freePort(), await freePort()];
    const common = (port: number): string => `Socket inet:${port}@127.0.0.1\nBackground no\nSyslog no\nAuthservID ${name}\n`;
    const dkimConf = `${common(dkim)}Mode v\nAlwaysAddARHeader yes\nResolverConfiguration ${this.#write('unbound.conf', resolver)}\n`;
    await this.#run(dkim, OPENDKIM, ['-f', '-x', this.#write('opendkim.conf', dkimConf)]);
    const dmarcConf = `${common(dmarc)}TrustedAuthservIDs ${name}\nRejectFailures true\n`;
    const command = [OPENDMARC, '-f', '-c', this.#write('opendmarc.conf', dmarcConf)];
    await this.#run(dmarc, 'unshare', [
      '-m',
      'sh',
      '-c',
      `mount --bind ${resolvConf} /etc/resolv.conf && exec "$@"`,
      'opendmarc',
      ...command,
    ]);
    this.mainCf = `smtpd_milters = inet:127.0.0.1:${dkim}, inet:127.0.0.1:${dmarc}\nmilter_default_action = tempfail\n`;
  }

  async #run(port: number, program: string, args: readonly string[]): Promise<void> {
    const child = spawn(program, args, { stdio: ['ignore', 'ignore', 'pipe'] });
    this.#running.push(child);
    let said = '';
    child.stderr.on('data', chunk => (said += String(chunk)));
    await up({ address: '127.0.0.1', port }, child, () => said);
  }

  #write(name: string, text: string): string {
    writeFileSync(join(this.dir, name), text);
    return join(this.dir, name);
  }
}
