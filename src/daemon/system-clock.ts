/**
 * The clock of a production daemon: policy time is the monotonic clock, anchored to the wall clock once at the start, or to
 * where the last process left it when the machine has not booted since. A wall clock that jumps moves nothing.
 */
import type { Clock, Timer } from '../kernel/clock.js';
import type { Instant } from '../kernel/units.js';

/** setTimeout's limit, about 24 days; longer waits are chained. */
const LONGEST = 2 ** 31 - 1;

export interface SystemClock extends Clock {
  /** Policy time goes on from here; only before anybody has read it. */
  resume(now: Instant): void;
}

/** Milliseconds since boot; the same for every process until the next boot (CLOCK_MONOTONIC). */
export function monotonic(): number {
  return Number(process.hrtime.bigint() / 1000n) / 1000;
}

export function createSystemClock(): SystemClock {
  let anchor = Date.now() - monotonic();
  const now = (): Instant => monotonic() + anchor;
  return {
    now,
    wall: () => Date.now(),
    resume(at) {
      anchor = at - monotonic();
    },
    at(t, fn): Timer {
      let handle: NodeJS.Timeout;
      const wait = (): void => {
        const left = t - now();
        if (left <= 0) fn();
        else handle = setTimeout(wait, Math.min(LONGEST, Math.ceil(left)));
      };
      handle = setTimeout(wait, Math.min(LONGEST, Math.max(0, Math.ceil(t - now()))));
      return { cancel: () => clearTimeout(handle) };
    },
  };
}
