/**
 * What waits for a webhook, on disk: lines in numbered segments, and a cursor behind what was taken.
 *
 * Appended lines are synced before append resolves; a line is never torn, doubled or out of order. The cursor is not synced:
 * after a crash some lines are read again. Above its bound the oldest segment goes, and whoever asked is told how many lines.
 */
import { mkdir, open, readdir, readFile, rename, stat, unlink, writeFile, type FileHandle } from 'node:fs/promises';
import { join } from 'node:path';
import type { LineSink } from './line-writer.js';

export interface HookSpoolOptions {
  readonly dir: string;
  /** Bytes kept. */
  readonly most: number;
  /** Called with the number of lines that went because there was no room. */
  readonly onDropped: (lines: number) => void;
  /** Somebody else still uses the folder: nothing is done with it before this resolves. Never rejects. */
  readonly after?: Promise<unknown>;
}

/** Behind a line: where reading goes on. */
export interface Position {
  readonly segment: number;
  readonly offset: number;
}

export interface SpooledLine {
  readonly text: string;
  readonly end: Position;
}

const LARGEST_SEGMENT = 4 * 1024 * 1024;
/** Read at once; no line is as long. */
const CHUNK = 1024 * 1024;
const NAME = /^(\d{10})\.ndjson$/;

export class HookSpool implements LineSink {
  readonly boundary = Infinity;
  readonly #options: HookSpoolOptions;
  readonly #segmentBytes: number;
  /** Bytes of each segment that are written and synced, oldest first. */
  readonly #sizes = new Map<number, number>();
  #cursor: Position = { segment: 1, offset: 0 };
  #opening: Promise<void> | undefined;
  /** The segment that is written. */
  #current: { readonly number: number; readonly handle: FileHandle } | undefined;
  /** Where the next byte goes, which may be behind what is synced. */
  #at = 0;
  #rest: Buffer = Buffer.alloc(0);
  #saving: Promise<void> = Promise.resolve();

  constructor(options: HookSpoolOptions) {
    this.#options = options;
    this.#segmentBytes = Math.max(1, Math.min(LARGEST_SEGMENT, Math.floor(options.most / 4)));
  }

