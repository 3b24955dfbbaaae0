/**
 * Looking through the rows on the disk, for operators: a chunk a turn, so that mail goes on meanwhile. What moves during a
 * scan may be met twice or not at all; who acts on a row takes it first, and sees then whether it is still there.
 */
import { setImmediate as nextTurn } from 'node:timers/promises';
import type { MessageNumber } from '../kernel/message.js';
import { readKey, readRow, ROW_KEY_BYTES, writeKey, type RowKey, type SpoolRow } from './row.js';
import { readRows, type Tables } from './tables.js';

const CHUNK = 512;
/** Keys alone are cheaper. */
const KEY_CHUNK = 4_096;

export const rowKey = (queue: number, due: number, node: number, id: { message: number; index: number }): Uint8Array =>
  writeKey(new Uint8Array(ROW_KEY_BYTES), queue, due, node, id.message, id.index);

/** The key before all rows of a queue and the one behind them. */
export const queueStart = (queue: number): Uint8Array => writeKey(new Uint8Array(ROW_KEY_BYTES), queue, 0, 0, 0, 0);
export const queueEnd = (queue: number): Uint8Array => queueStart(queue + 1);

/** All rows, chunk by chunk, from the first queue to the last. */
export async function* allRows(tables: Tables): AsyncGenerator<readonly { readonly key: RowKey; readonly row: SpoolRow }[]> {
  let after = queueStart(0);
  for (;;) {
    const chunk: { key: RowKey; row: SpoolRow }[] = [];
    readRows(tables, after, undefined, CHUNK, (key, value) => {
      const parsed = readKey(key);
      chunk.push({ key: parsed, row: readRow(parsed, value) });
      after = key;
    });
    if (chunk.length > 0) yield chunk;
    if (chunk.length < CHUNK) return;
    await nextTurn();
  }
}

/** Rows of one message, whatever queues they are in. */
export async function* rowsOf(tables: Tables, message: MessageNumber): AsyncGenerator<{ readonly queue: number; readonly row: SpoolRow }> {
  let start = queueStart(0);
  for (;;) {
    const found: { key: RowKey; bytes: Uint8Array }[] = [];
    let read = 0;
    for (const key of tables.rows.getKeys({ start, exclusiveStart: true, limit: KEY_CHUNK })) {
      read++;
      start = key;
      const parsed = readKey(key);
      if (parsed.message === message) found.push({ key: parsed, bytes: key });
    }
    for (const { key, bytes } of found) {
      const value = tables.rows.get(bytes);
      if (value) yield { queue: key.queue, row: readRow(key, value) };
    }
    if (read < KEY_CHUNK) return;
    await nextTurn();
  }
}
