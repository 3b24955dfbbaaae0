/**
 * A clock that stands still until somebody moves it: tests and rehearsals without sockets.
 *
 * Promises: due timers run in the order of their instants (first set, first run among equals), each with now() at its own
 * instant; a timer set while others run still runs within the same advance when it is due. The wall clock may be made to
 * jump without moving policy time.
 */
import type { Clock, Timer } from '../kernel/clock.js';
import type { Instant, Ms } from '../kernel/units.js';

export interface ManualClock extends Clock {
  /** Moves policy time on by `ms` and runs what falls due, all inside this call. */
  advance(ms: Ms): void;
  /** Like advance, and lets promises and I/O callbacks settle after every timer. */
  run(ms: Ms): Promise<void>;
  /** Lets the wall clock jump by `ms` (it may go back); policy time does not notice. */
  jumpWall(ms: Ms): void;
  /** Timers set and neither run nor cancelled. */
  readonly pending: number;
  /** Instant of the earliest pending timer; Infinity when there is none. */
  readonly next: Instant;
}

interface Entry {
  readonly t: Instant;
  readonly order: number;
  readonly fn: () => void;
}

const before = (a: Entry, b: Entry) => a.t < b.t || (a.t === b.t && a.order < b.order);

export function createManualClock(start: Instant): ManualClock {
  let now = start;
  let wallOffset = 0;
  let order = 0;
  const timers = new Set<Entry>();

  const earliest = (): Entry | undefined => {
    let first: Entry | undefined;
    for (const timer of timers) if (!first || before(timer, first)) first = timer;
    return first;
  };
  /** Runs the earliest timer due by `end`; false when none is. */
  const step = (end: Instant): boolean => {
    const timer = earliest();
    if (!timer || timer.t > end) return false;
    timers.delete(timer);
    now = Math.max(now, timer.t);
    timer.fn();
    return true;
  };
  const target = (ms: Ms): Instant => {
    if (!(ms >= 0)) throw new RangeError('policy time never goes back');
    return now + ms;
  };

  return {
    now: () => now,
    wall: () => now + wallOffset,
    at(t: Instant, fn: () => void): Timer {
      if (Number.isNaN(t)) throw new RangeError('a timer needs an instant');
      const entry: Entry = { t, order: order++, fn };
      timers.add(entry);
      return { cancel: () => void timers.delete(entry) };
    },
    advance(ms) {
      const end = target(ms);
      while (step(end));
      now = end;
    },
    async run(ms) {
      const end = target(ms);
      await settle();
      while (step(end)) await settle();
      now = Math.max(now, end);
      await settle();
    },
    jumpWall: ms => void (wallOffset += ms),
    get pending() {
      return timers.size;
    },
    get next() {
      return earliest()?.t ?? Infinity;
    },
  };
}

/** One turn of the event loop: promises, then I/O callbacks. */
const settle = (): Promise<void> => new Promise(resolve => setImmediate(resolve));
