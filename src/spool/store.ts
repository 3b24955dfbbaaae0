/**
 * The spool's face: what was accepted and has not left. accept() resolves when a message is durable, settle() when an outcome
 * is; between them a message waits in its queues, in due order, however many there are.
 *
 * Promises not to lose what was accepted, not to give a message number twice, and to count every recipient once. After a
 * failed commit it accepts and settles nothing more and says so once (onFailure). Never loads the backlog into memory.
 */
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import type { Clock } from '../kernel/clock.js';
import type { DayRow } from '../kernel/day.js';
import { FaultError } from '../kernel/fault.js';
import type { BodyRef, Envelope, MessageNumber, NewRecipient, QueuedRecipient, Receipt } from '../kernel/message.js';
import type { Queue, RowChange } from '../kernel/queue.js';
import type { SideRow } from '../kernel/suppression.js';
import type { Instant } from '../kernel/units.js';
import type { JobQueues } from './queues.js';
import type { StoredReceipt } from './receipts.js';
import { segmentNumbers, type SegmentDisk } from './segments.js';
import type { SharedJobs } from './shared-jobs.js';
import { Space } from './space.js';
import { Spool } from './spool.js';
import type { ReportRows } from './report-rows.js';
import type { SuppressionRows } from './suppression-rows.js';
import { openTables, unusable, type Tables } from './tables.js';
import type { Totals } from './totals.js';

export { DamagedBody } from './record.js';
export type { Totals } from './totals.js';

export interface StoreOptions {
  /** The spool's own folder; made when missing. */
  readonly dir: string;
  /** Node number in keys, 0 to 255. */
  readonly node: number;
  readonly clock: Clock;
  /** Free bytes below which room() says full. */
  readonly minFree: number;
  /** Called once: a commit failed, nothing more is accepted. */
  onFailure(error: Error): void;
  /** Bytes after which a segment is sealed; 64 MB unless said, at most 128 MB. */
  readonly segmentBytes?: number;
  /** Bytes of recently accepted bodies kept in memory; 64 MB unless said. */
  readonly cacheBytes?: number;
  /** Bytes of the file given up on a full disk; 16 MB unless said. */
  readonly ballast?: number;
  /** Rows kept in memory over all queues before queues keep fewer. */
  readonly residentRows?: number;
  /** Who is asked about jobs, and told. */
  readonly jobs?: JobQueues;
  /** Queues of jobs, beyond which jobs share queues; 100,000 unless said. */
  readonly jobQueues?: number;
  /** Seams for tests. */
  readonly disk?: SegmentDisk;
  readonly free?: (dir: string) => number;
}

/** A message's bytes, or how to make them once its number is known. */
export type Content = Buffer | readonly Buffer[] | ((number: MessageNumber) => readonly Buffer[]);

export interface Store {
  /**
   * Resolves when body and rows are durable. Each recipient is due now, in the queue of (pool, its domain, wish, priority, job). Rejects
   * when the commit failed, and with RangeError what cannot be stored (no recipient, more than 65,536, a string over 64 KB). `receipt` is as
   * durable as the message.
   */
  accept(envelope: Envelope, recipients: readonly NewRecipient[], content: Content, receipt?: Receipt): Promise<MessageNumber>;
  /** The receipt of this key, if one was given to accept() and has not ended. */
  receipt(key: Buffer): StoredReceipt | undefined;
  /** Forgets receipts that have ended, some thousands of them. */
  pruneReceipts(): void;
  /** Whether the disk has room for new mail; looked up at most once a second. */
  room(): 'ok' | 'full';
  /** The content in the pieces in which it is in memory. Checksum verified; rejects with DamagedBody. */
  mail(ref: BodyRef): Promise<{ readonly envelope: Envelope; readonly content: readonly Buffer[] }>;
  /** The same in one piece. */
  body(ref: BodyRef): Promise<{ readonly envelope: Envelope; readonly content: Buffer }>;
  /**
   * One transaction for all of it. Rows must be taken; afterwards they are free again, or gone. Throws when a row was not
   * taken, is being settled already, or leaves uncounted: a mistake of the caller's.
   */
  settle(changes: readonly RowChange[], days: readonly DayRow[], beside?: readonly SideRow[]): Promise<void>;
  readonly suppression: SuppressionRows;
  readonly reports: ReportRows;
  /** Oldest first; to be read within a turn. */
  days(): Iterable<DayRow>;
  /** Looks through all day counters, a chunk a turn, and forgets those that are over. */
  pruneDays(over: (address: string, day: Instant) => boolean): Promise<void>;
  /** As of the last commit. */
  totals(): Totals;
  queues(): Iterable<Queue>;
  queue(id: number): Queue | undefined;
  /** Jobs whose mail waits in queues of others. */
  readonly sharedJobs: Pick<SharedJobs, 'names' | 'queuesOf'>;
  /** A queue's head became earlier, or rows arrived in it. */
  onHead(listener: (queue: Queue) => void): void;
  /** The waiting recipients of a message, found by reading all keys, a chunk a turn. Take a row before acting on it. */
  find(number: MessageNumber): AsyncIterable<{ readonly queue: Queue; readonly row: QueuedRecipient }>;
  /** Rows of a queue in due order, behind `from` if given. Take a row before acting on it. */
  scan(queue: Queue, limit: number, from?: QueuedRecipient): Promise<QueuedRecipient[]>;
  /** Has it ever accepted mail? Then a missing state.json beside it is a fault. */
  hasMail(): boolean;
  /** Recipients dropped at the start: of messages whose bodies did not become durable, never acknowledged. */
  readonly unfinished: number;
  /** Copies stragglers out of segments that are mostly dead, when it is worth it; also runs by itself. Resolves to rows moved. */
  compact(): Promise<number>;
  /** Commits what was handed in, then closes. */
  close(): Promise<void>;
}

/** Opens or makes the spool. Rejects with FaultError when it is damaged, newer than this rampd, of another node, or unusable. */
export async function openStore(options: StoreOptions): Promise<Store> {
  const segmentDir = join(options.dir, 'segments');
  let tables: Tables | undefined;
  try {
    mkdirSync(segmentDir, { recursive: true, mode: 0o700 });
    // First of all: on a full disk the ballast goes, so that the rest can be written.
    const space = new Space(options);
    tables = openTables(options.dir, segmentNumbers(segmentDir).length > 0);
    return new Spool(options, segmentDir, tables, space);
  } catch (error) {
    await tables?.root.close();
    // An errno of node (ENOSPC) or of LMDB (28): the file system said no.
    if (error instanceof FaultError || (error as { code?: unknown }).code === undefined) throw error;
    throw unusable(options.dir, error as Error);
  }
}
