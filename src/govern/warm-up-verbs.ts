/**
 * What a person may do to a stage: hold, release, advance, step back, graduate, restart.
 *
 * Each act gives the next progress and a sentence, or throws an Error whose message says why it makes no sense. An act never
 * runs ahead of a person: `advance` may not lift a suspension, a provider may not lead its source. Pure.
 */
import type { JournalType } from '../kernel/journal.js';
import type { Limits } from '../kernel/limits.js';
import type { StageVerb } from '../kernel/governor.js';
import type { Stage } from '../kernel/schedule.js';
import type { Instant } from '../kernel/units.js';
import type { Progress } from './ramp.js';
import { at, fallTo, graduated, keptText, take } from './warm-up-judge.js';

export interface Act {
  readonly verb: StageVerb;
  readonly progress: Progress;
  readonly stages: readonly Stage[];
  /** `cold-1`, or `microsoft on cold-1`. */
  readonly name: string;
  readonly stage: number | undefined;
  /** Highest stage a provider may have; Infinity for a source. */
  readonly mayReach: number;
  /** What the source states itself. */
  readonly stated: Limits;
  readonly now: Instant;
}

export interface Done {
  readonly progress: Progress;
  readonly type: JournalType;
  /** What is now in force. */
  readonly text: string;
}

export function act(a: Act): Done {
  if (a.stage !== undefined && !['advance', 'step-back', 'restart'].includes(a.verb)) {
    throw new Error(`${a.verb} takes no stage; advance and step-back do`);
  }
  if (a.stage !== undefined && !(Number.isInteger(a.stage) && a.stage >= 1 && a.stage <= a.stages.length)) {
    throw new Error(`${a.name} has stages 1 to ${a.stages.length}, not ${a.stage}`);
  }
  return ACTS[a.verb](a);
}

const ACTS: Readonly<Record<StageVerb, (a: Act) => Done>> = {
  hold({ progress: p, stages, name }) {
    if (p.graduated) throw new Error(`${name} is warm: there is no stage to hold; pause stops its mail`);
    if (p.held) throw new Error(`${name} is held already at ${at(p, stages)}`);
    return { progress: { ...p, held: true }, type: 'held', text: `${name} is held at ${at(p, stages)}` };
  },

  release({ progress: p, stages, name }) {
    if (!p.held && !p.suspended) throw new Error(`${name} is neither held nor suspended: ${at(p, stages)}`);
    const progress = { ...p, held: false, suspended: false, stepBacks: p.suspended ? 0 : p.stepBacks };
    const until = p.stopped ? '; the brake keeps it still until the next tick' : '';
    return { progress, type: 'released', text: `${name} is released at ${at(progress, stages)}${until}` };
  },

  advance({ progress: p, stages, name, stage, mayReach }) {
    if (p.graduated) throw new Error(`${name} is warm: there is no stage above; restart begins its ramp again`);
    if (p.suspended) throw new Error(`${name} is suspended after its step-backs; release it first`);
    const to = stage ?? p.stage + 1;
    if (to > stages.length) throw new Error(`${name} is at its last stage; graduate ends the ramp`);
    if (to <= p.stage) throw new Error(`${name} is at stage ${p.stage}; stage ${to} is no advance, step-back goes down`);
    if (to > mayReach) throw new Error(`${name} may not lead its source, which is at stage ${mayReach}`);
    const { brakedDay: _, ...rest } = p;
    const progress = take(rest, stages, to);
    return { progress, type: 'stage-advanced', text: `${name} is at ${at(progress, stages)}` };
  },

  'step-back'({ progress: p, stages, name, stage }) {
    // A warm source stands on its last stage: it may begin that one again, or go below.
    const to = stage ?? Math.max(1, p.stage - 1);
    if (p.stage === 1 && !p.graduated) throw new Error(`${name} is at its first stage; pause stops its mail`);
    if (to >= p.stage && !p.graduated) throw new Error(`${name} is at stage ${p.stage}; stage ${to} is no step back, advance goes up`);
    const { graduatedAt: _, ...rest } = fallTo(p, stages, to);
    return { progress: rest, type: 'stage-back', text: `${name} is at ${at(rest, stages)}` };
  },

  graduate({ progress: p, stages, name, mayReach, stated, now }) {
    if (p.graduated) throw new Error(`${name} is warm already`);
    if (p.suspended) throw new Error(`${name} is suspended after its step-backs; release it first`);
    if (mayReach !== Infinity) throw new Error(`${name} may not lead its source, which is still warming`);
    const { brakedDay: _, ...rest } = p;
    const progress = { ...graduated(rest, stages, now), held: false };
    return { progress, type: 'graduated', text: `${name} is ${keptText(progress, stated)}` };
  },

  restart({ progress: p, stages, name, stage }) {
    const { brakedDay: _, graduatedAt: __, cooled: ___, countsFrom: ____, ...rest } = p;
    const progress = { ...take(rest, stages, stage ?? 1), held: false, suspended: false, stepBacks: 0 };
    return { progress, type: 'stage-back', text: `${name} begins again at ${at(progress, stages)}` };
  },
};
