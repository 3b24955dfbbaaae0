/**
 * Passwords and tokens that were found right, remembered for a while, because one check costs 50 ms and clients come often;
 * only a keyed digest is kept. One check runs at a time: guessing cannot fill the thread pool, and who keeps coming does not
 * wait behind those who guess.
 */
import { createHmac, randomBytes } from 'node:crypto';
import type { Clock } from '../kernel/clock.js';
import { MINUTE, type Instant } from '../kernel/units.js';
import { verifyPassword } from './password.js';

const REMEMBER = 5 * MINUTE;
const MOST_REMEMBERED = 1_000;

export class Remembered {
  readonly #key = randomBytes(32);
  readonly #good = new Map<string, Instant>();
  #turn: Promise<unknown> = Promise.resolve();
  #waiting = 0;

  constructor(private readonly clock: Clock) {}

  /** Checks that wait or run. */
  get waiting(): number {
    return this.#waiting;
  }

  /** Is it known to be right, without a check? From then on it is for a while longer. */
  knows(name: string, stored: string | undefined, password: string): boolean {
    const digest = this.#digest(name, stored, password);
    const until = this.#good.get(digest);
    if (until === undefined || until <= this.clock.now()) return false;
    this.#remember(digest);
    return true;
  }

  /** `stored` as verifyPassword takes it. */
  async isRight(name: string, stored: string | undefined, password: string): Promise<boolean> {
    if (this.knows(name, stored, password)) return true;
    this.#waiting++;
    const check = this.#turn.then(() => verifyPassword(stored, password));
    this.#turn = check.catch(() => undefined);
    try {
      if (!(await check)) return false;
    } finally {
      this.#waiting--;
    }
    this.#remember(this.#digest(name, stored, password));
    return true;
  }

  /** The one that was not used for the longest time is forgotten first. */
  #remember(digest: string): void {
    this.#good.delete(digest);
    this.#good.set(digest, this.clock.now() + REMEMBER);
    const oldest = this.#good.size > MOST_REMEMBERED ? this.#good.keys().next().value : undefined;
    if (oldest !== undefined) this.#good.delete(oldest);
  }

  #digest(name: string, stored: string | undefined, password: string): string {
    return createHmac('sha256', this.#key)
      .update(JSON.stringify([name, stored ?? null, password]))
      .digest('base64');
  }
}
