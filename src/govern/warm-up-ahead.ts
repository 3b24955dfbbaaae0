/**
 * The way before a stage: itself, then one stage for every day that is earned. Pure; changes nothing.
 */
import type { Limits } from '../kernel/limits.js';
import type { Schedule } from '../kernel/schedule.js';
import type { Instant } from '../kernel/units.js';
import { perHour } from '../kernel/units.js';
import type { ClimbAhead, StageAhead } from './forecast-climb.js';
import type { RampAhead } from './ramp.js';
import { gather, limitsOf } from './warm-up-climb.js';
import type { Climb, Records, Unit } from './warm-up-climb.js';
import { capOf } from './warm-up-judge.js';
import { dayNeeded } from './warm-up-outlook.js';
import { cut, hourly, stageAt } from './warm-up-stages.js';

/** Messages an hour that limits let leave. */
export const hourlyOf = ({ maxMsgPerHour, maxMsgRate }: Limits): number =>
  Math.min(maxMsgPerHour?.value ?? Infinity, maxMsgRate ? perHour(maxMsgRate.value) : Infinity);

export function rampAhead(records: Records, climb: Climb, now: Instant): RampAhead | undefined {
  if (climb.unit.progress.graduated) return undefined;
  const own = [...climb.own.values()].map(unit => [unit.provider ?? '', climbAhead(records, climb, unit, now)] as const);
  return { climb: climbAhead(records, climb, climb.unit, now), own: new Map(own), left: climb.left };
}

function climbAhead(records: Records, climb: Climb, unit: Unit, now: Instant): ClimbAhead {
  return {
    source: climb.source.name,
    ...(unit.provider === undefined ? {} : { provider: unit.provider }),
    path: pathOf(climb, unit),
    stages: unit.stages.length,
    held: unit.progress.held || climb.unit.progress.held,
    sent: gather(records, climb, unit, now).sent,
  };
}

function pathOf(climb: Climb, { progress: p, stages, ...unit }: Unit): readonly StageAhead[] {
  const { schedule } = climb;
  const step = (stage: number, limits: Limits, needs = needsOf(schedule, limits)): StageAhead => ({
    stage,
    perHour: hourlyOf(limits),
    perDay: limits.maxMsgPerDay?.value ?? Infinity,
    needs,
  });
  const here = limitsOf(climb, { progress: p, stages, ...unit });
  // A day that was braked, or has paid its step back, moves nobody up.
  const spent = p.braked || p.brakedDay === p.judgedThrough;
  const path = [step(p.stage, here, spent ? 0 : undefined)];
  let from = p.stage;
  if (p.braked) {
    from = Math.max(1, p.stage - 1);
    const below = stageAt(stages, from);
    path.push(step(from, cut(below.limits, p.caps ?? {}, below.from)));
  } else if (spent) path.push(step(p.stage, here));
  // What a reload left lower than its stage is earned first.
  if (!p.braked && capOf(p, stages) < hourly(stageAt(stages, p.stage))) path.push(step(p.stage, stageAt(stages, p.stage).limits));
  for (const { number, limits } of stages.slice(from)) path.push(step(number, limits));
  return path;
}

function needsOf(schedule: Schedule, limits: Limits): number {
  return schedule.advance === 'calendar' ? 0 : Math.max(dayNeeded(schedule, limits), schedule.gates.minSample);
}
