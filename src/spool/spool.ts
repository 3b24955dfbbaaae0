/**
 * The spool behind its face: what was handed in goes to the writer, and reads go to memory first. The parts are in their own
 * files: writing and committing, queues, segments, room on the disk, compaction.
 */
import type { DayRow } from '../kernel/day.js';
import {
  domainOf,
  MOST_RECIPIENTS,
  type BodyRef,
  type Envelope,
  type MessageNumber,
  type NewRecipient,
  type QueuedRecipient,
  type Receipt,
} from '../kernel/message.js';
import type { Queue, RowChange } from '../kernel/queue.js';
import type { SideRow } from '../kernel/suppression.js';
import type { Instant } from '../kernel/units.js';
import { BodyCache } from './body-cache.js';
import { Committer } from './committer.js';
import { Compactor } from './compactor.js';
import { daysOf, daysOver } from './day-rows.js';
import { diskShelf, RESIDENT_ROWS, rowsBehind } from './disk-shelf.js';
import type { Group } from './group.js';
import { DurableMark } from './mark.js';
import { MessageNumbers } from './numbers.js';
import { markPath, readSpool } from './opening.js';
import type { MemoryQueue } from './queue.js';
import { Queues } from './queues.js';
import { findReceipt, outdatedReceipts, type StoredReceipt } from './receipts.js';
import { readRecord } from './record.js';
import { ReportRows } from './report-rows.js';
import { queueStart, rowKey, rowsOf } from './scan.js';
import { SEGMENT_BYTES, Segments, syncFolder } from './segments.js';
import { META_COUNTERS, writeJson, type SegmentUse } from './small-rows.js';
import { SharedJobs } from './shared-jobs.js';
import type { Space } from './space.js';
import type { Content, Store, StoreOptions } from './store.js';
import { SuppressionRows } from './suppression-rows.js';
import type { Tables } from './tables.js';
import { Writer } from './writer.js';
import type { Counters, Totals } from './totals.js';

const CACHE_BYTES = 64 * 1024 * 1024;

export class Spool implements Store {
  readonly unfinished: number;
  readonly suppression: SuppressionRows;
  readonly reports: ReportRows;
  readonly #options: StoreOptions;
  readonly #tables: Tables;
  readonly #segments: Segments;
  readonly #mark: DurableMark;
  readonly #space: Space;
  readonly #cache: BodyCache;
  readonly #queues: Queues;
  readonly #committer: Committer;
  readonly #compactor: Compactor;
  readonly #counters: Counters;
  readonly #uses: Map<number, SegmentUse>;
  readonly #settling = new Set<number>();
  readonly #listeners: ((queue: Queue) => void)[] = [];
  readonly #dropping = new Set<Promise<void>>();
  readonly #writer: Writer;
  readonly #numbers: MessageNumbers;

