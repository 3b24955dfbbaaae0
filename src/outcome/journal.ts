/**
 * The journal: an append-only file of JSON lines, one per change of a limit. It is the governor's write-ahead log.
 *
 * When append returns, the record is on the disk: a limit never changes without a trace of why. A last line torn by a
 * crash is cut away (its change never took effect); any other damage is a fault, because replaying round a hole
 * would invent limits. After a failed write the journal is broken and stays so: what reached the disk is unknown.
 */
import { closeSync, constants, fdatasyncSync, fsyncSync, ftruncateSync, linkSync, openSync, renameSync, writeSync } from 'node:fs';
import { basename, dirname } from 'node:path';
import { FaultError } from '../kernel/fault.js';
import type { JournalRecord } from '../kernel/journal.js';
import { type Chain, printLine } from './journal-line.js';
import { journalFiles, readJournal, readJournalFile, type JournalEnd } from './journal-read.js';

export interface JournalOptions {
  /** Path of the file being written; older parts stand beside it as `<name>.<last id>`. */
  readonly file: string;
  /** Epoch milliseconds, for the `time` people read. */
  readonly wall: () => number;
  /** Size above which `rotate` does something, bytes. */
  readonly rotateAbove?: number;
}

export interface Journal {
  /** The id of the last record, 0 when there is none. The next one must be greater. */
  readonly lastId: number;
  /** What opening had to mend, one sentence each; empty as a rule. */
  readonly notes: readonly string[];
  /** Durable when it returns. Throws when it cannot be written: the change must not take effect then. */
  append(record: Omit<JournalRecord, 'time'>): JournalRecord;
  /** Records with a greater id, oldest first, through rotated parts too: see readJournal. */
  after(id: number, since?: number): Generator<JournalRecord>;
  /** The last records, oldest first, at most a thousand. */
  tail(count: number): JournalRecord[];
  /** Puts records up to `snapshotRecord` (which the snapshot includes) aside once the file is large. True when it did. Throws when it cannot. */
  rotate(snapshotRecord: number): boolean;
  close(): void;
}

const REMEMBERED = 1_000;
const ROTATE_ABOVE = 64 * 1024 * 1024;
/** As `a`, but whatever an earlier attempt left goes. */
const ANEW = constants.O_WRONLY | constants.O_CREAT | constants.O_TRUNC | constants.O_APPEND;

/** Opens or creates the journal. Throws FaultError naming file and line when it is damaged before its last line. */
export function openJournal(options: JournalOptions): Journal {
  const { file, wall, rotateAbove = ROTATE_ABOVE } = options;
  const recent: JournalRecord[] = [];
  const notes: string[] = [];
  let broken: unknown;
  let closed = false;
  let fd = open(file);

  const remember = (record: JournalRecord) => {
    recent.push(record);
    if (recent.length > 2 * REMEMBERED) recent.splice(0, recent.length - REMEMBERED);
  };
  // An empty file after a rotation: ids go on from the part put aside.
  let lastId = journalFiles(file).at(-1)?.last ?? 0;
  let size = 0;
  let chain: Chain;
  try {
    const reading = readJournalFile(file);
    for (let step = reading.next(); ; step = reading.next()) {
      if (step.done) {
        size = step.value.sound;
        chain = step.value.chain;
        notes.push(...mend(fd, file, step.value));
        if (step.value.unended) size++;
        break;
      }
      remember(step.value);
      lastId = Math.max(lastId, step.value.id);
    }
  } catch (error) {
    closeSync(fd);
    throw error;
  }

  return {
    get lastId() {
      return lastId;
    },
    notes,

    append(record) {
      // Its descriptor may be another file's by now.
      if (closed) throw new Error('the journal is closed: rampd is stopping');
      if (broken !== undefined) throw new Error('the journal is broken since an earlier write failed', { cause: broken });
      if (!(record.id > lastId)) throw new Error(`journal record ${record.id} does not follow ${lastId}`);
      const { id, at, ...more } = record;
      const full: JournalRecord = { id, at, time: new Date(wall()).toISOString(), ...more };
      const { line, chain: next } = printLine(full, chain);
      try {
        for (let done = 0; done < line.length;) done += writeSync(fd, line, done);
        fdatasyncSync(fd);
      } catch (error) {
        broken = error;
        try {
          ftruncateSync(fd, size);
        } catch {
          // The next start cuts the torn line away.
        }
        throw error;
      }
      size += line.length;
      chain = next;
      lastId = id;
      remember(full);
      return full;
    },

    after: (id, since) => readJournal(file, id, since),

    tail: count => (count > 0 ? recent.slice(-Math.min(count, REMEMBERED)) : []),

    rotate(snapshotRecord) {
      const upTo = Math.min(snapshotRecord, lastId);
      if (closed || broken !== undefined || size < rotateAbove || upTo <= (journalFiles(file).at(-1)?.last ?? 0)) return false;
      const next = `${file}.next`;
      const kept = [...readJournalFile(file)].filter(record => record.id > upTo);
      const text: Buffer[] = [];
      let above: Chain;
      for (const record of kept) {
        const printed = printLine(record, above);
        text.push(printed.line);
        above = printed.chain;
      }
      const bytes = Buffer.concat(text);
      const out = openSync(next, ANEW);
      try {
        writeAll(out, bytes);
        fsyncSync(out);
        // The whole old file becomes the part put aside, then the new one takes its name: at no moment is there no journal.
        linkSync(file, `${file}.${upTo}`);
        renameSync(next, file);
      } catch (error) {
        closeSync(out);
        throw error;
      }
      closeSync(fd);
      fd = out;
      size = bytes.length;
      chain = above;
      syncFolder(file);
      return true;
    },

    close() {
      if (!closed) closeSync(fd);
      closed = true;
    },
  };
}

/** Cuts a torn last line away, or ends a whole one that lacks only its line end. */
function mend(fd: number, file: string, end: JournalEnd): string[] {
  if (end.torn === 0 && !end.unended) return [];
  if (end.torn > 0) ftruncateSync(fd, end.sound);
  else writeAll(fd, Buffer.from('\n'));
  fsyncSync(fd);
  const what = end.torn > 0 ? `was torn (${end.torn} bytes) and was cut away; its change never took effect` : 'lacked its end and got one';
  return [`${basename(file)}:${end.lines}: the last line ${what}`];
}

function writeAll(fd: number, bytes: Buffer): void {
  for (let done = 0; done < bytes.length;) done += writeSync(fd, bytes, done);
}

function open(file: string): number {
  try {
    const fd = openSync(file, 'a');
    syncFolder(file);
    return fd;
  } catch (error) {
    throw new FaultError([
      {
        code: 'journal-unwritable',
        place: { file, line: 0, col: 0 },
        what: `the journal cannot be written: ${error instanceof Error ? error.message : String(error)}`,
      },
    ]);
  }
}

function syncFolder(file: string): void {
  const folder = openSync(dirname(file), 'r');
  try {
    fsyncSync(folder);
  } finally {
    closeSync(folder);
  }
}
