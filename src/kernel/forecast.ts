/**
 * What the governor foretells of a pool: from what waits now, the stages ahead and the caps, how much leaves on each day and how
 * much expires before it can. Counts are recipients; no new mail, no refusals and no slow receivers are assumed.
 */
import type { Instant } from './units.js';

/** Mail of a pool that waits for one provider. */
export interface WaitingMail {
  /** '' while the route of its domain is not known. */
  readonly provider: string;
  /** `warm-up: never`: while the pool has a warm source, only such take it. */
  readonly warmOnly: boolean;
  /** How many providers are taken together here; 1 unless said. */
  readonly providers?: number;
  readonly ages: readonly { readonly accepted: Instant; readonly count: number }[];
}

export interface ForecastDay {
  readonly from: Instant;
  readonly until: Instant;
  readonly leaves: number;
  readonly expires: number;
  /** Left at its end. */
  readonly waiting: number;
  /** `stage` as the day begins, absent for a warm source; `allows`: what the caps of the source let leave, Infinity: all. */
  readonly sources: readonly { readonly name: string; readonly stage?: number; readonly leaves: number; readonly allows: number }[];
}

/** A day whose mail is too little to earn its stage: the next day has no more than this one. */
export interface UnearnedDay {
  readonly source: string;
  /** A provider with a stage of its own on this source. */
  readonly provider?: string;
  readonly stage: number;
  readonly stages: number;
  /** The tick at which it is judged. */
  readonly at: Instant;
  readonly needs: number;
  readonly sends: number;
}

export interface Forecast {
  readonly waiting: number;
  readonly leaves: number;
  readonly expires: number;
  /** When nothing waits any more; null: not within the days foretold. */
  readonly done: Instant | null;
  readonly days: readonly ForecastDay[];
  /** The first for each source and each provider with a stage of its own. */
  readonly unearned: readonly UnearnedDay[];
  /** Sources that let nothing leave as it stands, for people: `cold-1: paused (operator:ann)`. */
  readonly stopped: readonly string[];
}