  constructor(options: StoreOptions, segmentDir: string, tables: Tables, space: Space) {
    this.#options = options;
    this.#tables = tables;
    this.suppression = new SuppressionRows(tables.suppression);
    this.reports = new ReportRows(tables.reports);
    const shelf = diskShelf(tables, options.node, options.residentRows ?? RESIDENT_ROWS, queue => this.#tell([queue]));
    const opened = readSpool(options.dir, segmentDir, tables, options.node, shelf);
    this.unfinished = opened.unfinished;
    this.#counters = opened.counters;
    this.#uses = opened.uses;
    this.#writer = new Writer({ settling: this.#settling, write: group => this.#write(group), onFailure: options.onFailure });
    const shared = new SharedJobs(row => this.#writer.refusal ?? this.#writer.next.beside.push(row));
    this.#queues = new Queues(shelf, () => this.#counters.nextQueue++, options.jobs, options.jobQueues, shared);
    for (const queue of opened.queues) this.#queues.add(queue);
    shared.restore(tables, id => this.#queues.get(id));
    this.#numbers = new MessageNumbers(this.#counters);
    tables.root.transactionSync(() => void tables.meta.put(META_COUNTERS, writeJson(this.#counters)));
    const segmentBytes = options.segmentBytes ?? SEGMENT_BYTES;
    this.#segments = new Segments(segmentDir, this.#counters.nextSegment, segmentBytes, options.disk);
    syncFolder(options.dir);
    this.#cache = new BodyCache(options.cacheBytes ?? CACHE_BYTES);
    this.#space = space;
    this.#mark = new DurableMark(markPath(options.dir));
    this.#committer = new Committer({
      tables,
      mark: this.#mark,
      segments: this.#segments,
      cache: this.#cache,
      node: options.node,
      counters: this.#counters,
      uses: this.#uses,
      settling: this.#settling,
      retired: () => this.#queues.retire(options.clock.now()),
      vacated: queue => this.#queues.vacated(queue, options.clock.now()),
      emptied: segments => this.#dropSegments(segments),
      heads: queues => this.#tell(queues),
    });
    this.#compactor = new Compactor({
      tables,
      segments: this.#segments,
      uses: this.#uses,
      segmentBytes,
      queue: id => this.#queues.get(id),
      move: (bytes, taken) => this.#writer.next.move(bytes, taken),
    });
  }

  accept(envelope: Envelope, recipients: readonly NewRecipient[], content: Content, receipt?: Receipt): Promise<MessageNumber> {
    const refusal = this.#writer.refusal;
    if (refusal) return Promise.reject(refusal);
    if (recipients.length === 0 || recipients.length > MOST_RECIPIENTS) {
      return Promise.reject(new RangeError(`a message has 1 to ${MOST_RECIPIENTS} recipients, not ${recipients.length}`));
    }
    const number = this.#numbers.take();
    if (number === undefined) return this.#afterReserve().then(() => this.accept(envelope, recipients, content, receipt));
    const { pool, warmUp, priority, job } = envelope;
    const queueOf = (to: NewRecipient) => this.#queues.findOrMake({ pool, domain: domainOf(to.address), warmUp, priority, job });
    // Down to a whole millisecond: due at once, not in a fraction of one.
    const due = Math.floor(this.#options.clock.now());
    try {
      const parts = typeof content === 'function' ? content(number) : Buffer.isBuffer(content) ? [content] : content;
      const accepted = this.#writer.next.accept(number, envelope, recipients, parts, queueOf, due, receipt);
      let bytes = 0;
      for (const part of parts) bytes += part.length;
      this.#space.takes(bytes, accepted);
      return accepted;
    } catch (error) {
      return Promise.reject(error as Error);
    }
  }

  receipt(key: Buffer): StoredReceipt | undefined {
    const found = findReceipt(this.#tables.receipts, key);
    return found && found.until > this.#options.clock.now() ? found : undefined;
  }

  pruneReceipts(): void {
    const now = this.#options.clock.now();
    // A commit for nothing would be a sync for nothing.
    if (!this.#writer.refusal && outdatedReceipts(this.#tables.receipts, now, 1).length > 0) this.#writer.next.pruneReceipts = now;
  }

  room(): 'ok' | 'full' {
    return this.#space.room();
  }

  async mail(ref: BodyRef): Promise<{ readonly envelope: Envelope; readonly content: readonly Buffer[] }> {
    const cached = this.#cache.get(ref);
    if (cached) return cached;
    const { envelope, content } = readRecord(ref, await this.#segments.read(ref));
    return { envelope, content: [content] };
  }

  async body(ref: BodyRef): Promise<{ readonly envelope: Envelope; readonly content: Buffer }> {
    const { envelope, content } = await this.mail(ref);
    return { envelope, content: Buffer.concat(content) };
  }

  settle(changes: readonly RowChange[], days: readonly DayRow[], beside: readonly SideRow[] = []): Promise<void> {
    const refusal = this.#writer.refusal;
    if (refusal) return Promise.reject(refusal);
    return this.#writer.next.settle(changes, days, beside);
  }

  days(): Iterable<DayRow> {
    return daysOf(this.#tables.days);
  }

  async pruneDays(over: (address: string, day: Instant) => boolean): Promise<void> {
    for await (const keys of daysOver(this.#tables.days, over)) {
      if (this.#writer.refusal) return;
      this.#writer.next.daysOver.push(...keys);
      await this.settle([], []);
    }
  }

  totals(): Totals {
    return this.#committer.totals;
  }

  queues(): Iterable<Queue> {
    return this.#queues.all();
  }

  queue(id: number): Queue | undefined {
    return this.#queues.get(id);
  }

  get sharedJobs(): SharedJobs {
    return this.#queues.shared;
  }

  onHead(listener: (queue: Queue) => void): void {
    this.#listeners.push(listener);
  }

  async *find(number: MessageNumber): AsyncGenerator<{ readonly queue: Queue; readonly row: QueuedRecipient }> {
    for await (const { queue: id, row } of rowsOf(this.#tables, number)) {
      const queue = this.#queues.get(id);
      if (queue) yield { queue, row };
    }
  }

  async scan(queue: Queue, limit: number, from?: QueuedRecipient): Promise<QueuedRecipient[]> {
    const after = from ? rowKey(queue.id, from.due, this.#options.node, from) : queueStart(queue.id);
    return rowsBehind(this.#tables, after, queue.id, limit);
  }

  hasMail(): boolean {
    return this.totals().accepted > 0;
  }

  compact(): Promise<number> {
    return this.#compactor.run();
  }

  async close(): Promise<void> {
    await this.#compactor.stop();
    await this.#writer.close();
    await Promise.all(this.#dropping);
    this.#mark.close();
    await this.#segments.close();
    await this.#tables.root.close();
  }

  async #write(group: Group): Promise<void> {
    // Frees the ballast in time: a disk that others fill must still take outcomes.
    this.#space.room();
    this.#numbers.reserve();
    const segment = this.#segments.current;
    await this.#committer.write(group);
    this.#numbers.committed();
    if (segment !== this.#segments.current) void this.#compactor.run().catch(() => undefined);
  }

  /** A commit that reserves more numbers. */
  async #afterReserve(): Promise<void> {
    await this.#writer.next.settle([], []);
  }

  #dropSegments(segments: readonly number[]): void {
    for (const segment of segments) {
      this.#uses.delete(segment);
      const drop = this.#segments.drop(segment).finally(() => this.#dropping.delete(drop));
      this.#dropping.add(drop);
    }
  }

  #tell(queues: Iterable<MemoryQueue>): void {
    for (const queue of queues) for (const listener of this.#listeners) listener(queue);
  }
}
