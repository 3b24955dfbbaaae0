/**
 * Keeps the governor's state on disk: every record goes to the journal before the change takes effect, a snapshot follows
 * now and then, and what ends by itself (windows) is journalled when its time comes.
 */
import type { Clock, Timer } from '../kernel/clock.js';
import type { Governor } from '../kernel/governor.js';
import type { Instant } from '../kernel/units.js';
import { MINUTE } from '../kernel/units.js';
import type { StateFile } from '../spool/state-file.js';
import type { Journal } from '../outcome/journal.js';
import type { Log } from './log.js';

/** A snapshot is written this long after the first change it does not include. */
const SNAPSHOT_AFTER = MINUTE;

export class Keeper {
  readonly #clock: Clock;
  readonly #governor: Governor;
  readonly #journal: Journal;
  readonly #state: StateFile;
  readonly #log: Log;
  readonly #virtual: boolean;
  #snapshotTimer: Timer | undefined;
  #expiryTimer: Timer | undefined;
  #expiryAt: Instant | null = null;
  #watching = false;
  #stopped = false;

  constructor(parts: { clock: Clock; governor: Governor; journal: Journal; state: StateFile; log: Log; virtual: boolean }) {
    this.#clock = parts.clock;
    this.#governor = parts.governor;
    this.#journal = parts.journal;
    this.#state = parts.state;
    this.#log = parts.log;
    this.#virtual = parts.virtual;
  }

  /** Something was journalled: a snapshot is due, and the next expiry may have moved. */
  touched(): void {
    if (this.#stopped) return;
    this.#snapshotTimer ??= this.#clock.at(this.#clock.now() + SNAPSHOT_AFTER, () => {
      this.#snapshotTimer = undefined;
      void this.snapshot();
    });
    if (this.#watching) return;
    this.#watching = true;
    // Not inside the governor's own call: what it is doing is not finished. Once for all records of a turn.
    setImmediate(() => {
      this.#watching = false;
      this.watch();
    });
  }

  /** Arms the timer for the next thing that ends by itself. */
  watch(): void {
    if (this.#stopped) return;
    const at = this.#governor.nextExpiry(this.#clock.now());
    if (at === this.#expiryAt) return;
    this.#expiryTimer?.cancel();
    this.#expiryAt = at;
    if (at === null) return;
    this.#expiryTimer = this.#clock.at(at, () => {
      this.#expiryAt = null;
      this.#governor.expire(this.#clock.now());
      this.watch();
    });
  }

  async snapshot(): Promise<void> {
    const governor = this.#governor.snapshot();
    try {
      await this.#state.write({ version: 1, ...(this.#virtual ? { virtual: true } : {}), governor });
    } catch (error) {
      // The journal still has everything; the next snapshot will try again.
      return this.#log.error({ error: (error as Error).message }, 'state.json could not be written');
    }
    try {
      this.#journal.rotate(governor.lastRecord);
    } catch (error) {
      // It goes on growing as it is.
      this.#log.error({ error: (error as Error).message }, 'old records of the journal could not be put aside');
    }
  }

  async stop(): Promise<void> {
    this.#stopped = true;
    this.#snapshotTimer?.cancel();
    this.#expiryTimer?.cancel();
    await this.snapshot();
  }
}
