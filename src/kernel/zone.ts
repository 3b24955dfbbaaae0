/**
 * Local time in a zone of the IANA database, and back, for ticks and for dates people write and read.
 *
 * Local times are "as if UTC": the milliseconds Date.UTC gives for the fields a wall clock there shows. A local time that a
 * change of the clocks skips becomes the first instant after the gap; one that comes twice becomes the first of the two.
 * The zone's name must be valid: config/ checks it.
 */
import { DAY } from './units.js';
import type { Ms } from './units.js';

const formats = new Map<string, Intl.DateTimeFormat>();

/** '' is the zone of the system. */
function format(timezone: string): Intl.DateTimeFormat {
  let found = formats.get(timezone);
  if (!found) {
    found = new Intl.DateTimeFormat('en-GB', {
      ...(timezone !== '' && { timeZone: timezone }),
      hourCycle: 'h23',
      year: 'numeric',
      month: '2-digit',
      day: '2-digit',
      hour: '2-digit',
      minute: '2-digit',
      second: '2-digit',
    });
    formats.set(timezone, found);
  }
  return found;
}

export type ClockField = 'year' | 'month' | 'day' | 'hour' | 'minute' | 'second';

/** What calendar and clock show at an instant (epoch milliseconds), in two digits, the year in four; in the system's zone unless one is given. */
export function clockFields(at: number, timezone = ''): Readonly<Record<ClockField, string>> {
  return Object.fromEntries(
    format(timezone)
      .formatToParts(at)
      .map(part => [part.type, part.value]),
  ) as Record<ClockField, string>;
}

/** Local time minus UTC at an instant (epoch milliseconds), in whole seconds. */
export function zoneOffset(timezone: string, at: number): Ms {
  const second = Math.floor(at / 1000) * 1000;
  if (timezone === 'UTC') return 0;
  let [year, month, day, hour, minute, seconds] = [0, 1, 1, 0, 0, 0];
  for (const { type, value } of format(timezone).formatToParts(second)) {
    if (type === 'year') year = Number(value);
    else if (type === 'month') month = Number(value);
    else if (type === 'day') day = Number(value);
    else if (type === 'hour') hour = Number(value);
    else if (type === 'minute') minute = Number(value);
    else if (type === 'second') seconds = Number(value);
  }
  return Date.UTC(year, month - 1, day, hour, minute, seconds) - second;
}

/** The instant (epoch milliseconds) a local time names. `local` is as if UTC. */
export function instantOfLocal(timezone: string, local: number): number {
  const before = zoneOffset(timezone, local - DAY);
  const after = zoneOffset(timezone, local + DAY);
  if (zoneOffset(timezone, local - before) === before) return local - before;
  if (zoneOffset(timezone, local - after) === after) return local - after;
  // Skipped: the clocks jump from `before` to `after` in between; the first instant that has the later offset.
  let [low, high] = [local - DAY, local + DAY];
  while (high - low > 1) {
    const middle = Math.floor((low + high) / 2);
    if (zoneOffset(timezone, middle) === before) low = middle;
    else high = middle;
  }
  return high;
}

/** The instant a date (YYYY-MM-DD) begins in a zone; NaN when it is no date. */
export function startOfDate(timezone: string, date: string): number {
  const local = Date.parse(`${date}T00:00:00Z`);
  return Number.isNaN(local) ? NaN : instantOfLocal(timezone, local);
}
