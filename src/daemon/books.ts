/**
 * The books: every accounting file, webhook and reject log that the configuration asks for, and one place to hand records to.
 *
 * A record of an attempt is on the disk, or counted as lost and said so, before its outcome commits; other records within a
 * second. A reload opens what is new first: when that fails nothing has changed.
 */
import { createHash } from 'node:crypto';
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import type { AccountingRecord, RecordType } from '../kernel/accounting.js';
import type { Clock, Timer } from '../kernel/clock.js';
import type { RampdEvents } from '../kernel/events.js';
import type { JournalRecord } from '../kernel/journal.js';
import { type Envelope, type MessageNumber, type NewRecipient, printMessageId } from '../kernel/message.js';
import type { Settings } from '../kernel/settings.js';
import type { AlertKind, WebhookSettings } from '../kernel/telling.js';
import { SECOND } from '../kernel/units.js';
import { type Accounting, createAccounting, type Outlet } from '../outcome/accounting.js';
import { changeRecord } from '../outcome/change-record.js';
import { type Credentials, credentialsOf } from '../outcome/hook-request.js';
import type { LineTrouble } from '../outcome/line-writer.js';
import { receivedRecords } from '../outcome/received-record.js';
import { createRejectLog, type RejectLog } from '../outcome/reject-log.js';
import { makeAside } from '../outcome/rotated-file.js';
import { createWebhook, type Webhook } from '../outcome/webhook.js';
import type { Log } from './log.js';
import { type BookState, keyOf, type Planned, Shelf } from './shelf.js';
import type { Turn } from './turn.js';

export interface BooksParts {
  readonly clock: Clock;
  readonly log: Log;
  /** Where webhooks have their spools. */
  readonly dir: string;
  readonly random: () => number;
  /** Called when a file cannot be written or a webhook fails, and again while that lasts. */
  readonly trouble: (kind: AlertKind, subject: string, text: string) => void;
}

export class Books {
  readonly #parts: BooksParts;
  #settings: Settings;
  readonly #files: Shelf<Accounting>;
  readonly #hooks: Shelf<Webhook>;
  readonly #rejects: Shelf<RejectLog>;
  #byType = new Map<RecordType, Outlet[]>();
  #timer: Timer | undefined;

  constructor(parts: BooksParts, settings: Settings) {
    this.#parts = parts;
    this.#settings = settings;
    const trouble = (error: unknown): void => parts.log.error({ error: messageOf(error) }, 'a file of records could not be closed');
    const lost = (name: string, records: number, error: unknown): void =>
      parts.log.error(
        { file: name, lost: records, error: messageOf(error) },
        'records are lost: their file was closed and could not be written',
      );
    this.#files = new Shelf(trouble, lost);
    this.#hooks = new Shelf(trouble, lost);
    this.#rejects = new Shelf(trouble, lost);
  }

