/**
 * The formula of a ramp, expanded into hourly caps.
 *
 * geometric: every stage is the same factor above the last; linear: the same step. Rounded to whole messages, strictly
 * rising, the first is `from` and the last is `to` exactly. Pure arithmetic.
 */
export type Curve = 'geometric' | 'linear';

export interface Ramp {
  /** Messages an hour at stage 1. */
  readonly from: number;
  /** Messages an hour at the last stage. */
  readonly to: number;
  readonly stages: number;
  readonly curve: Curve;
}

/** Whole numbers cannot rise strictly in so many stages between `from` and `to`. */
export function impossible(ramp: Ramp): boolean {
  return ramp.stages < 2 || ramp.to - ramp.from < ramp.stages - 1;
}

/** One hourly cap per stage. Call only when not `impossible`. */
export function hourlyCaps(ramp: Ramp): number[] {
  const last = ramp.stages - 1;
  const caps: number[] = [];
  for (let i = 0; i <= last; i++) {
    const share = i / last;
    const exact = ramp.curve === 'geometric' ? ramp.from * (ramp.to / ramp.from) ** share : ramp.from + (ramp.to - ramp.from) * share;
    const least = (caps[i - 1] ?? ramp.from - 1) + 1;
    const most = ramp.to - (last - i);
    caps.push(Math.min(Math.max(Math.round(exact), least), most));
  }
  caps[0] = ramp.from;
  caps[last] = ramp.to;
  return caps;
}
