/**
 * A webhook for accounting records: JSON objects with the fields asked for, as the NDJSON file has them, and an id each.
 */
import type { RecordType } from '../kernel/accounting.js';
import { wallOf } from '../kernel/clock.js';
import { FaultError } from '../kernel/fault.js';
import type { WebhookSettings } from '../kernel/telling.js';
import type { Instant } from '../kernel/units.js';
import type { Outlet } from './accounting.js';
import { Hook, type HookOptions } from './hook.js';
import { jsonRecord, jsonTime } from './ndjson.js';

export interface Webhook extends Outlet {
  /** Throws FaultError when its spool cannot be used. */
  open(): Promise<void>;
  readonly waiting: number;
  readonly bytes: number;
  readonly lost: number;
  readonly error: unknown;
}

export function createWebhook(
  settings: WebhookSettings,
  options: Omit<HookOptions, 'name' | 'target' | 'format' | 'batch' | 'every'>,
): Webhook {
  const hook = new Hook({ ...options, ...settings, target: settings });
  const time = (at: Instant): string => jsonTime(wallOf(options.clock, at));
  return {
    types: new Set(Object.keys(settings.fields) as RecordType[]),
    write: record => hook.put(jsonRecord(record, settings.fields[record.type] ?? [], time)),
    async open() {
      try {
        await hook.open();
      } catch (error) {
        const what = `the spool of webhook ${settings.name} cannot be used: ${(error as Error).message}`;
        throw new FaultError([{ code: 'spool-unusable', place: settings.from, what }]);
      }
    },
    flush: () => hook.flush(),
    close: () => hook.close(),
    get waiting() {
      return hook.waiting;
    },
    get bytes() {
      return hook.bytes;
    },
    get lost() {
      return hook.lost;
    },
    get error() {
      return hook.error;
    },
  };
}
