/**
 * What configuration says about telling others: accounting files, the reject log, webhooks and alerts.
 */
import type { FieldName, RecordType } from './accounting.js';
import type { Place } from './fault.js';
import type { Ms } from './units.js';

/** The fields wanted of each type of record; types not wanted are absent. */
export type Chosen = Readonly<Partial<Record<RecordType, readonly FieldName[]>>>;

/** When a file is put aside, and what becomes of it then. */
export interface Rotation {
  /** Length of a file's period, aligned to midnight UTC; Infinity: none. */
  readonly every: Ms;
  /** Bytes from which a file is put aside; Infinity: none. */
  readonly maxSize: number;
  readonly compress: boolean;
  /** Folder for files put aside; absent: where they were written. */
  readonly moveTo?: string;
  /** Files put aside that are older, or more than so many, are deleted; absent: none are. */
  readonly retain?: { readonly age: Ms } | { readonly count: number };
}

export type FileFormat = 'csv' | 'ndjson';

export interface AccountingFileSettings {
  readonly file: string;
  readonly format: FileFormat;
  readonly fields: Chosen;
  readonly rotation: Rotation;
  readonly from: Place;
}

export interface RejectLogSettings {
  readonly file: string;
  readonly format: FileFormat;
  readonly rotation: Rotation;
  readonly from: Place;
}

/** Where HTTP requests go, and how. */
export interface HookTarget {
  readonly url: string;
  readonly headers: Readonly<Record<string, string>>;
  /** Holds the secret that signs each request. */
  readonly secretFile?: string;
  /** PEM file of the CAs to trust instead of the well-known ones. */
  readonly ca?: string;
  /** For the whole request and its answer. */
  readonly timeout: Ms;
  /** A request is tried again for so long. */
  readonly giveUpAfter: Ms;
  /** Bytes kept on disk while it cannot be sent; the oldest go first. */
  readonly maxSpool: number;
}

export interface WebhookSettings extends HookTarget {
  /** Names its folder under state-dir, and stands in status and log. */
  readonly name: string;
  readonly fields: Chosen;
  /** ndjson: a record on each line; json: one list. */
  readonly format: 'ndjson' | 'json';
  /** Most records in one request. */
  readonly batch: number;
  /** Longest a record waits for its batch to fill. */
  readonly every: Ms;
  readonly from: Place;
}

export const ALERT_KINDS = [
  'window-opened',
  'stage-braked',
  'stage-held',
  'stage-back',
  'graduated',
  'suspended',
  'nothing-delivered',
  'accounting-trouble',
  'webhook-trouble',
  'disk-full',
  'test',
] as const;
export type AlertKind = (typeof ALERT_KINDS)[number];

export interface AlertSettings {
  /** Where its requests wait under state-dir, as for webhooks. */
  readonly name: string;
  readonly on: readonly AlertKind[];
  readonly webhook?: HookTarget;
  readonly mail: readonly string[];
  /** Due mail and no delivery for so long is `nothing-delivered`. */
  readonly nothingFor: Ms;
  /** At most one alert of a kind for a source in this time, then one that counts what was left out. */
  readonly every: Ms;
  readonly from: Place;
}
