/**
 * The ledger log: every reservation, answer and refund, so that no restart forgets what a receiver has seen.
 *
 * append() collects, flush() writes everything collected in one call: after it the records survive the death of the process,
 * and 100 ms later (fdatasync) that of the machine. A new file every 10 minutes; files whose last record nobody
 * counts any more go, and reservations still unsettled are carried into the new one first. A file written by another process is never appended
 * to. A write that fails throws at flush(), and a sync that failed at the next one: whoever called must not send.
 */
import { closeSync, fdatasync, fdatasyncSync, mkdirSync, openSync, unlinkSync, writeSync } from 'node:fs';
import type { Clock } from '../kernel/clock.js';
import type { LastEnd, LedgerRecord } from '../kernel/ledger.js';
import { HOUR, MINUTE, type Instant, type Ms } from '../kernel/units.js';
import { LEDGER_FORMAT, ledgerPath, readLedger, type Boot, type LedgerFile } from './ledger-read.js';
import { BlockBuffer, KIND } from './ledger-record.js';
import type { Reserve } from './ledger-stream.js';
import { syncFolder } from './segments.js';

const ROTATE = 10 * MINUTE;
/** How long files are kept beyond what counts: an attempt that ends late counts from its answer. */
const LATE = HOUR;
/** Real time, not policy time: it bounds what a power cut can take. */
const SYNC_MS = 100;

export interface LedgerLogOptions {
  readonly dir: string;
  readonly clock: Clock;
  readonly boot: Boot;
  /** How far back anybody counts, now: an hour unless said. */
  readonly counted?: () => Ms;
  /** Seam for tests. */
  readonly fdatasync?: (fd: number, done: (error: Error | null) => void) => void;
}

export interface LedgerLog {
  /** What may still count, in order; read from the files each time, hence before anything is appended. */
  readonly records: Iterable<LedgerRecord>;
  readonly end: LastEnd;
  /** Something was reserved once, however long ago. */
  readonly nonEmpty: boolean;
  /** Policy time now, by the monotonic clock; undefined when the machine was started since, or there is no log. */
  readonly resumeAt: Instant | undefined;
  /** Policy time of the last record of any kind: the process lived then. */
  readonly lastAt: Instant | undefined;
  append(record: LedgerRecord): void;
  /** Writes that the process lives. */
  alive(): void;
  /** One write for all that was appended. */
  flush(): void;
  /** Marks the end in order; everything is on the disk then. */
  close(): void;
}

/**
 * Reads what is there; writes nothing, and does not rely on the clock's anchor, before the first append(), flush() or
 * close(). Throws FaultError when the log is damaged.
 */
export function openLedgerLog(options: LedgerLogOptions): LedgerLog {
  return new Log(options);
}

interface CurrentFile {
  readonly number: number;
  readonly fd: number;
  readonly since: Instant;
  readonly texts: Map<string, number>;
  position: number;
  syncing: boolean;
}

class Log implements LedgerLog {
  readonly records: Iterable<LedgerRecord>;
  readonly end: LastEnd;
  readonly nonEmpty: boolean;
  readonly resumeAt: Instant | undefined;
  readonly lastAt: Instant | undefined;
  readonly #options: LedgerLogOptions;
  readonly #old: LedgerFile[];
  readonly #unsettled: Map<number, Reserve>;
  readonly #buffer = new BlockBuffer();
  readonly #firstOfRun: number;
  #everReserved: boolean;
  #file: CurrentFile | undefined;
  #syncTimer: NodeJS.Timeout | undefined;
  #failure: Error | undefined;
  #closed = false;

