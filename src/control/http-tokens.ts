/**
 * Who may speak HTTP: the addresses that are heard, and whose token it is that came along.
 *
 * Read from the settings in force at every request, so that a reload takes a token away at once. A token is compared by its
 * scrypt hash, in the same time whatever differs; one found right is remembered for a while.
 */
import { inRanges } from '../accept/clients.js';
import { Remembered } from '../accept/remembered.js';
import type { Clock } from '../kernel/clock.js';
import type { HttpSettings, HttpToken } from '../kernel/settings.js';

/** Checks that may wait for their turn, 50 ms each: more are told to come back. */
const MOST_WAITING = 20;
const LONGEST_TOKEN = 200;

export class Tokens {
  readonly #remembered: Remembered;

  constructor(
    private readonly settings: () => HttpSettings | undefined,
    clock: Clock,
  ) {
    this.#remembered = new Remembered(clock);
  }

  heard(address: string): boolean {
    return inRanges(this.settings()?.allow ?? [], address);
  }

  /** From the value of Authorization. undefined: nobody we know; busy: too many are being checked. */
  async whose(authorization: string | undefined): Promise<HttpToken | 'busy' | undefined> {
    const presented = /^Bearer +([\x21-\x7e]+) *$/i.exec(authorization ?? '')?.[1];
    if (presented === undefined || presented.length > LONGEST_TOKEN) return undefined;
    const tokens = this.settings()?.tokens ?? [];
    const known = tokens.find(one => this.#remembered.knows(one.name, one.token, presented));
    if (known) return known;
    if (this.#remembered.waiting >= MOST_WAITING) return 'busy';
    for (const one of tokens) if (await this.#remembered.isRight(one.name, one.token, presented)) return one;
    return undefined;
  }
}
