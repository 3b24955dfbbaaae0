/**
 * One tick's judgement of one stage: what the day came to, and where the address stands after it.
 *
 * Order: not started, warm, silent, held, braked, suspended, then the gates. Only an earned day raises a cap (or, in calendar
 * mode, a day that neither holds nor steps back). Pure: the progress goes in, the next one and a sentence come out.
 */
import { SHORTEST_DAY } from '../kernel/schedule.js';
import { printDuration } from '../kernel/units.js';
import type { JournalType } from '../kernel/journal.js';
import type { Limits } from '../kernel/limits.js';
import type { Schedule, Stage } from '../kernel/schedule.js';
import type { Instant, Ms } from '../kernel/units.js';
import { find, group, tell } from './gate.js';
import type { Facts } from './gate.js';
import type { Progress, StoredCaps } from './ramp.js';
import { cutOffDays } from './warm-up-outlook.js';
import { hourly, quantities, stageAt, tellCaps, tighter, unstated } from './warm-up-stages.js';

/** Step-backs without an earned day between after which only a person resumes the source. */
const MOST_STEP_BACKS = 3;

export interface Case {
  readonly progress: Progress;
  readonly schedule: Schedule;
  readonly stages: readonly Stage[];
  readonly facts: Facts;
  readonly tick: Instant;
  readonly lastSent: Instant | undefined;
  /** The first instant at which it may send. */
  readonly startsAt: Instant | undefined;
  /** Held by a person, itself or through its source. */
  readonly held: boolean;
  /** A provider never leads its source: the source's stage after this tick; Infinity when it is warm, or for a source. */
  readonly mayReach: number;
  /** Attempts of the day, on the lanes whose volume counts for this stage. */
  readonly attempts: number;
  /** What the source states itself: it replaces what a warm one keeps. */
  readonly stated: Limits;
}

export interface Judgement {
  readonly progress: Progress;
  /** Every tick judged is recorded, on a warm source too: the days it counts by must survive. */
  readonly type: JournalType;
  readonly author: 'gate' | 'tick';
  readonly text: string;
}

export function judge(c: Case): Judgement {
  const { progress: p, schedule, stages, facts, tick } = c;
  const { countsFrom, lastSent: _, cooled, cutOff: __, ...rest } = p;
  const silence = silenceOf(c);
  const silent = silence >= schedule.idle.after;
  const base: Progress = {
    ...rest,
    judgedThrough: tick,
    stopped: false,
    ...(c.lastSent === undefined ? {} : { lastSent: c.lastSent }),
    ...(silent && cooled !== undefined ? { cooled } : {}),
    ...(p.graduated ? {} : cutOffDays(p, c.attempts, facts.allowed, tick)),
  };
  const stay = (text: string, author: 'gate' | 'tick' = 'tick', next = base): Judgement => ({
    progress: next,
    type: 'stage-held',
    author,
    text,
  });

  if (c.startsAt !== undefined && tick <= c.startsAt) return stay(`not started yet: ${at(p, stages)}`);
  if (silent && !c.held) return cool(c, base, silence);
  if (p.graduated) return stay('warm');

  const { finding, because } = find(schedule, facts);
  if (c.held) {
    return stay(
      `held by a person: ${at(p, stages)} (${told(finding, because, c)})`,
      'tick',
      finding === 'earned' ? { ...base, stepBacks: 0 } : base,
    );
  }
  if (p.braked) {
    const next = fall(base, stages, 1);
    return { progress: next, type: 'stage-back', author: 'tick', text: `the day was braked: ${at(next, stages)}${suspension(next)}` };
  }
  if (p.suspended) return stay(`suspended until a person releases it: ${at(p, stages)}`);
  if (p.brakedDay === p.judgedThrough) return stay(`the day has already paid a step back: ${at(p, stages)}`);

  const calendar = schedule.advance === 'calendar';
  const began = c.startsAt ?? p.since;
  const short = calendar && began !== undefined && tick - began < SHORTEST_DAY;
  switch (finding) {
    case 'step-back': {
      const next = fall(struck(base), stages, 1);
      return {
        progress: next,
        type: 'stage-back',
        author: 'gate',
        text: `${tell(because, facts, true)}: ${at(next, stages)}${suspension(next)}`,
      };
    }
    case 'hold':
      return stay(`held by gate: ${tell(because, facts, true)}: ${at(p, stages)}`, 'gate');
    case 'too-few':
      if (short) return stay(`day 1 is not over: ${at(p, stages)}`);
      if (calendar) return rise(c, base, 'a calendar day');
      return stay(
        `${told(finding, because, c)}: ${at(p, stages)}`,
        'tick',
        facts.sent > 0 ? { ...base, countsFrom: countsFrom ?? p.judgedThrough } : base,
      );
    case 'unearned':
      if (calendar && !short) return rise(c, base, `a calendar day (${told(finding, because, c)})`);
      return stay(`${told(finding, because, c)}: ${at(p, stages)}`, 'gate');
    case 'earned':
      return rise(c, base, told(finding, because, c));
  }
}

