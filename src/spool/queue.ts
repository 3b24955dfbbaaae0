/**
 * A queue in memory: the rows next due of one (pool, recipient domain, warm-up wish, priority, job), in due order. Millions may wait on
 * the disk; a few hundred are here.
 *
 * The invariant: rows here and rows held (in flight, or in a commit not yet over) are together all rows with a key up to the
 * cursor. A row of a commit that ends is taken in when its key is not beyond the cursor and left to the next refill when it
 * is; a refill skips what is held. So no row is here twice, and none is passed over.
 */
import type { QueuedRecipient } from '../kernel/message.js';
import type { Queue } from '../kernel/queue.js';
import type { Priority, WarmUpWish } from '../kernel/settings.js';
import type { Instant } from '../kernel/units.js';
import { isSame, rowId, type SpoolRow } from './row.js';

/** Rows of one queue kept in memory; when it has more, the latest go. */
const RESIDENT = 512;
const REFILL = 256;
/** The same when all queues together hold more than their budget. */
const RESIDENT_LEAN = 16;
const REFILL_LEAN = 8;

/** What a queue asks of its spool. */
export interface Shelf {
  /** Rows of the queue with (due, id) beyond the given one, ascending, at most `limit`. */
  beyond(queue: number, due: Instant, id: number, limit: number): SpoolRow[];
  /** Is this very row, at this due time and as it was seen, committed? */
  has(queue: number, row: QueuedRecipient): boolean;
  /** Its head may have become earlier without a commit. */
  headChanged(queue: MemoryQueue): void;
  /** Rows in memory over all queues, and how many there should be at most. */
  resident: number;
  readonly budget: number;
}

export class MemoryQueue implements Queue {
  waiting = 0;
  #rows: SpoolRow[] = [];
  #held: Set<number> | undefined;
  /** Everything up to here is in memory or held. Infinity: everything. */
  #cursorDue = Infinity;
  #cursorId = Infinity;
  /** Nothing beyond the cursor is due before; known from the start until the first refill. */
  #floor: Instant | undefined;

  constructor(
    readonly id: number,
    readonly pool: string,
    readonly domain: string,
    readonly warmUp: WarmUpWish,
    readonly shelf: Shelf,
    readonly priority: Priority = 'normal',
    readonly job: string = '',
  ) {}

  /** At the start: `waiting` rows are on the disk, the first due at `head`, none in memory. */
  restore(waiting: number, head: Instant): void {
    this.waiting = waiting;
    this.#cursorDue = -1;
    this.#cursorId = -1;
    this.#floor = head;
  }

  get nextDue(): Instant | null {
    if (this.#rows.length > 0) return this.#rows[0]!.due;
    if (this.#cursorDue === Infinity) return null;
    if (this.#floor !== undefined) return this.#floor;
    this.#refill(1);
    return this.#rows[0]?.due ?? null;
  }

  /** Rows held: in flight, or in a commit that is not over. */
  get held(): number {
    return this.#held?.size ?? 0;
  }

  dueCountUpTo(now: Instant): number {
    const rows = this.#rows;
    const last = rows[rows.length - 1];
    if (this.#cursorDue !== Infinity && !(last && last.due > now)) {
      if (this.#floor !== undefined && this.#floor > now) return 0;
      return this.waiting;
    }
    return lowerBound(rows, now, Infinity);
  }

  peek(n: number): readonly SpoolRow[] {
    if (this.#rows.length < n) this.#refill(n);
    return this.#rows.slice(0, n);
  }

  take(row: QueuedRecipient): boolean {
    const id = rowId(row);
    if (this.#held?.has(id)) return false;
    const rows = this.#rows;
    const at = rows.length > 0 && rows[0] === row ? 0 : lowerBound(rows, row.due, id);
    const found = rows[at];
    if (found && found.due === row.due && rowId(found) === id) {
      if (!isSame(found, row)) return false;
      if (at === 0) rows.shift();
      else rows.splice(at, 1);
      this.shelf.resident--;
    } else if (!this.#isBeyond(row.due, id) || !this.shelf.has(this.id, row)) return false;
    this.hold(id);
    return true;
  }

  giveBack(row: QueuedRecipient): void {
    this.release(rowId(row));
    if (this.enter(row as SpoolRow)) this.shelf.headChanged(this);
  }

  hold(id: number): void {
    (this.#held ??= new Set()).add(id);
  }

  isHeld(id: number): boolean {
    return this.#held?.has(id) ?? false;
  }

  release(id: number): void {
    if (!this.#held?.delete(id)) throw new Error(`queue ${this.id}: row ${id} is given back and was not taken`);
    if (this.#held.size === 0) this.#held = undefined;
  }

  /** A committed row nobody holds any more. True when it may be the new head. */
  enter(row: SpoolRow): boolean {
    const id = rowId(row);
    const rows = this.#rows;
    if (this.#isBeyond(row.due, id)) {
      if (this.#floor !== undefined && row.due < this.#floor) this.#floor = row.due;
      return rows.length === 0;
    }
    const last = rows[rows.length - 1];
    const at = !last || isBefore(last, row.due, id) ? rows.length : lowerBound(rows, row.due, id);
    if (at === rows.length) rows.push(row);
    else rows.splice(at, 0, row);
    this.shelf.resident++;
    const most = this.shelf.resident > this.shelf.budget ? RESIDENT_LEAN : RESIDENT;
    if (rows.length > most) this.#trim(most);
    return at === 0;
  }

  /** Forgets that it has memory: its rows are dropped from the count of all. */
  retire(): void {
    this.shelf.resident -= this.#rows.length;
    this.#rows = [];
  }

  #isBeyond(due: Instant, id: number): boolean {
    return due > this.#cursorDue || (due === this.#cursorDue && id > this.#cursorId);
  }

  /** Keeps the first rows, half of what fits, and leaves the rest to the disk. */
  #trim(most: number): void {
    const keep = most >> 1;
    const last = this.#rows[keep - 1]!;
    this.shelf.resident -= this.#rows.length - keep;
    this.#rows.length = keep;
    this.#cursorDue = last.due;
    this.#cursorId = rowId(last);
    this.#floor = undefined;
  }

  /** Reads on from the cursor until `n` rows are here or the queue ends. */
  #refill(n: number): void {
    const wanted = Math.max(1, Math.min(n, RESIDENT));
    while (this.#rows.length < wanted && this.#cursorDue !== Infinity) {
      const limit = this.shelf.resident > this.shelf.budget ? Math.max(REFILL_LEAN, wanted) : REFILL;
      const read = this.shelf.beyond(this.id, this.#cursorDue, this.#cursorId, limit);
      this.#floor = undefined;
      for (const row of read) {
        if (this.#held?.has(rowId(row))) continue;
        this.#rows.push(row);
        this.shelf.resident++;
      }
      const last = read[read.length - 1];
      if (last && read.length === limit) {
        this.#cursorDue = last.due;
        this.#cursorId = rowId(last);
      } else {
        this.#cursorDue = Infinity;
        this.#cursorId = Infinity;
      }
    }
  }
}

const isBefore = (row: SpoolRow, due: Instant, id: number) => row.due < due || (row.due === due && rowId(row) < id);

/** Index of the first row not before (due, id). */
function lowerBound(rows: readonly SpoolRow[], due: Instant, id: number): number {
  let low = 0;
  let high = rows.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (isBefore(rows[middle]!, due, id)) low = middle + 1;
    else high = middle;
  }
  return low;
}
