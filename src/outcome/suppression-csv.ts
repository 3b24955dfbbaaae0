/**
 * The suppression list as CSV: `address,scope,reason,since,until,note`, one entry a line. Lists of bare addresses are read
 * too, and so are files whose header names the columns in another order.
 *
 * Pure; remembers only its header. A line that cannot be read is told and skipped, never guessed at.
 */
import { SUPPRESSION_REASONS, type Suppression, type SuppressionReason } from '../kernel/suppression.js';
import { printable } from '../kernel/text.js';
import { csvField } from './csv.js';
import { csvCells } from './csv-read.js';

const COLUMNS = ['address', 'scope', 'reason', 'since', 'until', 'note'] as const;
type Column = (typeof COLUMNS)[number];

/** ISO 8601 begins so; years above 9999 have a sign and six digits. */
const DATE = /^(?:\d{4}|\+\d{6})-\d\d-\d\d/;

export const SUPPRESSION_HEADER = `${COLUMNS.join(',')}\n`;

/** Characters. Ours have at most 800. */
export const LONGEST_LINE = 4_000;

/** Epoch milliseconds of the wall clock in and out; entries have policy time: `offset` is wall minus policy. */
export function suppressionLine(entry: Suppression, offset: number): string {
  const time = (at: number | undefined): string => (at === undefined ? '' : new Date(Math.round(at + offset)).toISOString());
  const cells = [entry.address, entry.scope, entry.reason, time(entry.since), time(entry.until), entry.note ?? ''];
  return `${cells.map(csvField).join(',')}\n`;
}

export type ReadLine =
  | { readonly kind: 'entry'; readonly entry: Suppression }
  /** Header, blank line or comment. */
  | { readonly kind: 'nothing' }
  | { readonly kind: 'fault'; readonly what: string };

/** How addresses and scopes are read; undefined for what is none. */
export interface Reads {
  readonly address: (text: string) => string | undefined;
  readonly scope: (text: string) => string | undefined;
}

export interface Assumed {
  /** Where a line does not say it. */
  readonly scope: string;
  readonly reason: SuppressionReason;
  readonly note?: string;
  /** Policy time. */
  readonly now: number;
  readonly offset: number;
}

export class SuppressionReader {
  #columns: readonly (Column | undefined)[] = COLUMNS;
  #first = true;

  constructor(
    private readonly assumed: Assumed,
    private readonly reads: Reads,
  ) {}

  read(line: string): ReadLine {
    if (line.length > LONGEST_LINE) return { kind: 'fault', what: `more than ${LONGEST_LINE} characters` };
    const text = line.replace(/^\ufeff/, '').trim();
    if (text === '' || text.startsWith('#')) return { kind: 'nothing' };
    const cells = csvCells(text);
    if (!cells) return { kind: 'fault', what: 'the quotes do not match' };
    if (this.#first && !text.includes('@')) return this.#header(cells);
    this.#first = false;
    return this.#entry(cells);
  }

  #header(cells: readonly string[]): ReadLine {
    this.#first = false;
    const names = cells.map(cell => cell.trim().toLowerCase());
    const known = names.map(name =>
      COLUMNS.find(column => column === name || (column === 'address' && /^(e-?mail|recipient)$/.test(name))),
    );
    if (!known.includes('address')) return { kind: 'fault', what: 'a header without a column "address"' };
    this.#columns = known;
    return { kind: 'nothing' };
  }

  #entry(cells: readonly string[]): ReadLine {
    const said: Partial<Record<Column, string>> = {};
    this.#columns.forEach((column, i) => {
      const cell = cells[i]?.trim();
      if (column !== undefined && cell) said[column] = cell;
    });
    const address = this.reads.address(said.address ?? '');
    if (address === undefined) return { kind: 'fault', what: `"${printable(said.address ?? '', 60)}" is no address` };
    const scope = said.scope === undefined ? this.assumed.scope : this.reads.scope(said.scope);
    if (scope === undefined) return { kind: 'fault', what: `scope "${printable(said.scope ?? '', 60)}" is no domain` };
    const reason = said.reason === undefined ? this.assumed.reason : SUPPRESSION_REASONS.find(r => r === said.reason);
    if (reason === undefined)
      return { kind: 'fault', what: `"${printable(said.reason ?? '', 60)}" is none of ${SUPPRESSION_REASONS.join(', ')}` };
    const [since, until] = [this.#time(said.since), this.#time(said.until)];
    if (Number.isNaN(since) || Number.isNaN(until)) return { kind: 'fault', what: 'a time that is not like 2026-11-20T12:00:00Z' };
    const note = said.note === undefined ? this.assumed.note : printable(said.note, 160);
    return {
      kind: 'entry',
      entry: {
        address,
        scope,
        reason,
        since: since ?? this.assumed.now,
        ...(until === undefined ? {} : { until }),
        ...(note === undefined || note === '' ? {} : { note }),
      },
    };
  }

  /** NaN: it cannot be read. Date.parse alone takes any number for a year. */
  #time(text: string | undefined): number | undefined {
    if (text === undefined) return undefined;
    return DATE.test(text) ? Date.parse(text) - this.assumed.offset : NaN;
  }
}
