/**
 * The LMDB tables of the spool and the one way to write them: a batch that becomes one transaction, durable when its promise
 * resolves (`overlappingSync: false`).
 *
 * Never writes synchronously while the daemon runs: lmdb's synchronous transactions commit half of a batch that is being
 * written. No read transaction outlives a turn: ranges are read to their end at once. lmdb reports a failed commit on a
 * second promise beside the first (`commitError`); both are handled here.
 */
import { closeSync, existsSync, mkdirSync, openSync, readSync, statSync } from 'node:fs';
import { join } from 'node:path';
import * as lmdb from 'lmdb';
import { FaultError } from '../kernel/fault.js';

export type Table = lmdb.Database<Uint8Array, Uint8Array>;

export interface Tables {
  /** Queue rows, see row.ts. */
  readonly rows: Table;
  /** Queue id u32 → pool, domain, warm-up wish, how many wait. */
  readonly queues: Table;
  /** Segment u32 → who waits in it. */
  readonly segments: Table;
  /** Message number u48 → recipients still waiting; only for messages accepted for more than one. */
  readonly messages: Table;
  /** Day counters. */
  readonly days: Table;
  /** See suppression-rows.ts. */
  readonly suppression: Table;
  /** See report-rows.ts. */
  readonly reports: Table;
  /** See receipts.ts. */
  readonly receipts: Table;
  /** See shared-jobs.ts. */
  readonly shared: Table;
  /** format, counters, suspects. */
  readonly meta: Table;
  readonly root: lmdb.RootDatabase<Uint8Array, Uint8Array>;
}

/** Written by this version; a spool that says more is refused. */
export const FORMAT = 1;

const LMDB_MAGIC = 0xbeefc0de;
/** Behind the header of LMDB's first page: 16 bytes of it in its data version 1, 24 in version 2. */
const MAGIC_AT = [16, 24];

export const indexPath = (dir: string): string => join(dir, 'index.mdb');

/** Opens or makes the tables in `dir`. Throws FaultError when they are damaged, newer, or cannot be written. */
export function openTables(dir: string, hasSegments: boolean): Tables {
  const path = indexPath(dir);
  checkFile(path, hasSegments);
  try {
    mkdirSync(dir, { recursive: true, mode: 0o700 });
    const root = lmdb.open<Uint8Array, Uint8Array>({
      path,
      encoding: 'binary',
      keyEncoding: 'binary',
      overlappingSync: false,
      eventTurnBatching: false,
      maxDbs: 16,
      noSubdir: true,
    });
    const table = (name: string): Table => root.openDB<Uint8Array, Uint8Array>({ name, encoding: 'binary', keyEncoding: 'binary' });
    return {
      root,
      rows: table('rows'),
      queues: table('queues'),
      segments: table('segments'),
      messages: table('messages'),
      days: table('days'),
      suppression: table('suppression'),
      reports: table('reports'),
      receipts: table('receipts'),
      shared: table('shared'),
      meta: table('meta'),
    };
  } catch (error) {
    throw unusable(path, error as Error);
  }
}

export const unusable = (file: string, error: Error): FaultError =>
  new FaultError([
    {
      code: 'spool-unusable',
      place: { file, line: 0, col: 0 },
      what: `the spool cannot be opened: ${error.message}`,
      hint: 'check owner and free space of the folder',
    },
  ]);

/** LMDB maps what it finds into memory and trusts it: look at the file before it does. */
function checkFile(path: string, hasSegments: boolean): void {
  const fault = (what: string): FaultError =>
    new FaultError([
      {
        code: 'spool-damaged',
        place: { file: path, line: 0, col: 0 },
        what,
        hint: 'restore the spool folder from a copy, or move it away to begin an empty one; mail in it is not delivered until then',
      },
    ]);
  if (!existsSync(path)) {
    if (hasSegments) throw fault('the index of the spool is missing beside message bodies');
    return;
  }
  let head: Buffer;
  let size: number;
  try {
    size = statSync(path).size;
    head = Buffer.alloc(32);
    const fd = openSync(path, 'r+');
    try {
      readSync(fd, head, 0, head.length, 0);
    } finally {
      closeSync(fd);
    }
  } catch (error) {
    throw fault(`the index of the spool cannot be read and written: ${(error as Error).message}`);
  }
  // LMDB makes its file in one write of two pages: an empty one is one it never got to make.
  if (size === 0 && !hasSegments) return;
  if (size < 2 * 4_096 || !MAGIC_AT.some(at => head.readUInt32LE(at) === LMDB_MAGIC)) throw fault('the index of the spool is damaged');
}

/** Commits what `write` puts and removes, all or nothing. Rejects when the commit failed. */
export async function commit(tables: Tables, write: () => void): Promise<void> {
  try {
    await tables.root.batch(write);
  } catch (error) {
    const cause = (error as { commitError?: PromiseLike<unknown> }).commitError;
    if (!cause) throw error;
    // Rejects with the reason a little later than the commit does; not for ever, should it stay silent.
    const reason = await Promise.race([
      Promise.resolve(cause).then(
        () => undefined,
        (why: unknown) => why,
      ),
      new Promise<undefined>(resolve => setTimeout(resolve, 1_000, undefined).unref()),
    ]);
    throw new Error(`the spool could not commit: ${reason instanceof Error ? reason.message : String(error)}`, { cause: error });
  }
}

/** Rows with start < key < end, in order, at most `limit`, read in this turn. */
export function readRows(
  tables: Tables,
  after: Uint8Array,
  end: Uint8Array | undefined,
  limit: number,
  each: (key: Uint8Array, value: Uint8Array) => void,
): void {
  const range: lmdb.RangeOptions = { start: after, exclusiveStart: true, limit };
  if (end) range.end = end;
  for (const entry of tables.rows.getRange(range)) each(entry.key, entry.value);
}
