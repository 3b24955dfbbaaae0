/**
 * state.json: a snapshot of the governor, readable by people, kept through lowdb with an adapter of our own. A write is
 * durable when it resolves: temporary file, fsync, rename, fsync of the folder; writes follow one another, and of those that
 * wait only the last is written.
 *
 * Never starts fresh beside something that exists: a file that is missing, unreadable, not a state, or not as it was written
 * (its last member, `sum`, is a CRC-32 of the rest) is a fault then. lowdb takes an adapter that reads null as "keep the
 * defaults"; here null is looked at first.
 */
import { open, readFile, rename } from 'node:fs/promises';
import { dirname } from 'node:path';
import { crc32 } from 'node:zlib';
import { Low, type Adapter } from 'lowdb';
import { FaultError } from '../kernel/fault.js';
import type { GovernorState } from '../kernel/governor.js';

export interface State {
  readonly version: 1;
  /** Written on a clock that is not the world's: refused by a daemon that lives in it. */
  readonly virtual?: boolean;
  readonly governor: GovernorState;
}

export interface StateFile {
  /** What was read at the start, or handed to write() last; undefined when there is none yet. */
  read(): State | undefined;
  /** Resolves when this state, or a later one, is durable. */
  write(state: State): Promise<void>;
}

export interface StateOptions {
  /** There is a spool, a ledger or a journal beside it that belongs to a state. */
  readonly existing: boolean;
  /** The daemon lives on a virtual clock. */
  readonly virtual?: boolean;
}

/** Reads the file. Rejects with FaultError when it is unreadable, newer, of another world, or missing though `existing`. */
export async function openState(file: string, options: StateOptions): Promise<StateFile> {
  const db = new Low<Stored | null>(new DurableJson<Stored | null>(file), null);
  try {
    await db.read();
  } catch (error) {
    const what =
      error instanceof SyntaxError ? `the state is not JSON: ${error.message}` : `the state cannot be read: ${(error as Error).message}`;
    throw fault(file, 'state-unreadable', what, MEND);
  }
  if (db.data === null) {
    if (options.existing) throw fault(file, 'state-missing', 'the state is missing beside mail, a ledger or a journal', MEND);
  } else check(file, db.data, options.virtual ?? false);
  return {
    read() {
      if (!db.data) return undefined;
      const { sum: _, ...state } = db.data;
      return state;
    },
    async write(state) {
      db.data = { ...state, sum: sumOf(state) };
      await db.write();
    },
  };
}

/** What stands in the file; one of an older version has no sum. */
type Stored = State & { readonly sum?: string };

const sumOf = (state: State): string => crc32(JSON.stringify(state)).toString(16).padStart(8, '0');

const MEND =
  'restore it from a copy; without one, addresses would start over: move spool, ledger and journal away too if that is what you want';

const OR_MEANT = `${MEND}; if you changed it yourself and mean it, remove its "sum"`;

const fault = (file: string, code: string, what: string, hint: string): FaultError =>
  new FaultError([{ code, place: { file, line: 0, col: 0 }, what, hint }]);

function check(file: string, stored: Stored, virtual: boolean): void {
  const { sum, ...state } = (typeof stored === 'object' ? stored : {}) as Stored;
  const { version, governor, ...more } = state as Partial<Record<keyof State, unknown>>;
  if (typeof version === 'number' && version > 1) {
    throw fault(
      file,
      'state-newer',
      `the state has version ${version}, this rampd knows 1`,
      'start the rampd that wrote it, or a newer one',
    );
  }
  const { lastRecord, nextWindow, state: map } = (governor ?? {}) as Partial<Record<keyof GovernorState, unknown>>;
  if (version !== 1 || typeof lastRecord !== 'number' || typeof nextWindow !== 'number' || typeof map !== 'object' || map === null) {
    throw fault(file, 'state-unreadable', 'this is not a state of rampd', MEND);
  }
  const strange = Object.keys(more).find(key => key !== 'virtual');
  if (strange !== undefined || (sum !== undefined && sum !== sumOf(state))) {
    throw fault(file, 'state-damaged', 'the state is not as it was written: it was damaged, or changed by hand', OR_MEANT);
  }
  if ((state.virtual ?? false) !== virtual) {
    const what = state.virtual ? 'the state was made on a virtual clock' : 'the state belongs to a daemon on the real clock';
    throw fault(file, 'state-virtual', what, 'give each its own state-dir');
  }
}

/** lowdb's adapter: durable, and one write at a time. */
class DurableJson<T> implements Adapter<T> {
  readonly #file: string;
  #last: Promise<void> = Promise.resolve();
  /** The write that has not begun, and what it will write. */
  #waiting: Promise<void> | undefined;
  #text = '';

  constructor(file: string) {
    this.#file = file;
  }

  /** null only when there is no file; an empty one is damaged. */
  async read(): Promise<T | null> {
    let text: string;
    try {
      text = await readFile(this.#file, 'utf8');
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'ENOENT') return null;
      throw error;
    }
    const data = JSON.parse(text) as T | null;
    if (data === null) throw new SyntaxError('it holds nothing');
    return data;
  }

  write(data: T): Promise<void> {
    this.#text = `${JSON.stringify(data, null, 2)}\n`;
    if (this.#waiting) return this.#waiting;
    const write = this.#last.then(() => {
      this.#waiting = undefined;
      return replaceFile(this.#file, this.#text);
    });
    this.#waiting = write;
    this.#last = write.catch(() => undefined);
    return write;
  }
}

/** Whoever reads the file sees the old text or the new one, whole, also after a power cut. */
async function replaceFile(file: string, text: string): Promise<void> {
  const temporary = `${file}.new`;
  const handle = await open(temporary, 'w', 0o600);
  try {
    await handle.writeFile(text);
    await handle.sync();
  } finally {
    await handle.close();
  }
  await rename(temporary, file);
  const folder = await open(dirname(file), 'r');
  try {
    await folder.sync();
  } finally {
    await folder.close();
  }
}
