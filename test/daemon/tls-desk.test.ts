import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gunzipSync } from 'node:zlib';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { TlsDesk } from '../../src/daemon/tls-desk.js';
import { renderTls } from '../../src/control/render-tls.js';
import { Events } from '../../src/kernel/events.js';
import type { Envelope, NewRecipient } from '../../src/kernel/message.js';
import type { Settings } from '../../src/kernel/settings.js';
import { noPolicy, type TlsResult } from '../../src/kernel/tls.js';
import { DAY, HOUR, MINUTE, SECOND } from '../../src/kernel/units.js';
import { createManualClock, type ManualClock } from '../../src/rehearse/manual-clock.js';
import type { DnsAnswer, DnsPort } from '../../src/route/dns.js';
import { settings } from '../route/settings.js';

const NOON = Date.parse('2025-03-01T12:00:00Z');
const from = { file: 'test.yaml', line: 1, col: 1 };
const pool = { name: 'main', sources: [], coldWait: 0, stickyFor: 0, warmUp: 'allow' as const, from };
const result = (failure?: TlsResult['failure']): TlsResult => ({
  policy: {
    ...noPolicy('a.example', 'mx.a.example'),
    level: 'verify',
    origin: 'mta-sts',
    enforce: true,
    text: ['mode: enforce'],
    mx: ['mx.a.example'],
  },
  mxHost: 'mx.a.example',
  sourceIp: '192.0.2.1',
  receivingIp: '192.0.2.2',
  ...(failure && { failure }),
});

let dir: string;
let clock: ManualClock;
let events: Events;
let sent: { envelope: Envelope; recipients: readonly NewRecipient[]; content: string }[];
let rua: DnsAnswer<string>;
let current: Settings;
const warnings: string[] = [];
const log = { info() {}, debug() {}, error() {}, warn: (_: object, text: string) => void warnings.push(text), fatal() {} };

const desk = (): TlsDesk =>
  new TlsDesk({
    dir,
    clock,
    events,
    settings: () => current,
    dns: { txt: name => Promise.resolve(name === '_smtp._tls.a.example' ? rua : { kind: 'no-domain', ttl: HOUR }) } as DnsPort,
    addresses: () => Promise.resolve({ none: 'nowhere' }),
    send: (envelope, recipients, content) => Promise.resolve(sent.push({ envelope, recipients, content: content.toString() })),
    log: log as never,
  });
const reports = (): string[] => (existsSync(join(dir, 'tls-reports')) ? readdirSync(join(dir, 'tls-reports')) : []);

beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'rampd-desk-'));
  clock = createManualClock(NOON);
  events = new Events();
  sent = [];
  warnings.length = 0;
  rua = { kind: 'found', records: ['v=TLSRPTv1; rua=mailto:reports@a.example'], ttl: HOUR };
  const tls = { mtaSts: true, minVersion: 'TLSv1.2' as const, httpsPort: 443, report: { from: 'tls@mta.example', organization: 'Us' } };
  current = settings({ tls, pools: new Map([['main', pool]]) });
});
afterEach(() => rmSync(dir, { recursive: true, force: true }));

describe('the desk of TLS policies', () => {
  it('closes a day with a file and mail of our own, once', async () => {
    const it = desk();
    events.emit('tls', result());
    events.emit('tls', result('certificate-expired'));
    await it.tidy();
    expect([reports(), sent]).toEqual([[], []]);
    clock.advance(DAY / 2);
    await it.tidy();
    await it.tidy();
    expect(reports()).toEqual(['mta.example!a.example!1740787200!1740873599.json.gz']);
    expect(JSON.parse(gunzipSync(readFileSync(join(dir, 'tls-reports', reports()[0] ?? ''))).toString())).toMatchObject({
      'organization-name': 'Us',
      policies: [{ summary: { 'total-successful-session-count': 1, 'total-failure-session-count': 1 } }],
    });
    expect(sent).toMatchObject([
      { envelope: { sender: '', pool: 'main', warmUp: 'never', isDsn: true }, recipients: [{ address: 'reports@a.example' }] },
    ]);
    expect(sent[0]?.content).toContain('report-type="tlsrpt"');
    await it.stop();
  });

  it('asks again who wants a report while DNS does not say, and writes to nobody who does not', async () => {
    const it = desk();
    events.emit('tls', result());
    clock.advance(DAY);
    rua = { kind: 'failed', text: 'SERVFAIL' };
    await it.tidy();
    expect([reports().length, sent.length]).toEqual([1, 0]);
    rua = { kind: 'found', records: ['v=TLSRPTv1; rua=ftp://a.example'], ttl: HOUR };
    await it.tidy();
    expect([it.view().domains[0]?.reported, sent.length]).toEqual([true, 0]);
    await it.stop();
  });

  it('counts and shows without reporting; days that are over go after a while', async () => {
    current = settings();
    const it = desk();
    events.emit('tls', result());
    events.emit('tls', result('starttls-not-supported'));
    clock.advance(DAY);
    await it.tidy();
    expect(reports()).toEqual([]);
    const screen = { width: 100, now: clock.wall() } as never;
    expect(renderTls(it.view(), screen)).toMatch(
      /2025-03-01 +a\.example +MTA-STS +1 +1\n[\s\S]*1 × starttls-not-supported at mx\.a\.example \[192\.0\.2\.2\]/,
    );
    clock.advance(2 * DAY);
    await it.tidy();
    expect(it.view().domains).toEqual([]);
    await it.stop();
  });

  it('keeps counts over a restart; a broken file is a warning', async () => {
    const first = desk();
    events.emit('tls', result());
    await first.stop();
    const again = desk();
    events.emit('tls', result());
    expect(again.view().domains).toMatchObject([{ policies: [{ succeeded: 2 }] }]);
    await again.stop();
    writeFileSync(join(dir, 'tls-counts.json'), '[{');
    const third = desk();
    expect(third.view().domains).toEqual([]);
    expect(warnings).toEqual([expect.stringContaining('tls-counts.json cannot be read')]);
    await third.stop();
  });

  it('writes its counts after a while, the later the more there are, and what did not change not at all', async () => {
    const it = desk();
    const file = join(dir, 'tls-counts.json');
    const domains = () => (existsSync(file) ? (JSON.parse(readFileSync(file, 'utf8')) as unknown[]).length : 0);
    const one = result();
    const met = (i: number) => events.emit('tls', { ...one, policy: { ...one.policy, domain: `d${i}.example` } });
    met(0);
    await clock.run(9 * SECOND);
    expect(domains()).toBe(0);
    await clock.run(2 * SECOND);
    await expect.poll(domains).toBe(1);
    for (let i = 1; i < 3_000; i++) met(i);
    await clock.run(11 * SECOND);
    await expect.poll(domains).toBe(3_000);
    met(3_000);
    await clock.run(MINUTE);
    expect(domains()).toBe(3_000);
    await clock.run(20 * SECOND);
    await expect.poll(domains).toBe(3_001);
    expect(existsSync(join(dir, 'mta-sts.json'))).toBe(false);
    await it.stop();
  });
});
