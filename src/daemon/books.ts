/**
 * The books: every accounting file, webhook and reject log that the configuration asks for, and one place to hand records to.
 *
 * A record of an attempt is on the disk, or counted as lost and said so, before its outcome commits; other records within a
 * second. A reload opens what is new first: when that fails nothing has changed. A file whose settings change is finished
 * under the old ones before it is opened under the new.
 */
import type { AccountingRecord, RecordType } from '../kernel/accounting.js';
import type { Clock, Timer } from '../kernel/clock.js';
import type { RampdEvents } from '../kernel/events.js';
import { type Envelope, domainOf, type MessageNumber, type NewRecipient, printMessageId } from '../kernel/message.js';
import type { JournalRecord } from '../kernel/journal.js';
import type { Settings } from '../kernel/settings.js';
import { SECOND } from '../kernel/units.js';
import { createAccounting, type Outlet } from '../outcome/accounting.js';
import { changeRecord } from '../outcome/change-record.js';
import type { LineTrouble } from '../outcome/line-writer.js';
import { createRejectLog, type RejectLog } from '../outcome/reject-log.js';
import type { Log } from './log.js';

/** How one file stands. */
export interface BookState {
  readonly name: string;
  /** Records not on the disk, and given up since the start. */
  readonly waiting: number;
  readonly lost: number;
  /** Why it cannot be written at the moment. */
  readonly error?: string;
}

/** A part of the books under the settings it was made with. */
interface Kept<T> {
  readonly key: string;
  readonly part: T;
}
/** What files, webhooks and the reject log have in common. */
interface Book {
  open(): Promise<void>;
  flush(): Promise<void>;
  close(): Promise<void>;
  readonly waiting: number;
  readonly lost: number;
  readonly error: unknown;
}

export interface BooksParts {
  readonly clock: Clock;
  readonly log: Log;
  /** Called when a file cannot be written, and each minute while that lasts. */
  readonly trouble: (what: string, text: string) => void;
}

/** New settings, opened and not in force yet: one of the two is called. */
export interface Turn {
  adopt(): void;
  drop(): Promise<void>;
}

export class Books {
  readonly #parts: BooksParts;
  #settings: Settings;
  readonly #files = new Map<string, Kept<Outlet & Book>>();
  readonly #reject = new Map<string, Kept<RejectLog>>();
  #byType = new Map<RecordType, Outlet[]>();
  #timer: Timer | undefined;
  /** What a reload took out of use, until it is closed. */
  readonly #leaving = new Set<Promise<void>>();

  constructor(parts: BooksParts, settings: Settings) {
    this.#parts = parts;
    this.#settings = settings;
  }

