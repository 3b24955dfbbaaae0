/** `rampd doctor`: from configuration and a real DNS server to a table, JSON and exit codes; its own configuration. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { run } from '../../src/commands/program.js';
import type { DoctorView } from '../../src/control/doctor-view.js';
import { printFault } from '../../src/kernel/fault.js';
import { startDnsServer, type DnsServer } from '../../src/rehearse/dns-server.js';
import { startReceiver, type Receiver } from '../../src/rehearse/receiver.js';
import { createVirtualClock } from '../../src/rehearse/virtual-clock.js';
import { loadAlone, minimal, settingsOf } from '../config/reading.js';
import { fakeIo, type FakeIo } from './fake-io.js';

let cwd: string;
let dns: DnsServer;
let receiver: Receiver;

beforeEach(async () => {
  cwd = mkdtempSync(join(tmpdir(), 'rampd-doctor-'));
  dns = await startDnsServer({
    zones: {
      'mta1.example.com': { a: ['127.0.1.1'] },
      '1.1.0.127.in-addr.arpa': { ptr: ['mta1.example.com'] },
      'example.com': { txt: ['v=spf1 a:mta1.example.com -all'] },
      '_dmarc.example.com': { txt: ['v=DMARC1; p=none; rua=mailto:d@example.com'] },
      'mx.test': { a: ['127.0.2.1'] },
      '2.0.0.127.bl.test': { a: ['127.0.0.2'] },
    },
  });
  receiver = await startReceiver({ clock: createVirtualClock({ start: Date.now(), speed: 1 }), host: '127.0.2.1', hostName: 'mx.test' });
  writeFileSync(
    join(cwd, 'rampd.yaml'),
    minimal(
      {
        'state-dir': 'state-dir: ./state',
        sources: `sources:
  good: { address: 127.0.1.1, host-name: mta1.example.com, warm-up: none }
  bad: { address: 127.0.1.2, host-name: mta2.example.com, warm-up: none }`,
        pools: 'pools: { main: { sources: [good, bad] } }',
      },
      `allow-private: true
dns: { servers: ["${dns.address}"] }
doctor: { dnsbl: bl.test, probe: "mx.test:${receiver.port}" }
`,
    ),
  );
});
afterEach(async () => {
  await Promise.all([dns.stop(), receiver.stop()]);
  rmSync(cwd, { recursive: true, force: true });
});

async function rampd(...argv: string[]): Promise<FakeIo['written']> {
  const io = fakeIo({ cwd });
  await run(argv, io, '0.0.0');
  return io.written;
}

describe('rampd doctor', () => {
  it('says what is well and what is not, with the records to publish, and exits 1', async () => {
    const { out, code, err } = await rampd('doctor', '--domain', 'example.com');
    expect({ code, err }).toEqual({ code: 1, err: '' });
    expect(out).toContain('source  good  127.0.1.1  mta1.example.com\n');
    expect(out).toMatch(/ ok {7}ptr {9} .*127\.0\.1\.1 is mta1\.example\.com\n/);
    expect(out).toMatch(/ warn {5}port .*"220 mx\.test ESMTP.*STARTTLS not offered/);
    expect(out).toMatch(
      / fail {5}helo .*mta2\.example\.com has no A record\n +→ publish the address under the name\n +mta2\.example\.com\. IN A 127\.0\.1\.2\n/,
    );
    expect(out).toMatch(/2\.1\.0\.127\.in-addr\.arpa\. IN PTR mta2\.example\.com\.\n/);
    expect(out).toMatch(/example\.com\. IN TXT "v=spf1 a:mta1\.example\.com ip4:127\.0\.1\.2 -all"\n/);
    expect([...receiver.ledger.totals().keys()]).toEqual(expect.arrayContaining(['127.0.1.1', '127.0.1.2']));
  });

  it('one source, as JSON: good enough is 0', async () => {
    const { out, code } = await rampd('doctor', '--source', 'good', '--domain', 'example.com', '--json');
    const view = JSON.parse(out) as DoctorView;
    expect(code).toBe(0);
    expect(view.state).toBe('warn');
    expect(view.groups.map(({ name, checks }) => [name, checks.filter(c => c.state !== 'ok').map(c => `${c.check} ${c.state}`)])).toEqual([
      ['good', ['port warn']],
      ['example.com', ['dkim warn', 'alignment warn']],
    ]);
  });

  it('refuses what is no source, no domain, no configuration', async () => {
    expect(await rampd('doctor', '--source', 'god')).toMatchObject({ code: 2, err: 'rampd: there is no source god; did you mean good?\n' });
    expect((await rampd('doctor', '--domain', 'no domain')).code).toBe(2);
    expect((await rampd('doctor', '-c', 'none.yaml')).code).toBe(2);
  });
});

describe('doctor: in the configuration', () => {
  const doctor = (text: string) => settingsOf(loadAlone(minimal({}, text))).doctor;
  it('arrives', () => {
    expect(doctor('')).toBeUndefined();
    expect(doctor('doctor: { at-start: false, dnsbl: [zen.spamhaus.org, bl.test], probe: [mx.test, "192.0.2.1:26"] }\n')).toEqual({
      atStart: false,
      dnsbl: ['zen.spamhaus.org', 'bl.test'],
      probe: [
        { host: 'mx.test', port: 25 },
        { host: '192.0.2.1', port: 26 },
      ],
    });
    expect(doctor('doctor: { dnsbl: none }\n')).toEqual({ dnsbl: [], probe: [] });
  });

  it('has faults with places', () => {
    const faults = loadAlone(minimal({}, 'doctor: { at-strat: true }\n')).faults.map(printFault);
    expect(faults).toEqual([expect.stringMatching(/^rampd\.yaml:7:\d+: .*at-strat.*at-start/)]);
  });
});
