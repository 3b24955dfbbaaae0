/**
 * Room on the disk. `statfs` decides whether new mail gets 452; error codes never do. It is asked once a second, and before
 * that when what was taken since may have used up the room: a second of fast mail is more than some disks have left. A ballast file
 * is given up when others fill the disk, so that outcomes of mail already accepted can still be written, and made again when
 * there is room for it.
 */
import { closeSync, fsyncSync, openSync, rmSync, statfsSync, statSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import type { Clock } from '../kernel/clock.js';
import { SECOND, type Instant } from '../kernel/units.js';

const BALLAST_BYTES = 16 * 1024 * 1024;

export interface SpaceOptions {
  readonly dir: string;
  readonly clock: Clock;
  /** Free bytes below which there is no room for new mail. */
  readonly minFree: number;
  readonly ballast?: number;
  /** Free bytes of the file system `dir` is on; tests fill disks here. */
  readonly free?: (dir: string) => number;
}

export class Space {
  readonly #options: SpaceOptions;
  readonly #path: string;
  readonly #ballast: number;
  readonly #free: (dir: string) => number;
  #asked: Instant = -Infinity;
  /** Bytes: free at the last look, promised to writes since, and promised to writes that are not over. */
  #left = 0;
  #taken = 0;
  #pending = 0;
  #room: 'ok' | 'full' = 'ok';
  #hasBallast: boolean;

  constructor(options: SpaceOptions) {
    this.#options = options;
    this.#path = join(options.dir, 'ballast');
    this.#ballast = options.ballast ?? BALLAST_BYTES;
    this.#free = options.free ?? freeBytes;
    this.#hasBallast = (statSync(this.#path, { throwIfNoEntry: false })?.size ?? 0) >= this.#ballast;
    this.look();
  }

  /** As of at most a second ago, and of what was taken since. */
  room(): 'ok' | 'full' {
    const usedUp = this.#taken > 0 && this.#left - this.#taken < this.#options.minFree;
    if (usedUp || this.#options.clock.now() >= this.#asked + SECOND) this.look();
    return this.#room;
  }

  /** So many bytes are about to be written; `written` is when they have been, or will not be. */
  takes(bytes: number, written: Promise<unknown>): void {
    this.#taken += bytes;
    this.#pending += bytes;
    const over = (): void => void (this.#pending -= bytes);
    written.then(over, over);
  }

  /** Looks now; gives the ballast up when less than its half is free, and takes it back when there is ample room. */
  look(): void {
    const { dir, clock, minFree } = this.#options;
    this.#asked = clock.now();
    const free = this.#free(dir) - this.#pending;
    this.#left = free;
    this.#taken = 0;
    this.#room = free < minFree ? 'full' : 'ok';
    if (this.#hasBallast && free < this.#ballast / 2) {
      // It may be gone already: people make room on a full disk, too.
      rmSync(this.#path, { force: true });
      this.#hasBallast = false;
    } else if (!this.#hasBallast && free > minFree + 2 * this.#ballast) this.#fill();
  }

  /** Zeros really written: a hole would reserve nothing. */
  #fill(): void {
    const block = Buffer.alloc(Math.min(this.#ballast, 1024 * 1024));
    let fd: number | undefined;
    try {
      fd = openSync(this.#path, 'w', 0o600);
      for (let written = 0; written < this.#ballast;) written += writeSync(fd, block, 0, Math.min(block.length, this.#ballast - written));
      fsyncSync(fd);
      this.#hasBallast = true;
    } catch {
      // No room after all: without ballast the disk is as it was before.
      if (fd !== undefined) rmSync(this.#path, { force: true });
    } finally {
      if (fd !== undefined) closeSync(fd);
    }
  }
}

function freeBytes(dir: string): number {
  const { bavail, bsize } = statfsSync(dir);
  return bavail * bsize;
}
