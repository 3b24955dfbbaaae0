/**
 * A cron expression of five fields: on which dates it fires, and at which times of the day. Fields, `L` and `#` are node-cron's.
 */
import { createTask, parse } from 'node-cron';
import { DAY, HOUR, MINUTE, type Ms } from '../kernel/units.js';

export interface Cron {
  /** Does it fire on the date of this local midnight (as if UTC)? */
  on(local: number): boolean;
  /** Offsets from local midnight at which it fires on such a date, ascending. */
  readonly times: readonly Ms[];
}

const crons = new Map<string, Cron>();

/** Throws Error when node-cron cannot read the expression. */
export function cronOf(expression: string): Cron {
  let cron = crons.get(expression);
  if (cron) return cron;
  const { hour, minute } = parse(expression);
  const times = hour.flatMap(h => minute.map(m => h * HOUR + m * MINUTE)).sort((a, b) => a - b);
  const first = times[0] ?? 0;
  // Read as if local time were UTC: which dates match does not depend on the zone.
  const task = createTask(expression, () => undefined, { timezone: 'UTC' });
  cron = { on: local => task.match(new Date(local + first)), times };
  crons.set(expression, cron);
  return cron;
}

/** Dates fall on the same weekdays again after 28 years. */
const FIRST_YEAR = 2025;
const YEARS = 28;

/** The first year without a day on which it fires; undefined: there is none. Day and weekday have both to fit. */
export function silentYear(expression: string): number | undefined {
  const cron = cronOf(expression);
  for (let year = FIRST_YEAR; year < FIRST_YEAR + YEARS; year++) {
    let day = Date.UTC(year, 0, 1);
    const end = Date.UTC(year + 1, 0, 1);
    while (day < end && !cron.on(day)) day += DAY;
    if (day >= end) return year;
  }
  return undefined;
}
