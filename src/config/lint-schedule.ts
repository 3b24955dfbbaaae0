/**
 * What published warm-up tables get wrong, looked for in one schedule. Pure.
 *
 * Faults: stages that fall, day caps below hour caps, stages that no day can leave. Warnings: jumps and gaps (published tables
 * have them, and the gates make up for them), gates that never trip or trip on good days, ticks that a zone skips.
 */
import type { LimitKey, Limits } from '../kernel/limits.js';
import { DIRECTIVES } from '../kernel/limits.js';
import type { Condition, Schedule, Stage } from '../kernel/schedule.js';
import { DAY, perHour } from '../kernel/units.js';
import type { Findings } from './findings.js';
import { skippedTime } from './skipped-time.js';

/** A step above this factor is a jump: Gmail's guidelines warn of an immediate doubling, published tables go up to 2.5. */
const MAX_STEP = 2;
/** Limits that let nothing out when they are 0. */
const OPENINGS = ['maxMsgPerDay', 'maxSmtpOut', 'maxMsgRate', 'maxConnectRate', 'maxMsgPerConnection', 'maxRcptPerMessage'] as const;
/** `sent` is measured against 8 hours of the hourly cap where there is no day cap (DESIGN 4.2). */
const HOURS = 8;

export function lintSchedule(schedule: Schedule, findings: Findings): void {
  lintStages(schedule.stages, `schedule ${schedule.name}`, findings);
  for (const [provider, { stages }] of schedule.providers) lintStages(stages, `${provider} in schedule ${schedule.name}`, findings);
  lintGates(schedule, findings);
  lintTick(schedule, findings);
}

function lintStages(stages: readonly Stage[], whose: string, findings: Findings): void {
  for (const key of ['maxMsgPerHour', 'maxMsgPerDay'] as const) {
    // Stages that do not state it stand between the two that do.
    const stated = stages.filter(stage => stage.limits[key] !== undefined);
    const steps = stated.slice(1).map((stage, i) => ({
      stage,
      before: stated[i]?.limits[key]?.value ?? Infinity,
      value: stage.limits[key]?.value ?? Infinity,
    }));
    // The first of each kind: a steep formula would otherwise say the same of every stage.
    const dip = steps.find(({ before, value }) => value < before);
    if (dip)
      findings.fault(dip.stage.from, {
        code: 'dip',
        what: `${whose}: ${DIRECTIVES[key]} falls from ${dip.before} to ${dip.value} at stage ${dip.stage.number}`,
        hint: 'an earned day would lower the cap: let every stage allow as much as the one before it',
      });
    const jump = steps.find(({ before, value }) => value > before * MAX_STEP);
    if (jump)
      findings.warn(jump.stage.from, {
        code: 'jump',
        what: `${whose}: ${DIRECTIVES[key]} jumps from ${jump.before} to ${jump.value} at stage ${jump.stage.number}`,
        hint: `more than ${MAX_STEP} times in one day looks like an attack to receivers`,
      });
  }
  for (const { limits, number, from } of stages) {
    const [hour, day] = [limits.maxMsgPerHour?.value, limits.maxMsgPerDay?.value];
    if (hour !== undefined && day !== undefined && day < hour)
      findings.fault(from, {
        code: 'day-below-hour',
        what: `${whose}: stage ${number} allows ${hour} an hour but only ${day} a day`,
        hint: 'the day would be over within its first hour: raise max-msg-per-day, or lower max-msg-per-hour',
      });
    const shut = OPENINGS.find(key => {
      const value = limits[key]?.value;
      return (typeof value === 'object' ? value.count : value) === 0;
    });
    if (shut)
      findings.fault(limits[shut]?.from ?? from, {
        code: 'stuck-stage',
        what: `${whose}: ${DIRECTIVES[shut]} of stage ${number} is none: nothing could leave, so the stage could never be left`,
      });
  }
  for (const key of Object.keys(DIRECTIVES) as LimitKey[]) {
    const states = stages.map(stage => stage.limits[key] !== undefined);
    const gap = states.findIndex((has, i) => !has && states.slice(0, i).includes(true) && states.slice(i).includes(true));
    const at = stages[gap];
    if (at)
      findings.warn(at.from, { code: 'gap', what: `${whose}: stage ${at.number} has no ${DIRECTIVES[key]}, the stages around it have` });
  }
}

