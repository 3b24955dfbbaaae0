import { createTask } from 'node-cron';
import { describe, expect, it } from 'vitest';
import { TickClock, nextTick } from '../../src/daemon/ticks.js';
import { SHORTEST_DAY } from '../../src/kernel/schedule.js';
import { DAY, HOUR, MINUTE } from '../../src/kernel/units.js';
import type { Instant } from '../../src/kernel/units.js';
import { createManualClock } from '../../src/rehearse/manual-clock.js';
import { hourly, schedule, settings, source } from '../govern/warm-up-world.js';

const at = (text: string) => Date.parse(text);
const iso = (t: number) => new Date(t).toISOString().slice(0, 16);
/** Ticks in (after, upTo], oldest first. */
function dueTicks(cron: string, zone: string, after: number, upTo: number): number[] {
  const ticks: number[] = [];
  for (let tick = nextTick(cron, zone, after); tick <= upTo; tick = nextTick(cron, zone, tick)) ticks.push(tick);
  return ticks;
}
const due = (cron: string, zone: string, from: string, to: string) => dueTicks(cron, zone, at(`${from}Z`), at(`${to}Z`)).map(iso);

describe('due ticks', () => {
  it.each([
    [
      'Europe/Berlin skips 02:30: the next valid instant',
      ['30 2 * * *', 'Europe/Berlin', '2026-03-28T00:00', '2026-03-30T12:00'],
      ['2026-03-28T01:30', '2026-03-29T01:00', '2026-03-30T00:30'],
    ],
    [
      'Europe/Berlin has 02:30 twice: once',
      ['30 2 * * *', 'Europe/Berlin', '2026-10-24T00:00', '2026-10-26T12:00'],
      ['2026-10-24T00:30', '2026-10-25T00:30', '2026-10-26T01:30'],
    ],
    [
      'America/New_York skips 02:30',
      ['30 2 * * *', 'America/New_York', '2026-03-07T00:00', '2026-03-09T12:00'],
      ['2026-03-07T07:30', '2026-03-08T07:00', '2026-03-09T06:30'],
    ],
    [
      'America/New_York has 01:30 twice',
      ['30 1 * * *', 'America/New_York', '2026-10-31T00:00', '2026-11-02T12:00'],
      ['2026-10-31T05:30', '2026-11-01T05:30', '2026-11-02T06:30'],
    ],
    [
      'Lord Howe skips half an hour',
      ['15 2 * * *', 'Australia/Lord_Howe', '2026-10-02T12:00', '2026-10-05T00:00'],
      ['2026-10-02T15:45', '2026-10-03T15:30', '2026-10-04T15:15'],
    ],
    [
      'Lord Howe repeats half an hour',
      ['45 1 * * *', 'Australia/Lord_Howe', '2026-04-03T12:00', '2026-04-06T00:00'],
      ['2026-04-03T14:45', '2026-04-04T14:45', '2026-04-05T15:15'],
    ],
    ['on weekdays alone', ['0 4 * * 1-5', 'UTC', '2026-04-03T05:00', '2026-04-07T12:00'], ['2026-04-06T04:00', '2026-04-07T04:00']],
    [
      'east of the date line, a local day ahead',
      ['0 4 * * *', 'Pacific/Kiritimati', '2026-04-03T00:00', '2026-04-04T23:00'],
      ['2026-04-03T14:00', '2026-04-04T14:00'],
    ],
    [
      'a skipped minute and the one it moves to fire once',
      ['0 2,3 * * *', 'Europe/Berlin', '2026-03-29T00:00', '2026-03-29T12:00'],
      ['2026-03-29T01:00'],
    ],
  ] as const)('%s', (_, [cron, zone, from, to], expected) => {
    expect(due(cron, zone, from, to)).toEqual(expected);
  });

  it('leave out the first end and take the last', () => {
    expect(due('0 4 * * *', 'UTC', '2026-04-03T04:00', '2026-04-04T04:00')).toEqual(['2026-04-04T04:00']);
    expect(due('0 4 * * *', 'UTC', '2026-04-04T04:00', '2026-04-04T04:00')).toEqual([]);
  });

  it('are one a day for a year in any zone', () => {
    for (const zone of ['Europe/Berlin', 'America/New_York', 'Australia/Lord_Howe', 'America/Santiago', 'Asia/Beirut', 'UTC']) {
      const ticks = dueTicks('30 2 * * *', zone, at('2026-01-01T00:00Z'), at('2027-01-01T00:00Z'));
      expect(ticks.length).toBe(365);
      const gaps = ticks.slice(1).map((t, i) => t - (ticks[i] ?? 0));
      expect(gaps.every(gap => gap >= 23 * HOUR - MINUTE && gap <= 25 * HOUR)).toBe(true);
    }
  });

  it('would miss the day of the change, were node-cron asked minute by minute', () => {
    const task = createTask('30 2 * * *', () => undefined, { timezone: 'Europe/Berlin' });
    const fires = (day: string) =>
      Array.from({ length: 1_440 }, (_, m) => task.match(new Date(at(day) + m * MINUTE))).filter(Boolean).length;
    expect(fires('2026-03-27T23:00Z')).toBe(1);
    expect(fires('2026-03-28T23:00Z')).toBe(0);
  });

  it('find the next one however rare, and say when there is none', () => {
    expect(iso(nextTick('0 4 29 2 *', 'UTC', at('2097-03-01T00:00Z')))).toBe('2104-02-29T04:00');
    expect(() => nextTick('0 4 31 2 *', 'UTC', 0)).toThrow();
  });
});

