/**
 * One LMDB transaction of the spool: the rows that come, stay and go, and with them what they add up to: totals, who waits in
 * which queue, segment and message, and the keys of the rows whose bodies are being synced beside it.
 *
 * Counts in memory (counters, uses) are those of this transaction from the first put on; what it did to queues is told by
 * `queues` and applied when it is durable. Nothing in here throws once the batch has begun.
 */
import type { DayRow } from '../kernel/day.js';
import type { SideRow } from '../kernel/suppression.js';
import type { Instant } from '../kernel/units.js';
import type { BodyCache } from './body-cache.js';
import type { Slab } from './bytes.js';
import { dayKey } from './day-rows.js';
import { placeBody, type Accepted, type Change, type Entry, type Settled } from './group.js';
import type { MemoryQueue } from './queue.js';
import { ROW_KEY_BYTES, writeKey, type SpoolRow } from './row.js';
import { outdatedReceipts, putReceipts } from './receipts.js';
import {
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
import type { Counters } from './totals.js';

export interface TransactionParts {
  readonly tables: Tables;
  readonly cache: BodyCache;
  readonly node: number;
  /** As of the transaction being written. */
  readonly counters: Counters;
  readonly uses: Map<number, SegmentUse>;
  /** Queues empty for long: their rows go with this transaction. */
  retired(): readonly MemoryQueue[];
}

/** What one transaction holds. */
export interface Work {
  readonly accepted: readonly Accepted[];
  readonly settled: readonly Settled[];
  /** Changes of rows whose bodies moved. */
  readonly moved: readonly { readonly changes: readonly Change[] }[];
  readonly days: readonly DayRow[];
  readonly beside: readonly SideRow[];
  /** Keys of day rows that are over. */
  readonly daysOver: readonly Uint8Array[];
  readonly pruneReceipts: Instant;
}

// Keys are copied the moment they are put: these are written over and over.
const key = new Uint8Array(ROW_KEY_BYTES);
const shortKey = new Uint8Array(4);
const numberKey = new Uint8Array(6);

/** Receipts one transaction forgets at most: others wait for it. */
const MOST_ENDED = 10_000;

export class Transaction {
  /** By how much the recipients waiting in a queue change. */
  readonly queues = new Map<MemoryQueue, number>();
  readonly segments = new Set<number>();
  readonly #parts: TransactionParts;
  readonly #messages = new Map<number, number>();
  readonly #suspects: Entry[] = [];

  constructor(parts: TransactionParts) {
    this.#parts = parts;
  }

  /** Resolves when it is durable; rejects when it is not, or cannot be. */
  async write(work: Work, slab: Slab): Promise<void> {
    const { tables } = this.#parts;
    this.#loadCounts(work.settled);
    const ended = work.pruneReceipts > 0 ? outdatedReceipts(tables.receipts, work.pruneReceipts, MOST_ENDED) : [];
    const receipts = work.accepted.flatMap(({ receipt, entries }) => (receipt ? [{ receipt, number: entries[0]!.row.message }] : []));
    await commit(tables, () => {
      for (const old of ended) void tables.receipts.remove(old);
      for (const one of work.accepted) this.#putMessage(one);
      putReceipts(tables, receipts);
      for (const { changes } of work.settled) for (const change of changes) this.#putChange(change);
      for (const { changes } of work.moved) for (const change of changes) this.#putChange(change);
      for (const old of work.daysOver) void tables.days.remove(old);
      for (const day of work.days) void tables.days.put(dayKey(day), writeJson(day));
      for (const { table, key: at, value } of work.beside) void (value ? tables[table].put(at, value) : tables[table].remove(at));
      this.#putTouched(slab);
    });
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
    this.queues.set(queue, (this.queues.get(queue) ?? 0) + 1);
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
    this.queues.set(queue, (this.queues.get(queue) ?? 0) - 1);
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
        const stored = this.#parts.tables.messages.get(messageKey(numberKey, before.message));
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
    this.segments.add(segment);
  }

  #putTouched(slab: Slab): void {
    const { tables, counters, uses, retired } = this.#parts;
    for (const [queue, delta] of this.queues) {
      void tables.queues.put(u32Key(shortKey, queue.id), writeQueueRow(slab, queue, queue.waiting + delta));
    }
    for (const queue of retired()) if (!this.queues.has(queue)) void tables.queues.remove(u32Key(shortKey, queue.id));
    for (const segment of this.segments) {
      const use = uses.get(segment)!;
      const at = u32Key(shortKey, segment);
      if (use.live > 0) void tables.segments.put(at, writeSegmentUse(slab, use));
      else void tables.segments.remove(at);
    }
    for (const [message, left] of this.#messages) {
      const at = messageKey(numberKey, message);
      if (left > 0) void tables.messages.put(at, u32Key(Buffer.allocUnsafe(4), left));
      else void tables.messages.remove(at);
    }
    if (this.#suspects.length > 0) {
      const keys = Buffer.allocUnsafeSlow(this.#suspects.length * ROW_KEY_BYTES);
      this.#suspects.forEach(({ queue, row }, i) => keys.set(this.#rowKey(queue, row), i * ROW_KEY_BYTES));
      void tables.meta.put(META_SUSPECTS, keys);
    }
    void tables.meta.put(META_COUNTERS, writeJson(counters));
  }

  #rowKey(queue: MemoryQueue, row: SpoolRow): Uint8Array {
    return writeKey(key, queue.id, row.due, this.#parts.node, row.message, row.index);
  }
}
