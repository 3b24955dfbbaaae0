/**
 * A file of records on the disk: opened with its header, appended to, put aside when its period ends or it is big enough.
 *
 * What `append` was given is either written and synced, or kept here and written first the next time, from the very byte
 * at which the write broke off: no line is torn or doubled by a full disk. A file moved away by others is noticed and a
 * new one begun.
 */
import { access, constants, open, stat, type FileHandle } from 'node:fs/promises';
import { dirname } from 'node:path';
import type { Clock } from '../kernel/clock.js';
import { FaultError, type Fault, type Place } from '../kernel/fault.js';
import type { Rotation } from '../kernel/telling.js';
import { MINUTE, SECOND, type Instant } from '../kernel/units.js';
import { Archive, makeFolder } from './archive.js';

export interface FileIo {
  /** Bytes written, at least 1, or an error. */
  write(handle: FileHandle, bytes: Buffer): Promise<number>;
  sync(handle: FileHandle): Promise<void>;
}

const REAL: FileIo = {
  write: async (handle, bytes) => (await handle.write(bytes)).bytesWritten,
  sync: handle => handle.datasync(),
};

export interface RotatedFileOptions {
  readonly file: string;
  /** What people call it: accounting file, reject log. */
  readonly noun: string;
  /** Where it was written down. */
  readonly from: Place;
  /** The first line of every file, its end included; '' for lines of JSON objects. A file that begins otherwise is put aside. */
  readonly header: string;
  readonly rotation: Rotation;
  readonly clock: Clock;
  readonly io?: FileIo;
  /** Somebody else still writes the file: nothing is done with it before this resolves. */
  readonly after?: Promise<unknown>;
}

/** Of files made here: they hold recipients' addresses. Those that are there keep theirs. */
const MODE = 0o640;
const OBJECT = '{';
const LOOK_EVERY = 5 * SECOND;
/** A file that cannot be renamed goes on growing and is tried again after this. */
const RENAME_AGAIN = MINUTE;
/** A stop, and whoever is to write the file next, wait no longer for compression. */
const PATIENCE = SECOND;

export class RotatedFile {
  /** Policy instant at which the file's period ends. */
  boundary: Instant = Infinity;
  #handle: FileHandle | undefined;
  #inode = 0;
  #size = 0;
  #resumed = false;
  #periodStart = 0;
  #lookAt: Instant = 0;
  #maySplitAt: Instant = 0;
  /** Not written yet: what a failed write left over. */
  #rest: Buffer = Buffer.alloc(0);
  /** Written and not synced. */
  #dirty = false;
  readonly #archive: Archive;

  constructor(
    private readonly options: RotatedFileOptions,
    private readonly onTrouble: (error: unknown) => void,
  ) {
    this.#archive = new Archive({ file: options.file, rotation: options.rotation, wall: () => options.clock.wall() }, onTrouble);
  }

  /** Throws FaultError when the file, or the folder for files put aside, cannot be used. */
  async open(): Promise<void> {
    await this.options.after;
    try {
      await this.#open();
    } catch (error) {
      throw new FaultError([unopened(this.options, error)]);
    }
    try {
      await makeAside(this.options);
    } catch (error) {
      await this.#leave();
      throw error;
    }
    this.#resume();
  }

