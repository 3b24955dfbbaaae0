/**
 * Day counters on the disk: a row for each address, provider and day. Keys begin with the day, so that they are read in order
 * of time; JSON behind. There may be tens of thousands a day: they are read one after the other, and looked through for old
 * ones a chunk a turn.
 */
import { setImmediate as nextTurn } from 'node:timers/promises';
import { crc32 } from 'node:zlib';
import type { DayRow } from '../kernel/day.js';
import type { Instant } from '../kernel/units.js';
import { readJson } from './small-rows.js';
import type { Table } from './tables.js';

const CHUNK = 4_096;
const DAY_BYTES = 6;
const SUM_BYTES = 4;

/** Provider names may be long: a checksum stands for the rest. */
export function dayKey(row: Pick<DayRow, 'address' | 'provider' | 'day'>): Buffer {
  const name = `${row.address}\0${row.provider}`;
  const text = Buffer.from(name.slice(0, 300));
  const key = Buffer.allocUnsafe(DAY_BYTES + text.length + SUM_BYTES);
  key.writeUIntBE(row.day, 0, DAY_BYTES);
  text.copy(key, DAY_BYTES);
  key.writeUInt32BE(crc32(name), DAY_BYTES + text.length);
  return key;
}

/** All rows, oldest days first; to be read within a turn. */
export function* daysOf(table: Table): Generator<DayRow, void, void> {
  for (const { value } of table.getRange({})) yield readJson(value) as DayRow;
}

/** Keys of rows that are over, a chunk a turn. */
export async function* daysOver(table: Table, over: (address: string, day: Instant) => boolean): AsyncGenerator<Uint8Array[]> {
  for (let start: Uint8Array = Buffer.alloc(0); ;) {
    const keys = [...table.getKeys({ start, exclusiveStart: true, limit: CHUNK })];
    const gone = keys.filter(key => {
      const bytes = Buffer.from(key.buffer, key.byteOffset, key.length);
      return over(bytes.toString('latin1', DAY_BYTES, bytes.indexOf(0, DAY_BYTES)), bytes.readUIntBE(0, DAY_BYTES));
    });
    if (gone.length > 0) yield gone;
    const last = keys.at(-1);
    if (!last || keys.length < CHUNK) return;
    start = last;
    await nextTurn();
  }
}
