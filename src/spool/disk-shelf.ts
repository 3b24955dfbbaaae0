/**
 * What a queue in memory asks of the disk: the rows beyond those it has, and whether a row is still the one it was.
 */
import type { QueuedRecipient } from '../kernel/message.js';
import type { MemoryQueue, Shelf } from './queue.js';
import { isSame, readKey, readRow, type SpoolRow } from './row.js';
import { queueEnd, queueStart, rowKey } from './scan.js';
import { readRows, type Tables } from './tables.js';

export const RESIDENT_ROWS = 100_000;

/** Rows of a queue with keys behind `after`, at most `limit`, read in this turn. */
export function rowsBehind(tables: Tables, after: Uint8Array, queue: number, limit: number): SpoolRow[] {
  const rows: SpoolRow[] = [];
  readRows(tables, after, queueEnd(queue), limit, (key, value) => rows.push(readRow(readKey(key), value)));
  return rows;
}

/** `budget`: rows in memory over all queues before queues keep fewer. */
export function diskShelf(tables: Tables, node: number, budget: number, headChanged: (queue: MemoryQueue) => void): Shelf {
  return {
    resident: 0,
    budget,
    beyond: (queue, due, id, limit) => {
      const start = due < 0 ? queueStart(queue) : rowKey(queue, due, node, { message: Math.floor(id / 65_536), index: id % 65_536 });
      return rowsBehind(tables, start, queue, limit);
    },
    has: (queue: number, row: QueuedRecipient) => {
      const value = tables.rows.get(rowKey(queue, row.due, node, row));
      return value !== undefined && isSame(readRow({ queue, node, ...row }, value), row);
    },
    headChanged,
  };
}