describe('the tick clock', () => {
  const START = at('2026-03-02T10:00Z');

  class Fake {
    readonly clock = createManualClock(START);
    readonly judged: string[] = [];
    readonly next = new Map<string, Instant>();
    readonly through = new Map<string, Instant>();
    readonly ticks: TickClock;

    constructor(through = START - SHORTEST_DAY) {
      this.through.set('cold-1', through);
      this.ticks = new TickClock({
        clock: this.clock,
        judge: (name, tick) => {
          this.judged.push(iso(tick));
          this.through.set(name, tick);
        },
        judgedThrough: name => this.through.get(name) ?? 0,
        setNextTick: (name, tick) => void this.next.set(name, tick),
      });
    }

    start(tick = '0 4 * * *', timezone = 'UTC'): this {
      this.ticks.configure(settings([schedule(hourly(20), { tick, timezone })]));
      return this;
    }
  }

  it('judges at every tick, and says when the next one is', () => {
    const f = new Fake().start();
    expect(iso(f.next.get('cold-1') ?? 0)).toBe('2026-03-03T04:00');
    expect(f.ticks.next('cold-1')).toBe(f.next.get('cold-1'));
    f.clock.advance(18 * HOUR - 1);
    expect(f.judged).toEqual([]);
    f.clock.advance(1);
    expect(f.judged).toEqual(['2026-03-03T04:00']);
    expect(iso(f.next.get('cold-1') ?? 0)).toBe('2026-03-04T04:00');
    f.clock.advance(3 * DAY);
    expect(f.judged).toEqual(['2026-03-03T04:00', '2026-03-04T04:00', '2026-03-05T04:00', '2026-03-06T04:00']);
  });

  it('judges what was missed at the start, in order', () => {
    const f = new Fake(at('2026-02-27T04:00Z')).start();
    expect(f.judged).toEqual(['2026-02-28T04:00', '2026-03-01T04:00', '2026-03-02T04:00']);
  });

  it('never sees a tick within 20 hours of the last', () => {
    const f = new Fake().start('0 */6 * * *');
    f.clock.advance(2 * DAY);
    expect(f.judged).toEqual(['2026-03-02T12:00', '2026-03-03T12:00']);
  });

  it('follows the wall clock when it jumps ahead, and repeats nothing when it goes back', () => {
    const f = new Fake().start();
    f.clock.jumpWall(17 * HOUR);
    f.clock.advance(HOUR + MINUTE);
    expect(f.judged.length).toBe(1);
    f.clock.jumpWall(-17 * HOUR);
    f.clock.advance(18 * HOUR);
    expect(f.judged.length).toBe(1);
    f.clock.advance(DAY);
    expect(f.judged.length).toBe(2);
  });

  it('goes on behind a tick that the governor ignores', () => {
    const f = new Fake();
    let asked = 0;
    const deaf = new TickClock({
      clock: f.clock,
      judge: () => void asked++,
      judgedThrough: () => at('2026-02-20T04:00Z'),
      setNextTick: (name, tick) => void f.next.set(name, tick),
    });
    deaf.configure(settings([schedule(hourly(20))]));
    expect(asked).toBe(10);
    expect(iso(f.next.get('cold-1') ?? 0)).toBe('2026-03-03T04:00');
    deaf.stop();
  });

  it('takes new settings, and stops', () => {
    const f = new Fake().start();
    f.start('0 12 * * *');
    expect(iso(f.ticks.next('cold-1') ?? 0)).toBe('2026-03-02T12:00');
    expect(f.clock.pending).toBe(1);
    f.ticks.stop();
    expect(f.clock.pending).toBe(0);
    f.clock.advance(5 * DAY);
    expect(f.judged).toEqual([]);
  });

  it('knows no ticks of a warm source', () => {
    const f = new Fake();
    const { warmUp: _, ...warm } = source();
    f.ticks.configure(settings([], [warm]));
    expect(f.ticks.next('cold-1')).toBeNull();
    expect(f.clock.pending).toBe(0);
  });
});
