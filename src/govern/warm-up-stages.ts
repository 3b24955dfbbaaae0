/**
 * Stages as they bind: which stages a source has on its way, what one allows in a day, and caps that never grow by accident.
 *
 * Effective caps are the minimum of the stage's limits and the quantities stored with the progress. A reload, a brake or a
 * step back can therefore only lower them; an earned day or a person stores new ones. Pure.
 */
import { HOUR, perHour, printRate } from '../kernel/units.js';
import type { Place } from '../kernel/fault.js';
import { DIRECTIVES, type Limits, type Stated } from '../kernel/limits.js';
import type { Schedule, Stage } from '../kernel/schedule.js';
import type { Rate } from '../kernel/units.js';
import { group } from './gate.js';
import type { StoredCaps } from './ramp.js';

/** Hours of mail a day that a stage without max-msg-per-day is measured against: few senders mail around the clock. */
const HOURS_OF_MAIL = 8;

const COUNTS = [
  'maxSmtpOut',
  'maxMsgPerHour',
  'maxMsgPerDay',
  'maxMsgPerConnection',
  'maxRcptPerMessage',
  'maxErrorsPerConnection',
] as const satisfies readonly (keyof StoredCaps)[];
const RATES = ['maxMsgRate', 'maxConnectRate'] as const satisfies readonly (keyof StoredCaps)[];

/** Cap of a stage or of stored caps, messages an hour; Infinity when there is none. */
export const hourly = (stage: Stage): number => stage.limits.maxMsgPerHour?.value ?? Infinity;

/** The stages a source climbs: its target ends them, and stands as the last one's hourly cap. */
export function stagesOf(schedule: Schedule, target: number | undefined, from: Place): readonly Stage[] {
  if (target === undefined) return schedule.stages;
  const end = schedule.stages.findIndex(stage => hourly(stage) >= target);
  const last = schedule.stages[end];
  if (!last) return schedule.stages;
  const capped = hourly(last) === target ? last : { ...last, limits: { ...last.limits, maxMsgPerHour: { value: target, from } } };
  return [...schedule.stages.slice(0, end), capped];
}

/** The stages of a provider with its own: never more of them than the source has. */
export function providerStages(own: readonly Stage[], source: readonly Stage[]): readonly Stage[] {
  return own.slice(0, source.length);
}

export function stageAt(stages: readonly Stage[], number: number): Stage {
  const stage = stages[Math.min(Math.max(1, number), stages.length) - 1];
  if (!stage) throw new Error('a schedule has at least one stage');
  return stage;
}

/** The quantities among limits, as they are stored. */
export function quantities(limits: Limits): StoredCaps {
  const caps: { -readonly [K in keyof StoredCaps]: StoredCaps[K] } = {};
  for (const key of COUNTS) {
    const value = limits[key]?.value;
    if (value !== undefined && Number.isFinite(value)) caps[key] = value;
  }
  for (const key of RATES) {
    const value = limits[key]?.value;
    if (value !== undefined && Number.isFinite(value.count)) caps[key] = value;
  }
  return caps;
}

/** Of two rates the one that lets less through in an hour; of equals the smaller burst. */
function lesser(a: Rate, b: Rate): Rate {
  const [x, y] = [perHour(a), perHour(b)];
  return x < y || (x === y && a.count <= b.count) ? a : b;
}

/** Key by key the smaller of two. */
export function tighter(a: StoredCaps, b: StoredCaps): StoredCaps {
  const caps: { -readonly [K in keyof StoredCaps]: StoredCaps[K] } = { ...a, ...b };
  for (const key of COUNTS) {
    const [x, y] = [a[key], b[key]];
    if (x !== undefined && y !== undefined) caps[key] = Math.min(x, y);
  }
  for (const key of RATES) {
    const [x, y] = [a[key], b[key]];
    if (x !== undefined && y !== undefined) caps[key] = lesser(x, y);
  }
  return caps;
}

export function sameCaps(a: StoredCaps, b: StoredCaps): boolean {
  return COUNTS.every(key => a[key] === b[key]) && RATES.every(key => a[key]?.count === b[key]?.count && a[key]?.per === b[key]?.per);
}

/** Without the keys that are stated elsewhere. */
export function unstated<T extends Limits | StoredCaps>(caps: T, stated: Limits): T {
  return Object.fromEntries(Object.entries(caps).filter(([key]) => stated[key as keyof Limits] === undefined)) as T;
}

/** `max-msg-per-hour 160/h, max-smtp-out 2` */
export function tellCaps(caps: StoredCaps): string {
  const counts = COUNTS.flatMap(key => {
    const value = caps[key];
    if (value === undefined) return [];
    return [`${DIRECTIVES[key]} ${group(value)}${key === 'maxMsgPerHour' ? '/h' : ''}`];
  });
  const rates = RATES.flatMap(key => (caps[key] ? [`${DIRECTIVES[key]} ${printRate(caps[key])}`] : []));
  return [...counts, ...rates].join(', ');
}

/** Limits cut down to stored caps. `from` is named for a cap the limits themselves do not state. */
export function cut(limits: Limits, caps: StoredCaps, from: Place): Limits {
  const result: { -readonly [K in keyof Limits]: Limits[K] } = { ...limits };
  for (const key of COUNTS) {
    const cap = caps[key];
    if (cap !== undefined && cap < (limits[key]?.value ?? Infinity)) result[key] = { value: cap, from: limits[key]?.from ?? from };
  }
  for (const key of RATES) {
    const cap = caps[key];
    const stated: Stated<Rate> | undefined = limits[key];
    if (cap !== undefined && (!stated || lesser(cap, stated.value) === cap)) result[key] = { value: cap, from: stated?.from ?? from };
  }
  return result;
}

/** What a day is measured against, messages: max-msg-per-day, else eight hours at the hourly cap. */
export function measure(limits: Limits): number {
  return limits.maxMsgPerDay?.value ?? HOURS_OF_MAIL * (limits.maxMsgPerHour?.value ?? Infinity);
}

/** What the limits let through in a day around the clock. */
export function capacity(limits: Limits): number {
  return Math.min(limits.maxMsgPerDay?.value ?? Infinity, 24 * (limits.maxMsgPerHour?.value ?? Infinity));
}

/** The measure of a day, lowered to what could leave in the time the source was able to send. `able` in milliseconds. */
export function allowedIn(limits: Limits, able: number): number {
  return Math.min(measure(limits), ((limits.maxMsgPerHour?.value ?? Infinity) * Math.max(0, able)) / HOUR || 0);
}

/** The highest stage whose hourly cap is not above the earned one; 1 when all are. */
export function stageFor(stages: readonly Stage[], earned: number): number {
  let found = 1;
  for (const stage of stages) if (hourly(stage) <= earned) found = Math.max(found, stage.number);
  return found;
}
