/**
 * The desk for reports: only a token of ours is believed, once, not too long, and about one recipient alone. Whatever else
 * comes in, nothing changes but the count of what was kept aside.
 */
import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterEach, describe, expect, it } from 'vitest';
import { Aside } from '../../src/daemon/aside.js';
import { bounceDomainFor } from '../../src/daemon/bounce-domain.js';
import { FeedbackDesk } from '../../src/daemon/feedback-desk.js';
import type { AccountingRecord } from '../../src/kernel/accounting.js';
import type { Governor } from '../../src/kernel/governor.js';
import type { Settings } from '../../src/kernel/settings.js';
import { DAY } from '../../src/kernel/units.js';
import { Classifier } from '../../src/outcome/classify.js';
import { bounceAddress } from '../../src/outcome/verp-token.js';
import { createManualClock } from '../../src/rehearse/manual-clock.js';
import { openStore } from '../../src/spool/store.js';
import { SentLog } from '../../src/spool/sent-log.js';

const START = Date.parse('2026-11-20T12:00:00Z');
const from = { file: 'rampd.yaml', line: 1, col: 1 };
const secret = Buffer.from('0123456789abcdef0123456789abcdef');
const feedback = { bounceDomains: ['bounce.s.example'], fbl: ['fbl@s.example'], keepFor: 14 * DAY, maxMsgRate: 60, from };
const ends: (() => Promise<void>)[] = [];
afterEach(async () => {
  for (const end of ends.splice(0)) await end();
});

async function world() {
  const dir = mkdtempSync(join(tmpdir(), 'rampd-desk-'));
  const clock = createManualClock(START);
  const store = await openStore({ dir, node: 0, clock, minFree: 0, ballast: 0, onFailure: () => undefined });
  const sent = new SentLog(join(dir, 'sent'), error => {
    throw error;
  });
  ends.push(async () => {
    await store.close();
    sent.close();
    rmSync(dir, { recursive: true, force: true });
  });
  const told: string[] = [];
  const records: AccountingRecord[] = [];
  const governor = {
    bounced: (lane: { provider: string }, _departed: number, cls: string) => (told.push(`bounced ${lane.provider} ${cls}`), []),
    complained: (lane: { provider: string }) => void told.push(`complained ${lane.provider}`),
  } as unknown as Governor;
  const desk = new FeedbackDesk({
    clock,
    settings: () =>
      ({
        node: 0,
        feedback,
        pools: new Map([['main', { verp: true }]]),
        sources: new Map([['hot', { address: '192.0.2.1' }]]),
      }) as unknown as Settings,
    secret: () => secret,
    sent,
    reports: store.reports,
    aside: new Aside(join(dir, 'aside')),
    suppression: { entry: (recipient, _sender, cause) => (told.push(`suppressed ${recipient} ${cause}`), []) },
    governor,
    classifier: () => new Classifier(new Map()),
    account: record => records.push(record),
    commit: (days, beside) => store.settle([], days, beside),
  });
  const path = (n: number): string => {
    const row = {
      message: n,
      index: 0,
      due: START,
      accepted: START,
      size: 1,
      sender: 'n@s.example',
      state: { address: `r${n}@one.example`, attempts: 0 },
      body: { segment: 1, offset: 0, length: 1 },
    };
    const envelope = { sender: 'n@s.example', pool: 'main', warmUp: 'allow' as const, accepted: START, client: 'c' };
    const address = desk.reversePath({ row, envelope, lane: { source: 'hot', provider: 'google' } });
    sent.flush();
    return address ?? '';
  };
  const receive = async (address: string, text: string): Promise<boolean> => {
    const addressee = desk.addressee(address);
    if (!addressee || addressee === 'refused') return false;
    await desk.receive(addressee, Buffer.from(text));
    return true;
  };
  return { dir, clock, desk, path, receive, told, records };
}

const dsn = (status = '5.1.1', action = 'failed') =>
  `Content-Type: multipart/report; boundary=b\n\n--b\nContent-Type: message/delivery-status\n\nReporting-MTA: dns; x\n\nAction: ${action}\nStatus: ${status}\n\n--b--\n`;
const arf = (path: string, type = 'abuse', where = 'Return-Path') =>
  `Content-Type: multipart/report; boundary=b\n\n--b\nContent-Type: message/feedback-report\n\nFeedback-Type: ${type}\n\n--b\nContent-Type: message/rfc822\n\n${where}: <${path}>\nSubject: x\n\nbody\n--b--\n`;

