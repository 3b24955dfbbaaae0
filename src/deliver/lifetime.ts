/**
 * How long mail is tried, from its acceptance: the longest `bounce-after` of the lanes that may carry it. What an attempt
 * came to is judged by the lane that made it; this is for mail that no lane has at hand.
 */
import type { Governor } from '../kernel/governor.js';
import type { Settings } from '../kernel/settings.js';
import type { Ms } from '../kernel/units.js';

export class Lifetimes {
  readonly #governor: Pick<Governor, 'laneLimits'>;
  readonly #settings: () => Settings;
  /** By pool and provider; asked for with every message. */
  readonly #known = new Map<string, Ms>();

  constructor(governor: Pick<Governor, 'laneLimits'>, settings: () => Settings) {
    this.#governor = governor;
    this.#settings = settings;
  }

  /** `provider`: '' when it is not known. */
  of(pool: string, provider: string): Ms {
    const key = `${pool}\n${provider}`;
    let longest = this.#known.get(key);
    if (longest === undefined) {
      const sources = this.#settings().pools.get(pool)?.sources ?? [{ source: '' }];
      longest = Math.max(...sources.map(({ source }) => this.#governor.laneLimits({ source, provider }).bounceAfter));
      this.#known.set(key, longest);
    }
    return longest;
  }

  /** Settings or stages may have changed. */
  forget(): void {
    this.#known.clear();
  }
}
