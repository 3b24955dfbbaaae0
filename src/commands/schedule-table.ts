/**
 * A schedule as lines of text and as rows of numbers. Pure.
 */
import { dayNeeded } from '../govern/warm-up-outlook.js';
import { printPlace } from '../kernel/fault.js';
import { DIRECTIVES } from '../kernel/limits.js';
import type { LimitKey, Limits } from '../kernel/limits.js';
import type { Condition, Schedule } from '../kernel/schedule.js';
import { printDuration, printRate } from '../kernel/units.js';
import type { Rate } from '../kernel/units.js';

export interface ScheduleRow {
  readonly stage: number;
  readonly maxMsgPerHour: number | null;
  readonly maxMsgPerDay: number | null;
  /** What `sent` is measured against: the day cap, or 8 hours of the hourly cap. */
  readonly day: number;
  /** Recipients that must be attempted to earn the stage; 0 without such a gate. */
  readonly earnedFrom: number;
  /** Sum of `day` up to here. */
  readonly total: number;
  /** Hourly caps of providers with stages of their own. */
  readonly providers: Readonly<Record<string, number | null>>;
  /** Other limits of the stage, by directive name. */
  readonly others: Readonly<Record<string, string>>;
}

/** Most senders do not mail around the clock: 8 hours at the cap are a day (DESIGN 4.2). */
const HOURS = 8;

export function scheduleRows(schedule: Schedule): ScheduleRow[] {
  let total = 0;
  return schedule.stages.map(({ number, limits }) => {
    const hour = limits.maxMsgPerHour?.value ?? Infinity;
    const day = limits.maxMsgPerDay?.value ?? hour * HOURS;
    total += day;
    return {
      stage: number,
      maxMsgPerHour: finite(hour),
      maxMsgPerDay: finite(limits.maxMsgPerDay?.value ?? Infinity),
      day,
      earnedFrom: dayNeeded(schedule, limits),
      total,
      providers: Object.fromEntries(
        [...schedule.providers].map(([name, own]) => [name, finite(own.stages[number - 1]?.limits.maxMsgPerHour?.value ?? Infinity)]),
      ),
      others: others(limits),
    };
  });
}

const finite = (value: number): number | null => (Number.isFinite(value) ? value : null);

export function scheduleLines(schedule: Schedule): string[] {
  const rows = scheduleRows(schedule);
  const providers = [...schedule.providers.keys()];
  const more = [...new Set(rows.flatMap(row => Object.keys(row.others)))];
  const dayCap = rows.some(row => row.maxMsgPerDay !== null);
  const header = ['stage', 'per hour', ...(dayCap ? ['day cap'] : []), 'a day', 'earned from', 'total', ...providers, ...more];
  const body = rows.map(row => [
    String(row.stage),
    number(row.maxMsgPerHour),
    ...(dayCap ? [number(row.maxMsgPerDay)] : []),
    number(row.day),
    number(row.earnedFrom),
    number(row.total),
    ...providers.map(name => number(row.providers[name] ?? null)),
    ...more.map(name => row.others[name] ?? '-'),
  ]);
  return [
    `${schedule.name}: ${schedule.description || 'no description'} (${printPlace(schedule.from)})`,
    `judged at "${schedule.tick}" ${schedule.timezone}; ${schedule.advance === 'earned' ? 'a stage is left by an earned day' : 'every day advances'}`,
    '',
    ...table([header, ...body]),
    '',
    `advance    ${conditions(schedule.gates.advance, 'and')}`,
    `hold       ${conditions(schedule.gates.hold, 'or')}`,
    `step back  ${conditions(schedule.gates.stepBack, 'or')}`,
    `from ${schedule.gates.minSample} recipients up; ${idle(schedule)}; ${growth(schedule)}`,
  ];
}

function table(rows: readonly (readonly string[])[]): string[] {
  const widths = (rows[0] ?? []).map((_, i) => Math.max(...rows.map(row => row[i]?.length ?? 0)));
  return rows.map(row => row.map((cell, i) => cell.padStart(widths[i] ?? 0)).join('  '));
}

const number = (value: number | null): string => (value === null ? 'unlimited' : value.toLocaleString('en-US'));

function conditions(list: readonly Condition[], word: 'and' | 'or'): string {
  return list.length === 0 ? 'never by a condition' : list.map(({ text }) => text).join(` ${word} `);
}

function idle({ idle: { after, stepBack, every, restartAfter } }: Schedule): string {
  if (after === Infinity) return 'silence does not cool it';
  const back = `silence of ${printDuration(after)} steps back ${stepBack}, again every ${printDuration(every)}`;
  return restartAfter === Infinity ? back : `${back}, from the start after ${printDuration(restartAfter)}`;
}

function growth({ growth: factor }: Schedule): string {
  return factor === Infinity ? 'a lane may grow at any speed' : `a lane's day is at most ${factor} times its best`;
}

const SHOWN_ALREADY: readonly LimitKey[] = ['maxMsgPerHour', 'maxMsgPerDay'];

function others(limits: Limits): Record<string, string> {
  const keys = (Object.keys(DIRECTIVES) as LimitKey[]).filter(key => !SHOWN_ALREADY.includes(key) && limits[key]);
  return Object.fromEntries(keys.map(key => [DIRECTIVES[key], written(key, limits[key]?.value)]));
}

const TIMES: readonly LimitKey[] = ['bounceAfter', 'connectTimeout', 'idleTimeout'];

function written(key: LimitKey, value: unknown): string {
  if (key === 'maxMsgRate' || key === 'maxConnectRate') return printRate(value as Rate);
  if (key === 'retryAfter') return (value as readonly number[]).map(printDuration).join(',');
  if (TIMES.includes(key)) return printDuration(value as number);
  return value === Infinity ? 'unlimited' : String(value);
}
