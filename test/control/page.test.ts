import { describe, expect, it } from 'vitest';
import { ageText, cut, page, sizeText, table, textWidth, timeText, whenText, wrap, type Screen } from '../../src/control/page.js';
import { numberText, reasonText } from '../../src/control/reason-text.js';
import type { ReasonView } from '../../src/control/view.js';

const screen: Screen = { now: Date.parse('2026-03-02T13:51:00Z'), width: 80, zone: 'UTC' };

describe('times', () => {
  it.each([
    ['2026-03-02T14:03:00Z', '14:03', '14:03 (in 12m)'],
    ['2026-03-02T13:50:30Z', '13:50', '13:50 (30s ago)'],
    ['2026-03-02T13:51:00.500Z', '13:51', 'now'],
    ['2026-03-03T04:00:00Z', '03-03 04:00', '03-03 04:00 (in 14h9m)'],
    ['2026-03-12T04:00:00Z', '03-12 04:00', '03-12 04:00 (in 9d14h)'],
    ['2027-01-01T00:00:00Z', '2027-01-01', '2027-01-01 (in 304d10h)'],
    ['no time', '–', '–'],
    [null, '–', '–'],
  ])('%s reads %s and %s', (iso, time, when) => {
    expect(timeText(iso, screen)).toBe(time);
    expect(whenText(iso, screen)).toBe(when);
  });

  it('are shown in the zone of the screen', () => {
    expect(timeText('2026-03-02T23:30:00Z', { ...screen, zone: 'Europe/Berlin' })).toBe('03-03 00:30');
    expect(timeText('2026-03-02T14:03:09Z', screen, true)).toBe('14:03:09');
  });

  it('have an age', () => {
    expect(ageText('2026-03-02T13:00:00Z', screen)).toBe('51m');
    expect(ageText('2026-03-02T14:00:00Z', screen)).toBe('0s');
  });
});

describe('lines', () => {
  it('keep their indentation and lose what does not print', () => {
    expect(page(['  a\tb\n', 'c  '])).toBe('  a b\nc\n');
    expect(page([])).toBe('');
  });

  it('wrap at spaces, and keep long words whole', () => {
    expect(wrap('one two three four five six', 22, 2)).toEqual(['  one two three four', '  five six']);
    expect(wrap(`a ${'x'.repeat(40)} b`, 20)).toEqual(['a', 'x'.repeat(40), 'b']);
  });

  it('are cut by columns, wide characters counting two', () => {
    expect(textWidth('日本 e\u0301')).toBe(6);
    expect(cut('日本語', 5)).toBe('日本…');
    expect(cut('short', 5)).toBe('short');
    expect(cut('short', 0)).toBe('');
  });
});

describe('tables', () => {
  const rows = [
    { name: 'a', n: 5, text: 'some long text here' },
    { name: 'bcd', n: 12_345, text: '日本' },
  ];
  const columns = [
    { head: 'NAME', cell: (r: (typeof rows)[number]) => r.name },
    { head: 'N', cell: (r: (typeof rows)[number]) => numberText(r.n), right: true, drop: 1 },
    { head: 'TEXT', cell: (r: (typeof rows)[number]) => r.text, gives: true },
  ];

  it('align', () => {
    expect(table(columns, rows, Infinity)).toEqual(['NAME       N  TEXT', 'a          5  some long text here', 'bcd   12,345  日本']);
  });

  it('narrow the columns that give, then leave out those that may go, then cut', () => {
    expect(table(columns, rows, 28)).toEqual(['NAME       N  TEXT', 'a          5  some long tex…', 'bcd   12,345  日本']);
    expect(table(columns, rows, 20)).toEqual(['NAME  TEXT', 'a     some long tex…', 'bcd   日本']);
    expect(table(columns, rows, 8)).toEqual(['NAME  T…', 'a     s…', 'bcd   …']);
  });
});

describe('numbers', () => {
  it('are grouped', () => {
    expect([0, 999, 1_000, 1_234_567, 0.5, 1234.567, Infinity].map(numberText)).toEqual([
      '0',
      '999',
      '1,000',
      '1,234,567',
      '0.5',
      '1,234.57',
      'unlimited',
    ]);
    expect([512, 4096, 61_849_600, 5 * 1024 ** 5].map(sizeText)).toEqual(['512 B', '4.0 KB', '59.0 MB', '5120.0 TB']);
  });
});

describe('reasons', () => {
  const reason = (change: Partial<ReasonView>): ReasonView => ({
    limit: 'max-msg-per-hour',
    value: 412,
    used: 412,
    from: 'schedules/four-weeks.yaml:9:3',
    until: null,
    ...change,
  });

  it.each<[Partial<ReasonView>, string]>([
    [{}, 'max-msg-per-hour 412 reached: 412 used in the last hour (schedules/four-weeks.yaml:9:3)'],
    [{ used: 400 }, 'max-msg-per-hour 412: 400 used in the last hour (schedules/four-weeks.yaml:9:3)'],
    [{ used: null, value: null }, 'max-msg-per-hour (schedules/four-weeks.yaml:9:3)'],
    [{ value: 0, used: 0 }, 'max-msg-per-hour is none: nothing may leave (schedules/four-weeks.yaml:9:3)'],
    [{ window: 'w7', from: 'window w7' }, "window w7's max-msg-per-hour 412 reached: 412 used in the last hour"],
    [{ limit: 'max-smtp-out', value: 1, used: 1, from: 'a:1:1' }, 'max-smtp-out 1 reached: 1 connection open (a:1:1)'],
    [{ limit: 'max-smtp-out', value: 20, used: 20, from: 'a:1:1' }, 'max-smtp-out 20 reached: 20 connections open (a:1:1)'],
    [{ limit: 'paused', value: null, used: null, from: 'operator:ann' }, 'paused by a person (operator:ann)'],
    [{ limit: 'suspended', value: null, used: null, window: 'w7', from: 'a:1:1' }, 'suspended: nothing leaves this way, window w7 (a:1:1)'],
    [{ limit: 'pacing', value: 412, used: 1, from: 'a:1:1' }, 'paced: departures are spread evenly over the hour, 412/h (a:1:1)'],
    [{ limit: 'window', value: null, used: null, window: 'w7', from: 'a:1:1' }, 'window w7 is open: nothing leaves until it ends (a:1:1)'],
    [{ limit: 'concurrency', value: 2, used: 2, from: 'feedback' }, 'concurrency 2 reached: 2 connections open (feedback)'],
    [
      { limit: 'concurrency', value: 1, used: 0, from: 'feedback', until: '2026-03-02T14:00:00Z' },
      'resting after failed connections or refusals (feedback)',
    ],
    [{ limit: 'something-new', value: 3, used: 3, from: '' }, 'something-new 3 reached: 3 used'],
  ])('%j', (change, text) => {
    expect(reasonText(reason(change))).toBe(text);
  });
});
