/**
 * What a receiver saw: every MAIL FROM, when, from which source IP, for how many recipients, and what came of it.
 *
 * This is the other side's view, against which promise 1 is checked. Columns in typed arrays, 17 bytes an entry; memory is
 * bounded: at `most` entries the oldest are overwritten and counted in `forgotten`. Totals per source stay exact.
 */
import type { Instant } from '../kernel/units.js';

export const RESULTS = ['accepted', 'deferred', 'rejected', 'abandoned'] as const;
/** accepted: at least one recipient and the message; deferred and rejected: 4xx and 5xx; abandoned: no answer was due or given. */
export type Result = (typeof RESULTS)[number];

export interface Seen {
  /** When MAIL FROM arrived, by the receiver's clock. */
  readonly at: Instant;
  readonly source: string;
  /** RCPT TO commands that followed, whatever their answer; at least 1. */
  readonly recipients: number;
  /** Recipients for whom the message was accepted. */
  readonly accepted: number;
  readonly result: Result;
}

export interface SourceTotals {
  attempts: number;
  recipients: number;
  accepted: number;
  connections: number;
  deferred: number;
  rejected: number;
}

const MOST = 2 ** 21;
const FIRST = 1_024;
/** Source IPs told apart; all later ones count as the last. */
const SOURCES_MOST = 65_535;

export class ReceiversLedger {
  readonly #most: number;
  readonly #sources: string[] = [];
  readonly #indexes = new Map<string, number>();
  readonly #totals: SourceTotals[] = [];
  #at: Float64Array;
  #source: Uint16Array;
  #recipients: Uint16Array;
  #accepted: Uint16Array;
  #result: Uint8Array;
  #next = 0;

  /** `most` entries are kept; default two million. */
  constructor(most = MOST) {
    this.#most = Math.max(1, most);
    const length = Math.min(FIRST, this.#most);
    this.#at = new Float64Array(length);
    this.#source = new Uint16Array(length);
    this.#recipients = new Uint16Array(length);
    this.#accepted = new Uint16Array(length);
    this.#result = new Uint8Array(length);
  }

  /** Notes a MAIL FROM; returns its place, for `settle`. */
  open(source: string, at: Instant): number {
    if (this.#next >= this.#at.length && this.#at.length < this.#most) this.#grow();
    const place = this.#next++;
    const i = place % this.#at.length;
    const index = this.#indexOf(source);
    this.#at[i] = at;
    this.#source[i] = index;
    this.#recipients[i] = 1;
    this.#accepted[i] = 0;
    this.#result[i] = RESULTS.indexOf('abandoned');
    const totals = this.#totals[index];
    if (totals) totals.attempts++;
    return place;
  }

  /** What came of the MAIL FROM at this place; `source` is the one it was opened for. */
  settle(place: number, source: string, recipients: number, accepted: number, result: Result): void {
    const totals = this.#totals[this.#indexOf(source)];
    if (totals) {
      totals.recipients += Math.max(1, recipients);
      totals.accepted += accepted;
      if (result === 'deferred') totals.deferred++;
      if (result === 'rejected') totals.rejected++;
    }
    if (place < this.forgotten) return;
    const i = place % this.#at.length;
    this.#recipients[i] = Math.min(65_535, Math.max(1, recipients));
    this.#accepted[i] = Math.min(65_535, accepted);
    this.#result[i] = RESULTS.indexOf(result);
  }

  connected(source: string): void {
    const totals = this.#totals[this.#indexOf(source)];
    if (totals) totals.connections++;
  }

  /** MAIL FROMs seen since the start. */
  get attempts(): number {
    return this.#next;
  }

  /** Entries overwritten because memory is bounded. */
  get forgotten(): number {
    return Math.max(0, this.#next - this.#at.length);
  }

  /** Totals since the start by source IP. `attempts` counts MAIL FROMs, `recipients` and `accepted` recipients of settled ones. */
  totals(): ReadonlyMap<string, Readonly<SourceTotals>> {
    return new Map(this.#sources.map((source, i) => [source, this.#totals[i] ?? noTotals()]));
  }

  /** Entries still held, oldest first. */
  *entries(): IterableIterator<Seen> {
    for (let place = this.forgotten; place < this.#next; place++) {
      const i = place % this.#at.length;
      yield {
        at: this.#at[i] ?? 0,
        source: this.#sources[this.#source[i] ?? 0] ?? '',
        recipients: this.#recipients[i] ?? 1,
        accepted: this.#accepted[i] ?? 0,
        result: RESULTS[this.#result[i] ?? 0] ?? 'abandoned',
      };
    }
  }

  #indexOf(source: string): number {
    const known = this.#indexes.get(source);
    if (known !== undefined) return known;
    if (this.#sources.length >= SOURCES_MOST) return SOURCES_MOST - 1;
    this.#indexes.set(source, this.#sources.length);
    this.#totals.push(noTotals());
    return this.#sources.push(source) - 1;
  }

  #grow(): void {
    const length = Math.min(this.#most, this.#at.length * 2);
    const moved = <T extends { set(from: T): void }>(to: T, from: T): T => (to.set(from), to);
    this.#at = moved(new Float64Array(length), this.#at);
    this.#source = moved(new Uint16Array(length), this.#source);
    this.#recipients = moved(new Uint16Array(length), this.#recipients);
    this.#accepted = moved(new Uint16Array(length), this.#accepted);
    this.#result = moved(new Uint8Array(length), this.#result);
  }
}

const noTotals = (): SourceTotals => ({ attempts: 0, recipients: 0, accepted: 0, connections: 0, deferred: 0, rejected: 0 });
