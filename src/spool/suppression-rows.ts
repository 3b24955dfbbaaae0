/**
 * The suppression list as rows of LMDB: key `scope NUL address`, value why, since and until when. Looked up in the tree
 * itself, nothing is kept in memory; written only through Store.settle, in the transaction of what put it there.
 *
 * Never tells of an entry whose time is over. Keys are at most 510 bytes, below LMDB's 1,978.
 */
import {
  LONGEST_SUPPRESSED,
  scopeOfSender,
  suppressedForm,
  SUPPRESSION_REASONS,
  type SideRow,
  type Suppression,
} from '../kernel/suppression.js';
import type { Instant } from '../kernel/units.js';
import { Reader } from './bytes.js';
import type { Table } from './tables.js';

const VERSION = 1;
/** Version, reason, since, until. */
const FIXED = 14;
const LONGEST_NOTE = 160;
/** What 48 bits hold, in the year 10889: nobody waits for a later end. */
const LATEST = 2 ** 48 - 1;
const NUL = 0;

/** The row that puts an entry on the list, or replaces the one there is. */
export function suppressionRow(entry: Suppression): SideRow {
  const note = entry.note?.slice(0, LONGEST_NOTE) ?? '';
  const value = Buffer.allocUnsafeSlow(FIXED + Buffer.byteLength(note));
  value[0] = VERSION;
  value[1] = SUPPRESSION_REASONS.indexOf(entry.reason);
  value.writeUIntBE(instant(entry.since, 0), 2, 6);
  value.writeUIntBE(entry.until === undefined ? 0 : instant(entry.until, 1), 8, 6);
  value.write(note, FIXED);
  return { table: 'suppression', key: keyOf(entry.scope, entry.address), value };
}

const instant = (at: Instant, least: number): number => Math.min(LATEST, Math.max(least, Math.floor(at)));

export const removalRow = (scope: string, address: string): SideRow => ({
  table: 'suppression',
  key: keyOf(scope, suppressedForm(address)),
  value: null,
});

export class SuppressionRows {
  readonly #table: Table;

  constructor(table: Table) {
    this.#table = table;
  }

  /** What keeps mail of `sender` from `address`; an entry for all before one for the sender's domain. */
  find(address: string, sender: string, now: Instant): Suppression | undefined {
    const form = suppressedForm(address);
    if (Buffer.byteLength(form) > LONGEST_SUPPRESSED) return undefined;
    const scope = scopeOfSender(sender);
    return this.get('', form, now) ?? (scope === '' ? undefined : this.get(scope, form, now));
  }

  /** `address` in its suppressed form. */
  get(scope: string, address: string, now: Instant): Suppression | undefined {
    const value = this.#table.get(keyOf(scope, address));
    const entry = value && read(scope, address, value);
    return entry && holds(entry, now) ? entry : undefined;
  }

  /** Entries, those that hold no more too. */
  count(): number {
    return (this.#table.getStats() as { entryCount: number }).entryCount;
  }

  /** At most `limit` entries behind this place, in the order of scope and address; those that hold no more too. */
  page(limit: number, after?: Pick<Suppression, 'scope' | 'address'>): Suppression[] {
    const range = after ? { start: keyOf(after.scope, after.address), exclusiveStart: true, limit } : { limit };
    return [...this.#table.getRange(range)].map(({ key, value }) => {
      const at = key.indexOf(NUL);
      const text = Buffer.from(key.buffer, key.byteOffset, key.length);
      return read(text.toString('utf8', 0, at), text.toString('utf8', at + 1), value);
    });
  }
}

export const holds = (entry: Suppression, now: Instant): boolean => entry.until === undefined || entry.until > now;

function keyOf(scope: string, address: string): Buffer {
  const key = Buffer.allocUnsafeSlow(Buffer.byteLength(scope) + 1 + Buffer.byteLength(address));
  const at = key.write(scope);
  key[at] = NUL;
  key.write(address, at + 1);
  return key;
}

function read(scope: string, address: string, value: Uint8Array): Suppression {
  const bytes = new Reader(value);
  if (bytes.u8() !== VERSION) throw new RangeError('an entry of the suppression list of another version');
  const reason = SUPPRESSION_REASONS[bytes.u8()];
  if (!reason) throw new RangeError('an entry of the suppression list with an unknown reason');
  const since = bytes.u48();
  const until = bytes.u48();
  const note = Buffer.from(value.buffer, value.byteOffset + FIXED, value.length - FIXED).toString();
  return { address, scope, reason, since, ...(until === 0 ? {} : { until }), ...(note === '' ? {} : { note }) };
}
