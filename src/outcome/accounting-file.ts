/**
 * The accounting file on the disk: opened with its header, appended to, put aside when its period ends, compressed.
 *
 * What `append` was given is either written and synced, or kept here and written first the next time, from the very byte
 * at which the write broke off: no line is torn or doubled by a full disk. A file moved away by others is noticed and a
 * new one begun.
 */
import { createReadStream, createWriteStream } from 'node:fs';
import { open, readdir, rename, stat, unlink, type FileHandle } from 'node:fs/promises';
import { basename, dirname, extname, join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { createGzip } from 'node:zlib';
import type { Clock } from '../kernel/clock.js';
import { FaultError } from '../kernel/fault.js';
import { SECOND, type Instant, type Ms } from '../kernel/units.js';

export interface FileIo {
  /** Bytes written, at least 1, or an error. */
  write(handle: FileHandle, bytes: Buffer): Promise<number>;
  sync(handle: FileHandle): Promise<void>;
}

const REAL: FileIo = {
  write: async (handle, bytes) => (await handle.write(bytes)).bytesWritten,
  sync: handle => handle.datasync(),
};

export interface AccountingFileOptions {
  readonly file: string;
  /** The first line of every file, its end included; '' for none. A file that begins otherwise is put aside. */
  readonly header: string;
  readonly rotate: Ms;
  readonly compress: boolean;
  readonly clock: Clock;
  readonly io?: FileIo;
}

const LOOK_EVERY = 5 * SECOND;

export class AccountingFile {
  /** Policy instant at which the file's period ends. */
  boundary: Instant = Infinity;
  #handle: FileHandle | undefined;
  #inode = 0;
  #periodStart = 0;
  #lookAt: Instant = 0;
  /** Not written yet: what a failed write left over. */
  #rest: Buffer = Buffer.alloc(0);
  /** Written and not synced. */
  #dirty = false;
  readonly #compressing = new Set<Promise<void>>();

  constructor(
    private readonly options: AccountingFileOptions,
    private readonly onTrouble: (error: unknown) => void,
  ) {}

  /** Throws FaultError when the file or its folder cannot be used. */
  async open(): Promise<void> {
    try {
      await this.#open();
    } catch (error) {
      const what = `the accounting file cannot be opened: ${error instanceof Error ? error.message : String(error)}`;
      throw new FaultError([{ code: 'accounting-unwritable', place: { file: this.options.file, line: 0, col: 0 }, what }]);
    }
    if (this.options.compress) this.#inBackground(this.#compressLeftovers());
  }

  /** Writes and syncs; throws when that fails, and then keeps what is not written for the next time. */
  async append(text: string): Promise<void> {
    // A line cut in two is finished in the file in which it began, so the file may change only when nothing is left over.
    const clean = this.#rest.length === 0;
    if (text !== '') this.#rest = clean ? Buffer.from(text) : Buffer.concat([this.#rest, Buffer.from(text)]);
    if (clean) await this.#turn();
    if (!this.#handle) await this.#open();
    await this.#drain();
    if (clean || !(await this.#turn())) return;
    await this.#open();
    await this.#drain();
  }

  async close(): Promise<void> {
    await Promise.all(this.#compressing);
    await this.#handle?.close();
    this.#handle = undefined;
  }

  async #drain(): Promise<void> {
    const handle = this.#handle;
    if (!handle) return;
    const io = this.options.io ?? REAL;
    while (this.#rest.length > 0) {
      this.#dirty = true;
      this.#rest = this.#rest.subarray(await io.write(handle, this.#rest));
    }
    if (this.#dirty) await io.sync(handle);
    this.#dirty = false;
  }

  /** Leaves the file when its period is over or it was moved away. True when it did. */
  async #turn(): Promise<boolean> {
    const now = this.options.clock.now();
    if (!this.#handle) return false;
    if (now >= this.boundary) {
      await this.#leave();
      await this.#moveAway(this.#periodStart);
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
    const { file, clock } = this.options;
    let handle = await open(file, 'a+');
    try {
      const { size, mtimeMs } = await handle.stat();
      if (size > 0 && (this.#startOf(mtimeMs) < this.#startOf(clock.wall()) || !(await hasHeader(handle, this.options.header)))) {
        await handle.close();
        await this.#moveAway(this.#startOf(mtimeMs));
        handle = await open(file, 'a+');
      }
      const now = await handle.stat();
      this.#inode = now.ino;
      if (now.size === 0) await syncFolder(file);
      if (now.size === 0) this.#rest = Buffer.concat([Buffer.from(this.options.header), this.#rest]);
      else if (!(await endsLine(handle, now.size))) this.#rest = Buffer.concat([Buffer.from('\n'), this.#rest]);
    } catch (error) {
      await handle.close().catch(() => undefined);
      throw error;
    }
    this.#handle = handle;
    this.#periodStart = this.#startOf(clock.wall());
    this.boundary = clock.now() + (this.#periodStart + this.options.rotate - clock.wall());
    this.#lookAt = clock.now() + LOOK_EVERY;
  }

  #startOf(epoch: number): number {
    const { rotate } = this.options;
    return Number.isFinite(rotate) ? Math.floor(epoch / rotate) * rotate : 0;
  }

  /** Renames the file after its period. When that cannot be done, lines go on into the file as it is. */
  async #moveAway(period: number): Promise<void> {
    const { file, compress } = this.options;
    const extension = extname(file);
    const stem = file.slice(0, file.length - extension.length);
    const stamp = new Date(period).toISOString().replace(/[-:]|\.\d+/g, '');
    try {
      for (let n = 0; ; n++) {
        const aside = `${stem}-${stamp}${n === 0 ? '' : `-${n}`}${extension}`;
        if ((await exists(aside)) || (await exists(`${aside}.gz`))) continue;
        await rename(file, aside);
        if (compress) this.#inBackground(compressFile(aside));
        return;
      }
    } catch (error) {
      this.onTrouble(error);
    }
  }

  #inBackground(work: Promise<void>): void {
    const tracked = work.catch(this.onTrouble).finally(() => this.#compressing.delete(tracked));
    this.#compressing.add(tracked);
  }

  /** Files put aside just before a crash. */
  async #compressLeftovers(): Promise<void> {
    const { file } = this.options;
    const extension = extname(file);
    const stem = basename(file, extension);
    for (const name of await readdir(dirname(file))) {
      const middle =
        name.startsWith(`${stem}-`) && name.endsWith(extension) ? name.slice(stem.length + 1, name.length - extension.length) : '';
      if (/^\d{8}T\d{6}Z(-\d+)?$/.test(middle)) await compressFile(join(dirname(file), name));
    }
  }
}

/** A new name survives a power cut only when its folder is synced. */
async function syncFolder(file: string): Promise<void> {
  const folder = await open(dirname(file), 'r');
  await folder.sync().finally(() => folder.close());
}

/** The original goes only when the whole compressed file is on the disk. */
async function compressFile(path: string): Promise<void> {
  const part = `${path}.gz.part`;
  await pipeline(createReadStream(path), createGzip(), createWriteStream(part, { flush: true }));
  await rename(part, `${path}.gz`);
  await unlink(path);
}

const exists = (path: string): Promise<boolean> =>
  stat(path).then(
    () => true,
    () => false,
  );

async function hasHeader(handle: FileHandle, header: string): Promise<boolean> {
  const wanted = Buffer.from(header);
  const found = Buffer.alloc(wanted.length);
  await handle.read(found, 0, found.length, 0);
  return found.equals(wanted);
}

async function endsLine(handle: FileHandle, size: number): Promise<boolean> {
  const last = Buffer.alloc(1);
  await handle.read(last, 0, 1, size - 1);
  return last[0] === 10;
}
