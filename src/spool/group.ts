/**
 * What waits for the next commit: messages accepted, rows settled, bodies moved, day counters. Everything is encoded when it
 * is handed in, so that a value that cannot be written throws at its owner and never in the middle of a transaction.
 */
import type { DayRow } from '../kernel/day.js';
import type { BodyRef, Envelope, MessageNumber, NewRecipient, Receipt } from '../kernel/message.js';
import type { Count, RowChange } from '../kernel/queue.js';
import type { SideRow } from '../kernel/suppression.js';
import type { Instant } from '../kernel/units.js';
import { Slab } from './bytes.js';
import { MemoryQueue } from './queue.js';
import { checkReceipt } from './receipts.js';
import { recordHead } from './record.js';
import { dueOf, freshState, rowId, writeRow, type SpoolRow } from './row.js';
import type { Work } from './transaction.js';

export interface Entry {
  readonly queue: MemoryQueue;
  readonly row: SpoolRow;
  readonly value: Uint8Array;
}

export interface Accepted {
  readonly envelope: Envelope;
  readonly content: readonly Buffer[];
  readonly head: Buffer;
  /** Filled in when the record gets its place. */
  readonly body: { -readonly [K in keyof BodyRef]: BodyRef[K] };
  readonly entries: readonly Entry[];
  readonly receipt: Receipt | undefined;
  resolve(number: MessageNumber): void;
  reject(error: Error): void;
}

export interface Change {
  readonly queue: MemoryQueue;
  readonly before: SpoolRow;
  /** undefined: the row leaves. */
  readonly after: Entry | undefined;
  readonly count: Count | undefined;
  readonly uncertain: boolean;
}

export interface Settled {
  readonly changes: readonly Change[];
  resolve(): void;
  reject(error: Error): void;
}

/** A record copied from another segment: its bytes get a place, then `entries` point at it. */
export interface Moved {
  readonly bytes: Buffer;
  readonly body: { -readonly [K in keyof BodyRef]: BodyRef[K] };
  readonly changes: readonly Change[];
  resolve(): void;
  reject(error: Error): void;
}

/** Where segment, offset and length stand in a row's value. */
const BODY_AT = 2;

export function placeBody(value: Uint8Array, body: BodyRef): void {
  let at = BODY_AT;
  for (const n of [body.segment, body.offset, body.length]) {
    value[at++] = n >>> 24;
    value[at++] = n >>> 16;
    value[at++] = n >>> 8;
    value[at++] = n;
  }
}

export class Group {
  readonly slab = new Slab();
  accepted: Accepted[] = [];
  settled: Settled[] = [];
  moved: Moved[] = [];
  readonly days = new Map<string, DayRow>();
  /** In the order in which they came: of several with one key the last counts. */
  beside: SideRow[] = [];
  /** Keys of day rows that are over. */
  daysOver: Uint8Array[] = [];
  /** Receipts that ended before this go. */
  pruneReceipts: Instant = 0;
  readonly #settling: Set<number>;

  /** `settling`: recipients in a commit that is not over, shared by all groups. */
  constructor(settling: Set<number>) {
    this.#settling = settling;
  }

  get isEmpty(): boolean {
    return (
      this.accepted.length === 0 &&
      this.settled.length === 0 &&
      this.moved.length === 0 &&
      this.days.size === 0 &&
      this.beside.length === 0 &&
      this.daysOver.length === 0 &&
      this.pruneReceipts === 0
    );
  }