  /** Throws FaultError when a file cannot be opened at all. */
  async open(): Promise<void> {
    (await this.prepare(this.#settings)).adopt();
  }

  /** Opens what `next` adds, and returns what puts it in force, or forgets it. Throws FaultError, and then nothing is open that was not. */
  async prepare(next: Settings): Promise<Turn> {
    const files = (next.accounting ?? []).map(s => this.#planned(this.#files, s, (s, after) => this.#accounting(s, after)));
    const rejects = (next.rejectLog ? [next.rejectLog] : []).map(s =>
      this.#planned(this.#reject, s, (s, after) => this.#rejectLog(s, after)),
    );
    const opened: Book[] = [];
    const drop = async (): Promise<void> => {
      for (const file of opened) await this.#leave(file);
    };
    try {
      for (const { fresh } of [...files, ...rejects]) {
        if (!fresh) continue;
        await fresh.open();
        opened.push(fresh);
      }
    } catch (error) {
      await drop();
      throw error;
    }
    const adopt = (): void => {
      this.#settings = next;
      this.#adopt(this.#files, files);
      this.#adopt(this.#reject, rejects);
      this.#route();
    };
    return { adopt, drop };
  }

  /** Takes a record; an attempt's is flushed with its outcome, any other within a second. */
  write(record: AccountingRecord): void {
    const outlets = this.#byType.get(record.type);
    if (!outlets) return;
    for (const outlet of outlets) outlet.write(record);
    if (record.type !== 'd' && record.type !== 'b' && record.type !== 't') this.#soon();
  }

  wants(type: RecordType): boolean {
    return this.#byType.has(type);
  }

  /** Resolves when everything written so far is on the disk, or when it cannot be. Never rejects. */
  async flush(): Promise<void> {
    await Promise.all([...this.#files.values()].map(({ part }) => part.flush()));
  }

  /** A message was answered 250. */
  received(number: MessageNumber, envelope: Envelope, recipients: readonly NewRecipient[], bytes: number): void {
    if (!this.wants('r')) return;
    const message = printMessageId(this.#settings.node, number);
    for (const { address, orcpt } of recipients) {
      this.write({
        type: 'r',
        logged: envelope.accepted,
        orig: envelope.sender,
        rcpt: address,
        ...(orcpt === undefined ? {} : { orcpt }),
        client: envelope.client,
        size: bytes,
        ...(envelope.job === undefined ? {} : { job: envelope.job }),
        ...(envelope.envid === undefined ? {} : { envid: envelope.envid }),
        queue: `${domainOf(address)}@${envelope.pool}`,
        pool: envelope.pool,
        message,
      });
    }
  }

  changed(record: JournalRecord): void {
    const change = changeRecord(record, source => this.#settings.sources.get(source)?.address);
    if (change) this.write(change);
  }

  refused(event: RampdEvents['refused']): void {
    for (const { part } of this.#reject.values()) part.write(event);
  }

  state(): BookState[] {
    return [...this.#files, ...this.#reject].map(([name, { part }]) => ({
      name,
      waiting: part.waiting,
      lost: part.lost,
      ...(part.error === undefined ? {} : { error: messageOf(part.error) }),
    }));
  }

  async close(): Promise<void> {
    this.#timer?.cancel();
    await Promise.all([...this.#files.values(), ...this.#reject.values()].map(({ part }) => part.close()));
    await Promise.all(this.#leaving);
  }

  #accounting(settings: NonNullable<Settings['accounting']>[number], after: Promise<unknown> | undefined): Outlet & Book {
    return createAccounting({ settings, clock: this.#parts.clock, ...this.#told(settings.file), ...(after && { after }) });
  }

  #rejectLog(settings: NonNullable<Settings['rejectLog']>, after: Promise<unknown> | undefined): RejectLog {
    return createRejectLog({ settings, clock: this.#parts.clock, ...this.#told(settings.file), ...(after && { after }) });
  }

  #told(file: string): { onTrouble: (trouble: LineTrouble) => void; onRecovered: (lost: number) => void } {
    const { log, trouble } = this.#parts;
    return {
      onTrouble: ({ error, waiting, lost }) => {
        log.error({ file, error: messageOf(error), waiting, lost }, 'accounting cannot be written');
        trouble(file, `${file} cannot be written: ${messageOf(error)}; ${waiting} records wait in memory, ${lost} are lost`);
      },
      onRecovered: lost => log.warn({ file, lost }, 'accounting is written again'),
    };
  }

  /** What becomes of one file: kept as it is, opened beforehand (fresh), or opened when its predecessor has closed. */
  #planned<S extends { readonly file: string; readonly from: unknown }, T extends Book>(
    now: Map<string, Kept<T>>,
    settings: S,
    make: (settings: S, after: Promise<unknown> | undefined) => T,
  ): { name: string; key: string; fresh: T | undefined; make: (after: Promise<unknown>) => T } {
    const { from: _, ...said } = settings;
    const fresh = now.has(settings.file) ? undefined : make(settings, undefined);
    return { name: settings.file, key: JSON.stringify(said, printable), fresh, make: after => make(settings, after) };
  }

  #adopt<T extends Book>(
    now: Map<string, Kept<T>>,
    planned: readonly { name: string; key: string; fresh: T | undefined; make: (after: Promise<unknown>) => T }[],
  ): void {
    for (const [name, { part }] of [...now]) {
      if (planned.some(p => p.name === name)) continue;
      now.delete(name);
      void this.#leave(part);
    }
    for (const { name, key, fresh, make } of planned) {
      const old = now.get(name);
      if (old?.key === key) continue;
      if (fresh) now.set(name, { key, part: fresh });
      else if (old) {
        const part = make(this.#leave(old.part));
        now.set(name, { key, part });
        void part.flush();
      }
    }
  }

  #leave(part: Book): Promise<void> {
    const left = part
      .close()
      .catch((error: unknown) => this.#parts.log.error({ error: messageOf(error) }, 'a file of records could not be closed'))
      .finally(() => this.#leaving.delete(left));
    this.#leaving.add(left);
    return left;
  }

  #route(): void {
    this.#byType = new Map();
    for (const { part } of this.#files.values()) {
      for (const type of part.types) this.#byType.set(type, [...(this.#byType.get(type) ?? []), part]);
    }
  }

  #soon(): void {
    const { clock } = this.#parts;
    this.#timer ??= clock.at(clock.now() + SECOND, () => {
      this.#timer = undefined;
      void this.flush();
    });
  }
}

const messageOf = (error: unknown): string => (error instanceof Error ? error.message : String(error));
/** Infinity is no JSON. */
const printable = (_: string, value: unknown): unknown => (value === Infinity ? 'Infinity' : value);
