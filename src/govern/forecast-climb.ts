/**
 * The stages ahead of a source, or of a provider on it, walked day by day: a step further after every day whose mail is enough.
 * That outcomes are good is assumed; whether the volume is, is what a forecast tells. Pure state of one forecast.
 */
import type { UnearnedDay } from '../kernel/forecast.js';
import type { Instant } from '../kernel/units.js';

export interface StageAhead {
  readonly stage: number;
  readonly perHour: number;
  readonly perDay: number;
  /** Recipients a day that earn it; 0: it ends with the day, whatever was sent. */
  readonly needs: number;
}

export interface ClimbAhead {
  readonly source: string;
  readonly provider?: string;
  /** From the one it stands on; a braked day, or caps that a reload left low, is a step of its own. */
  readonly path: readonly StageAhead[];
  readonly stages: number;
  /** Held by a person: ticks change nothing. */
  readonly held: boolean;
  /** Distinct recipients attempted since the day being counted began. */
  readonly sent: number;
}

export class Walk {
  readonly ahead: ClimbAhead;
  sent: number;
  unearned: UnearnedDay | undefined;
  #step = 0;

  constructor(ahead: ClimbAhead) {
    this.ahead = ahead;
    this.sent = ahead.sent;
  }

  get now(): StageAhead {
    return this.ahead.path[this.#step] as StageAhead;
  }

  /** The day is judged. `mayReach`: the stage of its source. */
  tick(at: Instant, mayReach: number): void {
    const { source, provider, held, path, stages } = this.ahead;
    const { stage, needs } = this.now;
    const { sent } = this;
    this.sent = 0;
    if (held) return;
    if (sent < needs) {
      this.unearned ??= { source, ...(provider === undefined ? {} : { provider }), stage, stages, at, needs, sends: sent };
      return;
    }
    const next = path[this.#step + 1];
    if (next && next.stage <= mayReach) this.#step++;
  }
}