  accept(
    number: MessageNumber,
    envelope: Envelope,
    recipients: readonly NewRecipient[],
    content: readonly Buffer[],
    queueOf: (recipient: NewRecipient) => MemoryQueue,
    due: Instant,
    receipt?: Receipt,
  ): Promise<MessageNumber> {
    if (receipt) checkReceipt(receipt);
    let size = 0;
    for (const part of content) size += part.length;
    const { head, length } = recordHead(number, envelope, content);
    const body = { segment: 0, offset: 0, length };
    const { sender, accepted } = envelope;
    const parts = recipients.length;
    const entries: Entry[] = [];
    for (let index = 0; index < parts; index++) {
      const state = freshState(recipients[index]!);
      const row: SpoolRow = { message: number, index, due, accepted, size, sender, state, body, parts };
      const value = writeRow(this.slab, row, state, body);
      entries.push({ queue: queueOf(recipients[index]!), row, value });
    }
    for (const { queue, row } of entries) queue.hold(rowId(row));
    return new Promise((resolve, reject) => {
      this.accepted.push({ envelope, content, head, body, entries, receipt, resolve, reject });
    });
  }

  settle(changes: readonly RowChange[], days: readonly DayRow[], beside: readonly SideRow[] = []): Promise<void> {
    const encoded = changes.map(change => this.#encode(change));
    for (const { before } of encoded) this.#settling.add(rowId(before));
    for (const day of days) this.days.set(`${day.day} ${day.address} ${day.provider}`, day);
    for (const row of beside) this.beside.push(row);
    return new Promise((resolve, reject) => {
      this.settled.push({ changes: encoded, resolve, reject });
    });
  }

  /** `taken` rows are in flight and stay so until the commit; they keep their due time and state. */
  move(bytes: Buffer, taken: readonly { readonly queue: MemoryQueue; readonly row: SpoolRow }[]): Promise<void> {
    const body = { segment: 0, offset: 0, length: bytes.length };
    const changes = taken.map(({ queue, row }): Change => {
      const moved: SpoolRow = { ...row, body };
      const value = writeRow(this.slab, moved, moved.state, body);
      return { queue, before: row, after: { queue, row: moved, value }, count: undefined, uncertain: false };
    });
    for (const { before } of changes) this.#settling.add(rowId(before));
    return new Promise((resolve, reject) => {
      this.moved.push({ bytes, body, changes, resolve, reject });
    });
  }

  /** Hands over everything but the records that found no place; those stay first in line. */
  takeRest(accepted: number, moved: number): Pick<Work, 'settled' | 'days' | 'beside' | 'daysOver' | 'pruneReceipts'> {
    const { settled, beside, daysOver, pruneReceipts } = this;
    const rest = { settled, days: [...this.days.values()], beside, daysOver, pruneReceipts };
    this.accepted = this.accepted.slice(accepted);
    this.moved = this.moved.slice(moved);
    this.settled = [];
    this.days.clear();
    this.beside = [];
    this.daysOver = [];
    this.pruneReceipts = 0;
    return rest;
  }

  /** Nothing of this will be written. */
  refuse(error: Error): void {
    for (const one of [...this.accepted, ...this.settled, ...this.moved]) one.reject(error);
    this.takeRest(this.accepted.length, this.moved.length);
  }

  #encode(change: RowChange): Change {
    const { queue, to, count } = change;
    const before = change.row as SpoolRow;
    const id = rowId(before);
    if (!(queue instanceof MemoryQueue)) throw new TypeError('a queue of another spool');
    if (!queue.isHeld(id) || this.#settling.has(id)) throw new Error(`recipient ${id} of queue ${queue.id} is settled and was not taken`);
    if (to === null && (count === undefined || count === 'deferred')) throw new Error('a recipient leaves and nothing counts it');
    if (to !== null && count !== undefined && count !== 'deferred') throw new Error(`a recipient counted as ${count} stays`);
    let after: Entry | undefined;
    if (to) {
      const row: SpoolRow = {
        message: before.message,
        index: before.index,
        due: dueOf(to.due),
        accepted: before.accepted,
        size: before.size,
        sender: before.sender,
        state: to.state,
        body: before.body,
        parts: before.parts,
      };
      after = { queue, row, value: writeRow(this.slab, row, to.state, before.body) };
    }
    return { queue, before, after, count, uncertain: change.uncertain === true };
  }
}
