/**
 * Group commit. One commit is under way at a time: bodies to their segment (fdatasync) and rows to LMDB in parallel; what
 * comes meanwhile goes together into the next. One transaction holds the rows, the totals that count them, who waits in
 * which segment and queue, and the keys of the rows whose bodies are being synced beside it.
 *
 * Nothing resolves before all of it is durable, and no new commit begins before the bodies of the one before are. After a
 * failure nothing is written any more: what was promised is on the disk, what was not is refused.
 */
import type { DayRow } from '../kernel/day.js';
import type { Instant } from '../kernel/units.js';
import type { BodyCache } from './body-cache.js';
import type { Slab } from './bytes.js';
import { placeBody, type Accepted, type Change, type Entry, type Group, type Moved, type Settled } from './group.js';
import type { DurableMark } from './mark.js';
import type { MemoryQueue } from './queue.js';
import { ROW_KEY_BYTES, rowId, writeKey, type SpoolRow } from './row.js';
import type { Segments } from './segments.js';
import {
  dayBound,
  dayKey,
  messageKey,
  META_COUNTERS,
  META_SUSPECTS,
  readU32,
  shareOf,
  u32Key,
  writeJson,
  writeQueueRow,
  writeSegmentUse,
  type SegmentUse,
} from './small-rows.js';
import { commit, type Tables } from './tables.js';
import { totalsOf, type Counters, type Totals } from './totals.js';

export interface CommitterParts {
  readonly tables: Tables;
  readonly segments: Segments;
  readonly mark: DurableMark;
  readonly cache: BodyCache;
  readonly node: number;
  /** As of the group being written. */
  readonly counters: Counters;
  readonly uses: Map<number, SegmentUse>;
  /** Recipients whose change is in a commit that is not over. */
  readonly settling: Set<number>;
  /** Queues empty for long: their rows go with this commit. */
  retired(): readonly MemoryQueue[];
  /** Nobody waits in this queue any more. */
  vacated(queue: MemoryQueue): void;
  /** Nobody waits in these any more, durably. */
  emptied(segments: readonly number[]): void;
  /** Rows arrived, or a head became earlier. */
  heads(queues: ReadonlySet<MemoryQueue>): void;
}

/** What one transaction holds. */
interface Work {
  readonly accepted: readonly Accepted[];
  readonly settled: readonly Settled[];
  readonly moved: readonly Moved[];
  readonly days: readonly DayRow[];
  readonly pruneBefore: Instant;
}

export class Committer {
  readonly #parts: CommitterParts;
  readonly #key = new Uint8Array(ROW_KEY_BYTES);
  readonly #shortKey = new Uint8Array(4);
  readonly #messageKey = new Uint8Array(6);
  #totals: Totals;
  // Of the group being written:
  #queues = new Map<MemoryQueue, number>();
  #segments = new Set<number>();
  #messages = new Map<number, number>();
  #suspects: Entry[] = [];

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
    this.#queues = new Map();
    this.#segments = new Set();
    this.#messages = new Map();
    this.#suspects = [];
    if (group.accepted.length > 0 || group.moved.length > 0) this.#roll();
    const from = segments.position;
    const buffers: Uint8Array[] = [];
    const accepted = this.#placeAll(group.accepted, one => buffers.push(one.head, ...one.content));
    const moved = this.#placeAll(group.moved, one => buffers.push(one.bytes));
    const work: Work = { ...group.takeRest(accepted.length, moved.length), accepted, moved };
    const all = [...accepted, ...work.settled, ...moved];
    try {
      this.#loadCounts(work.settled);
      const body = buffers.length > 0 ? segments.append(from, buffers) : undefined;
      // A body that moves was promised long ago: its rows may point to the new place only when that is durable.
      if (moved.length > 0) await body;
      await Promise.all([body, this.#commit(work, group.slab)]);
      if (body) this.#parts.mark.set(segments.current, segments.position);
    } catch (error) {
      for (const one of all) one.reject(error as Error);
      throw error;
    }
    if (group.isEmpty) group.slab.release();
    this.#apply(work);
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

  #commit(work: Work, slab: Slab): Promise<void> {
    const { tables } = this.#parts;
    const outdated = work.pruneBefore > 0 ? [...tables.days.getKeys({ end: dayBound(work.pruneBefore) })] : [];
    return commit(tables, () => {
      for (const one of work.accepted) this.#putMessage(one);
      for (const { changes } of work.settled) for (const change of changes) this.#putChange(change);
      for (const { changes } of work.moved) for (const change of changes) this.#putChange(change);
      for (const key of outdated) void tables.days.remove(key);
      for (const day of work.days) void tables.days.put(dayKey(day), writeJson(day));
      this.#putTouched(slab);
    });
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

  #putMessage({ entries }: Accepted): void {
    const { counters } = this.#parts;
    for (const entry of entries) this.#putNew(entry);
    const first = entries[0]!.row;
    counters.accepted += entries.length;
    counters.waiting += entries.length;
    counters.messages++;
    counters.bytes += first.size;
    if (entries.length > 1) this.#messages.set(first.message, entries.length);
  }

  #putNew(entry: Entry): void {
    const { queue, row, value } = entry;
    placeBody(value, row.body);
    void this.#parts.tables.rows.put(this.#rowKey(queue, row), value);
    this.#queues.set(queue, (this.#queues.get(queue) ?? 0) + 1);
    this.#use(row, 1);
    this.#suspects.push(entry);
  }

