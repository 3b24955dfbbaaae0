/**
 * What is done before a spool takes its first message: format and node, the rows whose bodies were being synced when the
 * last process died, segments nobody waits in, and the queues with their heads.
 *
 * Never loads the backlog: a queue costs one look at its first row, whatever waits behind it. Never removes mail that was
 * promised: only rows of the very last commit go, and only when their bodies were never reported durable and are not whole.
 */
import { closeSync, existsSync, openSync, readSync, unlinkSync } from 'node:fs';
import { join } from 'node:path';
import { FaultError } from '../kernel/fault.js';
import type { BodyRef } from '../kernel/message.js';
import { Reader } from './bytes.js';
import { readMark } from './mark.js';
import { MemoryQueue, type Shelf } from './queue.js';
import { dropReceipts } from './receipts.js';
import { checkRecord, DamagedBody } from './record.js';
import { readKey, readRow, ROW_KEY_BYTES, type SpoolRow } from './row.js';
import { queueEnd, queueStart } from './scan.js';
import { segmentNumbers, segmentPath } from './segments.js';
import {
  messageKey,
  META_COUNTERS,
  META_FORMAT,
  META_SUSPECTS,
  readJson,
  readQueueRow,
  readSegmentUse,
  readU32,
  shareOf,
  u32Key,
  writeJson,
  writeQueueRow,
  writeSegmentUse,
  type SegmentUse,
} from './small-rows.js';
import { Slab } from './bytes.js';
import { FORMAT, indexPath, type Tables } from './tables.js';
import { noCounters, type Counters } from './totals.js';

export const markPath = (dir: string): string => join(dir, 'durable');

export interface Opened {
  readonly counters: Counters;
  readonly uses: Map<number, SegmentUse>;
  readonly queues: readonly MemoryQueue[];
  /** Recipients of messages that were never acknowledged, dropped now. */
  readonly unfinished: number;
}

const fault = (dir: string, code: string, what: string, hint: string): FaultError =>
  new FaultError([{ code, place: { file: indexPath(dir), line: 0, col: 0 }, what, hint }]);

/** Reads and mends the spool in `dir`. Throws FaultError when it is newer, of another node, or damaged. */
export function readSpool(dir: string, segmentDir: string, tables: Tables, node: number, shelf: Shelf): Opened {
  try {
    const counters = readCounters(dir, tables, node);
    const unfinished = dropUnfinished(segmentDir, tables, counters, readMark(markPath(dir)));
    const uses = readUses(dir, segmentDir, tables);
    counters.nextSegment = Math.max(counters.nextSegment, (segmentNumbers(segmentDir).at(-1) ?? 0) + 1);
    return { counters, uses, queues: readQueues(dir, tables, shelf), unfinished };
  } catch (error) {
    if (error instanceof RangeError || error instanceof SyntaxError) {
      throw fault(dir, 'spool-damaged', `the index of the spool is damaged: ${error.message}`, 'restore the spool folder from a copy');
    }
    throw error;
  }
}

function readCounters(dir: string, tables: Tables, node: number): Counters {
  const stored = tables.meta.get(META_FORMAT);
  const counted = tables.meta.get(META_COUNTERS);
  const counters: Counters = { ...noCounters(), ...(counted ? (readJson(counted) as Partial<Counters>) : {}) };
  if (stored) {
    const { format, node: was } = readJson(stored) as { format: number; node: number };
    if (format > FORMAT) {
      const hint = 'start the rampd that wrote it, or a newer one';
      throw fault(dir, 'spool-newer', `the spool has format ${format}, this rampd knows ${FORMAT}`, hint);
    }
    if (was === node) return counters;
    if (counters.waiting > 0) {
      const hint = `set node: ${was} until it is empty; ids of its messages carry the number`;
      throw fault(dir, 'spool-node', `the spool was filled by node ${was}, the configuration says ${node}`, hint);
    }
  }
  tables.root.transactionSync(() => {
    void tables.meta.put(META_FORMAT, writeJson({ format: FORMAT, node }));
  });
  return counters;
}

