/**
 * What one subject of limits has in use: a lane, a source (the sum of its lanes), the daemon (the sum of all), or the mail
 * of one sender or recipient domain under a window.
 *
 * A slot is used from its reservation until 3,600 s after the answer to MAIL FROM; a connection counts against
 * `max-connect-rate` from the attempt on. An account holds numbers only: which limits apply is a plan's business. It is the
 * history of its last hour and what is under way besides: one object, because every decision asks for both.
 */
import { HOUR, type Instant, type Ms } from '../kernel/units.js';
import { History } from './history.js';
import { take } from './pace.js';
import type { Slabs } from './slab.js';

export class Account extends History {
  /** Slots reserved and not yet answered. */
  inflight = 0;
  /** Transactions that hold a permit. */
  permits = 0;
  /** Connections, those being opened included. */
  connections = 0;
  /** Connections being opened. */
  connecting = 0;
  /** Somebody waits for a slot, permit or connection here to be given back. */
  awaited = false;
  /** Histories of `max-msg-rate` and `max-connect-rate`, by period. */
  #rates: Map<Ms, History> | undefined;
  #connects: Map<Ms, History> | undefined;

  constructor(slabs: Slabs) {
    super(slabs, HOUR);
  }

  get hour(): History {
    return this;
  }

  /** The history of a `max-msg-rate` period, begun from what the hour knows. */
  rate(period: Ms, now: Instant): History {
    if (period === HOUR) return this.hour;
    let history = this.#rates?.get(period);
    if (!history) {
      history = new History(this.slabs, period);
      history.adopt(this.hour, now);
      for (const other of this.#rates?.values() ?? []) if (other.period > HOUR && history.period > HOUR) adoptOlder(history, other, now);
      (this.#rates ??= new Map()).set(period, history);
    }
    return history;
  }

  /** The history of a `max-connect-rate` period; it counts from the first time it is asked for. */
  connects(period: Ms): History {
    let history = this.#connects?.get(period);
    if (!history) (this.#connects ??= new Map()).set(period, (history = new History(this.slabs, period)));
    return history;
  }

  /**
   * `latest`: the newest departure known, beyond which the grid never reaches. What leaves faster than `perHour` (in bursts,
   * or before a window slowed the lane) owes the cap its slots, but no distance besides.
   */
  reserve(slots: number, perHour: number, now: Instant, latest: Instant = now): void {
    this.inflight += slots;
    this.permits++;
    this.grid = Math.min(take(this.grid, perHour, slots, now), latest);
  }

  /** Slots that were never used. `whole`: the permit is gone with them. */
  giveBack(slots: number, whole: boolean, perHour: number): void {
    this.inflight -= slots;
    if (whole) this.permits--;
    if (perHour > 0 && perHour !== Infinity) this.grid -= (slots * HOUR) / perHour;
  }

  /** The attempt was answered at `at`; it was reserved here before. */
  answer(slots: number, at: Instant, now: Instant, perHour: number): void {
    this.inflight -= slots;
    this.permits--;
    this.charge(slots, at, now, perHour);
  }

  /** Counts slots that hold no reservation. */
  charge(slots: number, at: Instant, now: Instant, perHour: number): void {
    this.hour.add(at, slots, now, perHour <= 100);
    for (const history of this.#rates?.values() ?? []) history.add(at, slots, now, true);
  }

  open(): void {
    this.connections++;
    this.connecting++;
  }

  /** The connection attempt was answered, well or not: it counts in the connect rates from now on. */
  opened(now: Instant): void {
    this.connecting--;
    for (const history of this.#connects?.values() ?? []) history.add(now, 1, now, true);
  }

  /** Gives the memory of its histories back; what they knew is gone. */
  forget(): void {
    this.hour.clear();
    for (const history of this.#rates?.values() ?? []) history.clear();
    for (const history of this.#connects?.values() ?? []) history.clear();
  }

  idle(now: Instant): boolean {
    if (this.inflight > 0 || this.permits > 0 || this.connections > 0 || this.hour.used(now) > 0) return false;
    for (const history of this.#rates?.values() ?? []) if (history.used(now) > 0) return false;
    for (const history of this.#connects?.values() ?? []) if (history.used(now) > 0) return false;
    return true;
  }
}

/** What a longer history knows beyond the hour. */
function adoptOlder(history: History, other: History, now: Instant): void {
  for (const [stamp, slots] of other.entries(now)) if (stamp + HOUR <= now) history.add(stamp, slots, now, true);
}
