/** Reports of a day of TLS on their way: who has one, who is tried again, and when that ends. */
import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { TlsReports, type TlsReportsParts } from '../../src/daemon/tls-reports.js';
import { noPolicy } from '../../src/kernel/tls.js';
import { DAY, HOUR } from '../../src/kernel/units.js';
import { TlsCounts } from '../../src/outcome/tls-counts.js';
import { createManualClock } from '../../src/rehearse/manual-clock.js';
import { settings } from '../route/settings.js';

const NOON = Date.parse('2025-03-01T12:00:00Z');
const MIDNIGHT = NOON + DAY / 2;
const from = { file: 'test.yaml', line: 1, col: 1 };
const pool = { name: 'main', sources: [], coldWait: 0, stickyFor: 0, warmUp: 'allow' as const, from };
const tls = { mtaSts: true, minVersion: 'TLSv1.2' as const, httpsPort: 443, report: { from: 'tls@mta.example', organization: 'Us' } };

let dir: string;
let counts: TlsCounts;
let mailed: string[];
let posted: string[];
let status: (url: string) => number | Promise<number>;
let rua: (name: string) => string;
let said: string[];

const log = Object.fromEntries(
  ['info', 'warn', 'error'].map(level => [
    level,
    ({ domain = '', error }: { domain?: string; error?: string }, text: string) =>
      said.push([level, domain, text, ...(error === undefined ? [] : [error])].join(' ')),
  ]),
);
const reports = (more: Partial<TlsReportsParts> = {}) =>
  new TlsReports({
    dir,
    clock: createManualClock(NOON),
    settings: () => settings({ tls, pools: new Map([['main', pool]]) }),
    dns: { txt: name => Promise.resolve({ kind: 'found', records: [`v=TLSRPTv1; rua=${rua(name)}`], ttl: HOUR }) },
    counts,
    send: (_envelope, recipients) => Promise.resolve(mailed.push(...recipients.map(r => r.address))),
    post: async (url, _gzipped, signal) => {
      posted.push(url);
      const stopped = new Promise<never>((_, reject) => signal.addEventListener('abort', () => reject(new Error('stopped'))));
      const code = await Promise.race([status(url), stopped]);
      return { status: code, text: `${code} so` };
    },
    log: log as never,
    ...more,
  });
const met = (domain: string) =>
  counts.add(
    {
      policy: { ...noPolicy(domain, `mx.${domain}`), origin: 'mta-sts' },
      mxHost: `mx.${domain}`,
      sourceIp: '192.0.2.1',
      receivingIp: '192.0.2.2',
    },
    NOON,
  );
const reported = () => counts.list().map(({ domain, reported: done = false }) => `${domain} ${done}`);
const restart = () => (counts = new TlsCounts(JSON.parse(JSON.stringify(counts.list()))));

beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'rampd-reports-'));
  counts = new TlsCounts();
  [mailed, posted, said] = [[], [], []];
  status = () => 200;
  rua = () => 'mailto:tls@a.example,https://r.example/a,https://s.example/';
});
afterEach(() => rmSync(dir, { recursive: true }));

describe('reports of TLS', () => {
  it('go to everybody the domain names, once', async () => {
    met('a.example');
    await reports().close(MIDNIGHT);
    restart();
    await reports().close(MIDNIGHT + HOUR);
    expect([mailed, posted, reported()]).toEqual([['tls@a.example'], ['https://r.example/a', 'https://s.example/'], ['a.example true']]);
  });

  it('are tried again only with those that did not take them, each time later, over restarts, and given up within a day', async () => {
    met('a.example');
    status = url => (url.includes('//s.') ? 503 : 201);
    const tried: number[] = [];
    for (let hour = 0; hour < 40; hour++) {
      const before = posted.length;
      await reports().close(MIDNIGHT + hour * HOUR);
      if (posted.length > before) tried.push(hour);
      restart();
    }
    expect(tried).toEqual([0, 1, 3, 7, 15]);
    expect([mailed, posted]).toEqual([['tls@a.example'], ['https://r.example/a', ...Array<string>(5).fill('https://s.example/')]]);
    expect(said.filter(line => line.startsWith('warn'))).toEqual(['warn a.example a TLS report is given up: who wants it did not take it']);
    expect(said).toContain('info a.example a TLS report was not taken 503 so');
    expect(reported()).toEqual(['a.example true']);
  });

  it('a host that fails is asked once in a round, whoever names it', async () => {
    for (let i = 0; i < 30; i++) met(`d${i}.example`);
    rua = name => `https://${name.includes('d7.') ? 'good' : 'bad'}.example/${name}`;
    let open: () => void = () => undefined;
    const gate = new Promise<number>(resolve => (open = () => resolve(500)));
    status = url => (url.includes('bad') ? gate : 200);
    const closing = reports().close(MIDNIGHT);
    await expect.poll(() => posted.length).toBeGreaterThan(0);
    open();
    await closing;
    // Those that were under way when the first one failed had been asked already.
    expect(posted.filter(url => url.includes('bad')).length).toBeLessThanOrEqual(8);
    expect(reported().filter(line => line.endsWith('true'))).toEqual(['d7.example true']);
    expect(readdirSync(join(dir, 'tls-reports'))).toHaveLength(30);
  });

  it('a stop breaks off what is under way, and the next start does it', async () => {
    met('a.example');
    rua = () => 'https://r.example/';
    status = () => new Promise(() => undefined);
    const first = reports();
    const closing = first.close(MIDNIGHT);
    await expect.poll(() => posted.length).toBe(1);
    await first.stop();
    await closing;
    expect(counts.list()).toMatchObject([{ domain: 'a.example' }]);
    expect(counts.list()[0]).not.toHaveProperty('tries');
    status = () => 200;
    restart();
    await reports().close(MIDNIGHT + HOUR);
    expect([posted, reported(), said.filter(line => !line.startsWith('info'))]).toEqual([
      ['https://r.example/', 'https://r.example/'],
      ['a.example true'],
      [],
    ]);
  });

  it('a stop waits for no name server', async () => {
    met('a.example');
    let asked: () => void = () => undefined;
    const once = new Promise<void>(resolve => (asked = resolve));
    const waiting = reports({ dns: { txt: () => (asked(), new Promise(() => undefined)) } });
    const closing = waiting.close(MIDNIGHT);
    await once;
    await waiting.stop();
    await closing;
    expect(reported()).toEqual(['a.example false']);
  });

  it('one that cannot be made stands in nobody’s way', async () => {
    met('a.example');
    met('b.example');
    rua = name => `mailto:tls@${name.includes('a.example') ? 'a' : 'b'}.example`;
    const broken = reports({
      send: (_envelope, [to]) =>
        to?.address === 'tls@a.example' ? Promise.reject(new Error('no room')) : Promise.resolve(mailed.push('b')),
    });
    await expect(broken.close(MIDNIGHT)).rejects.toThrow('no room');
    expect([mailed, reported().sort()]).toEqual([['b'], ['a.example false', 'b.example true']]);
  });
});