  /** Writes and syncs; throws when that fails, and then keeps what is not written for the next time. */
  async append(text: string): Promise<void> {
    await this.options.after;
    // A line cut in two is finished in the file in which it began, so the file may change only when nothing is left over.
    const clean = this.#rest.length === 0;
    if (text !== '') this.#rest = clean ? Buffer.from(text) : Buffer.concat([this.#rest, Buffer.from(text)]);
    if (clean) await this.#turn();
    if (!this.#handle) await this.#open();
    this.#resume();
    await this.#drain();
    if (clean || !(await this.#turn())) return;
    await this.#open();
    await this.#drain();
  }

  /** What happens to files put aside is waited for a moment, and else goes on, or is made good when the file is opened again. */
  async close(): Promise<void> {
    await this.#handle?.close();
    this.#handle = undefined;
    await this.#archive.finished(PATIENCE);
  }

  /** Once, and only when the file is there: where it cannot be, nothing is done, and no trouble told beside the fault. */
  #resume(): void {
    if (!this.#resumed) this.#archive.resume();
    this.#resumed = true;
  }

  async #drain(): Promise<void> {
    const handle = this.#handle;
    if (!handle) return;
    const io = this.options.io ?? REAL;
    while (this.#rest.length > 0) {
      this.#dirty = true;
      const written = await io.write(handle, this.#rest);
      this.#size += written;
      this.#rest = this.#rest.subarray(written);
    }
    if (this.#dirty) await io.sync(handle);
    this.#dirty = false;
  }

  /** Leaves the file when its period is over, it is big enough, or it was moved away. True when it did. */
  async #turn(): Promise<boolean> {
    const { clock, rotation } = this.options;
    const now = clock.now();
    if (!this.#handle) return false;
    if (now >= this.boundary || (this.#size >= rotation.maxSize && now >= this.#maySplitAt)) {
      await this.#leave();
      await this.#putAside(Number.isFinite(rotation.every) ? this.#periodStart : clock.wall());
      return true;
    }
    if (now < this.#lookAt) return false;
    this.#lookAt = now + LOOK_EVERY;
    // Did somebody move or delete the file? Then lines would go where nobody looks.
    const there = await stat(this.options.file).catch(() => undefined);
    if (there?.ino === this.#inode) return false;
    await this.#leave();
    return true;
  }

  async #leave(): Promise<void> {
    const handle = this.#handle;
    this.#handle = undefined;
    await handle?.close().catch(this.onTrouble);
  }

  async #open(): Promise<void> {
    const { file, clock, header, rotation } = this.options;
    let handle = await open(file, 'a+', MODE);
    try {
      const { size, mtimeMs } = await handle.stat();
      if (size > 0 && (this.#startOf(mtimeMs) < this.#startOf(clock.wall()) || !(await beginsWith(handle, header || OBJECT)))) {
        await handle.close();
        await this.#putAside(Number.isFinite(rotation.every) ? this.#startOf(mtimeMs) : mtimeMs);
        handle = await open(file, 'a+', MODE);
      }
      const now = await handle.stat();
      this.#inode = now.ino;
      this.#size = now.size;
      if (now.size === 0) await syncFolder(file);
      if (now.size === 0) this.#rest = Buffer.concat([Buffer.from(header), this.#rest]);
      else if (!(await endsLine(handle, now.size))) this.#rest = Buffer.concat([Buffer.from('\n'), this.#rest]);
    } catch (error) {
      await handle.close().catch(() => undefined);
      throw error;
    }
    this.#handle = handle;
    this.#periodStart = this.#startOf(clock.wall());
    this.boundary = clock.now() + (this.#periodStart + rotation.every - clock.wall());
    this.#lookAt = clock.now() + LOOK_EVERY;
  }

  #startOf(epoch: number): number {
    const { every } = this.options.rotation;
    return Number.isFinite(every) ? Math.floor(epoch / every) * every : 0;
  }

  /** When that cannot be done, lines go on into the file as it is. */
  async #putAside(period: number): Promise<void> {
    try {
      await this.#archive.putAside(period);
    } catch (error) {
      this.#maySplitAt = this.options.clock.now() + RENAME_AGAIN;
      this.onTrouble(error);
    }
  }
}

/** Why a file of records cannot be opened. */
export function unopened({ noun, file, from }: Pick<RotatedFileOptions, 'noun' | 'file' | 'from'>, error: unknown): Fault {
  const what = `the ${noun} ${file} cannot be opened: ${error instanceof Error ? error.message : String(error)}`;
  return { code: 'accounting-unwritable', place: from, what, hint: 'its folder has to be writable for the account rampd runs as' };
}

/** Makes the folder for files put aside. Throws FaultError when it cannot be made or written to. */
export async function makeAside({ from, rotation: { moveTo } }: Pick<RotatedFileOptions, 'from' | 'rotation'>): Promise<void> {
  if (moveTo === undefined) return;
  try {
    await makeFolder(moveTo);
    await access(moveTo, constants.W_OK | constants.X_OK);
  } catch (error) {
    throw new FaultError([unmade(moveTo, from, error)]);
  }
}

/** Why files cannot be put aside in a folder. */
export function unmade(folder: string, from: Place, error: unknown): Fault {
  const what = `the folder ${folder} for files put aside cannot be used: ${error instanceof Error ? error.message : String(error)}`;
  return { code: 'folder-unwritable', place: from, what, hint: 'it has to be writable for the account rampd runs as' };
}

/** A new name survives a power cut only when its folder is synced. */
async function syncFolder(file: string): Promise<void> {
  const folder = await open(dirname(file), 'r');
  await folder.sync().finally(() => folder.close());
}

async function beginsWith(handle: FileHandle, text: string): Promise<boolean> {
  const wanted = Buffer.from(text);
  const found = Buffer.alloc(wanted.length);
  await handle.read(found, 0, found.length, 0);
  return found.equals(wanted);
}

async function endsLine(handle: FileHandle, size: number): Promise<boolean> {
  const last = Buffer.alloc(1);
  await handle.read(last, 0, 1, size - 1);
  return last[0] === 10;
}
