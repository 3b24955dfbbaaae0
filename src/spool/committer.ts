/**
 * Group commit. One commit is under way at a time: bodies to their segment (fdatasync) and rows to LMDB in parallel; what
 * comes meanwhile goes together into the next.
 *
 * Nothing resolves before all of it is durable, and no new commit begins before the bodies of the one before are. After a
 * failure nothing is written any more: what was promised is on the disk, what was not is refused.
 */
import type { Accepted, Group, Moved } from './group.js';
import type { DurableMark } from './mark.js';
import type { MemoryQueue } from './queue.js';
import { rowId } from './row.js';
import type { Segments } from './segments.js';
import { Transaction, type TransactionParts, type Work } from './transaction.js';
import { totalsOf, type Totals } from './totals.js';

export interface CommitterParts extends TransactionParts {
  readonly segments: Segments;
  readonly mark: DurableMark;
  /** Recipients whose change is in a commit that is not over. */
  readonly settling: Set<number>;
  /** Nobody waits in this queue any more. */
  vacated(queue: MemoryQueue): void;
  /** Nobody waits in these any more, durably. */
  emptied(segments: readonly number[]): void;
  /** Rows arrived, or a head became earlier. */
  heads(queues: ReadonlySet<MemoryQueue>): void;
}

export class Committer {
  readonly #parts: CommitterParts;
  #totals: Totals;

  constructor(parts: CommitterParts) {
    this.#parts = parts;
    this.#totals = totalsOf(parts.counters);
  }

  /** As of the last commit. */
  get totals(): Totals {
    return this.#totals;
  }

  /**
   * Writes a group; resolves when it is durable and applied. What does not fit the segment any more is left in the group.
   * Rejects when disk or LMDB refuse: nothing may be committed after that.
   */
  async write(group: Group): Promise<void> {
    const { segments } = this.#parts;
    if (group.accepted.length > 0 || group.moved.length > 0) this.#roll();
    const from = segments.position;
    const buffers: Uint8Array[] = [];
    const accepted = this.#placeAll(group.accepted, one => buffers.push(one.head, ...one.content));
    const moved = this.#placeAll(group.moved, one => buffers.push(one.bytes));
    const transaction = new Transaction(this.#parts);
    const work: Work = { ...group.takeRest(accepted.length, moved.length), accepted, moved };
    const all = [...accepted, ...work.settled, ...moved];
    try {
      const body = buffers.length > 0 ? segments.append(from, buffers) : undefined;
      // A body that moves was promised long ago: its rows may point to the new place only when that is durable.
      if (moved.length > 0) await body;
      await Promise.all([body, transaction.write(work, group.slab)]);
      if (body) this.#parts.mark.set(segments.current, segments.position);
    } catch (error) {
      for (const one of all) one.reject(error as Error);
      throw error;
    }
    if (group.isEmpty) group.slab.release();
    this.#apply(work, transaction);
    for (const one of accepted) one.resolve(one.entries[0]!.row.message);
    for (const one of work.settled) one.resolve();
    for (const one of moved) one.resolve();
  }

  /** Moves on to a new segment when the current one is full; nobody may be waiting in the old one any more. */
  #roll(): void {
    const { segments, counters, uses, emptied } = this.#parts;
    const sealed = segments.current;
    segments.roll();
    counters.nextSegment = segments.current + 1;
    if (sealed !== segments.current && !uses.get(sealed)?.live) emptied([sealed]);
  }

  /** Gives records their places while the segment has room; returns those that got one. */
  #placeAll<T extends Accepted | Moved>(all: readonly T[], take: (one: T) => void): readonly T[] {
    const { segments } = this.#parts;
    let n = 0;
    for (; n < all.length && !segments.isFull; n++) {
      const one = all[n]!;
      const { segment, offset } = segments.place(one.body.length);
      one.body.segment = segment;
      one.body.offset = offset;
      take(one);
    }
    return n === all.length ? all : all.slice(0, n);
  }

  /** The commit is durable: memory follows. */
  #apply({ accepted, settled, moved }: Work, { queues, segments: touched }: Transaction): void {
    const { cache, settling, uses, counters, segments, vacated } = this.#parts;
    const heads = new Set<MemoryQueue>();
    this.#totals = totalsOf(counters);
    for (const [queue, delta] of queues) queue.waiting += delta;
    for (const { entries, envelope, content, body } of accepted) {
      cache.add(body, { envelope, content });
      for (const { queue, row } of entries) {
        queue.release(rowId(row));
        queue.enter(row);
        heads.add(queue);
      }
    }
    for (const { changes } of [...settled, ...moved]) {
      for (const { queue, before, after } of changes) {
        const id = rowId(before);
        settling.delete(id);
        queue.release(id);
        if (after && queue.enter(after.row)) heads.add(queue);
      }
    }
    for (const queue of queues.keys()) if (queue.waiting === 0) vacated(queue);
    const empty = [...touched].filter(segment => uses.get(segment)?.live === 0 && segment !== segments.current);
    if (empty.length > 0) this.#parts.emptied(empty);
    if (heads.size > 0) this.#parts.heads(heads);
  }
}