  #putChange({ queue, before, after, count, uncertain }: Change): void {
    const { tables, counters } = this.#parts;
    if (!after || after.row.due !== before.due) void tables.rows.remove(this.#rowKey(queue, before));
    if (count) counters[count]++;
    if (uncertain) counters.uncertain++;
    if (after) {
      const isMoved = after.row.body !== before.body;
      if (isMoved) {
        placeBody(after.value, after.row.body);
        this.#use(before, -1);
        this.#use(after.row, 1);
        this.#parts.cache.drop(before.body);
      }
      void tables.rows.put(this.#rowKey(after.queue, after.row), after.value);
      return;
    }
    this.#queues.set(queue, (this.#queues.get(queue) ?? 0) - 1);
    this.#use(before, -1);
    counters.waiting--;
    if (this.#left(before) > 0) return;
    counters.messages--;
    counters.bytes -= before.size;
    this.#parts.cache.drop(before.body);
  }

  /** Recipients of this row's message that still wait, now that one has left. */
  #left(row: SpoolRow): number {
    if (row.parts === 1) return 0;
    const left = (this.#messages.get(row.message) ?? 0) - 1;
    this.#messages.set(row.message, left);
    return left;
  }

  /** How many wait of each message that is about to lose one; read before the batch, which must not throw. */
  #loadCounts(settled: readonly Settled[]): void {
    for (const { changes } of settled) {
      for (const { before, after } of changes) {
        if (after || before.parts === 1 || this.#messages.has(before.message)) continue;
        const stored = this.#parts.tables.messages.get(messageKey(this.#messageKey, before.message));
        if (!stored) throw new Error(`message ${before.message} has lost its count`);
        this.#messages.set(before.message, readU32(stored));
      }
    }
  }

  #use(row: SpoolRow, sign: 1 | -1): void {
    const { uses } = this.#parts;
    const { segment, length } = row.body;
    let use = uses.get(segment);
    if (!use) uses.set(segment, (use = { live: 0, bytes: 0 }));
    use.live += sign;
    use.bytes += sign * shareOf(length, row.parts);
    this.#segments.add(segment);
  }

  #putTouched(slab: Slab): void {
    const { tables, counters, uses, retired } = this.#parts;
    for (const [queue, delta] of this.#queues) {
      void tables.queues.put(u32Key(this.#shortKey, queue.id), writeQueueRow(slab, queue, queue.waiting + delta));
    }
    for (const queue of retired()) if (!this.#queues.has(queue)) void tables.queues.remove(u32Key(this.#shortKey, queue.id));
    for (const segment of this.#segments) {
      const use = uses.get(segment)!;
      const key = u32Key(this.#shortKey, segment);
      if (use.live > 0) void tables.segments.put(key, writeSegmentUse(slab, use));
      else void tables.segments.remove(key);
    }
    for (const [message, left] of this.#messages) {
      const key = messageKey(this.#messageKey, message);
      if (left > 0) void tables.messages.put(key, u32Key(Buffer.allocUnsafe(4), left));
      else void tables.messages.remove(key);
    }
    if (this.#suspects.length > 0) {
      const keys = Buffer.allocUnsafeSlow(this.#suspects.length * ROW_KEY_BYTES);
      this.#suspects.forEach(({ queue, row }, i) => keys.set(this.#rowKey(queue, row), i * ROW_KEY_BYTES));
      void tables.meta.put(META_SUSPECTS, keys);
    }
    void tables.meta.put(META_COUNTERS, writeJson(counters));
  }

  /** The commit is durable: memory follows. */
  #apply({ accepted, settled, moved }: Work): void {
    const { cache, settling, uses, counters, segments, vacated } = this.#parts;
    const heads = new Set<MemoryQueue>();
    this.#totals = totalsOf(counters);
    for (const [queue, delta] of this.#queues) queue.waiting += delta;
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
    for (const queue of this.#queues.keys()) if (queue.waiting === 0) vacated(queue);
    const empty = [...this.#segments].filter(segment => uses.get(segment)?.live === 0 && segment !== segments.current);
    if (empty.length > 0) this.#parts.emptied(empty);
    if (heads.size > 0) this.#parts.heads(heads);
  }

  #rowKey(queue: MemoryQueue, row: SpoolRow): Uint8Array {
    return writeKey(this.#key, queue.id, row.due, this.#parts.node, row.message, row.index);
  }
}