  /** Rejects when the folder cannot be used; the next call tries again. */
  open(): Promise<void> {
    this.#opening ??= this.#open().catch((error: unknown) => {
      this.#opening = undefined;
      throw error;
    });
    return this.#opening;
  }

  /** Bytes not taken yet. */
  get bytes(): number {
    let bytes = -Math.min(this.#cursor.offset, this.#sizes.get(this.#cursor.segment) ?? 0);
    for (const size of this.#sizes.values()) bytes += size;
    return bytes;
  }

  async append(text: string): Promise<void> {
    if (text !== '') this.#rest = this.#rest.length === 0 ? Buffer.from(text) : Buffer.concat([this.#rest, Buffer.from(text)]);
    await this.open();
    if (this.#rest.length === 0 && this.#at === (this.#sizes.get(this.#current?.number ?? 0) ?? 0)) return;
    const current = await this.#writable();
    while (this.#rest.length > 0) {
      const { bytesWritten } = await current.handle.write(this.#rest, 0, this.#rest.length, this.#at);
      this.#at += bytesWritten;
      this.#rest = this.#rest.subarray(bytesWritten);
    }
    await current.handle.datasync();
    this.#sizes.set(current.number, this.#at);
    await this.#makeRoom();
  }

  /** The next lines that were not taken, at most `most` of them. */
  async read(most: number): Promise<SpooledLine[]> {
    await this.open();
    for (;;) {
      const { segment, offset } = this.#cursor;
      const size = this.#sizes.get(segment) ?? 0;
      if (offset >= size) {
        const next = [...this.#sizes.keys()].find(n => n > segment);
        if (next === undefined) return [];
        await this.#remove(segment);
        this.#cursor = { segment: next, offset: 0 };
        continue;
      }
      const end = Math.min(size, offset + CHUNK);
      const lines = await this.#linesAt(segment, offset, end, most);
      if (lines === undefined) continue;
      if (lines.length > 0) return lines;
      // Nothing there is a line: damaged, and not to be met again.
      this.#cursor = { segment, offset: end };
    }
  }

  /** Everything up to here is done with. */
  async take(end: Position): Promise<void> {
    const { segment, offset } = this.#cursor;
    if (end.segment < segment || (end.segment === segment && end.offset < offset)) return;
    this.#cursor = end;
    await this.#save();
  }

  async close(): Promise<void> {
    await this.#opening?.catch(() => undefined);
    await this.#saving;
    await this.#current?.handle.close();
    this.#current = undefined;
  }

  #path(segment: number): string {
    return join(this.#options.dir, `${String(segment).padStart(10, '0')}.ndjson`);
  }

  async #open(): Promise<void> {
    const { dir, after } = this.#options;
    await after;
    await mkdir(dir, { recursive: true, mode: 0o750 });
    const segments = (await readdir(dir)).flatMap(name => Number(NAME.exec(name)?.[1] ?? []) || []).sort((a, b) => a - b);
    for (const segment of segments) this.#sizes.set(segment, (await stat(this.#path(segment))).size);
    const last = segments.at(-1);
    if (last !== undefined) this.#sizes.set(last, await cutToLine(this.#path(last)));
    const first = segments[0] ?? 1;
    const saved = await readCursor(join(dir, 'cursor.json'));
    this.#cursor = saved && this.#sizes.has(saved.segment) ? saved : { segment: first, offset: 0 };
    for (const segment of segments) if (segment < this.#cursor.segment) await this.#remove(segment);
  }

  /** The segment to write to; a new one when the last is full, or was written by an earlier process. */
  async #writable(): Promise<{ readonly number: number; readonly handle: FileHandle }> {
    const unfinished = this.#current !== undefined && this.#at > (this.#sizes.get(this.#current.number) ?? 0);
    if (this.#current && (unfinished || this.#at < this.#segmentBytes)) return this.#current;
    const last = [...this.#sizes.keys()].at(-1) ?? this.#cursor.segment - 1;
    const number = Math.max(last, this.#cursor.segment - 1) + 1;
    const handle = await open(this.#path(number), 'w');
    const folder = await open(this.#options.dir, 'r');
    await folder.sync().finally(() => folder.close());
    await this.#current?.handle.close();
    this.#current = { number, handle };
    this.#at = 0;
    this.#sizes.set(number, 0);
    return this.#current;
  }

  /** undefined: the segment went meanwhile. */
  async #linesAt(segment: number, from: number, to: number, most: number): Promise<SpooledLine[] | undefined> {
    const buffer = Buffer.alloc(to - from);
    let handle: FileHandle;
    try {
      handle = await open(this.#path(segment), 'r');
    } catch (error) {
      if (this.#sizes.has(segment)) throw error;
      return undefined;
    }
    try {
      await handle.read(buffer, 0, buffer.length, from);
    } finally {
      await handle.close();
    }
    const lines: SpooledLine[] = [];
    for (let start = 0; lines.length < most;) {
      const end = buffer.indexOf(10, start);
      if (end < 0) break;
      const text = buffer.toString('utf8', start, end);
      // After a power cut a block may hold anything; what is no record is passed over.
      if (text.startsWith('{')) lines.push({ text, end: { segment, offset: from + end + 1 } });
      start = end + 1;
    }
    return lines;
  }

  async #makeRoom(): Promise<void> {
    let dropped = 0;
    while (this.bytes > this.#options.most) {
      const oldest = [...this.#sizes.keys()][0];
      const next = [...this.#sizes.keys()][1];
      if (oldest === undefined || next === undefined) break;
      const from = oldest === this.#cursor.segment ? this.#cursor.offset : 0;
      dropped += countLines(await readFile(this.#path(oldest)), from);
      await this.#remove(oldest);
      if (this.#cursor.segment <= oldest) this.#cursor = { segment: next, offset: 0 };
    }
    if (dropped === 0) return;
    await this.#save();
    this.#options.onDropped(dropped);
  }

  async #remove(segment: number): Promise<void> {
    this.#sizes.delete(segment);
    await unlink(this.#path(segment)).catch((error: NodeJS.ErrnoException) => {
      if (error.code !== 'ENOENT') throw error;
    });
  }

  /** One after the other; a cursor that cannot be saved only means that lines are read again after a restart. */
  #save(): Promise<void> {
    const file = join(this.#options.dir, 'cursor.json');
    this.#saving = this.#saving
      .then(() => writeFile(`${file}.part`, JSON.stringify(this.#cursor)))
      .then(() => rename(`${file}.part`, file))
      .catch(() => undefined);
    return this.#saving;
  }
}

function countLines(bytes: Buffer, from: number): number {
  let lines = 0;
  for (let at = bytes.indexOf(10, from); at >= 0; at = bytes.indexOf(10, at + 1)) lines++;
  return lines;
}

/** A line that a crash tore was never promised. Returns the size that is left. */
async function cutToLine(path: string): Promise<number> {
  const handle = await open(path, 'r+');
  try {
    const bytes = await handle.readFile();
    const size = bytes.lastIndexOf(10) + 1;
    if (size < bytes.length) await handle.truncate(size);
    return size;
  } finally {
    await handle.close();
  }
}

async function readCursor(file: string): Promise<Position | undefined> {
  try {
    const { segment, offset } = JSON.parse(await readFile(file, 'utf8')) as Position;
    return Number.isSafeInteger(segment) && Number.isSafeInteger(offset) ? { segment, offset } : undefined;
  } catch {
    return undefined;
  }
}
