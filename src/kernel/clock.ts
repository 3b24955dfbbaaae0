/**
 * The only source of time for policy.
 *
 * `now()` is the policy clock: milliseconds, anchored near the epoch, driven by the monotonic clock, so a wall clock
 * that jumps frees nothing. `wall()` is the wall clock and serves ticks and display only. `at()` is the only timer for
 * policy; socket timeouts stay real. The lab injects a clock whose policy time runs faster.
 */
import type { Instant } from './units.js';

export interface Timer {
  cancel(): void;
}

export interface Clock {
  /** Policy time. Never goes back while a process lives. */
  now(): Instant;
  /** Epoch milliseconds of the wall clock. */
  wall(): number;
  /** Runs `fn` once, as soon as now() >= t. Never runs it inside this call. */
  at(t: Instant, fn: () => void): Timer;
}

/** How policy instants are shown: the wall time that belongs to a policy instant. */
export function wallOf(clock: Clock, t: Instant): number {
  return clock.wall() - clock.now() + t;
}
