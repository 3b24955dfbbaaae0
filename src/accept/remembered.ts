/**
 * Passwords and tokens that were found right, remembered for a while, because one check costs 50 ms and clients come often;
 * only a keyed digest is kept. One check runs at a time: guessing cannot fill the thread pool.
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

  /** Is it known to be right, without a check? */
  knows(name: string, stored: string | undefined, password: string): boolean {
    const until = this.#good.get(this.#digest(name, stored, password));
    return until !== undefined && until > this.clock.now();
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
    const oldest = this.#good.size >= MOST_REMEMBERED ? this.#good.keys().next().value : undefined;
    if (oldest !== undefined) this.#good.delete(oldest);
    this.#good.set(this.#digest(name, stored, password), this.clock.now() + REMEMBER);
    return true;
  }

  #digest(name: string, stored: string | undefined, password: string): string {
    return createHmac('sha256', this.#key)
      .update(JSON.stringify([name, stored ?? null, password]))
      .digest('base64');
  }
}
