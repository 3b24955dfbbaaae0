/**
 * Segment files: bodies one after the other, 64 MB a file, never written twice. A file is appended to by the process that
 * made it and by no other: every start begins a new one, so a torn tail is never followed by good mail.
 *
 * append() resolves when the bytes are on the disk (fdatasync). Files are unlinked when the caller says nobody waits in
 * them; a body being read at that moment is still read to its end. Never counts who waits: the committer does.
 */
import { closeSync, constants, fdatasync, fsyncSync, openSync, readdirSync, statSync, writev, type PathLike } from 'node:fs';
import { open, unlink, type FileHandle } from 'node:fs/promises';
import { join } from 'node:path';
import type { BodyRef } from '../kernel/message.js';
import { checkRecord, DamagedBody } from './record.js';

export const SEGMENT_BYTES = 64 * 1024 * 1024;
/** Sealed segments kept open for reading. */
const OPEN_FOR_READING = 64;

/** What tests replace: a disk that is full, or that says no when asked to keep something. */
export interface SegmentDisk {
  writev(fd: number, buffers: readonly Uint8Array[], position: number, done: (error: Error | null, written: number) => void): void;
  fdatasync(fd: number, done: (error: Error | null) => void): void;
}

const REAL: SegmentDisk = { writev: (fd, buffers, at, done) => writev(fd, buffers, at, done), fdatasync };

interface OpenSegment {
  readonly number: number;
  readonly fd: number;
}

interface Reading {
  readonly file: Promise<FileHandle>;
  users: number;
  doomed: boolean;
}

export class Segments {
  readonly #dir: string;
  readonly #limit: number;
  readonly #disk: SegmentDisk;
  readonly #reading = new Map<number, Reading>();
  #current: OpenSegment;
  #position = 0;

  /** Begins segment `first`, which must not exist. */
  constructor(dir: string, first: number, limit = SEGMENT_BYTES, disk: SegmentDisk = REAL) {
    if (!(limit > 0 && limit <= 2 ** 27)) throw new RangeError('a segment has 1 byte to 128 MB');
    this.#dir = dir;
    this.#limit = limit;
    this.#disk = disk;
    this.#current = this.#create(first);
  }

  /** The segment being written; all others are sealed. */
  get current(): number {
    return this.#current.number;
  }

  get position(): number {
    return this.#position;
  }

  /** No record begins here any more: the next append needs a new file. */
  get isFull(): boolean {
    return this.#position >= this.#limit;
  }

  /** Where the next record will stand, `length` bytes long. */
  place(length: number): BodyRef {
    const ref = { segment: this.#current.number, offset: this.#position, length };
    this.#position += length;
    return ref;
  }

  /** Called between appends: moves on to a new file once the current one has reached its size. */
  roll(): void {
    if (!this.isFull) return;
    const full = this.#current;
    this.#current = this.#create(full.number + 1);
    this.#position = 0;
    closeSync(full.fd);
  }

  /** Writes what was placed from `offset` of the current segment on; resolves when it is durable. */
  append(offset: number, buffers: readonly Uint8Array[]): Promise<void> {
    const { fd } = this.#current;
    return new Promise((resolve, reject) => {
      const write = (rest: readonly Uint8Array[], at: number): void => {
        let wanted = 0;
        for (const buffer of rest) wanted += buffer.length;
        this.#disk.writev(fd, rest, at, (error, written) => {
          if (error) return reject(error);
          if (written === wanted) return this.#disk.fdatasync(fd, failed => (failed ? reject(failed) : resolve()));
          if (written <= 0) return reject(new Error('the disk took no bytes'));
          return write(after(rest, written), at + written);
        });
      };
      write(buffers, offset);
    });
  }

  /** A record's bytes, checksum verified; rejects with DamagedBody. */
  async read(ref: BodyRef): Promise<Buffer> {
    const reading = this.#use(ref.segment);
    try {
      const bytes = Buffer.allocUnsafeSlow(ref.length);
      let read = 0;
      try {
        const file = await reading.file;
        while (read < ref.length) {
          const { bytesRead } = await file.read(bytes, read, ref.length - read, ref.offset + read);
          if (bytesRead === 0) break;
          read += bytesRead;
        }
      } catch (error) {
        throw new DamagedBody(ref, (error as Error).message, { cause: error });
      }
      const whole = bytes.subarray(0, read);
      checkRecord(ref, whole);
      return whole;
    } finally {
      this.#unuse(ref.segment, reading);
    }
  }

  /** Unlinks a sealed segment; what cannot be unlinked is left to the next start. */
  async drop(segment: number): Promise<void> {
    if (segment === this.#current.number) throw new Error(`segment ${segment} is being written`);
    const reading = this.#reading.get(segment);
    if (reading) {
      this.#reading.delete(segment);
      reading.doomed = true;
      if (reading.users === 0) close(reading);
    }
    await unlink(segmentPath(this.#dir, segment)).catch(() => undefined);
  }

  /** Bytes of a sealed segment's file; 0 when it is gone. */
  size(segment: number): number {
    return statSync(segmentPath(this.#dir, segment), { throwIfNoEntry: false })?.size ?? 0;
  }

  async close(): Promise<void> {
    closeSync(this.#current.fd);
    const files = [...this.#reading.values()];
    this.#reading.clear();
    await Promise.all(files.map(reading => reading.file.then(file => file.close()).catch(() => undefined)));
  }

  #use(segment: number): Reading {
    let reading = this.#reading.get(segment);
    if (reading) this.#reading.delete(segment);
    else {
      reading = { file: open(segmentPath(this.#dir, segment), constants.O_RDONLY), users: 0, doomed: false };
      if (this.#reading.size >= OPEN_FOR_READING) this.#evict();
    }
    this.#reading.set(segment, reading);
    reading.users++;
    return reading;
  }

  #unuse(segment: number, reading: Reading): void {
    reading.users--;
    if (reading.doomed && reading.users === 0) close(reading);
    else reading.file.catch(() => this.#reading.get(segment) === reading && this.#reading.delete(segment));
  }

  #evict(): void {
    for (const [segment, reading] of this.#reading) {
      if (reading.users > 0) continue;
      this.#reading.delete(segment);
      close(reading);
      return;
    }
  }

  #create(number: number): OpenSegment {
    const fd = openSync(segmentPath(this.#dir, number), 'wx', 0o600);
    syncFolder(this.#dir);
    return { number, fd };
  }
}

function close(reading: Reading): void {
  reading.file.then(
    file => file.close(),
    () => undefined,
  );
}

function after(buffers: readonly Uint8Array[], bytes: number): readonly Uint8Array[] {
  const rest: Uint8Array[] = [];
  for (const buffer of buffers) {
    if (bytes >= buffer.length) bytes -= buffer.length;
    else {
      rest.push(bytes > 0 ? buffer.subarray(bytes) : buffer);
      bytes = 0;
    }
  }
  return rest;
}

export const segmentPath = (dir: string, segment: number): string => join(dir, `${String(segment).padStart(10, '0')}.seg`);

/** Numbers of the segment files in a folder, ascending. */
export function segmentNumbers(dir: string): number[] {
  return readdirSync(dir)
    .flatMap(name => {
      const match = /^(\d{10})\.seg$/.exec(name);
      return match ? [Number(match[1])] : [];
    })
    .sort((a, b) => a - b);
}

/** Makes names created, renamed or removed in a folder durable. */
export function syncFolder(dir: PathLike): void {
  const fd = openSync(dir, constants.O_RDONLY);
  try {
    fsyncSync(fd);
  } finally {
    closeSync(fd);
  }
}
