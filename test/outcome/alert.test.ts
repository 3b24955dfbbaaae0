/** Alerts: which changes are told, how often, and what a person reads. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { JOURNAL_TYPES, type JournalRecord } from '../../src/kernel/journal.js';
import { MINUTE } from '../../src/kernel/units.js';
import { type Alert, alertMail, alertObject, alertsOf, Throttle } from '../../src/outcome/alert.js';

const AT = Date.parse('2023-11-20T12:00:00Z');
const record = (more: Partial<JournalRecord> = {}): JournalRecord => ({
  id: 1,
  at: AT,
  time: '',
  type: 'stage-braked',
  author: 'gate',
  text: 'block-rate 2% > 1%: caps of stage 3/28, 80/h, until the tick',
  source: 'cold-1',
  ...more,
});
const alert = (more: Partial<Alert> = {}): Alert => ({
  kind: 'stage-braked',
  at: AT,
  subject: 'cold-1',
  text: 'braked',
  source: 'cold-1',
  ...more,
});

describe('changes of limits', () => {
  it('are told when they are of a kind people wait for', () => {
    const told = JOURNAL_TYPES.filter(type => alertsOf(record({ type })).length > 0);
    expect(told).toEqual(['window-opened', 'stage-held', 'stage-back', 'stage-braked', 'graduated']);
    expect(alertsOf(record({ type: 'window-opened', provider: 'microsoft', window: 'w3', reply: '421 RP-001' }))).toEqual([
      {
        kind: 'window-opened',
        at: AT,
        subject: 'cold-1/microsoft',
        text: record().text,
        source: 'cold-1',
        provider: 'microsoft',
        window: 'w3',
        reply: '421 RP-001',
      },
    ]);
  });

  it('are not told when a stage is what the configuration makes it', () => {
    expect(alertsOf(record({ type: 'stage-placed', author: 'daemon', text: 'begins at stage 1/28, 20/h' }))).toEqual([]);
    expect(alertsOf(record({ type: 'stage-held', author: 'gate', text: 'held by gate: stage 1/28, 20/h' }))).toHaveLength(1);
  });

  it('are told twice when they suspend the source', () => {
    const state = { 'progress:192.0.2.1': { stage: 2, suspended: true } };
    expect(alertsOf(record({ state })).map(a => a.kind)).toEqual(['stage-braked', 'suspended']);
    expect(alertsOf(record({ state: { 'progress:192.0.2.1': { suspended: false } } })).map(a => a.kind)).toEqual(['stage-braked']);
  });
});

const parts = {
  to: ['ops@example.com', 'b@example.com'],
  settings: { hostName: 'mta.example.com', dsn: { from: 'md@example.com' } },
  wall: AT,
  id: 'x1',
};

describe('the throttle', () => {
  it('lets one of a kind and source through in a while and counts the others', () => {
    const throttle = new Throttle(15 * MINUTE);
    expect(throttle.offer(alert(), AT)).toBeDefined();
    expect(throttle.offer(alert({ text: 'second' }), AT + MINUTE)).toBeUndefined();
    expect(throttle.offer(alert({ text: 'third' }), AT + 2 * MINUTE)).toBeUndefined();
    expect(throttle.offer(alert({ subject: 'cold-2', source: 'cold-2' }), AT + 2 * MINUTE)).toBeDefined();
    expect(throttle.offer(alert({ kind: 'stage-back' }), AT + 2 * MINUTE)).toBeDefined();
    expect(throttle.next).toBe(AT + 15 * MINUTE);
    expect(throttle.due(AT + 15 * MINUTE - 1)).toEqual([]);
    expect(throttle.due(AT + 15 * MINUTE)).toEqual([alert({ text: 'third', count: 2 })]);
    expect(throttle.due(AT + 17 * MINUTE)).toEqual([]);
    expect(throttle.due(AT + 30 * MINUTE)).toEqual([]);
    expect(throttle.next).toBeUndefined();
    expect(throttle.offer(alert(), AT + 31 * MINUTE)).toBeDefined();
  });

  it('lets one through of all the lanes of a source, and names the others', () => {
    const throttle = new Throttle(15 * MINUTE);
    const lane = (i: number) => alert({ kind: 'window-opened', source: 'hot-1', provider: `p${i}`, subject: `hot-1/p${i}` });
    const lanes = Array.from({ length: 5_000 }, (_, i) => lane(i));
    expect(lanes.filter(a => throttle.offer(a, AT))).toEqual([lane(0)]);
    const [summary, ...more] = throttle.due(AT + 15 * MINUTE);
    expect(more).toEqual([]);
    expect(summary).toMatchObject({ count: 4_999, subject: 'hot-1/p4999' });
    expect(summary?.subjects).toHaveLength(20);
    const mail = alertMail(summary ?? alert(), parts as never).toString();
    expect(mail.replaceAll('\r\n', ' ')).toMatch(
      /the last of 4999 such alerts since the one before\. They were about: hot-1\/p1, hot-1\/p2, /,
    );
    expect(mail.split('\r\n').every(line => line.length < 300)).toBe(true);
    expect(throttle.offer(alert({ kind: 'window-opened', source: 'hot-2', subject: 'hot-2/p1' }), AT)).toBeDefined();
  });

  it('loses none: what went out and what was counted is what was offered', () => {
    fc.assert(
      fc.property(fc.array(fc.record({ subject: fc.constantFrom('a', 'b'), wait: fc.nat(20 * MINUTE) }), { maxLength: 50 }), offers => {
        const throttle = new Throttle(15 * MINUTE);
        let now = AT;
        let told = 0;
        const settle = (until: number): void => {
          for (let next = throttle.next; next !== undefined && next <= until; next = throttle.next) {
            for (const a of throttle.due(next)) told += a.count ?? 1;
          }
        };
        for (const { subject, wait } of offers) {
          settle((now += wait));
          if (throttle.offer(alert({ subject, source: subject }), now)) told++;
        }
        settle(Infinity);
        expect(told).toBe(offers.length);
      }),
    );
  });
});

describe('what is told', () => {
  it('is a mail a person understands', () => {
    const mail = alertMail(alert({ reply: '421 RP-001', because: ['cold-1/microsoft: paused'], count: 3 }), parts as never).toString();
    expect(mail).toBe(
      [
        'From: rampd <md@example.com>',
        'To: ops@example.com,',
        ' b@example.com',
        'Subject: [rampd mta.example.com] stage-braked: cold-1',
        'Date: Mon, 20 Nov 2023 12:00:00 +0000',
        'Message-ID: <alert.x1@mta.example.com>',
        'Auto-Submitted: auto-generated',
        'MIME-Version: 1.0',
        'Content-Type: text/plain; charset=utf-8',
        'Content-Transfer-Encoding: 8bit',
        '',
        'braked',
        '',
        'This is the last of 3 such alerts since the one before.',
        '',
        'The receiving system said:',
        '  421 RP-001',
        '',
        'Because:',
        '- cold-1/microsoft: paused',
        '',
        'More: rampd why cold-1',
        '',
      ].join('\r\n'),
    );
  });

  it('whatever a remote host says adds no header and no overlong line', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary', maxLength: 3_000 }), text => {
        const mail = alertMail(alert({ text, reply: text, subject: text, because: [text] }), parts as never).toString();
        const lines = mail.split('\r\n');
        expect(lines.indexOf('')).toBe(10);
        expect(lines.every(line => Buffer.byteLength(line) <= 998 && !/[\r\n]/.test(line))).toBe(true);
        expect(lines[3]).toMatch(/^Subject: [ -~]*$/);
      }),
    );
  });

  it('is an object for programs', () => {
    expect(alertObject(alert({ pool: 'p' }), 'mta.example.com', at => new Date(at).toISOString())).toEqual({
      host: 'mta.example.com',
      time: '2023-11-20T12:00:00.000Z',
      kind: 'stage-braked',
      subject: 'cold-1',
      text: 'braked',
      source: 'cold-1',
      pool: 'p',
    });
  });
});
