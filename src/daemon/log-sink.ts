/**
 * Where log lines go: a descriptor, written to in the background and in order.
 *
 * Never throws and never ends the daemon. What cannot be written now (a full disk, a slow reader) waits in memory up to a
 * bound and is tried again; lines beyond it are counted and told where they are missing. What is left when the process ends is
 * written then, as far as it can be. After the reader of a pipe has gone, nothing is kept.
 */
import { closeSync, fstatSync, mkdirSync, openSync, statSync, write, writeSync } from 'node:fs';
import { dirname } from 'node:path';

/** UTF-16 units that wait: some minutes of trouble, and no strain. */
const MOST_HELD = 8 * 1024 * 1024;
/** Real milliseconds until what failed is tried again. */
const AGAIN = 1_000;
/** At the end of the process a pipe that is full is waited for so often, so long (ms). */
const LAST_TRIES = 20;
const LAST_WAIT = 25;

/** Dialogues stand in a log that is asked for detail: addresses of recipients. */
const MODE = 0o640;

const busy = (error: unknown): boolean => ['EAGAIN', 'EBUSY'].includes((error as NodeJS.ErrnoException).code ?? '');

/** Throws what the system says. */
export function openLogFile(file: string): number {
  mkdirSync(dirname(file), { recursive: true });
  return openSync(file, 'a', MODE);
}

export class LogSink {
  readonly #held: string[] = [];
  #size = 0;
  #lost = 0;
  /** Taken from `held`, and not all written yet. */
  #piece: Buffer = Buffer.alloc(0);
  #writing = false;
  #gone = false;
  #failing = false;
  #retry: NodeJS.Timeout | undefined;
  #before: number | undefined;

  /** `trouble` is told once each time the descriptor begins to fail. */
  constructor(
    private fd: number,
    private readonly trouble: (error: Error) => void,
  ) {
    open.add(this);
  }

  /** A line with its end. */
  write(line: string): void {
    if (this.#gone) return;
    if (this.#size + line.length > MOST_HELD) return void this.#lost++;
    if (this.#lost > 0) {
      this.#keep(`${JSON.stringify({ level: 'error', lost: this.#lost, msg: 'lines of the log are missing here' })}\n`);
      this.#lost = 0;
    }
    this.#keep(line);
    if (this.#retry === undefined) this.#next();
  }

  /** Goes on in a new file where another program has moved or removed the old one. Throws what the system says, and stays. */
  follow(file: string): void {
    const now = statSync(file, { throwIfNoEntry: false });
    const own = fstatSync(this.fd);
    if (now?.ino === own.ino && now.dev === own.dev) return;
    const old = this.fd;
    this.fd = openLogFile(file);
    // A write that is under way ends where it began.
    if (this.#writing) this.#before = old;
    else closeSync(old);
  }

  /** Writes what is left, at the end of the process. */
  finish(): void {
    if (this.#gone) return;
    // What is being written by the thread pool is not written twice.
    if (this.#writing) this.#piece = Buffer.alloc(0);
    for (let tries = 0; tries < LAST_TRIES && this.#take();) {
      try {
        this.#piece = this.#piece.subarray(writeSync(this.fd, this.#piece));
      } catch (error) {
        if (!busy(error)) return;
        tries++;
        Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, LAST_WAIT);
      }
    }
  }

  #keep(line: string): void {
    this.#held.push(line);
    this.#size += line.length;
  }

  /** Is there anything to write? */
  #take(): boolean {
    if (this.#piece.length === 0 && this.#held.length > 0) {
      this.#piece = Buffer.from(this.#held.splice(0).join(''));
      this.#size = 0;
    }
    return this.#piece.length > 0;
  }

  #next(): void {
    if (this.#writing || this.#gone || !this.#take()) return;
    this.#writing = true;
    write(this.fd, this.#piece, 0, this.#piece.length, null, (error, bytes) => {
      this.#writing = false;
      if (this.#before !== undefined) closeSync(this.#before);
      this.#before = undefined;
      if (error) return this.#failed(error);
      this.#failing = false;
      this.#piece = this.#piece.subarray(bytes);
      this.#next();
    });
  }

  #failed(error: NodeJS.ErrnoException): void {
    if (error.code === 'EPIPE') {
      this.#gone = true;
      this.#held.length = 0;
      return;
    }
    if (!busy(error)) {
      if (!this.#failing) this.trouble(error);
      this.#failing = true;
    }
    this.#retry = setTimeout(
      () => {
        this.#retry = undefined;
        this.#next();
      },
      busy(error) ? LAST_WAIT : AGAIN,
    );
    this.#retry.unref();
  }
}

const open = new Set<LogSink>();
process.on('exit', () => {
  for (const sink of open) sink.finish();
});
