/**
 * Local times that do not exist: a zone whose clocks go forward skips an hour (Lord Howe: half an hour) once a year.
 *
 * Pure: asks Intl's zone data about fixed years, never the clock.
 */
import { DAY, MINUTE } from '../kernel/units.js';

/** Zone rules change by politics, not by year: two years show every rule in force. */
const FIRST_DAY = Date.UTC(2025, 0, 1);
const DAYS = 731;

/** The first date (YYYY-MM-DD) on which hour:minute does not exist in the zone; undefined when it always does. */
export function skippedTime(zone: string, hour: number, minute: number): string | undefined {
  const offset = offsetIn(zone);
  for (let day = 0, before = offset(FIRST_DAY); day < DAYS; day++) {
    const start = FIRST_DAY + day * DAY;
    const after = offset(start + DAY);
    if (after > before) {
      const change = changeBetween(start, start + DAY, before, offset);
      const from = new Date(change + before);
      const wanted = hour * 60 + minute;
      const first = from.getUTCHours() * 60 + from.getUTCMinutes();
      if (wanted >= first && wanted < first + (after - before) / MINUTE) return from.toISOString().slice(0, 10);
    }
    before = after;
  }
  return undefined;
}

/** The instant between two at which the offset stops being `before`. */
function changeBetween(low: number, high: number, before: number, offset: (t: number) => number): number {
  let [from, to] = [low, high];
  while (to - from > MINUTE) {
    const middle = from + Math.floor((to - from) / 2 / MINUTE) * MINUTE;
    if (offset(middle) === before) from = middle;
    else to = middle;
  }
  return to;
}

/** Local time minus UTC in ms, as a function of the instant. */
function offsetIn(zone: string): (t: number) => number {
  if (/^(utc|gmt|etc\/(utc|gmt))$/i.test(zone)) return () => 0;
  const format = new Intl.DateTimeFormat('en-US', {
    timeZone: zone,
    hourCycle: 'h23',
    year: 'numeric',
    month: 'numeric',
    day: 'numeric',
    hour: 'numeric',
    minute: 'numeric',
  });
  return t => {
    const part = Object.fromEntries(format.formatToParts(t).map(({ type, value }) => [type, Number(value)]));
    return Date.UTC(part.year ?? 0, (part.month ?? 1) - 1, part.day, part.hour, part.minute) - Math.floor(t / MINUTE) * MINUTE;
  };
}
