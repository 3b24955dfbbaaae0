/**
 * What must be done now and then while the daemon runs: the ledger is told that it lives, so that the next start knows since
 * when it was down; day counters and receipts that nobody asks about any more go.
 */
import type { Clock, Timer } from '../kernel/clock.js';
import type { Governor } from '../kernel/governor.js';
import type { Ms } from '../kernel/units.js';
import { DAY, MINUTE } from '../kernel/units.js';
import type { Store } from '../spool/store.js';

/** A daemon that is killed while it has nothing to send looks down for at most this long before it was. */
const ALIVE_EVERY: Ms = 5 * MINUTE;
/** Growth looks back 30 days, the volume of a stage seven; the rest is for days that are judged late. */
const DAYS_KEPT: Ms = 40 * DAY;
/** Of addresses that climb no schedule only the running day counts. */
const DAYS_KEPT_WARM: Ms = 2 * DAY;

export interface ChoresParts {
  readonly clock: Clock;
  readonly ledger: { alive(): void };
  readonly store: Pick<Store, 'pruneDays' | 'pruneReceipts'>;
  readonly governor: Pick<Governor, 'climbs'>;
  readonly suppression: { prune(): Promise<void> };
  readonly feedback: { prune(): Promise<void> | undefined };
  /** What was promised can no longer be kept. */
  readonly failed: (error: Error) => void;
}

type Chore = () => Promise<void> | void | undefined;

export class Chores {
  readonly #parts: ChoresParts;
  readonly #timers = new Map<Chore, Timer>();
  #stopped = false;

  constructor(parts: ChoresParts) {
    this.#parts = parts;
  }

  start(): void {
    const { clock, ledger, store, governor, suppression, feedback } = this.#parts;
    this.#every(ALIVE_EVERY, () => ledger.alive());
    this.#every(DAY, () => {
      const now = clock.now();
      return store.pruneDays((address, day) => day < now - (governor.climbs(address) ? DAYS_KEPT : DAYS_KEPT_WARM));
    });
    this.#every(DAY, () => suppression.prune());
    this.#every(DAY, () => feedback.prune());
    this.#every(MINUTE, () => store.pruneReceipts());
  }

  stop(): void {
    this.#stopped = true;
    for (const timer of this.#timers.values()) timer.cancel();
    this.#timers.clear();
  }

  /** At once, and again and again. */
  #every(period: Ms, chore: Chore): void {
    const { clock, failed } = this.#parts;
    const run = (): void => {
      if (this.#stopped) return;
      try {
        chore()?.catch((error: Error) => this.#stopped || failed(error));
      } catch (error) {
        return failed(error as Error);
      }
      this.#timers.set(chore, clock.at(clock.now() + period, run));
    };
    run();
  }
}
