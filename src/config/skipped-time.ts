/**
 * Local times that do not exist: a zone whose clocks go forward skips an hour (Lord Howe: half an hour) once a year.
 *
 * Pure: asks the zone data about fixed years, never the clock.
 */
import { DAY, HOUR, MINUTE } from '../kernel/units.js';
import { instantOfLocal, zoneOffset } from '../kernel/zone.js';

/** Zone rules change by politics, not by year: two years show every rule in force. */
const FIRST_DAY = Date.UTC(2025, 0, 1);
const DAYS = 731;

/** The first date (YYYY-MM-DD) on which hour:minute does not exist in the zone; undefined when it always does. */
export function skippedTime(zone: string, hour: number, minute: number): string | undefined {
  if (zone === 'UTC') return undefined;
  for (let day = 0; day < DAYS; day++) {
    const local = FIRST_DAY + day * DAY + hour * HOUR + minute * MINUTE;
    const instant = instantOfLocal(zone, local);
    if (instant + zoneOffset(zone, instant) !== local) return new Date(local).toISOString().slice(0, 10);
  }
  return undefined;
}