  constructor(options: LedgerLogOptions) {
    this.#options = options;
    const { dir, clock, boot } = options;
    // The clock may not have been set yet to what resumeAt says: the earlier of both forgets less.
    const history = readLedger(dir, boot, resumeAt => Math.min(resumeAt ?? Infinity, clock.now()) - this.#kept());
    this.records = history.records;
    this.end = history.end;
    this.nonEmpty = history.everReserved;
    this.resumeAt = history.resumeAt;
    this.lastAt = history.lastAt;
    this.#old = [...history.files];
    this.#unsettled = new Map(history.unsettled);
    this.#everReserved = history.everReserved;
    this.#firstOfRun = (history.files.at(-1)?.number ?? 0) + 1;
  }

  append(record: LedgerRecord): void {
    const file = this.#begun();
    if (record.kind === 'reserve') {
      const { permit, at, slots } = record;
      this.#everReserved = true;
      this.#unsettled.set(permit, record);
      const address = this.#text(file, record.address);
      this.#buffer.add(KIND.reserve, at, permit, address, this.#text(file, record.provider), slots);
    } else {
      this.#unsettled.delete(record.permit);
      this.#buffer.add(record.kind === 'answer' ? KIND.answer : KIND.refund, record.at, record.permit);
    }
  }

  alive(): void {
    this.#begun();
    this.#addClock();
    this.flush();
  }

  flush(): void {
    const file = this.#begun();
    if (this.#buffer.length === 0) return;
    this.#write(file);
    this.#syncTimer ??= setTimeout(() => this.#sync(), SYNC_MS);
    if (this.#options.clock.now() >= file.since + ROTATE) this.#rotate(file);
  }

  close(): void {
    if (this.#closed) return;
    const file = this.#begun();
    this.#closed = true;
    clearTimeout(this.#syncTimer);
    this.#addClock();
    this.#buffer.add(KIND.clean, this.#options.clock.now());
    this.#write(file);
    fdatasyncSync(file.fd);
    if (!file.syncing) closeSync(file.fd);
  }

  #kept(): Ms {
    return (this.#options.counted?.() ?? HOUR) + LATE;
  }

  #begun(): CurrentFile {
    if (this.#closed) throw new Error('the ledger log is closed');
    if (this.#failure) throw new Error(`the ledger log could not be kept on the disk: ${this.#failure.message}`, { cause: this.#failure });
    return (this.#file ??= this.#begin(this.#firstOfRun));
  }

  /** Makes a file and collects what stands at its beginning. */
  #begin(number: number): CurrentFile {
    const { dir, clock, boot } = this.#options;
    mkdirSync(dir, { recursive: true, mode: 0o700 });
    const fd = openSync(ledgerPath(dir, number), 'wx', 0o600);
    syncFolder(dir);
    const now = clock.now();
    const file: CurrentFile = { number, fd, since: now, texts: new Map(), position: 0, syncing: false };
    // The boot id's text is the first, hence number 1.
    this.#buffer.add(KIND.header, now, LEDGER_FORMAT, this.#firstOfRun, 1, 0, this.#everReserved ? 1 : 0);
    this.#text(file, boot.id);
    this.#addClock();
    return file;
  }

  #addClock(): void {
    const { clock, boot } = this.#options;
    const wall = Math.max(0, Math.floor(clock.wall()));
    this.#buffer.add(KIND.clock, clock.now(), Math.floor(boot.monotonic() * 1_000), Math.floor(wall / 2 ** 32), wall % 2 ** 32);
  }

  #text(file: CurrentFile, text: string): number {
    let number = file.texts.get(text);
    if (number === undefined) {
      file.texts.set(text, (number = file.texts.size + 1));
      this.#buffer.addText(number, text);
    }
    return number;
  }

  #write(file: CurrentFile): void {
    const bytes = this.#buffer.view();
    for (let written = 0; written < bytes.length;) {
      written += writeSync(file.fd, bytes, written, bytes.length - written, file.position + written);
    }
    file.position += bytes.length;
    this.#buffer.clear();
  }

  #sync(): void {
    this.#syncTimer = undefined;
    const file = this.#file!;
    if (file.syncing) {
      this.#syncTimer = setTimeout(() => this.#sync(), SYNC_MS);
      return;
    }
    const certain = file.position;
    file.syncing = true;
    (this.#options.fdatasync ?? fdatasync)(file.fd, error => {
      file.syncing = false;
      if (error) this.#failure ??= error;
      if (this.#closed || file !== this.#file) return closeSync(file.fd);
      if (this.#failure) return;
      try {
        // Written at once, not synced for its own sake: it says how far a damage cannot be a torn tail.
        this.#buffer.add(KIND.synced, this.#options.clock.now(), certain);
        this.#write(file);
      } catch (failure) {
        this.#failure ??= failure as Error;
      }
    });
  }

  #rotate(file: CurrentFile): void {
    const { dir, clock } = this.#options;
    fdatasyncSync(file.fd);
    const next = this.#begin(file.number + 1);
    this.#file = next;
    for (const { at, permit, slots, address, provider } of this.#unsettled.values()) {
      const from = this.#text(next, address);
      this.#buffer.add(KIND.reserve, at, permit, from, this.#text(next, provider), slots);
    }
    this.#write(next);
    fdatasyncSync(next.fd);
    clearTimeout(this.#syncTimer);
    this.#syncTimer = undefined;
    if (!file.syncing) closeSync(file.fd);
    this.#old.push({ number: file.number, last: clock.now() });
    // From the oldest on, without a gap: a file that is missing between others is a fault to the reader.
    const since = clock.now() - this.#kept();
    while (this.#old.length > 0 && this.#old[0]!.last < since) unlinkSync(ledgerPath(dir, this.#old.shift()!.number));
  }
}
