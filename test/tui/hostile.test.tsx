/** Whatever remote hosts and odd names say: no line is wider than the screen, no control character reaches it. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { frame } from '../../src/tui/frame.js';
import { ansi, plain, span } from '../../src/tui/line.js';
import { snapshot } from '../../src/tui/snapshot.js';
import { cells } from '../../src/tui/text.js';
import type { Model, Size } from '../../src/tui/model.js';
import { feedLine, lane, source, window } from '../control/fake-operations.js';
import { after, bare, drawn, fullStatus, keys, running } from './fixture.js';

const ATTACKS = [
  '\u001b[2J\u001b[1;1Hpwned',
  '\u001b]0;title\u0007',
  '451 a\r\n250 b\u0000\u009b31m',
  '\u202eabc\u2066def',
  '以下のIPアドレスからのメール'.repeat(9),
  '👩‍👩‍👧‍👦🇩🇪e\u0301\u0301',
  'x'.repeat(900),
  'a\nb\tc',
];
const hostile = fc.oneof(fc.constantFrom(...ATTACKS), fc.string({ unit: 'binary', maxLength: 60 }));
const sizes: fc.Arbitrary<Size> = fc.record({ columns: fc.integer({ min: 1, max: 200 }), rows: fc.integer({ min: 1, max: 60 }) });
const ways = fc.constantFrom<readonly string[]>([], ['enter'], ['enter', 'home'], ['p'], ['enter', 'l'], ['?'], ['/', 'c'], ['s', 's']);
// Limits are the governor's own words; everything else may come from elsewhere.
const limits = fc.constantFrom('max-msg-per-hour', 'max-smtp-out', 'pacing', 'paused', 'window', 'suspended', 'concurrency');
const amount = fc.oneof(fc.nat(100), fc.nat(Number.MAX_SAFE_INTEGER));

const models: fc.Arbitrary<Model> = fc
  .record({ text: fc.array(hostile, { minLength: 6, maxLength: 6 }), limit: limits, size: sizes, way: ways, n: amount })
  .map(({ text, limit, size, way, n }) => {
    const [name = '', provider = '', reply = '', rule = '', sentence = '', other = ''] = text;
    const reason = { limit, value: n, used: n, from: sentence, window: 'w1', reply, until: null };
    const model = running(size, {
      version: other,
      sources: [
        source({
          name,
          address: other,
          hostName: rule,
          schedule: sentence,
          maxMsgPerHour: n,
          attemptsLastHour: n,
          waiting: n,
          because: [reason],
        }),
        ...fullStatus().sources,
      ],
      lanes: [lane({ source: name, provider, windows: ['w1', rule], verdict: { go: false, until: null, because: [reason, reason] } })],
      windows: [
        window({ id: 'w1', source: name, provider, reply, rule, from: other, maxMsgPerHour: n }),
        window({ id: rule, reply: other }),
      ],
    });
    return after(
      model,
      { type: 'feed', lines: [feedLine(9, { text: sentence, reply, author: other, type: rule, provider })] },
      ...keys(...way),
      ...(n % 3 === 0 ? [{ type: 'away', text: reply, since: n } as const] : []),
      ...(n % 2 === 0 ? [{ type: 'done', ok: false, text: sentence } as const] : []),
    );
  });

const harmless = (line: string): boolean => /^[^\p{C}\p{M}]*$/u.test(line);

describe('hostile text', () => {
  it('never makes a line too wide or puts a control character into it', () => {
    fc.assert(
      fc.property(models, model => {
        const lines = frame(model);
        expect(lines).toHaveLength(Math.max(1, model.size.rows - 1));
        for (const line of lines) {
          expect(cells(plain(line))).toBeLessThanOrEqual(model.size.columns);
          expect(harmless(plain(line))).toBe(true);
        }
      }),
      { numRuns: 300 },
    );
  });

  it('goes through Ink unchanged: as many lines, no other sequence than styles', () => {
    fc.assert(
      fc.property(models, model => {
        const lines = bare(drawn(model)).split('\n');
        expect(lines.map(line => line.trimEnd())).toEqual(frame(model).map(plain));
        expect(lines.every(harmless)).toBe(true);
      }),
      { numRuns: 60 },
    );
  });

  it('stays out of the snapshot', () => {
    fc.assert(
      fc.property(models, model => {
        fc.pre(model.status !== null);
        if (model.status) for (const line of snapshot(model.status, 'UTC').split('\n')) expect(harmless(line)).toBe(true);
      }),
      { numRuns: 60 },
    );
  });

  it('may be called like what every object has', () => {
    for (const type of ['valueOf', 'constructor', '__proto__']) {
      const model = after(running({ columns: 80, rows: 24 }), { type: 'feed', lines: [feedLine(9, { type })] });
      expect(bare(drawn(model))).toContain(`13:00:00     ${type}`);
    }
  });

  it('would be seen here if the gate were open', () => {
    const [attack = ''] = ATTACKS;
    expect(harmless(bare(ansi([span(attack)], true)))).toBe(false);
    expect(plain(frame(running({ columns: 200, rows: 40 }, { version: attack }))[0] ?? [])).toContain('pwned');
  });
});
