/**
 * What becomes of the mail that waits in a pool: day by day, how much the caps let leave and how much expires first.
 *
 * Time goes in slices of an hour (of a day from the third week on), cut at ticks and wherever a limit changes by itself. In
 * each, cold sources take first, then warm ones, as at delivery; every source shares its slots among providers by what waits
 * for them, the oldest mail first. Whole recipients only, and no slot is carried over into another day: never more leaves than
 * the caps of the day add up to. Pure: everything it reckons with is an argument.
 */
import type { Forecast, ForecastDay } from '../kernel/forecast.js';
import { DAY, HOUR, type Instant, type Ms } from '../kernel/units.js';
import { Heap, type MailAhead } from './forecast-mail.js';
import { Sender, type SourceAhead } from './forecast-sender.js';

export interface PoolAhead {
  readonly sources: readonly SourceAhead[];
  readonly mail: readonly MailAhead[];
  /** What the daemon lets leave in an hour. */
  readonly perHour: number;
}

/** Days foretold at most. */
const HORIZON = 400;
const COARSE_AFTER: Ms = 14 * DAY;

export function forecastPool(pool: PoolAhead, now: Instant): Forecast {
  const sources = pool.sources.map(source => new Sender(source));
  const cold = sources.filter(s => s.walk);
  const ordered = [...cold, ...sources.filter(s => !s.walk)];
  const heaps = pool.mail.map(mail => new Heap(mail));
  const waiting = (): number => heaps.reduce((sum, heap) => sum + heap.waiting, 0);
  const before = waiting();
  const days: ForecastDay[] = [];
  const ticks = (cold.length > 0 ? cold : sources).map(s => s.nextTick);
  let dayEnd = ticks.length > 0 ? Math.min(...ticks) : now + DAY;
  while (dayEnd <= now) dayEnd += DAY;
  let t = now;
  let left = before;
  while (left > 0 && days.length < HORIZON) {
    const from = t;
    let expired = 0;
    for (const s of sources) s.begin();
    while (t < dayEnd && left > 0) {
      for (const s of sources) s.tick(t);
      for (const heap of heaps) expired += heap.expire(t);
      if ((left = waiting()) === 0) break;
      const end = sliceEnd(t, dayEnd, now, ordered);
      let room = Math.floor((pool.perHour * (end - t)) / HOUR);
      // Warm sources leave what may warm to the cold ones, which have come before them.
      for (const s of ordered) room -= s.send(heaps, cold.length < sources.length, room, t, end);
      t = end;
      left = waiting();
    }
    const last = days.at(-1);
    if (t === from && last) {
      // The rest expired as this day would have begun.
      days[days.length - 1] = { ...last, expires: last.expires + expired, waiting: left };
      break;
    }
    const leaves = sources.reduce((sum, s) => sum + s.leaves, 0);
    days.push({ from, until: t, leaves, expires: expired, waiting: left, sources: sources.map(s => s.day) });
    dayEnd += DAY;
  }
  // The day on which the last of it goes is judged like any other.
  if (before > 0) for (const s of sources) s.tick(s.nextTick);
  return {
    waiting: before,
    leaves: days.reduce((sum, day) => sum + day.leaves, 0),
    expires: days.reduce((sum, day) => sum + day.expires, 0),
    done: left === 0 ? t : null,
    days,
    unearned: sources.flatMap(s => s.unearned),
    stopped: pool.sources.flatMap(s => (s.stopped === undefined ? [] : [`${s.name}: ${s.stopped}`])),
  };
}

function sliceEnd(t: Instant, dayEnd: Instant, now: Instant, sources: readonly Sender[]): Instant {
  let end = Math.min(dayEnd, t + (t - now >= COARSE_AFTER ? DAY : HOUR));
  for (const source of sources) end = source.changeBefore(t, end);
  return end;
}
