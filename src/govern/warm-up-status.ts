/**
 * Where a stage stands, for people: its gates with what they measure, and what a tick would make of the day now. Changes nothing.
 */
import { printPlace } from '../kernel/fault.js';
import type { Schedule } from '../kernel/schedule.js';
import type { Instant } from '../kernel/units.js';
import { type Facts, find, meets, show, trips } from './gate.js';
import type { GateStatus, RampStatus } from './ramp.js';
import type { Changes } from './warm-up-changes.js';
import { type Climb, gather, type Records, sourceFacts, suspension, type Unit } from './warm-up-climb.js';
import { judge } from './warm-up-judge.js';
import { unearnable } from './warm-up-outlook.js';

export function rampStatus(records: Records, changes: Changes, climb: Climb, unit: Unit, now: Instant): RampStatus {
  const facts = unit === climb.unit ? sourceFacts(records, climb, now) : gather(records, climb, unit, now);
  const { gates } = climb.schedule;
  const p = unit.progress;
  const suspended = suspension(climb, unit, now);
  const beyond = unearnable(records.days, climb, unit);
  return {
    schedule: climb.schedule.name,
    stage: p.stage,
    of: unit.stages.length,
    graduated: p.graduated,
    held: p.held || climb.unit.progress.held,
    braked: p.braked,
    ...(suspended ? { suspended } : {}),
    earned: !p.graduated && !p.braked && !p.suspended && find(climb.schedule, facts).finding === 'earned',
    ifJudgedNow: judge(changes.caseOf(climb, unit, facts, now)).text,
    judgedThrough: p.judgedThrough,
    ...(beyond ? { unearnable: beyond } : {}),
    gates: [
      ...shown('advance', gates.advance, facts, gates.minSample),
      ...shown('hold', gates.hold, facts, gates.minSample),
      ...shown('step-back', gates.stepBack, facts, gates.minSample),
    ],
  };
}

function shown(group: GateStatus['group'], conditions: Schedule['gates']['hold'], facts: Facts, minSample: number): readonly GateStatus[] {
  return conditions.map(c => ({
    group,
    text: c.text,
    from: printPlace(c.from),
    measured: show(c.metric, facts),
    met: group === 'advance' ? meets(c, facts) : trips(c, facts, minSample),
  }));
}
