/**
 * A clock whose policy time runs faster than the real one: the lab lives four weeks in half an hour.
 *
 * Promises: time never goes back; a timer never runs before its instant and never inside the call that set it. Late by at
 * most one real timer step, which is `speed` milliseconds of policy time. Never serves a real delivery: wall() follows the
 * policy clock, so its dates are invented.
 */
import type { Clock, Timer } from '../kernel/clock.js';
import type { Instant } from '../kernel/units.js';

/** The longest delay setTimeout takes; longer waits are chained. */
const LONGEST = 2_147_483_647;

export interface VirtualClockOptions {
  /** Epoch milliseconds at which policy time begins. */
  readonly start: number;
  /** Policy milliseconds per real millisecond, above 0. */
  readonly speed: number;
}

export interface VirtualClock extends Clock {
  readonly speed: number;
}

export function createVirtualClock({ start, speed }: VirtualClockOptions): VirtualClock {
  if (!(speed > 0) || !Number.isFinite(speed)) throw new RangeError(`a virtual clock cannot run at speed ${speed}`);
  const origin = performance.now();
  const now = (): Instant => start + (performance.now() - origin) * speed;

  return {
    speed,
    now,
    wall: now,
    at(t: Instant, fn: () => void): Timer {
      if (Number.isNaN(t)) throw new RangeError('a timer needs an instant');
      let handle: NodeJS.Timeout | undefined;
      const arm = () => {
        const wait = Math.max(0, Math.ceil((t - now()) / speed));
        handle = setTimeout(ring, Math.min(wait, LONGEST));
      };
      // setTimeout may fire a fraction early, and a chained wait is not over yet: look again.
      const ring = () => (now() >= t ? fn() : arm());
      arm();
      return { cancel: () => clearTimeout(handle) };
    },
  };
}
