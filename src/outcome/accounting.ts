/**
 * Accounting: a line per recipient and attempt, written before the outcome commits. After a crash a line may be doubled,
 * it is never missing.
 *
 * `write` only formats; `flush` writes everything since the last one in one go and syncs it, many callers sharing one
 * write. Trouble with the file never stops mail: flush resolves all the same, lines wait in memory up to a bound, and what
 * is lost beyond it is counted and reported.
 */
import { FIELDS, type AccountingRecord } from '../kernel/accounting.js';
import { wallOf, type Clock, type Timer } from '../kernel/clock.js';
import { SECOND, type Instant, type Ms } from '../kernel/units.js';
import { AccountingFile, type FileIo } from './accounting-file.js';
import { accountingTime, csvLines } from './csv.js';

export interface AccountingTrouble {
  readonly error: unknown;
  /** Records in memory that are not in the file yet. */
  readonly waiting: number;
  /** Records given up since the start. */
  readonly lost: number;
}

export interface AccountingOptions {
  readonly file: string;
  /** Files cover periods of this length, aligned to midnight UTC. Infinity: one file for ever. */
  readonly rotate: Ms;
  /** gzip files put aside. */
  readonly compress: boolean;
  readonly clock: Clock;
  /** Called when trouble begins, and again each minute while it lasts. */
  readonly onTrouble: (trouble: AccountingTrouble) => void;
  /** Called when lines reach the file again. */
  readonly onRecovered?: (lost: number) => void;
  /** Bytes kept in memory while the file cannot be written. */
  readonly keep?: number;
  /** For tests of full and failing disks. */
  readonly io?: FileIo;
}

export interface Accounting {
  write(record: AccountingRecord): void;
  /** Resolves when everything written so far is on the disk, or when it cannot be. Never rejects. */
  flush(): Promise<void>;
  /** Records given up since the start. */
  readonly lost: number;
  /** Records not in the file yet. */
  readonly waiting: number;
  /** Flushes, waits for compression, closes. */
  close(): Promise<void>;
}

const CSV = csvLines({ d: FIELDS.d, b: FIELDS.b, t: FIELDS.t });

const KEEP = 32 * 1024 * 1024;
const RETRY = SECOND;
const REMIND = 60 * SECOND;

/** Throws FaultError when the file cannot be opened at all. */
export async function openAccounting(options: AccountingOptions): Promise<Accounting> {
  const file = new AccountingFile({ ...options, header: CSV.header }, error => options.onTrouble({ error, waiting: 0, lost: 0 }));
  await file.open();
  const accounting = new Writer(options, file);
  accounting.plan();
  return accounting;
}

class Writer implements Accounting {
  lost = 0;
  #lines: string[] = [];
  #bytes = 0;
  /** Records of the batch that is being written, or that failed and waits. */
  #batch = 0;
  #batchBytes = 0;
  #running: Promise<void> | undefined;
  #next: Promise<void> | undefined;
  #trouble: { retryAt: Instant; remindAt: Instant } | undefined;
  #timer: Timer | undefined;
  #plannedAt: Instant | undefined;
  #closed = false;
  readonly #time = (at: Instant) => accountingTime(wallOf(this.options.clock, at));

  constructor(
    private readonly options: AccountingOptions,
    private readonly file: AccountingFile,
  ) {}

  get waiting(): number {
    return this.#lines.length + this.#batch;
  }

  write(record: AccountingRecord): void {
    const line = CSV.line(record, this.#time);
    if (this.#bytes + line.length > (this.options.keep ?? KEEP) || this.#closed) {
      this.lost++;
      return;
    }
    this.#bytes += line.length;
    this.#lines.push(line);
  }

  flush(): Promise<void> {
    if (this.#trouble && this.options.clock.now() < this.#trouble.retryAt) return Promise.resolve();
    return this.#flush();
  }

  /** Wakes for the end of the period, or for the next try while in trouble: an idle file is put aside in time too. */
  plan(): void {
    const at = this.#trouble?.retryAt ?? this.file.boundary;
    if (at === this.#plannedAt) return;
    this.#timer?.cancel();
    this.#plannedAt = at;
    if (this.#closed || !Number.isFinite(at)) return;
    this.#timer = this.options.clock.at(at, () => void this.#flush());
  }

  async close(): Promise<void> {
    this.#closed = true;
    this.#timer?.cancel();
    await this.#flush();
    this.lost += this.waiting;
    await this.file.close();
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
    try {
      await this.file.append(text);
      this.#bytes -= this.#batchBytes;
      this.#batch = this.#batchBytes = 0;
      if (this.#trouble) this.options.onRecovered?.(this.lost);
      this.#trouble = undefined;
    } catch (error) {
      this.#report(error);
    }
    this.plan();
  }

  #report(error: unknown): void {
    const now = this.options.clock.now();
    const remind = this.#trouble?.remindAt ?? now;
    this.#trouble = { retryAt: now + RETRY, remindAt: remind <= now ? now + REMIND : remind };
    if (remind <= now) this.options.onTrouble({ error, waiting: this.waiting, lost: this.lost });
  }
}
