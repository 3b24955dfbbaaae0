/**
 * Files put aside: named after their period, compressed, moved to their folder, and deleted when their time is over.
 *
 * A name is never used twice, so nothing is overwritten; an original goes only when all of it stands elsewhere. What a crash
 * left half done, or what failed, is finished with the next one. Only files named the way they are named here are ever touched.
 */
import { createReadStream, createWriteStream } from 'node:fs';
import { copyFile, mkdir, open, readdir, rename, rm, stat, unlink } from 'node:fs/promises';
import { basename, dirname, extname, join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { createGzip } from 'node:zlib';
import type { Rotation } from '../kernel/telling.js';
import type { Ms } from '../kernel/units.js';

export interface ArchiveOptions {
  /** The file that is put aside. */
  readonly file: string;
  readonly rotation: Rotation;
  /** Epoch milliseconds: the age of files is counted from here. */
  readonly wall: () => number;
}

/** What happens to the files put aside of each file; when another one writes that file next, it goes on behind it. */
const underWay = new Map<string, Promise<void>>();

export class Archive {
  readonly #options: ArchiveOptions;
  readonly #onTrouble: (error: unknown) => void;
  /** Where the file is written, where it goes; its name in two pieces. */
  readonly #here: string;
  readonly #there: string;
  readonly #stem: string;
  readonly #extension: string;
  #last: { period: number; n: number } | undefined;

  constructor(options: ArchiveOptions, onTrouble: (error: unknown) => void) {
    this.#options = options;
    this.#onTrouble = onTrouble;
    this.#here = dirname(options.file);
    this.#there = options.rotation.moveTo ?? this.#here;
    this.#extension = extname(options.file);
    this.#stem = basename(options.file, this.#extension);
  }

  /** Finishes in the background what is left to do. */
  resume(): void {
    this.#inBackground();
  }

  /** Renames the file after its period; the rest happens in the background. Throws when it cannot be renamed. */
  async putAside(period: number): Promise<void> {
    const start = Math.floor(period / 1_000) * 1_000;
    const stamp = new Date(start).toISOString().replace(/[-:]|\.\d+/g, '');
    // Numbers go up even when earlier files of the period were deleted or taken away: the highest is the youngest.
    let n = this.#last?.period === start ? this.#last.n + 1 : 0;
    for (const name of [...(await namesIn(this.#here)), ...(await namesIn(this.#there))]) {
      const other = this.#parsed(name);
      if (other?.period === start) n = Math.max(n, other.n + 1);
    }
    const name = `${this.#stem}-${stamp}${n === 0 ? '' : `-${n}`}${this.#extension}`;
    await rename(this.#options.file, join(this.#here, name));
    this.#last = { period: start, n };
    this.#inBackground();
  }

  /** Resolves when nothing is under way, at the latest after `patience`: a large file takes minutes. */
  async finished(patience: Ms): Promise<void> {
    const work = underWay.get(this.#options.file);
    if (!work) return;
    let timer: NodeJS.Timeout | undefined;
    await Promise.race([work, new Promise(resolve => (timer = setTimeout(resolve, patience)))]);
    clearTimeout(timer);
  }

  /** One after the other: deleting never meets a file that is being moved. */
  #inBackground(): void {
    const { file } = this.#options;
    const mine: Promise<void> = (underWay.get(file) ?? Promise.resolve())
      .then(() => this.#tidy())
      .catch(this.#onTrouble)
      .finally(() => {
        if (underWay.get(file) === mine) underWay.delete(file);
      });
    underWay.set(file, mine);
  }

  /** All that is left to do, also what failed the last time. What is to go goes first: there may be no room for the rest. */
  async #tidy(): Promise<void> {
    await this.#prune();
    let trouble: { readonly error: unknown } | undefined;
    for (const name of await this.#unfinished()) await this.#finish(name).catch((error: unknown) => (trouble ??= { error }));
    await this.#prune();
    if (trouble) throw trouble.error;
  }

  async #unfinished(): Promise<string[]> {
    if (!this.#options.rotation.compress && this.#there === this.#here) return [];
    return (await readdir(this.#here)).filter(name => this.#parsed(name)?.packed === false).sort();
  }

  async #finish(name: string): Promise<void> {
    const path = join(this.#here, name);
    if (this.#there !== this.#here) await makeFolder(this.#there);
    if (this.#options.rotation.compress) await compressFile(path, join(this.#there, `${name}.gz`));
    else await move(path, join(this.#there, name));
  }

  /** Deletes what is older than its time, or too many. A file's age counts from the end of its period. */
  async #prune(): Promise<void> {
    const { retain, every } = this.#options.rotation;
    if (!retain) return;
    const aside = (await namesIn(this.#there)).flatMap(name => this.#parsed(name) ?? []);
    aside.sort((a, b) => b.period - a.period || b.n - a.n);
    const length = Number.isFinite(every) ? every : 0;
    const old = 'count' in retain ? aside.slice(retain.count) : aside.filter(f => this.#options.wall() - f.period - length > retain.age);
    for (const { name } of old) await rm(join(this.#there, name), { force: true });
  }

  #parsed(name: string): { name: string; period: number; n: number; packed: boolean } | undefined {
    if (!name.startsWith(`${this.#stem}-`)) return undefined;
    const packed = name.endsWith('.gz') && this.#extension !== '.gz';
    const plain = packed ? name.slice(0, -3) : name;
    if (!plain.endsWith(this.#extension)) return undefined;
    const middle = plain.slice(this.#stem.length + 1, plain.length - this.#extension.length);
    const [, y, mo, d, h, mi, s, n] = /^(\d{4})(\d\d)(\d\d)T(\d\d)(\d\d)(\d\d)Z(?:-(\d+))?$/.exec(middle) ?? [];
    if (s === undefined) return undefined;
    return { name, period: Date.parse(`${y}-${mo}-${d}T${h}:${mi}:${s}Z`), n: Number(n ?? 0), packed };
  }
}

/** For files put aside, with what is above it. */
export const makeFolder = (folder: string): Promise<unknown> => mkdir(folder, { recursive: true, mode: 0o750 });

const namesIn = (folder: string): Promise<string[]> => readdir(folder).catch(() => []);

/** The original goes only when the whole compressed file is on the disk, to be read by whoever could read the original. */
async function compressFile(path: string, to: string): Promise<void> {
  const part = `${to}.part`;
  const mode = (await stat(path)).mode & 0o777;
  try {
    await pipeline(createReadStream(path), createGzip(), createWriteStream(part, { flush: true, mode }));
  } catch (error) {
    // On a full disk half of a file is only in the way.
    await unlink(part).catch(() => undefined);
    throw error;
  }
  await rename(part, to);
  await unlink(path);
}

/** Also to another file system. */
async function move(path: string, to: string): Promise<void> {
  try {
    await rename(path, to);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EXDEV') throw error;
    const part = `${to}.part`;
    await copyFile(path, part);
    const copy = await open(part, 'r');
    await copy.sync().finally(() => copy.close());
    await rename(part, to);
    await unlink(path);
  }
}
