/**
 * How a stage comes to be: a new address begins, and a stored one meets a schedule that may have changed.
 *
 * A reload takes the highest stage whose hourly cap is not above the earned one (a warm source stays on the last), and keeps
 * every quantity at or below what was in force: what a new schedule would raise waits for an earned day. Pure.
 */
import { SHORTEST_DAY } from '../kernel/schedule.js';
import type { Schedule, Stage } from '../kernel/schedule.js';
import type { Source } from '../kernel/settings.js';
import { DAY } from '../kernel/units.js';
import type { Instant } from '../kernel/units.js';
import { startOfDate } from '../kernel/zone.js';
import type { Progress } from './ramp.js';
import { storable, take } from './warm-up-judge.js';
import { capacity, hourly, quantities, sameCaps, stageAt, stageFor, tighter } from './warm-up-stages.js';

/** The first instant a source may send, when it says `started`. */
export function startOf(source: Source, schedule: Schedule): Instant | undefined {
  const date = source.warmUp?.started;
  const start = date === undefined ? NaN : startOfDate(schedule.timezone, date);
  return Number.isNaN(start) ? undefined : start;
}

/** A new address. In calendar mode `started` is day 1, and the day it is now says the stage. */
export function begin(source: Source, schedule: Schedule, stages: readonly Stage[], now: Instant): Progress {
  const starts = startOf(source, schedule);
  const day = schedule.advance === 'calendar' && starts !== undefined && now > starts ? 1 + Math.floor((now - starts) / DAY) : 1;
  const stage = Math.min(stages.length, Math.max(day, source.warmUp?.stage ?? 1));
  const floor = capacity(stageAt(stages, stage).limits);
  const progress = fresh(source.address, undefined, schedule, now - SHORTEST_DAY, now);
  return take(Number.isFinite(floor) ? { ...progress, growthFloor: floor } : progress, stages, stage);
}

/** A provider's own stage: it begins where its source stands, whose stage it shared so far. */
export function beginProvider(provider: string, schedule: Schedule, stages: readonly Stage[], source: Progress, now: Instant): Progress {
  const stage = source.graduated ? stages.length : Math.min(stages.length, source.stage);
  return take(fresh(source.address, provider, schedule, source.judgedThrough, now), stages, stage);
}

function fresh(address: string, provider: string | undefined, schedule: Schedule, judgedThrough: Instant, now: Instant): Progress {
  return {
    address,
    ...(provider === undefined ? {} : { provider }),
    schedule: schedule.name,
    stage: 1,
    earnedPerHour: 0,
    graduated: false,
    held: false,
    braked: false,
    stepBacks: 0,
    suspended: false,
    judgedThrough,
    since: now,
  };
}

/** A stored progress under the schedule now in force. The same object when nothing changes. */
export function adapt(p: Progress, schedule: Schedule, stages: readonly Stage[], mayReach: number): Progress {
  const here = stages[p.stage - 1];
  const fits = p.schedule === schedule.name && here !== undefined && storable(hourly(here)) === (p.stageCap ?? p.earnedPerHour);
  const stage = p.graduated ? stages.length : Math.min(fits ? p.stage : stageFor(stages, p.earnedPerHour), mayReach);
  const taken = stageAt(stages, stage);
  const limits = quantities(taken.limits);
  const stageCap = storable(hourly(taken));
  const caps = tighter(limits, p.caps ?? (p.graduated ? {} : { maxMsgPerHour: p.earnedPerHour }));
  const same = stage === p.stage && p.schedule === schedule.name && p.stageCap === stageCap;
  return same && p.caps && sameCaps(caps, p.caps) ? p : { ...p, schedule: schedule.name, stage, stageCap, caps };
}
