/**
 * Accounting records as CSV lines (RFC 4180 quoting, LF line ends). A file has one header line; where a type of record has no
 * such field, or the file was not asked for it, the column is empty. Pure.
 */
import { FIELD_NAMES, type AccountingRecord } from '../kernel/accounting.js';
import type { Chosen } from '../kernel/telling.js';
import type { Instant } from '../kernel/units.js';
import { lineText, readerOf, type Value } from './accounting-fields.js';

export interface CsvLines {
  /** The first line of the file, its end included. */
  readonly header: string;
  /** One record as one line, its end included. `time` prints a policy instant. */
  line(record: AccountingRecord, time: (at: Instant) => string): string;
}

export function csvLines(chosen: Chosen): CsvLines {
  const columns = FIELD_NAMES.filter(name => Object.values(chosen).some(fields => fields.includes(name)));
  const filled = new Map(
    Object.entries(chosen).map(([type, fields]) => [type, columns.map(name => (fields.includes(name) ? readerOf(name) : undefined))]),
  );
  return {
    header: `${columns.join(',')}\n`,
    line(record, time) {
      let line = '';
      const readers = filled.get(record.type) ?? [];
      for (let i = 0; i < readers.length; i++) {
        const read = readers[i];
        if (i > 0) line += ',';
        if (read) line += csvField(read(record, time));
      }
      return `${line}\n`;
    },
  };
}

/** Needs a closer look: quotes, commas, blanks at either end, or anything that is not printable ASCII. Most text does not. */
const SPECIAL = /[",]|^\s|\s$|[^ -~]/;
const SHORT = 2_000;

export function csvField(value: Value): string {
  if (value === undefined) return '';
  if (typeof value !== 'string') return String(Number(value));
  if (value.length <= SHORT && !SPECIAL.test(value)) return value;
  const clean = lineText(value);
  return /[",]/.test(clean) ? `"${clean.replaceAll('"', '""')}"` : clean;
}

let lastSecond = NaN;
let lastText = '';

/** `2023-11-20 12:00:00+0000`, as PowerMTA writes times. `epoch` in milliseconds. */
export function accountingTime(epoch: number): string {
  const second = Math.floor(epoch / 1_000);
  if (second !== lastSecond) {
    lastText = `${new Date(second * 1_000).toISOString().slice(0, 19).replace('T', ' ')}+0000`;
    lastSecond = second;
  }
  return lastText;
}