/** Rows of the last commit whose bodies did not reach the disk with them. */
function dropUnfinished(segmentDir: string, tables: Tables, counters: Counters, wasDurable: (body: BodyRef) => boolean): number {
  const keys = tables.meta.get(META_SUSPECTS);
  if (!keys) return 0;
  const lost: { key: Uint8Array; queue: number; row: SpoolRow }[] = [];
  for (let at = 0; at + ROW_KEY_BYTES <= keys.length; at += ROW_KEY_BYTES) {
    const key = keys.slice(at, at + ROW_KEY_BYTES);
    const value = tables.rows.get(key);
    if (!value) continue;
    const parsed = readKey(key);
    const row = readRow(parsed, value);
    if (!wasDurable(row.body) && !isWhole(segmentDir, row.body)) lost.push({ key, queue: parsed.queue, row });
  }
  if (lost.length === 0) return 0;
  const slab = new Slab();
  tables.root.transactionSync(() => {
    for (const { key, queue, row } of lost) {
      void tables.rows.remove(key);
      counters.accepted--;
      counters.waiting--;
      const queueKey = u32Key(new Uint8Array(4), queue);
      const was = readQueueRow(tables.queues.get(queueKey) ?? new Uint8Array());
      void tables.queues.put(queueKey, writeQueueRow(slab, was, was.waiting - 1));
      const segmentKey = u32Key(new Uint8Array(4), row.body.segment);
      const use = readSegmentUse(tables.segments.get(segmentKey) ?? new Uint8Array());
      use.live--;
      use.bytes -= shareOf(row.body.length, row.parts);
      if (use.live > 0) void tables.segments.put(segmentKey, writeSegmentUse(slab, use));
      else void tables.segments.remove(segmentKey);
      if (lastOfMessage(tables, row)) {
        counters.messages--;
        counters.bytes -= row.size;
      }
    }
    dropReceipts(tables, new Set(lost.map(({ row }) => row.message)));
    void tables.meta.put(META_COUNTERS, writeJson(counters));
    void tables.meta.remove(META_SUSPECTS);
  });
  return lost.length;
}

/** Inside a transaction: counts one recipient of the row's message off; true when none is left. */
function lastOfMessage(tables: Tables, row: SpoolRow): boolean {
  if (row.parts === 1) return true;
  const key = messageKey(new Uint8Array(6), row.message);
  const left = readU32(tables.messages.get(key) ?? new Uint8Array()) - 1;
  if (left > 0) void tables.messages.put(key, u32Key(new Uint8Array(4), left));
  else void tables.messages.remove(key);
  return left === 0;
}

function isWhole(segmentDir: string, ref: BodyRef): boolean {
  const path = segmentPath(segmentDir, ref.segment);
  if (!existsSync(path)) return false;
  const bytes = Buffer.alloc(ref.length);
  const fd = openSync(path, 'r');
  try {
    checkRecord(ref, bytes.subarray(0, readSync(fd, bytes, 0, ref.length, ref.offset)));
    return true;
  } catch (error) {
    if (error instanceof DamagedBody) return false;
    throw error;
  } finally {
    closeSync(fd);
  }
}

/** Who waits in which segment; files nobody waits in are unlinked, a file that is missing is a fault. */
function readUses(dir: string, segmentDir: string, tables: Tables): Map<number, SegmentUse> {
  const uses = new Map<number, SegmentUse>();
  for (const { key, value } of tables.segments.getRange({})) uses.set(new Reader(key).u32(), readSegmentUse(value));
  const files = new Set(segmentNumbers(segmentDir));
  for (const [segment, { live }] of uses) {
    if (files.has(segment)) continue;
    const hint = `restore ${segmentPath(segmentDir, segment)} from a copy`;
    throw fault(dir, 'spool-damaged', `the bodies of ${live} recipients are missing: segment ${segment}`, hint);
  }
  for (const segment of files) if (!uses.has(segment)) unlinkSync(segmentPath(segmentDir, segment));
  return uses;
}

function readQueues(dir: string, tables: Tables, shelf: Shelf): MemoryQueue[] {
  const queues: MemoryQueue[] = [];
  const empty: Uint8Array[] = [];
  for (const { key, value } of tables.queues.getRange({})) {
    const id = new Reader(key).u32();
    const { pool, domain, warmUp, priority, job, waiting } = readQueueRow(value);
    if (waiting === 0) {
      empty.push(key);
      continue;
    }
    const queue = new MemoryQueue(id, pool, domain, warmUp, shelf, priority, job);
    const [head] = tables.rows.getKeys({ start: queueStart(id), end: queueEnd(id), limit: 1 });
    if (!head)
      throw fault(dir, 'spool-damaged', `queue ${domain}@${pool} says ${waiting} wait and has no rows`, 'restore the spool folder');
    queue.restore(waiting, readKey(head).due);
    queues.push(queue);
  }
  if (empty.length > 0) {
    tables.root.transactionSync(() => {
      for (const key of empty) void tables.queues.remove(key);
    });
  }
  return queues;
}
