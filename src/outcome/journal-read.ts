/**
 * Reads journal files line by line, in constant memory, and tells a torn end from damage.
 *
 * Never changes a file. Every record is synced before the next is written, so a crash can tear one line, the last; any
 * other bad line, and a last one that no crash leaves like that, is damage, and a FaultError names it.
 */
import { closeSync, fstatSync, openSync, readSync, readdirSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { FaultError } from '../kernel/fault.js';
import type { JournalRecord } from '../kernel/journal.js';
import { type Chain, isTorn, readLine } from './journal-line.js';

/** A longer last line of a part costs reading the part. */
const LONGEST_LINE = 256 * 1024;

export interface JournalEnd {
  /** Bytes up to the end of the last sound line. */
  readonly sound: number;
  /** Bytes behind it. */
  readonly torn: number;
  /** The last sound line lacks its line end. */
  readonly unended: boolean;
  /** Number of lines. */
  readonly lines: number;
  /** The sum of the last sound line. */
  readonly chain: Chain;
}

/** Parts put aside by rotation, oldest first: each holds every record up to `last` that older parts do not. */
export function journalFiles(file: string): { readonly path: string; readonly last: number }[] {
  const name = basename(file);
  return readdirSync(dirname(file))
    .filter(entry => entry.startsWith(`${name}.`) && /^\d+$/.test(entry.slice(name.length + 1)))
    .map(entry => ({ path: join(dirname(file), entry), last: Number(entry.slice(name.length + 1)) }))
    .sort((a, b) => a.last - b.last);
}

/**
 * Records of the whole journal with an id above `after`, oldest first, through the parts put aside. Read lazily: between two
 * records the daemon may append and rotate. Parts that ended before `since` (epoch milliseconds) are passed over unread.
 */
export function* readJournal(file: string, after = 0, since = -Infinity): Generator<JournalRecord> {
  let floor = after;
  // Asked anew each time: a rotation meanwhile makes one more.
  for (let part = partBeyond(file, floor); part; part = partBeyond(file, floor)) {
    const over = since > -Infinity && lastTime(part.path) < since;
    if (!over) for (const record of readJournalFile(part.path)) if (record.id > floor && record.id <= part.last) yield record;
    floor = part.last;
  }
  for (const record of readJournalFile(file)) if (record.id > floor) yield record;
}

const partBeyond = (file: string, id: number) => journalFiles(file).find(part => part.last > id);

/** The wall time of a part's last record; Infinity when it cannot be told. */
function lastTime(file: string): number {
  const fd = openSync(file, 'r');
  try {
    const { size } = fstatSync(fd);
    const end = Buffer.alloc(Math.min(size, LONGEST_LINE));
    readSync(fd, end, 0, end.length, size - end.length);
    const lines = end.toString('utf8').trimEnd().split('\n');
    const last = lines.length > 1 || end.length === size ? (JSON.parse(lines.at(-1) ?? '') as Partial<JournalRecord>) : {};
    const time = Date.parse(last.time ?? '');
    return Number.isNaN(time) ? Infinity : time;
  } catch {
    // Read in full, it says what is wrong with it.
    return Infinity;
  } finally {
    closeSync(fd);
  }
}

/** Yields records, whose ids must rise; returns where the sound part ends. */
export function* readJournalFile(file: string): Generator<JournalRecord, JournalEnd> {
  let last = 0;
  let sound = 0;
  let total = 0;
  let number = 0;
  let ended = true;
  let chain: Chain;
  let bad: { readonly what: string; readonly torn: boolean } | undefined;
  for (const line of lines(file)) {
    if (bad) throw damaged(file, number, `${bad.what}, and more lines follow`);
    number++;
    total += line.length;
    const read = inOrder(readLine(line, chain), last);
    if (typeof read === 'string') {
      bad = { what: read, torn: isTorn(line, chain) };
      continue;
    }
    sound = total;
    chain = read.chain;
    last = read.record.id;
    ended = line.at(-1) === 10;
    yield read.record;
  }
  if (bad && !bad.torn) throw damaged(file, number, `${bad.what}, though the line was written to its end`);
  return { sound, torn: total - sound, unended: !ended && sound > 0, lines: number, chain };
}

function damaged(file: string, line: number, what: string): FaultError {
  return new FaultError([
    {
      code: 'journal-damaged',
      place: { file, line, col: 1 },
      what: `the journal is damaged here: ${what}`,
      hint: 'restore the state directory from a copy; removing the line would lose a change of a limit',
    },
  ]);
}

function inOrder(read: ReturnType<typeof readLine>, last: number): ReturnType<typeof readLine> {
  if (typeof read === 'string' || read.record.id > last) return read;
  return `record ${read.record.id} does not follow ${last}`;
}

/** Lines with their ends; the last one may lack it. */
function* lines(file: string): Generator<Buffer> {
  const fd = openSync(file, 'r');
  try {
    let rest: Buffer = Buffer.alloc(0);
    for (let position = 0; ;) {
      const block = Buffer.alloc(256 * 1024);
      const got = readSync(fd, block, 0, block.length, position);
      if (got === 0) break;
      position += got;
      let bytes: Buffer = rest.length > 0 ? Buffer.concat([rest, block.subarray(0, got)]) : block.subarray(0, got);
      for (let end = bytes.indexOf(10); end >= 0; end = bytes.indexOf(10)) {
        yield bytes.subarray(0, end + 1);
        bytes = bytes.subarray(end + 1);
      }
      rest = bytes;
    }
    if (rest.length > 0) yield rest;
  } finally {
    closeSync(fd);
  }
}