describe('a report with a token of ours', () => {
  it('is believed about the recipient it names, once, however many come at once', async () => {
    const w = await world();
    const [one, two] = [w.path(1), w.path(2)];
    await Promise.all([1, 2, 3].map(() => w.receive(one, dsn())));
    await Promise.all([1, 2].map(() => w.receive('FBL@s.example', arf(two))));
    expect(w.told).toEqual([
      'bounced google mailbox.unknown',
      'suppressed r1@one.example mailbox.unknown',
      'complained google',
      'suppressed r2@one.example complaint',
    ]);
    expect(w.desk.counts).toEqual({ bounces: 1, complaints: 1, repeated: 3, ignored: 0, aside: 0 });
    expect(w.records.map(r => r.type)).toEqual(['rb', 'f']);
    expect(w.records[0]).toMatchObject({
      rcpt: 'r1@one.example',
      orig: 'n@s.example',
      status: '5.1.1',
      class: 'mailbox.unknown',
      sourceIp: '192.0.2.1',
    });
  });

  it('suppresses for a mailbox that is gone alone', async () => {
    const w = await world();
    await w.receive(w.path(1), dsn('5.7.1'));
    await w.receive(w.path(2), dsn('5.2.2'));
    expect(w.told.filter(t => t.startsWith('suppressed'))).toEqual([]);
    expect(w.desk.counts.bounces).toBe(2);
  });

  it('that tells of no failure, or of no complaint, is told on and changes nothing', async () => {
    const w = await world();
    await w.receive(w.path(1), dsn('4.4.1', 'delayed'));
    await w.receive('fbl@s.example', arf(w.path(2), 'not-spam'));
    expect(w.told).toEqual([]);
    expect(w.records.map(r => r.type)).toEqual(['rs', 'f']);
    expect(w.desk.counts).toMatchObject({ bounces: 0, complaints: 0, ignored: 2 });
  });

  it('is refused when it is older than keep-for, or of another node, or of a day to come', async () => {
    const w = await world();
    const path = w.path(1);
    w.clock.advance(14 * DAY);
    expect(w.desk.addressee(path)).toMatchObject({ kind: 'bounce' });
    w.clock.advance(DAY);
    expect(w.desk.addressee(path)).toBe('refused');
    await w.receive('fbl@s.example', arf(path));
    expect(w.told).toEqual([]);
    const day = Math.floor(w.clock.now() / DAY);
    const token = { node: 0, day, offset: 0, message: 1, index: 0 };
    expect(w.desk.addressee(bounceAddress(token, 'bounce.s.example', secret))).toMatchObject({ kind: 'bounce' });
    for (const other of [{ node: 1 }, { day: day + 1 }]) {
      expect(w.desk.addressee(bounceAddress({ ...token, ...other }, 'bounce.s.example', secret))).toBe('refused');
    }
  });
});

describe('anything else', () => {
  it('changes nothing, whatever its bytes', async () => {
    const w = await world();
    const path = w.path(1);
    const foreign = bounceAddress(
      { node: 0, day: Math.floor(START / DAY), offset: 0, message: 1, index: 0 },
      'bounce.s.example',
      Buffer.from('somebody else’s secret'),
    );
    const changed = fc
      .tuple(fc.integer({ min: 7, max: 49 }), fc.constantFrom(...'abcdefghijklmnopqrstuvwxyz234567'))
      .map(([at, c]) => path.slice(0, at) + c + path.slice(at + 1));
    const address = fc.oneof(changed, fc.constant(foreign), fc.constant(''), fc.string()).filter(a => a.toLowerCase() !== path);
    const where = fc.constantFrom('Return-Path', 'X-Original', 'Received');
    const text = fc.oneof(
      fc.tuple(address, where).map(([a, h]) => arf(a, 'abuse', h)),
      // In the body, not in the header: a stranger's words.
      fc.constant(
        `Content-Type: multipart/mixed; boundary=b\n\n--b\n\n${path}\n--b\nContent-Type: message/rfc822\n\nSubject: x\n\n${path}\n--b--`,
      ),
      fc.string(),
      fc.uint8Array({ maxLength: 300 }).map(b => Buffer.from(b).toString('latin1')),
    );
    await fc.assert(
      fc.asyncProperty(fc.oneof(address, fc.constant('fbl@s.example')), text, async (to, content) => {
        await w.receive(to, content);
        expect(w.told).toEqual([]);
        expect(w.records).toEqual([]);
      }),
      { numRuns: 150 },
    );
    expect(w.desk.counts).toMatchObject({ bounces: 0, complaints: 0, repeated: 0, ignored: 0 });
    // The same words with the token where a receiver puts it are believed: the rest was refused for the token alone.
    await w.receive('fbl@s.example', arf(path));
    expect(w.told).toContain('complained google');
  });

  it('is kept aside in a bounded number of files', async () => {
    const w = await world();
    const dir = join(w.dir, 'elsewhere');
    const aside = new Aside(dir);
    for (let i = 0; i < 1_010; i++) void aside.keep(Buffer.from(`${i}`), 'why', START + i);
    await aside.keep(Buffer.alloc(63 * 1024 * 1024), 'large', START + 5_000);
    const again = new Aside(dir);
    await again.keep(Buffer.alloc(2 * 1024 * 1024), 'last', START + 6_000);
    expect(readdirSync(dir).length).toBe(1);
  });
});

describe('the bounce domain of a sender', () => {
  it.each([
    ['news.shop.example', 'bounce.shop.example'],
    ['other.example', 'b.other.example'],
    ['elsewhere.test', 'first.example'],
    ['unrelated.example', 'first.example'],
  ])('%s is %s', (sender, domain) => {
    expect(bounceDomainFor(sender, ['first.example', 'bounce.shop.example', 'b.other.example'])).toBe(domain);
  });
});
