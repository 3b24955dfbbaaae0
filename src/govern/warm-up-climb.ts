/**
 * One address on its way up: its own stage, the stages that providers have on it, and what its day came to so far.
 *
 * Gathers the facts that gates read. Lanes of a provider with its own stage count towards the source's `sent` and towards
 * none of its rates.
 */
import { printPlace } from '../kernel/fault.js';
import type { Limits, Stated } from '../kernel/limits.js';
import type { Schedule, Stage } from '../kernel/schedule.js';
import type { Source } from '../kernel/settings.js';
import type { Instant, Ms } from '../kernel/units.js';
import { find } from './gate.js';
import type { Facts } from './gate.js';
import type { Progress, StageCaps, StoredCaps } from './ramp.js';
import { Tally } from './tally.js';
import type { Absence } from './warm-up-absence.js';
import { COMPLAINT_WINDOW } from './warm-up-complaints.js';
import type { Complaints } from './warm-up-complaints.js';
import { GROWTH_WINDOW } from './warm-up-days.js';
import type { Days } from './warm-up-days.js';
import { allowedIn, capacity, cut, stageAt, unstated } from './warm-up-stages.js';

/** What facts are gathered from. */
export interface Records {
  readonly days: Days;
  readonly complaints: Complaints;
  readonly absence: Absence;
  /** Providers that report complaints. */
  readonly reporting: () => Iterable<string>;
  windowOpen(source: string, provider: string | undefined, from: Instant, to: Instant): Ms;
  pausedSince(source: string, provider: string | undefined): Instant | undefined;
}

/** One stage: of a source, or of a provider on it. */
export interface Unit {
  /** `progress:<address>` or `progress:<address>/<provider>`. */
  readonly key: string;
  readonly provider?: string;
  progress: Progress;
  stages: readonly Stage[];
  lastSent: Instant | undefined;
  /** Counts of the lanes that share this stage, since the day being counted began. */
  tally: Tally;
}

export interface Climb {
  readonly address: string;
  source: Source;
  schedule: Schedule;
  readonly unit: Unit;
  own: ReadonlyMap<string, Unit>;
  /** Caps of provider stages that a reload took out of the schedule: they bind until the source earns a day. */
  left: ReadonlyMap<string, StoredCaps>;
  startsAt: Instant | undefined;
  /** Growth factor in force: a reload lowers it at once and raises it with the next tick. */
  growth: number;
  nextTick: Instant | undefined;
}

export const units = (climb: Climb): readonly Unit[] => [climb.unit, ...climb.own.values()];

/** The stage that governs a provider's lane. */
export const unitOf = (climb: Climb, provider: string): Unit => climb.own.get(provider) ?? climb.unit;

export const countsFrom = (unit: Unit): Instant => unit.progress.countsFrom ?? unit.progress.judgedThrough;

/** Stage a provider may have at most: it never leads its source. */
export const reach = (climb: Climb, unit: Unit): number =>
  unit === climb.unit || climb.unit.progress.graduated ? Infinity : climb.unit.progress.stage;

/** Counts one stage's lanes anew. */
export function recount(records: Records, climb: Climb, unit: Unit, to: Instant): Tally {
  const tally = new Tally();
  records.days.each(climb.address, countsFrom(unit), to, (provider, counts) => {
    if (unitOf(climb, provider) === unit) tally.addAll(counts);
  });
  return tally;
}

/** What the day of a stage came to by `to`, from the rows. */
export function gather(records: Records, climb: Climb, unit: Unit, to: Instant): Facts {
  const tally = recount(records, climb, unit, to);
  let { sent } = tally;
  if (unit === climb.unit) {
    const all = new Tally();
    records.days.each(climb.address, countsFrom(unit), to, (_, counts) => all.addAll(counts));
    sent = all.sent;
  }
  const day = unit.progress.judgedThrough;
  const paused = records.pausedSince(climb.source.name, unit.provider);
  const able = to - day - records.absence.within(climb.address, unit.provider, day, to, paused);
  return {
    ...figures(tally),
    sent,
    allowed: allowedIn(limitsOf(climb, unit), able),
    ...complained(records, climb, unit, to),
    windowOpen: records.windowOpen(climb.source.name, unit.provider, day, to),
  };
}

/** Attempts of the day that ends at `to`: a source's on all its lanes, a provider's on its own. */
export function attempts(records: Records, climb: Climb, unit: Unit, to: Instant): number {
  let sum = 0;
  records.days.each(climb.address, unit.progress.judgedThrough, to, (provider, _, __, made) => {
    if (unit === climb.unit || unitOf(climb, provider) === unit) sum += made;
  });
  return sum;
}

/**
 * A source whose mail goes to providers with stages of their own has too few outcomes left to be judged on. When those
 * providers earned their days it is judged on all its lanes; otherwise it could never advance, nor they past it.
 */