  /** Throws FaultError when something cannot be opened at all. */
  async open(): Promise<void> {
    (await this.prepare(this.#settings)).adopt();
  }

  /** Opens what `next` adds, and returns what puts it in force, or forgets it. Throws FaultError, and then nothing has changed. */
  async prepare(next: Settings): Promise<Turn> {
    const files = (next.accounting ?? []).map(s => ({
      ...planned(s.file, s, after => this.#accounting(s, after)),
      assertFit: () => makeAside(s),
    }));
    const rejects = (next.rejectLog ? [next.rejectLog] : []).map(s => ({
      ...planned(s.file, s, after => this.#rejectLog(s, after)),
      assertFit: () => makeAside(s),
    }));
    const hooks = (next.webhooks ?? []).map(s => {
      const credentials = credentialsOf(s, s.from);
      return planned(s.name, { ...s, digest: digest(credentials) }, after => this.#webhook(s, credentials, after));
    });
    const undo: (() => Promise<void>)[] = [];
    const drop = async (): Promise<void> => {
      for (const step of undo) await step();
    };
    const opening = async <T extends Accounting | Webhook | RejectLog>(shelf: Shelf<T>, wanted: Planned<T>[]): Promise<() => void> => {
      const opened = await shelf.open(wanted);
      undo.push(() => shelf.drop(opened));
      return () => shelf.adopt(wanted, opened);
    };
    try {
      const steps = [await opening(this.#files, files), await opening(this.#rejects, rejects), await opening(this.#hooks, hooks)];
      const adopt = (): void => {
        this.#settings = next;
        for (const step of steps) step();
        this.#route();
      };
      return { adopt, drop };
    } catch (error) {
      await drop();
      throw error;
    }
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
    await Promise.all([...this.#files.all, ...this.#hooks.all].map(book => book.flush()));
  }

  /** A message was answered 250. */
  received(number: MessageNumber, envelope: Envelope, recipients: readonly NewRecipient[], bytes: number): void {
    if (!this.wants('r')) return;
    for (const record of receivedRecords(printMessageId(this.#settings.node, number), envelope, recipients, bytes)) this.write(record);
  }

  changed(record: JournalRecord): void {
    const change = changeRecord(record, source => this.#settings.sources.get(source)?.address);
    if (change) this.write(change);
  }

  refused(event: RampdEvents['refused']): void {
    for (const log of this.#rejects.all) log.write(event);
  }

  state(): BookState[] {
    return [this.#files, this.#rejects, this.#hooks].flatMap(shelf => shelf.state());
  }

  async close(): Promise<void> {
    this.#timer?.cancel();
    await Promise.all([this.#files.close(), this.#rejects.close(), this.#hooks.close()]);
  }

  #accounting(settings: NonNullable<Settings['accounting']>[number], after: Promise<unknown> | undefined): Accounting {
    return createAccounting({ settings, clock: this.#parts.clock, ...this.#told(settings.file), ...(after && { after }) });
  }

  #rejectLog(settings: NonNullable<Settings['rejectLog']>, after: Promise<unknown> | undefined): RejectLog {
    return createRejectLog({ settings, clock: this.#parts.clock, ...this.#told(settings.file), ...(after && { after }) });
  }

  #webhook(settings: WebhookSettings, credentials: Credentials, after: Promise<unknown> | undefined): Webhook {
    const { clock, random, log, dir, trouble } = this.#parts;
    return createWebhook(settings, {
      dir: join(dir, settings.name),
      credentials,
      clock,
      random,
      log,
      onTrouble: text => trouble('webhook-trouble', settings.name, text),
      ...(after && { after }),
    });
  }

  #told(file: string): { onTrouble: (trouble: LineTrouble) => void; onRecovered: (lost: number) => void } {
    const { log, trouble } = this.#parts;
    return {
      onTrouble: ({ error, waiting, lost, aside = false }) => {
        const what = aside ? 'files put aside cannot be compressed, moved or deleted' : 'records cannot be written';
        log.error({ file, error: messageOf(error), ...(aside ? {} : { waiting, lost }) }, what);
        const left = aside ? '; records are written' : `; ${waiting} records wait in memory, ${lost} are lost`;
        trouble('accounting-trouble', file, `${file}: ${what}: ${messageOf(error)}${left}`);
      },
      onRecovered: lost => log.warn({ file, lost }, 'records are written again'),
    };
  }

  /** Who gets which records; and webhooks that nobody names any more are named: what they were not sent stays. */
  #route(): void {
    this.#byType = new Map();
    for (const outlet of [...this.#files.all, ...this.#hooks.all]) {
      for (const type of outlet.types) this.#byType.set(type, [...(this.#byType.get(type) ?? []), outlet]);
    }
    for (const name of foldersIn(this.#parts.dir)) {
      if (this.#hooks.has(name) || this.#settings.alerts?.some(alert => alert.name === name)) continue;
      const dir = join(this.#parts.dir, name);
      this.#parts.log.warn({ webhook: name, dir }, `no webhook is called ${name} any more: what it was not sent stays in ${dir}`);
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

const planned = <T>(name: string, settings: object, make: Planned<T>['make']): Planned<T> => ({ name, key: keyOf(settings), make });

const messageOf = (error: unknown): string => (error instanceof Error ? error.message : String(error));

const digest = (credentials: Credentials): string =>
  createHash('sha256')
    .update(credentials.secret ?? '')
    .update(`\n${credentials.ca ?? ''}`)
    .digest('hex');

function foldersIn(dir: string): string[] {
  try {
    return readdirSync(dir);
  } catch {
    return [];
  }
}
