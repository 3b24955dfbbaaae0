/**
 * Mail of a pool that waits for one provider, in a forecast: it leaves or expires, the oldest first.
 */
import type { Instant } from '../kernel/units.js';

export interface MailAhead {
  readonly provider: string;
  readonly warmOnly: boolean;
  readonly batches: readonly { readonly expires: Instant; readonly count: number }[];
}

/** Mail of one provider, the oldest first. */
export class Heap {
  readonly provider: string;
  readonly warmOnly: boolean;
  waiting: number;
  readonly #batches: { readonly expires: Instant; count: number }[];

  constructor({ provider, warmOnly, batches }: MailAhead) {
    this.provider = provider;
    this.warmOnly = warmOnly;
    this.#batches = batches.map(b => ({ ...b })).sort((a, b) => b.expires - a.expires);
    this.waiting = batches.reduce((sum, b) => sum + b.count, 0);
  }

  expire(t: Instant): number {
    let n = 0;
    for (let last = this.#batches.at(-1); last && last.expires <= t; last = this.#batches.at(-1)) {
      n += last.count;
      this.#batches.pop();
    }
    this.waiting -= n;
    return n;
  }

  take(count: number): void {
    this.waiting -= count;
    for (let last = this.#batches.at(-1); last && count > 0; last = this.#batches.at(-1)) {
      const some = Math.min(count, last.count);
      last.count -= some;
      count -= some;
      if (last.count === 0) this.#batches.pop();
    }
  }
}