export function sourceFacts(records: Records, climb: Climb, to: Instant): Facts {
  const facts = gather(records, climb, climb.unit, to);
  const { minSample } = climb.schedule.gates;
  if (facts.sample >= minSample) return facts;
  const others = [...climb.own.values()]
    .map(unit => ({ unit, facts: gather(records, climb, unit, to) }))
    .filter(o => o.facts.sample >= minSample);
  const earned = ({ unit, facts: own }: (typeof others)[number]) =>
    !unit.progress.braked && !unit.progress.suspended && find(climb.schedule, own).finding === 'earned';
  if (others.length === 0 || !others.every(earned)) return facts;
  const sum = new Tally();
  records.days.each(climb.address, countsFrom(climb.unit), to, (_, counts) => sum.addAll(counts));
  return { ...facts, ...figures(sum) };
}

/** The same for the brake, from the running tally: it never reads `sent`, and reads dear figures only when a condition does. */
export function brakeFacts(records: Records, climb: Climb, unit: Unit, now: Instant): Facts {
  const { stepBack } = climb.schedule.gates;
  const wants = (metric: string) => stepBack.some(c => c.metric === metric);
  const day = unit.progress.judgedThrough;
  return {
    ...figures(unit.tally),
    allowed: Infinity,
    ...(wants('complaint-rate') ? complained(records, climb, unit, now) : { complaints: 0, reporting: 0 }),
    windowOpen: wants('window-open') ? records.windowOpen(climb.source.name, unit.provider, day, now) : 0,
  };
}

function figures({ sent, sample, delivered, deferrals, blocks, hardBounces }: Tally) {
  return { sent, sample, delivered, deferrals, blocks, hardBounces };
}

function complained(records: Records, climb: Climb, unit: Unit, to: Instant): { complaints: number; reporting: number } {
  if (records.complaints.empty) return { complaints: 0, reporting: 0 };
  const totals = { complaints: 0, reporting: 0 };
  // The brake asks after every outcome: few providers report, thousands have rows.
  for (const provider of records.reporting()) {
    if (unitOf(climb, provider) !== unit) continue;
    let rows = 0;
    records.days.eachOf(climb.address, provider, to - COMPLAINT_WINDOW, to, (_, counts) => {
      rows++;
      totals.reporting += counts.delivered ?? 0;
    });
    if (rows > 0) totals.complaints += records.complaints.of(climb.address, provider, to);
  }
  return totals;
}

/** The limits in force: the stage's, cut down to the stored caps. */
export function limitsOf(climb: Climb, unit: Unit): Limits {
  const stage = stageAt(unit.stages, unit.progress.stage);
  return keeps(climb, unit, cut(stage.limits, unit.progress.caps ?? {}, stage.from));
}

/** What is left of caps once a stage has graduated: a limit the source states itself replaces the one it kept. */
export function keeps<T extends Limits | StoredCaps>(climb: Climb, unit: Unit, caps: T): T {
  return unit.progress.graduated ? unstated(caps, climb.source.limits) : caps;
}

export function capsOf(climb: Climb, unit: Unit, now: Instant): StageCaps {
  const p = unit.progress;
  const suspended = suspension(climb, unit, now);
  return { stage: p.stage, of: unit.stages.length, limits: limitsOf(climb, unit), braked: p.braked, ...(suspended ? { suspended } : {}) };
}

export function suspension(climb: Climb, unit: Unit, now: Instant): StageCaps['suspended'] {
  const p = unit.progress;
  if (p.graduated) return undefined;
  const gate = printPlace(climb.schedule.gates.stepBack[0]?.from ?? climb.schedule.from);
  if (p.suspended) return { why: `${p.stepBacks} step-backs without an earned day`, until: null, from: gate };
  if (unit === climb.unit && climb.startsAt !== undefined && now < climb.startsAt) {
    return { why: 'not started', until: climb.startsAt, from: printPlace(climb.source.warmUp?.from ?? climb.source.from) };
  }
  if (p.stopped) return { why: 'braked at stage 1', until: climb.nextTick ?? null, from: gate };
  return undefined;
}

/** What a lane's day grows by; undefined where nothing is asked of it. */
export function growthOf(
  records: Records,
  climb: Climb,
  provider: string,
  now: Instant,
): { factor: number; floor: number; best: number } | undefined {
  const p = climb.unit.progress;
  if (climb.growth === Infinity || p.growthFloor === undefined) return undefined;
  if (p.graduated && now - (p.graduatedAt ?? -Infinity) >= GROWTH_WINDOW) return undefined;
  return { factor: climb.growth, floor: Math.floor(p.growthFloor), best: records.days.best(climb.address, provider) };
}

/**
 * Messages a lane's day may hold: growth x its best of 30 days, while warming and for 30 days after. undefined where it says
 * nothing, or no more than the source's own caps.
 */
export function growthCap(records: Records, climb: Climb, provider: string, now: Instant): Stated<number> | undefined {
  const growth = growthOf(records, climb, provider, now);
  if (!growth) return undefined;
  const value = Math.max(growth.floor, Math.floor(growth.factor * growth.best));
  if (value >= capacity(limitsOf(climb, climb.unit))) return undefined;
  return { value, from: climb.schedule.from };
}
