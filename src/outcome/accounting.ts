/**
 * An accounting file: records of the types it was asked for, as CSV or lines of JSON, written before the outcome commits.
 * After a crash a line may be doubled, it is never missing.
 *
 * `write` only formats; what reaches the disk, and what happens when it cannot be written, is LineWriter's.
 */
import type { AccountingRecord, RecordType } from '../kernel/accounting.js';
import { wallOf, type Clock } from '../kernel/clock.js';
import type { AccountingFileSettings } from '../kernel/telling.js';
import type { Instant } from '../kernel/units.js';
import { accountingTime, csvLines } from './csv.js';
import { LineWriter, type LineTrouble, type LineWriterOptions } from './line-writer.js';
import { jsonLine, jsonTime } from './ndjson.js';
import { RotatedFile, type FileIo } from './rotated-file.js';

export type AccountingTrouble = LineTrouble;

/** Whatever takes records: a file, a webhook. */
export interface Outlet {
  readonly types: ReadonlySet<RecordType>;
  write(record: AccountingRecord): void;
  /** Resolves when everything written so far is on the disk, or when it cannot be. Never rejects. */
  flush(): Promise<void>;
  close(): Promise<void>;
}

export interface Accounting extends Outlet {
  /** Opens the file now. Throws FaultError when it cannot be opened at all. */
  open(): Promise<void>;
  readonly lost: number;
  readonly waiting: number;
  /** Why it cannot be written at the moment. */
  readonly error: unknown;
}

export interface AccountingOptions extends Pick<LineWriterOptions, 'onTrouble' | 'onRecovered' | 'keep' | 'patience'> {
  readonly settings: Pick<AccountingFileSettings, 'file' | 'format' | 'fields' | 'rotation' | 'from'>;
  readonly clock: Clock;
  /** For tests of full and failing disks. */
  readonly io?: FileIo;
  /** The file is still written under other settings; it is opened when this resolves. Never rejects. */
  readonly after?: Promise<unknown>;
}

export function createAccounting(options: AccountingOptions): Accounting {
  const { settings, clock, io, after } = options;
  const csv = settings.format === 'csv' ? csvLines(settings.fields) : undefined;
  const file = new RotatedFile(
    {
      file: settings.file,
      noun: 'accounting file',
      from: settings.from,
      header: csv?.header ?? '',
      rotation: settings.rotation,
      clock,
      ...(io && { io }),
      ...(after && { after }),
    },
    error => options.onTrouble({ error, waiting: 0, lost: 0, aside: true }),
  );
  const writer = new LineWriter({ ...options, sink: file });
  const csvTime = (at: Instant): string => accountingTime(wallOf(clock, at));
  const isoTime = (at: Instant): string => jsonTime(wallOf(clock, at));
  return {
    types: new Set(Object.keys(settings.fields) as RecordType[]),
    async open() {
      await file.open();
      await writer.flush();
    },
    write: record => writer.write(csv ? csv.line(record, csvTime) : jsonLine(record, settings.fields, isoTime)),
    flush: () => writer.flush(),
    close: () => writer.close(),
    get lost() {
      return writer.lost;
    },
    get waiting() {
      return writer.waiting;
    },
    get error() {
      return writer.error;
    },
  };
}
