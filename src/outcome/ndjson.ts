/**
 * Accounting records as lines of JSON: the names of the CSV columns as keys, numbers and truth values as such, times in
 * ISO 8601, and no key for what is empty. Pure.
 */
import type { AccountingRecord, FieldName } from '../kernel/accounting.js';
import type { Chosen } from '../kernel/telling.js';
import type { Instant } from '../kernel/units.js';
import { fieldOf, type Value } from './accounting-fields.js';

/** One record as an object. `time` prints a policy instant. */
export function jsonRecord(
  record: AccountingRecord,
  fields: readonly FieldName[],
  time: (at: Instant) => string,
): Record<string, Exclude<Value, undefined>> {
  const object: Record<string, Exclude<Value, undefined>> = {};
  for (const name of fields) {
    const value = fieldOf(name, record, time);
    if (value !== undefined && value !== '') object[name] = value;
  }
  return object;
}

/** One record as one line, its end included. */
export function jsonLine(record: AccountingRecord, chosen: Chosen, time: (at: Instant) => string): string {
  return `${JSON.stringify(jsonRecord(record, chosen[record.type] ?? [], time))}\n`;
}

let lastMs = NaN;
let lastText = '';

/** `2023-11-20T12:00:00.000Z`. `epoch` in milliseconds. */
export function jsonTime(epoch: number): string {
  const ms = Math.round(epoch);
  if (ms !== lastMs) {
    lastText = new Date(ms).toISOString();
    lastMs = ms;
  }
  return lastText;
}
