/**
 * How often rules matched lately: a trigger `n/period` is reached by the n-th match within that period, counted per rule and
 * place over its own period, never over the window's.
 *
 * Counts are part of the snapshot and not of the journal: a restart in order forgets none, one after a crash those since the
 * last snapshot.
 */
import { DAY, type Instant, type Ms } from '../kernel/units.js';

/** Entries above which idle ones are looked for; the next time when there are twice as many as that left. */
const MANY = 10_000;

/** Matches that have not yet reached their trigger, oldest first. */
export interface Counting {
  readonly times: readonly Instant[];
  readonly per: Ms;
}

export class Triggers {
  readonly #seen = new Map<string, Counting>();
  #many = MANY;

  /** Counts one match; true when it is the one that reaches the trigger, after which counting starts over. */
  reached(key: string, trigger: { readonly count: number; readonly per: Ms }, now: Instant): boolean {
    if (trigger.count <= 1) return true;
    if (this.#seen.size > this.#many) {
      this.forget(now);
      this.#many = Math.max(MANY, 2 * this.#seen.size);
    }
    const before = this.#seen.get(key)?.times ?? [];
    const times = [...before.filter(t => t > now - trigger.per), now];
    if (times.length >= trigger.count) {
      this.#seen.delete(key);
      return true;
    }
    this.#seen.set(key, { times, per: trigger.per });
    return false;
  }

  /** True once a day for each key. */
  daily(key: string, now: Instant): boolean {
    const name = `daily ${key}`;
    if ((this.#seen.get(name)?.times[0] ?? -Infinity) > now - DAY) return false;
    this.#seen.set(name, { times: [now], per: DAY });
    return true;
  }

  all(): Iterable<readonly [string, Counting]> {
    return this.#seen;
  }

  restore(key: string, counting: Counting | null): void {
    if (counting === null) this.#seen.delete(key);
    else this.#seen.set(key, counting);
  }

  forget(now: Instant): void {
    for (const [key, { times, per }] of this.#seen) if ((times.at(-1) ?? -Infinity) <= now - per) this.#seen.delete(key);
  }
}
