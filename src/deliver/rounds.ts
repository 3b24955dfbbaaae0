/**
 * What is done again and again by policy time, each at its own interval, until it is stopped.
 */
import type { Clock, Timer } from '../kernel/clock.js';
import type { Ms } from '../kernel/units.js';

export class Rounds {
  readonly #clock: Pick<Clock, 'now' | 'at'>;
  readonly #timers = new Map<() => void, Timer>();

  constructor(clock: Pick<Clock, 'now' | 'at'>) {
    this.#clock = clock;
  }

  /** First after `period`. */
  every(period: Ms, round: () => void): void {
    const timer = this.#clock.at(this.#clock.now() + period, () => {
      round();
      if (this.#timers.get(round) === timer) this.every(period, round);
    });
    this.#timers.set(round, timer);
  }

  stop(): void {
    for (const timer of this.#timers.values()) timer.cancel();
    this.#timers.clear();
  }
}
