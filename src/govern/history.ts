/**
 * When attempts were answered, within one sliding period: the truth behind every `max-msg-per-hour`, `max-msg-rate` and
 * `max-connect-rate`.
 *
 * Entries are (stamp, count), sorted by stamp. An exact entry carries the millisecond of the answer; a coarse one stands for
 * a hundredth of the period and carries its *end*, so that the oldest hundredth counts whole until all of it has left the
 * period. An entry counts from its answer until stamp + period, half-open. Both kinds stand side by side, so a cap may
 * change in either direction and forgets nothing; every rounding goes up, to the receiver's benefit.
 *
 * Stamps are 32-bit milliseconds modulo 2^32; ages are signed differences, right for periods up to 12 days.
 */
import type { Instant, Ms } from '../kernel/units.js';
import { MAX_ORDER, type Slabs } from './slab.js';

/** Above this many exact entries a history turns coarse whatever its cap. */
const MAX_EXACT = 200;
const FIRST_ORDER = 2;
export const LONGEST_PERIOD: Ms = 12 * 86_400_000;

export class History {
  readonly period: Ms;
  readonly #slabs: Slabs;
  #block = -1;
  #order = 0;
  /** Index of the oldest entry in the block, and how many there are. */
  #head = 0;
  #length = 0;
  #sum = 0;
  /** The newest stamp, as an instant: a history untouched for longer than its period is empty, however stamps wrap. */
  #newest: Instant = -Infinity;

  constructor(slabs: Slabs, period: Ms) {
    this.#slabs = slabs;
    this.period = Math.max(1, Math.min(Math.ceil(period), LONGEST_PERIOD));
  }

  /** Counts `slots` answered at `at`. */
  add(at: Instant, slots: number, now: Instant, exact: boolean): void {
    if (slots <= 0) return;
    this.used(now);
    let stamp = Math.ceil(at);
    if (!exact || this.#length >= MAX_EXACT) {
      const width = Math.max(1, Math.ceil(this.period / 100));
      stamp = (Math.floor(stamp / width) + 1) * width;
    }
    if (stamp + this.period <= now) return;
    this.#insert(stamp >>> 0, slots);
    this.#sum += slots;
    if (stamp > this.#newest) this.#newest = stamp;
  }

  /** Attempts that still count at `now`. Forgets older ones. */
  used(now: Instant): number {
    if (this.#length === 0) return 0;
    if (now >= this.#newest + this.period) {
      this.clear();
      return 0;
    }
    const words = this.#slabs.chunk(this.#block);
    const start = this.#slabs.offset(this.#block);
    const t = Math.floor(now) | 0;
    while (this.#length > 0) {
      const i = start + 2 * this.#head;
      if (((t - (words[i] as number)) | 0) < this.period) break;
      this.#sum -= words[i + 1] as number;
      this.#head++;
      this.#length--;
    }
    if (this.#length === 0) this.clear();
    return this.#sum;
  }

  /** The earliest instant, not before `now`, at which at most `room` attempts still count; Infinity when room is negative. */
  freeAt(room: number, now: Instant): Instant {
    if (room < 0) return Infinity;
    let left = this.used(now);
    if (left <= room) return now;
    const words = this.#slabs.chunk(this.#block);
    const start = this.#slabs.offset(this.#block);
    const t = Math.floor(now) | 0;
    for (let i = this.#head; i < this.#head + this.#length; i++) {
      left -= words[start + 2 * i + 1] as number;
      if (left <= room) return Math.floor(now) - ((t - (words[start + 2 * i] as number)) | 0) + this.period;
    }
    return now;
  }

  /** Everything that counts at `now`, oldest first: stamp and slots. */
  *entries(now: Instant): Generator<readonly [Instant, number]> {
    this.used(now);
    for (let i = this.#head; i < this.#head + this.#length; i++) {
      const words = this.#slabs.chunk(this.#block);
      const at = this.#slabs.offset(this.#block) + 2 * i;
      const age = ((Math.floor(now) | 0) - (words[at] as number)) | 0;
      yield [Math.floor(now) - age, words[at + 1] as number];
    }
  }

  /** Takes over what another history knows; its stamps are kept as they are. */
  adopt(other: History, now: Instant): void {
    for (const [stamp, slots] of other.entries(now)) this.add(stamp, slots, now, true);
  }

  clear(): void {
    if (this.#block >= 0) this.#slabs.release(this.#block, this.#order);
    this.#block = -1;
    this.#head = this.#length = this.#sum = 0;
    this.#newest = -Infinity;
  }

  #insert(stamp: number, slots: number): void {
    this.#reserve();
    const words = this.#slabs.chunk(this.#block);
    const start = this.#slabs.offset(this.#block);
    let i = this.#head + this.#length;
    while (i > this.#head && ((stamp - (words[start + 2 * (i - 1)] as number)) | 0) < 0) i--;
    const same = start + 2 * (i - 1);
    if (i > this.#head && words[same] === stamp) {
      words[same + 1] = (words[same + 1] as number) + slots;
      return;
    }
    words.copyWithin(start + 2 * (i + 1), start + 2 * i, start + 2 * (this.#head + this.#length));
    words[start + 2 * i] = stamp;
    words[start + 2 * i + 1] = slots;
    this.#length++;
  }

  /** Makes room for one entry behind the last. */
  #reserve(): void {
    if (this.#block < 0) {
      this.#order = FIRST_ORDER;
      this.#block = this.#slabs.take(this.#order);
      return;
    }
    const capacity = 1 << (this.#order - 1);
    if (this.#head + this.#length < capacity) return;
    const from = this.#slabs.offset(this.#block) + 2 * this.#head;
    const words = this.#slabs.chunk(this.#block);
    if (this.#head * 2 >= capacity || this.#order === MAX_ORDER) {
      words.copyWithin(this.#slabs.offset(this.#block), from, from + 2 * this.#length);
    } else {
      const block = this.#slabs.take(this.#order + 1);
      this.#slabs.chunk(block).set(words.subarray(from, from + 2 * this.#length), this.#slabs.offset(block));
      this.#slabs.release(this.#block, this.#order);
      this.#block = block;
      this.#order++;
    }
    this.#head = 0;
  }
}
