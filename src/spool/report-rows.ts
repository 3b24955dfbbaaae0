/**
 * What is remembered of reports that came in: which mail was reported already (a report counts once, however often it
 * comes), complaints of the last days, the last SNDS data of each address, and how many of each kind there were.
 *
 * Rows begin with a letter that names their kind. Written only through Store.settle, with what the report changed.
 */
import type { SideRow } from '../kernel/suppression.js';
import type { Instant } from '../kernel/units.js';
import { readJson, writeJson } from './small-rows.js';
import type { Table } from './tables.js';

export type ReportKind = 'bounce' | 'complaint';

export interface Complaint {
  readonly at: Instant;
  /** Of the source. */
  readonly address: string;
  readonly provider: string;
}

/** Reports since the spool was made. */
export interface ReportCounts {
  bounces: number;
  complaints: number;
  /** Reports of what had been reported. */
  repeated: number;
  /** Status reports that tell of no failure, feedback that is no complaint. */
  ignored: number;
  /** Kept aside: nobody's token, or not to be read. */
  aside: number;
}

const SEEN = 'r';
const COMPLAINT = 'c';
const SNDS = 's';
const COUNTS = Buffer.from('n');

const noReports = (): ReportCounts => ({ bounces: 0, complaints: 0, repeated: 0, ignored: 0, aside: 0 });

/** `sent`: what names the mail, in at most 100 bytes of ASCII; `day` of its departure (days since the epoch). */
export const seenRow = (day: number, sent: string, kind: ReportKind, at: Instant): SideRow => ({
  table: 'reports',
  key: seenKey(day, sent, kind),
  value: writeJson(Math.floor(at)),
});

/** `unique`: parts complaints of one millisecond. */
export function complaintRow(complaint: Complaint, unique: string): SideRow {
  return { table: 'reports', key: Buffer.concat([timed(COMPLAINT, complaint.at), Buffer.from(unique)]), value: writeJson(complaint) };
}

export const sndsRow = (address: string, data: unknown): SideRow => ({
  table: 'reports',
  key: Buffer.from(`${SNDS}${address}`),
  value: writeJson(data),
});

export const countsRow = (counts: ReportCounts): SideRow => ({ table: 'reports', key: COUNTS, value: writeJson(counts) });

export class ReportRows {
  readonly #table: Table;

  constructor(table: Table) {
    this.#table = table;
  }

  seen(day: number, sent: string, kind: ReportKind): boolean {
    return this.#table.get(seenKey(day, sent, kind)) !== undefined;
  }

  complaints(): Complaint[] {
    return this.#range(Buffer.from(COMPLAINT), next(COMPLAINT)).map(({ value }) => readJson(value) as Complaint);
  }

  /** The last imported data of each address. */
  snds(): Map<string, unknown> {
    const rows = this.#range(Buffer.from(SNDS), next(SNDS));
    return new Map(rows.map(({ key, value }) => [Buffer.from(key).toString('utf8', 1), readJson(value)]));
  }

  counts(): ReportCounts {
    const value = this.#table.get(COUNTS);
    return { ...noReports(), ...(value ? (readJson(value) as ReportCounts) : {}) };
  }

  /** Rows that forget at most `limit` reports about mail that left before `day`, and complaints made before `at`. */
  outdated(day: number, at: Instant, limit: number): SideRow[] {
    const seen = this.#table.getKeys({ start: Buffer.from(SEEN), end: dated(day), limit });
    const complaints = this.#table.getKeys({ start: Buffer.from(COMPLAINT), end: timed(COMPLAINT, at), limit });
    return [...seen, ...complaints].map(key => ({ table: 'reports', key: Buffer.from(key), value: null }));
  }

  #range(start: Uint8Array, end: Uint8Array): { key: Uint8Array; value: Uint8Array }[] {
    return [...this.#table.getRange({ start, end })];
  }
}

const next = (letter: string): Buffer => Buffer.from([letter.charCodeAt(0) + 1]);

function dated(day: number): Buffer {
  const key = Buffer.alloc(3, SEEN);
  key.writeUInt16BE(Math.max(0, Math.min(65_535, day)), 1);
  return key;
}

const seenKey = (day: number, sent: string, kind: ReportKind): Buffer => Buffer.concat([dated(day), Buffer.from(`${sent} ${kind}`)]);

function timed(letter: string, at: Instant): Buffer {
  const key = Buffer.alloc(7, letter);
  key.writeUIntBE(Math.max(0, Math.floor(at)), 1, 6);
  return key;
}