function told(finding: ReturnType<typeof find>['finding'], because: ReturnType<typeof find>['because'], c: Case): string {
  if (finding === 'earned') return `day earned: ${tell(because, c.facts, false).replaceAll('; ', ', ') || 'no gate to pass'}`;
  if (finding === 'too-few')
    return `too little mail to judge: ${group(c.facts.sample)} of at least ${group(c.schedule.gates.minSample)} recipients`;
  return `${finding === 'unearned' ? 'day not earned: ' : ''}${tell(because, c.facts, true)}`;
}

/** `stage 9/28, 412/h` */
export function at(p: Progress, stages: readonly Stage[]): string {
  if (p.graduated) return 'warm';
  const cap = capOf(p, stages);
  return `stage ${p.stage}/${stages.length}, ${Number.isFinite(cap) ? `${group(cap)}/h` : 'unlimited'}`;
}

/** JSON knows no Infinity. */
export const storable = (cap: number): number => Math.min(cap, Number.MAX_SAFE_INTEGER);

/** The hourly cap in force. */
export function capOf(p: Progress, stages: readonly Stage[]): number {
  return Math.min(hourly(stageAt(stages, p.stage)), p.caps?.maxMsgPerHour ?? Infinity);
}

const suspension = (p: Progress): string =>
  p.suspended ? '; third step back without an earned day: suspended until a person releases it' : '';

/** One more step-back on the account. */
export function struck(p: Progress): Progress {
  const stepBacks = p.stepBacks + 1;
  return { ...p, stepBacks, suspended: p.suspended || stepBacks >= MOST_STEP_BACKS };
}

/** Down to a stage, never below the first, never with a cap above one in force. A warm source stands on its last stage. */
export function fallTo(p: Progress, stages: readonly Stage[], stage: number): Progress {
  return settle({ ...p, stage: Math.max(1, stage), braked: false, graduated: false }, stages, p.caps);
}

const fall = (p: Progress, stages: readonly Stage[], steps: number): Progress => fallTo(p, stages, p.stage - steps);

/** A stage taken with all its caps. */
export function take(p: Progress, stages: readonly Stage[], stage: number): Progress {
  return settle({ ...p, stage, braked: false, stopped: false, graduated: false }, stages, undefined);
}

/** The ramp is over: the last stage's caps stay. */
export function graduated(p: Progress, stages: readonly Stage[], at: Instant): Progress {
  return { ...take(p, stages, stages.length), graduated: true, graduatedAt: at, stepBacks: 0 };
}

/** `warm; it keeps max-msg-per-hour 160/h until the source states its own` */
export function keptText(p: Progress, stated: Limits): string {
  const kept = tellCaps(unstated(p.caps ?? {}, stated));
  return kept === '' ? 'warm; the limits the source states bind' : `warm; it keeps ${kept} until the source states its own`;
}

function settle(p: Progress, stages: readonly Stage[], below: StoredCaps | undefined): Progress {
  const stage = stageAt(stages, p.stage);
  const caps = below ? tighter(quantities(stage.limits), below) : quantities(stage.limits);
  const next = { ...p, caps, stageCap: storable(hourly(stage)) };
  return { ...next, earnedPerHour: storable(capOf(next, stages)) };
}

function rise(c: Case, base: Progress, why: string): Judgement {
  const { stages } = c;
  const good: Progress = { ...base, stepBacks: 0 };
  const advanced = (next: Progress): Judgement => ({
    progress: next,
    type: 'stage-advanced',
    author: 'gate',
    text: `${why}: ${at(next, stages)}`,
  });
  // A reload may have left less in force than the stage allows: the day earns the rest of its own stage first.
  if (capOf(good, stages) < hourly(stageAt(stages, good.stage))) return advanced(take(good, stages, good.stage));
  if (good.stage >= c.mayReach) {
    return { progress: good, type: 'stage-held', author: 'tick', text: `${why}; it does not lead its source: ${at(good, stages)}` };
  }
  if (good.stage < stages.length) return advanced(take(good, stages, good.stage + 1));
  const warm = graduated(good, stages, c.tick);
  return { progress: warm, type: 'graduated', author: 'gate', text: `${why}: last stage earned, ${keptText(warm, c.stated)}` };
}

function silenceOf(c: Case): Ms {
  const since = c.lastSent ?? c.progress.since;
  return since === undefined ? 0 : c.tick - since;
}

/** Silence cools: one step after `idle.after` and one more every `idle.every`; after `restart-after` the first stage. */
function cool(c: Case, base: Progress, silence: Ms): Judgement {
  const { idle } = c.schedule;
  const restart = silence >= idle.restartAfter;
  const due = 1 + Math.floor((silence - idle.after) / idle.every);
  const steps = restart ? Infinity : Math.max(0, due - (base.cooled ?? 0)) * idle.stepBack;
  const high = base.graduated || base.stage > 1;
  const cooler: Progress = { ...base, cooled: due };
  if (steps > 0 && high) {
    const next = fall(cooler, c.stages, steps);
    return { progress: next, type: 'stage-back', author: 'tick', text: `silent for ${printDuration(silence)}: ${at(next, c.stages)}` };
  }
  return {
    progress: { ...cooler, braked: false },
    type: 'stage-held',
    author: 'tick',
    text: `silent for ${printDuration(silence)}: ${at(base, c.stages)}`,
  };
}