function lintGates(schedule: Schedule, findings: Findings): void {
  const { advance, hold, stepBack, minSample } = schedule.gates;
  const warn = (condition: Condition, code: string, what: string, hint?: string) =>
    findings.warn(condition.from, { code, what: `schedule ${schedule.name}: ${what}`, hint });
  const most: Readonly<Record<string, number>> = { sent: Math.max(...schedule.stages.map(s => mostSent(s.limits))), 'window-open': DAY };

  for (const gate of advance) {
    const top = most[gate.metric] ?? 1;
    const stuck = gate.metric === 'sent' ? stuckStage(schedule, gate) : beyond(gate, top) ? schedule.stages[0] : undefined;
    if (stuck && schedule.advance === 'earned')
      findings.fault(gate.from, {
        code: 'stuck-stage',
        what: `schedule ${schedule.name}: no day can meet ${gate.text} at stage ${stuck.number}, so the stage is never left`,
        ...(gate.metric === 'sent' && {
          hint: `the most a day there can come to is ${percent(mostSent(stuck.limits))} of what it is measured against`,
        }),
      });
    else if (stuck) warn(gate, 'unreachable-gate', `${gate.text} can never be met`);
    if ((gate.metric === 'sent' || gate.metric === 'delivered') && gate.op.startsWith('<'))
      warn(gate, 'backward-gate', `${gate.text} advances on little mail`, 'did you mean >=?');
  }
  for (const gate of [...hold, ...stepBack]) {
    const good = gate.metric === 'sent' || gate.metric === 'delivered';
    if (good !== gate.op.startsWith('<'))
      warn(gate, 'backward-gate', `${gate.text} trips on good days`, good ? 'did you mean <?' : 'did you mean >?');
    else if (!good && gate.value >= (most[gate.metric] ?? 1)) warn(gate, 'unreachable-gate', `${gate.text} never trips`);
  }
  for (const gate of hold) {
    const stronger = stepBack.find(other => other.metric === gate.metric && other.op.startsWith('>') && gate.op.startsWith('>'));
    if (stronger && stronger.value <= gate.value)
      warn(gate, 'unreachable-gate', `hold at ${gate.text} is never reached: the stage steps back at ${stronger.text}`);
  }
  if (schedule.advance === 'earned' && advance.length === 0)
    findings.warn(schedule.from, {
      code: 'no-advance-gate',
      what: `schedule ${schedule.name} earns every day: its advance gate has no condition`,
    });
  const first = schedule.stages[0];
  const day = first && (first.limits.maxMsgPerDay?.value ?? (first.limits.maxMsgPerHour?.value ?? 0) * HOURS);
  if (first && day !== undefined && day < minSample)
    findings.warn(first.from, {
      code: 'small-stage',
      what: `schedule ${schedule.name}: stage 1 sends ${day} a day, fewer than min-sample ${minSample}`,
      hint: 'its days are judged together until there are enough',
    });
}

/** Is an advance condition out of reach of a value that is `top` at most? */
const beyond = ({ op, value }: Condition, top: number): boolean => (op === '>=' ? value > top : op === '>' && value >= top);

const percent = (share: number): string => `${Math.floor(share * 100)}%`;

/** The first stage, of the schedule or of a provider in it, at which no day can send enough. */
function stuckStage(schedule: Schedule, gate: Condition): Stage | undefined {
  const all = [schedule.stages, ...[...schedule.providers.values()].map(own => own.stages)];
  return all.flatMap(stages => stages.find(({ limits }) => beyond(gate, mostSent(limits))) ?? [])[0];
}

/** The most a day around the clock lets out, in parts of what `sent` is measured against at this stage. */
function mostSent({ maxMsgPerHour, maxMsgPerDay, maxMsgRate }: Limits): number {
  const clock = 24 * (maxMsgPerHour?.value ?? Infinity);
  const measure = Math.min(maxMsgPerDay?.value ?? clock / (24 / HOURS), clock);
  return Math.min(maxMsgPerDay?.value ?? Infinity, clock, maxMsgRate ? 24 * perHour(maxMsgRate.value) : Infinity) / measure;
}

function lintTick(schedule: Schedule, findings: Findings): void {
  const [minute = '', hour = ''] = schedule.tick.split(' ');
  if (!/^\d+$/.test(minute) || !/^\d+$/.test(hour)) {
    findings.warn(schedule.from, {
      code: 'many-ticks',
      what: `schedule ${schedule.name}: tick "${schedule.tick}" fires more than once a day`,
      hint: 'a tick within 20 hours of the last is ignored',
    });
    return;
  }
  const skipped = skippedTime(schedule.timezone, Number(hour), Number(minute));
  if (skipped !== undefined)
    findings.warn(schedule.from, {
      code: 'skipped-tick',
      what: `schedule ${schedule.name}: ${hour.padStart(2, '0')}:${minute.padStart(2, '0')} does not exist in ${schedule.timezone} on days like ${skipped}`,
      hint: 'the clocks go forward over it: pick another hour, or UTC',
    });
}
