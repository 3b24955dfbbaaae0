/**
 * A line of the journal: one JSON object whose last member, `sum`, is a CRC-32 (as in zlib) of the bytes before it, continued
 * from the sum of the line above. A line that was changed, moved or taken out is told from one that was written so.
 *
 * Lines of older versions carry no sum; none may follow one that does.
 */
import { crc32 } from 'node:zlib';
import type { JournalRecord } from '../kernel/journal.js';

/** `,"sum":"89abcdef"}`: what stands behind the bytes that are summed. */
const SEAL = /^,"sum":"([0-9a-f]{8})"\}\n?$/;
const SEAL_BYTES = 18;
const NEWLINE = 10;
/** A page that a power cut kept from the disk reads as zeros: no record begins with as many. */
const HOLE = Buffer.alloc(8);

/** The sum of the line above: undefined before the first line that has one. */
export type Chain = number | undefined;

export function printLine(record: JournalRecord, above: Chain): { readonly line: Buffer; readonly chain: number } {
  const content = JSON.stringify(record).slice(0, -1);
  const chain = crc32(content, above ?? 0);
  return { line: Buffer.from(`${content},"sum":"${chain.toString(16).padStart(8, '0')}"}\n`), chain };
}

/** The record, or what is wrong with the line. */
export function readLine(line: Buffer, above: Chain): { readonly record: JournalRecord; readonly chain: Chain } | string {
  let value: unknown;
  try {
    value = JSON.parse(line.toString('utf8'));
  } catch {
    return 'not JSON';
  }
  const { sum, ...record } = (typeof value === 'object' && value !== null ? value : {}) as Partial<JournalRecord> & { sum?: unknown };
  if (!Number.isSafeInteger(record.id) || typeof record.type !== 'string') return 'not a journal record';
  if (sum === undefined && above === undefined) return { record: record as JournalRecord, chain: undefined };
  const end = line.length - SEAL_BYTES - (line.at(-1) === NEWLINE ? 1 : 0);
  const told = SEAL.exec(line.toString('latin1', Math.max(0, end)))?.[1];
  const chain = crc32(line.subarray(0, Math.max(0, end)), above ?? 0);
  if (told === undefined || Number.parseInt(told, 16) !== chain) return 'its sum does not fit';
  return { record: record as JournalRecord, chain };
}

/** Could a crash while this last line was written have left it like this? If not, it is damage to what was once whole. */
export function isTorn(line: Buffer, above: Chain): boolean {
  if (line.subarray(0, HOLE.length).equals(HOLE)) return true;
  return line.at(-1) !== NEWLINE && typeof readLine(line.subarray(0, -1), above) === 'string';
}
