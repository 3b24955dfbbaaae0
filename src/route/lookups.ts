/**
 * A cache of DNS answers on policy time.
 *
 * Promises: a name is asked once at a time, whoever waits for it; an answer holds for its TTL, but at least a minute and at
 * most a day; a failed lookup is asked again after a minute, then after twice as long each time, up to 15 minutes. Memory is
 * bounded: the names asked longest ago go first.
 */
import type { Clock } from '../kernel/clock.js';
import { DAY, MINUTE, type Instant } from '../kernel/units.js';
import type { DnsAnswer } from './dns.js';

export interface Held<T> {
  readonly answer: DnsAnswer<T>;
  /** When it may be asked again. */
  readonly expires: Instant;
}

interface Entry<T> extends Held<T> {
  /** Failed lookups in a row. */
  readonly failures: number;
}

const SHORTEST = MINUTE;
const LONGEST = DAY;
const FIRST_RETRY = MINUTE;
const LAST_RETRY = 15 * MINUTE;

export class Lookups<T> {
  readonly #ask: (name: string) => Promise<DnsAnswer<T>>;
  readonly #clock: Clock;
  readonly #most: number;
  readonly #held = new Map<string, Entry<T>>();
  readonly #asking = new Map<string, Promise<Held<T>>>();

  constructor(ask: (name: string) => Promise<DnsAnswer<T>>, clock: Clock, most: number) {
    this.#ask = ask;
    this.#clock = clock;
    this.#most = most;
  }

  get(name: string): Promise<Held<T>> {
    const held = this.#held.get(name);
    if (held && held.expires > this.#clock.now()) return Promise.resolve(held);
    let asking = this.#asking.get(name);
    if (!asking) {
      asking = this.#fetch(name, held?.failures ?? 0).finally(() => this.#asking.delete(name));
      this.#asking.set(name, asking);
    }
    return asking;
  }

  /** A failed lookup of this name is not remembered until its time, but made again when next asked for. */
  askAgain(name: string): void {
    const held = this.#held.get(name);
    if (held && held.failures > 0) this.#held.set(name, { ...held, expires: this.#clock.now() });
  }

  async #fetch(name: string, failures: number): Promise<Held<T>> {
    const answer = await this.#ask(name);
    const now = this.#clock.now();
    const entry: Entry<T> =
      answer.kind === 'failed'
        ? { answer, expires: now + Math.min(LAST_RETRY, FIRST_RETRY * 2 ** failures), failures: failures + 1 }
        : { answer, expires: now + Math.min(LONGEST, Math.max(SHORTEST, answer.ttl)), failures: 0 };
    this.#held.delete(name);
    this.#held.set(name, entry);
    for (const oldest of this.#held.keys()) {
      if (this.#held.size <= this.#most) break;
      this.#held.delete(oldest);
    }
    return entry;
  }
}
