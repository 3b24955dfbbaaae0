/**
 * Lines on their way to the disk: collected in memory, written together, synced once for all who wait.
 *
 * `flush` writes everything since the last one in one go, many callers sharing one write. Trouble with the disk never stops
 * mail, be it that it refuses or that it does not answer (a network file system that is gone): flush resolves all the same,
 * lines wait in memory up to a bound, and what is lost beyond it is counted and reported.
 */
import type { Clock, Timer } from '../kernel/clock.js';
import { printDuration, SECOND, type Instant, type Ms } from '../kernel/units.js';

/** Where lines go. What append could not write it keeps, and writes first the next time. */
export interface LineSink {
  /** Writes and syncs; throws when that fails. */
  append(text: string): Promise<void>;
  /** Policy instant at which append('') has something to do: the end of a file's period. Infinity: never. */
  readonly boundary: Instant;
  close(): Promise<void>;
}

export interface LineTrouble {
  readonly error: unknown;
  /** Lines in memory that are not on the disk yet. */
  readonly waiting: number;
  /** Lines given up since the start. */
  readonly lost: number;
  /** Lines are written; only what was put aside could not be dealt with. */
  readonly aside?: true;
}

export interface LineWriterOptions {
  readonly sink: LineSink;
  readonly clock: Clock;
  /** Called when trouble begins, and again each minute while it lasts. */
  readonly onTrouble: (trouble: LineTrouble) => void;
  /** Called when lines reach the disk again. */
  readonly onRecovered?: (lost: number) => void;
  /** Characters kept in memory while the disk cannot be written. */
  readonly keep?: number;
  /** How long a write may take before nobody waits for it any more. Real time. */
  readonly patience?: Ms;
}

const PATIENCE = 30 * SECOND;
const KEEP = 32 * 1024 * 1024;
const RETRY = SECOND;
const REMIND = 60 * SECOND;

export class LineWriter {
  /** Lines given up since the start. */
  lost = 0;
  /** What the last attempt came to; undefined while all is well. */
  error: unknown;
  #lines: string[] = [];
  #bytes = 0;
  /** Lines of the batch that is being written, or that failed and waits. */
  #batch = 0;
  #batchBytes = 0;
  #running: Promise<void> | undefined;
  #next: Promise<void> | undefined;
  #trouble: { retryAt: Instant; remindAt: Instant } | undefined;
  #timer: Timer | undefined;
  #plannedAt: Instant | undefined;
  #closed = false;
  /** Who waits for the disk. */
  readonly #waiters = new Set<() => void>();
  /** It does not answer, and nobody waits. */
  #stalled = false;

  constructor(private readonly options: LineWriterOptions) {
    this.#plan();
  }

  /** Lines not on the disk yet. */
  get waiting(): number {
    return this.#lines.length + this.#batch;
  }

  /** One line, its end included. */
  write(line: string): void {
    if (this.#bytes + line.length > (this.options.keep ?? KEEP) || this.#closed) {
      this.lost++;
      return;
    }
    this.#bytes += line.length;
    this.#lines.push(line);
  }

  /** Resolves when everything written so far is on the disk, or when it cannot be. Never rejects. */
  flush(): Promise<void> {
    if (this.#trouble && this.options.clock.now() < this.#trouble.retryAt) return Promise.resolve();
    return this.#written();
  }

  /** Flushes and closes; what cannot be written is lost. */
  async close(): Promise<void> {
    this.#closed = true;
    this.#timer?.cancel();
    await this.#written();
    this.lost += this.waiting;
    const closed = this.options.sink.close();
    if (this.#stalled) closed.catch(() => undefined);
    else await closed;
  }

  #written(): Promise<void> {
    if (this.#stalled) return Promise.resolve();
    return new Promise(resolve => {
      const go = (): void => {
        this.#waiters.delete(go);
        resolve();
      };
      this.#waiters.add(go);
      void this.#flush().then(go);
    });
  }

  /** Wakes for the end of the period, or for the next try while in trouble: an idle file is put aside in time too. */
  #plan(): void {
    const at = this.#trouble?.retryAt ?? this.options.sink.boundary;
    if (at === this.#plannedAt) return;
    this.#timer?.cancel();
    this.#plannedAt = at;
    if (this.#closed || !Number.isFinite(at)) return;
    this.#timer = this.options.clock.at(at, () => void this.#flush());
  }

  /** At most one write runs; callers that come meanwhile share the next one. */
  #flush(): Promise<void> {
    if (!this.#running) {
      this.#running = this.#round().finally(() => (this.#running = undefined));
      return this.#running;
    }
    this.#next ??= this.#running.then(() => {
      this.#next = undefined;
      return this.#flush();
    });
    return this.#next;
  }

  async #round(): Promise<void> {
    const text = this.#lines.join('');
    this.#batch += this.#lines.length;
    this.#batchBytes += text.length;
    this.#lines = [];
    const answered = this.#watch();
    try {
      await this.options.sink.append(text);
      this.#bytes -= this.#batchBytes;
      this.#batch = this.#batchBytes = 0;
      if (this.#trouble) this.options.onRecovered?.(this.lost);
      this.#trouble = this.error = undefined;
    } catch (error) {
      this.#report(error);
    } finally {
      answered();
    }
    this.#plan();
  }

  /** Lets everybody go when the write that begins takes too long; the function returned says that it is over. */
  #watch(): () => void {
    const { patience = PATIENCE } = this.options;
    const timer = setInterval(() => {
      this.#stalled = true;
      this.#report(new Error(`the disk did not answer within ${printDuration(patience)}`));
      for (const go of [...this.#waiters]) go();
    }, patience);
    timer.unref();
    return () => {
      clearInterval(timer);
      this.#stalled = false;
    };
  }

  #report(error: unknown): void {
    this.error = error;
    const now = this.options.clock.now();
    const remind = this.#trouble?.remindAt ?? now;
    this.#trouble = { retryAt: now + RETRY, remindAt: remind <= now ? now + REMIND : remind };
    if (remind <= now) this.options.onTrouble({ error, waiting: this.waiting, lost: this.lost });
  }
}
