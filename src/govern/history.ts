/**
 * When attempts were answered, within one sliding period: the truth behind every `max-msg-per-hour`, `max-msg-rate` and
 * `max-connect-rate`.
 *
 * Entries are (stamp, count), sorted by stamp. An exact entry carries the millisecond of the answer; a coarse one stands for
 * a hundredth of the period and carries its *end*, so that the oldest hundredth counts whole until all of it has left the
 * period. An entry counts from its answer until stamp + period, half-open. Both kinds stand side by side, so a cap may
 * change in either direction and forgets nothing; every rounding goes up, to the receiver's benefit.
 *
 * Ages are in ticks: 1 ms, or a 3,600,000th of a period longer than an hour. How entries lie in memory is history-block's.
 */
import { LONGEST_PERIOD } from '../kernel/limits.js';
import { HOUR, type Instant, type Ms } from '../kernel/units.js';
import * as block from './history-block.js';
import type { Slabs } from './slab.js';

/** A history of this many entries takes no more exact ones: their moment is rounded up to the next hundredth. */
const MAX_EXACT = 100;
/** A block as large as this many entries is made smaller, where it can be, before it grows. */
const MANY = 122;

export class History {
  readonly period: Ms;
  protected readonly slabs: Slabs;
  /** -1 until there is something to remember. */
  #block = -1;

  constructor(slabs: Slabs, period: Ms) {
    this.slabs = slabs;
    this.period = Math.max(1, Math.min(Math.ceil(period), LONGEST_PERIOD));
  }

  /** The place on the even grid of the last slot given away, kept here for the account; -Infinity before the first. */
  get grid(): Instant {
    return this.#block < 0 ? -Infinity : block.grid(this.slabs, this.#block);
  }

  set grid(at: Instant) {
    if (this.#block < 0) this.#block = block.begin(this.slabs);
    block.setGrid(this.slabs, this.#block, at);
  }

  /** Counts `slots` answered at `at`. */
  add(at: Instant, slots: number, now: Instant, exact: boolean): void {
    if (slots <= 0) return;
    this.used(now);
    if (this.#block < 0) this.#block = block.begin(this.slabs);
    const tick = tickOf(this.period);
    const span = Math.ceil(this.period / tick);
    const length = block.length(this.slabs, this.#block);
    if (length >= MANY) block.merge(this.slabs, this.#block, Math.floor(now / tick), stamp => coarse(stamp, span));
    let stamp = Math.ceil(at / tick);
    if (!exact || length >= MAX_EXACT) stamp = coarse(stamp, span);
    if (stamp + span <= Math.floor(now / tick)) return;
    this.#block = block.insert(this.slabs, this.#block, stamp, slots);
  }

  /** Attempts that still count at `now`. Forgets older ones. */
  used(now: Instant): number {
    if (this.#block < 0) return 0;
    const tick = tickOf(this.period);
    return block.used(this.slabs, this.#block, Math.ceil(this.period / tick), Math.floor(now / tick));
  }

  /** The earliest instant, not before `now`, at which at most `room` attempts still count; Infinity when room is negative. */
  freeAt(room: number, now: Instant): Instant {
    if (room < 0) return Infinity;
    let left = this.used(now);
    if (left <= room) return now;
    const tick = tickOf(this.period);
    const span = Math.ceil(this.period / tick) * tick;
    for (const [stamp, slots] of this.entries(now)) {
      left -= slots;
      if (left <= room) return stamp + span;
    }
    return now;
  }

  /** Everything that counts at `now`, oldest first: stamp and slots. */
  *entries(now: Instant): Generator<readonly [Instant, number]> {
    this.used(now);
    if (this.#block < 0) return;
    const tick = tickOf(this.period);
    for (const [stamp, slots] of block.entries(this.slabs, this.#block, Math.floor(now / tick))) yield [stamp * tick, slots];
  }

  /** Takes over what another history knows; its stamps are kept as they are. */
  adopt(other: History, now: Instant): void {
    for (const [stamp, slots] of other.entries(now)) this.add(stamp, slots, now, true);
  }

  /** Forgets everything and gives the memory back. */
  clear(): void {
    if (this.#block >= 0) block.end(this.slabs, this.#block);
    this.#block = -1;
  }
}

const tickOf = (period: Ms): Ms => (period <= HOUR ? 1 : Math.ceil(period / HOUR));

/** The end of the hundredth of a period in which a stamp lies. */
function coarse(stamp: number, span: number): number {
  const width = Math.max(1, Math.ceil(span / 100));
  return (Math.floor(stamp / width) + 1) * width;
}
