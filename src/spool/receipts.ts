/**
 * Receipts: under what key a client handed a message in, so that the same request asked again is answered again and stores
 * nothing. A receipt is written in the transaction of its message: neither is there without the other.
 *
 * Two rows each: 0, key → version, until, message number, digest of what was asked; and 1, until, key, so that old ones are a
 * range. Never interprets key or digest, both of which are 32 bytes.
 */
import type { MessageNumber, Receipt } from '../kernel/message.js';
import type { Instant } from '../kernel/units.js';
import type { Table, Tables } from './tables.js';

const KEY_BYTES = 32;
const VALUE_BYTES = 13 + KEY_BYTES;
/** Keys of the receipts of the last commit that had any: on a crash the bodies of their messages may be missing. */
const META_SUSPECT_RECEIPTS = Buffer.from('suspect-receipts');
const PRESENT = Buffer.from([1]);

export interface StoredReceipt {
  readonly number: MessageNumber;
  readonly digest: Buffer;
  readonly until: Instant;
}

const rowKey = (key: Uint8Array): Buffer => Buffer.concat([Buffer.from([0]), key]);

function timeKey(until: Instant, key: Uint8Array = new Uint8Array()): Buffer {
  const head = Buffer.alloc(7);
  head[0] = 1;
  head.writeUIntBE(Math.max(0, Math.floor(until)), 1, 6);
  return Buffer.concat([head, key]);
}

/** Throws RangeError for what could not be written. */
export function checkReceipt({ key, digest, until }: Receipt): void {
  if (key.length !== KEY_BYTES || digest.length !== KEY_BYTES) throw new RangeError('a receipt has a key and a digest of 32 bytes');
  if (!(until >= 0 && until < 2 ** 48)) throw new RangeError('a receipt ends at an instant');
}

/** Within a batch. */
export function putReceipts(tables: Tables, receipts: readonly { readonly receipt: Receipt; readonly number: MessageNumber }[]): void {
  if (receipts.length === 0) return;
  for (const { receipt, number } of receipts) {
    const { key, digest, until } = receipt;
    const value = Buffer.alloc(VALUE_BYTES);
    value[0] = 1;
    value.writeUIntBE(Math.floor(until), 1, 6);
    value.writeUIntBE(number, 7, 6);
    digest.copy(value, 13);
    void tables.receipts.put(rowKey(key), value);
    void tables.receipts.put(timeKey(until, key), PRESENT);
  }
  void tables.meta.put(META_SUSPECT_RECEIPTS, Buffer.concat(receipts.map(({ receipt }) => receipt.key)));
}

export function findReceipt(table: Table, key: Uint8Array): StoredReceipt | undefined {
  const value = table.get(rowKey(key));
  if (!value || value.length !== VALUE_BYTES || value[0] !== 1) return undefined;
  const bytes = Buffer.from(value.buffer, value.byteOffset, value.length);
  return { until: bytes.readUIntBE(1, 6), number: bytes.readUIntBE(7, 6), digest: Buffer.from(bytes.subarray(13)) };
}

/** Row keys to remove of receipts that ended before; at most `limit` receipts. */
export function outdatedReceipts(table: Table, before: Instant, limit: number): Uint8Array[] {
  const keys: Uint8Array[] = [];
  for (const key of table.getKeys({ start: timeKey(0), end: timeKey(before), limit })) {
    keys.push(key);
    const receipt = key.subarray(7);
    // Since it ended the key may have come again: the row is that of the later receipt.
    if ((findReceipt(table, receipt)?.until ?? 0) < before) keys.push(rowKey(receipt));
  }
  return keys;
}

/** At a start, within a transaction: messages that were never acknowledged take their receipts along. */
export function dropReceipts(tables: Tables, lost: ReadonlySet<MessageNumber>): void {
  const keys = tables.meta.get(META_SUSPECT_RECEIPTS);
  if (!keys) return;
  for (let at = 0; at + KEY_BYTES <= keys.length; at += KEY_BYTES) {
    const key = keys.slice(at, at + KEY_BYTES);
    const stored = findReceipt(tables.receipts, key);
    if (!stored || !lost.has(stored.number)) continue;
    void tables.receipts.remove(rowKey(key));
    void tables.receipts.remove(timeKey(stored.until, key));
  }
}
