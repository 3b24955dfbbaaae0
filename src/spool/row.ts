/**
 * The queue row: one waiting recipient, as bytes. Key (queue u32, due u48, node u8, message u40, index u16), big-endian, so
 * that LMDB's order is due order within a queue; value a version byte, fixed fields, then strings.
 *
 * Promises that what is written is read back the same, and that a row stays under 1 KB for addresses SMTP allows (the last
 * reply is shortened for it). Never interprets a row: that is for the queue and the committer.
 */
import type { BodyRef, Counted, NewRecipient, QueuedRecipient, RecipientState } from '../kernel/message.js';
import type { OutcomeClass } from '../kernel/reply.js';
import type { Instant } from '../kernel/units.js';
import { Reader, stringRoom, type Slab } from './bytes.js';

export const ROW_KEY_BYTES = 18;
/** The value fits a page beside others; longer ones cost LMDB an overflow page each. */
const ROW_BYTES = 1_024;
const ROW_VERSION = 1;
const FIXED = 28;
const REPLY_FLOOR = 80;
/** Due times are u48; what is later is written as this. */
export const LATEST: Instant = 2 ** 48 - 1;

/** A row as the spool knows it: the kernel's recipient and what only the spool asks. */
export interface SpoolRow extends QueuedRecipient {
  /** Recipients its message was accepted for. */
  readonly parts: number;
}

/** Orders recipients of a spool; a safe integer because message numbers stay below 2^37. */
export const rowId = (row: QueuedRecipient): number => row.message * 65_536 + row.index;

/** Is it still what somebody has looked at? An attempt, a notice or a body that moved has made another row of it. */
export const isSame = (row: QueuedRecipient, seen: QueuedRecipient): boolean =>
  row === seen ||
  (row.state.attempts === seen.state.attempts &&
    (row.state.told ?? 0) === (seen.state.told ?? 0) &&
    row.body.segment === seen.body.segment &&
    row.body.offset === seen.body.offset);

/** Due times as keys can hold them. */
export const dueOf = (due: Instant): Instant => (due >= LATEST ? LATEST : due > 0 ? Math.ceil(due) : 0);

export function writeKey(key: Uint8Array, queue: number, due: Instant, node: number, message: number, index: number): Uint8Array {
  key[0] = queue >>> 24;
  key[1] = queue >>> 16;
  key[2] = queue >>> 8;
  key[3] = queue;
  const high = Math.floor(due / 0x1_0000_0000);
  const low = due >>> 0;
  key[4] = high >>> 8;
  key[5] = high;
  key[6] = low >>> 24;
  key[7] = low >>> 16;
  key[8] = low >>> 8;
  key[9] = low;
  key[10] = node;
  key[11] = Math.floor(message / 0x1_0000_0000);
  const number = message >>> 0;
  key[12] = number >>> 24;
  key[13] = number >>> 16;
  key[14] = number >>> 8;
  key[15] = number;
  key[16] = index >>> 8;
  key[17] = index;
  return key;
}

export interface RowKey {
  readonly queue: number;
  readonly due: Instant;
  readonly node: number;
  readonly message: number;
  readonly index: number;
}

export function readKey(key: Uint8Array, at = 0): RowKey {
  const u32 = (i: number) => ((key[at + i]! << 24) | (key[at + i + 1]! << 16) | (key[at + i + 2]! << 8) | key[at + i + 3]!) >>> 0;
  return {
    queue: u32(0),
    due: ((key[at + 4]! << 8) | key[at + 5]!) * 0x1_0000_0000 + u32(6),
    node: key[at + 10]!,
    message: key[at + 11]! * 0x1_0000_0000 + u32(12),
    index: (key[at + 16]! << 8) | key[at + 17]!,
  };
}

const UNCERTAIN = 1;
const ORCPT = 2;
const NOTIFY = 4;
const LAST = 8;
const STICK = 16;
const AVOID = 32;
const COUNTED = 64;
const TOLD = 128;

/** Writes the value of a row; the bytes belong to the slab and stay as they are until it is released. */
export function writeRow(slab: Slab, row: SpoolRow, state: RecipientState, body: BodyRef): Uint8Array {
  const { orcpt, notify, last, stick, avoid, counted, told } = state;
  let room = FIXED + stringRoom(row.sender) + stringRoom(state.address);
  if (orcpt !== undefined) room += stringRoom(orcpt);
  if (notify) for (const word of notify) room += 1 + stringRoom(word);
  if (last) room += 6 + stringRoom(last.class) + stringRoom(last.reply) + stringRoom(last.source) + stringRoom(last.host);
  if (stick) room += 6 + stringRoom(stick.source);
  if (avoid !== undefined) room += stringRoom(avoid);
  if (counted) for (const one of counted) room += 7 + stringRoom(one.source) + stringRoom(one.provider) + stringRoom(one.class);
  slab.begin(room + 3);
  slab.u8(ROW_VERSION);
  slab.u8(
    (state.uncertain ? UNCERTAIN : 0) |
      (orcpt !== undefined ? ORCPT : 0) |
      (notify ? NOTIFY : 0) |
      (last ? LAST : 0) |
      (stick ? STICK : 0) |
      (avoid !== undefined ? AVOID : 0) |
      (counted ? COUNTED : 0) |
      (told ? TOLD : 0),
  );
  slab.u32(body.segment);
  slab.u32(body.offset);
  slab.u32(body.length);
  slab.u32(row.size);
  slab.u48(row.accepted);
  slab.u16(row.parts - 1);
  slab.u16(Math.min(state.attempts, 65_535));
  slab.string(row.sender);
  slab.string(state.address);
  if (orcpt !== undefined) slab.string(orcpt);
  if (notify) {
    slab.u8(notify.length);
    for (const word of notify) slab.string(word);
  }
  if (stick) {
    slab.string(stick.source);
    slab.u48(stick.until);
  }
  if (avoid !== undefined) slab.string(avoid);
  if (counted) {
    slab.u16(counted.length);
    for (const one of counted) {
      slab.string(one.source);
      slab.string(one.provider);
      slab.u48(one.day);
      slab.string(one.class);
    }
  }
  if (told) slab.u8(Math.min(told, 255));
  if (last) {
    slab.u48(last.at);
    slab.string(last.class);
    slab.string(last.source);
    slab.string(last.host);
    slab.string(fit(last.reply, ROW_BYTES - 2 - slab.length));
  }
  return slab.end();
}

/** Shortens a reply so that its row stays under ROW_BYTES, but never below REPLY_FLOOR bytes. */
function fit(reply: string, room: number): string {
  const limit = Math.max(REPLY_FLOOR, room);
  if (reply.length * 3 <= limit || Buffer.byteLength(reply) <= limit) return reply;
  let cut = Math.min(reply.length, limit);
  while (cut > 0 && Buffer.byteLength(reply.slice(0, cut)) > limit - 3) cut -= Math.max(1, cut >> 4);
  if (cut > 0 && isHighSurrogate(reply.charCodeAt(cut - 1))) cut--;
  return `${reply.slice(0, cut)}…`;
}

const isHighSurrogate = (unit: number) => unit >= 0xd800 && unit <= 0xdbff;

/** Reads a row back. Throws RangeError when the bytes are not a row of this format. */
export function readRow(key: RowKey, value: Uint8Array): SpoolRow {
  const read = new Reader(value);
  const version = read.u8();
  if (version !== ROW_VERSION) throw new RangeError(`queue row of version ${version}`);
  const flags = read.u8();
  const body: BodyRef = { segment: read.u32(), offset: read.u32(), length: read.u32() };
  const size = read.u32();
  const accepted = read.u48();
  const parts = read.u16() + 1;
  const attempts = read.u16();
  const sender = read.string();
  const address = read.string();
  let state: RecipientState = { address, attempts };
  if (flags !== 0) state = readRest(read, flags, state);
  return { message: key.message, index: key.index, due: key.due, accepted, size, sender, state, body, parts };
}

function readRest(read: Reader, flags: number, base: RecipientState): RecipientState {
  const state: { -readonly [K in keyof RecipientState]: RecipientState[K] } = { ...base };
  if (flags & UNCERTAIN) state.uncertain = true;
  if (flags & ORCPT) state.orcpt = read.string();
  if (flags & NOTIFY) state.notify = Array.from({ length: read.u8() }, () => read.string());
  if (flags & STICK) state.stick = { source: read.string(), until: read.u48() };
  if (flags & AVOID) state.avoid = read.string();
  if (flags & COUNTED) {
    state.counted = Array.from({ length: read.u16() }, (): Counted => {
      const source = read.string();
      const provider = read.string();
      const day = read.u48();
      return { source, provider, day, class: read.string() as OutcomeClass };
    });
  }
  if (flags & TOLD) state.told = read.u8();
  if (flags & LAST) {
    const at = read.u48();
    const word = read.string() as OutcomeClass;
    const source = read.string();
    const host = read.string();
    state.last = { at, class: word, reply: read.string(), source, host };
  }
  return state;
}

/** Segment and offset of a row's value, without reading the rest. */
export function bodyOf(value: Uint8Array): BodyRef {
  const read = new Reader(value, 2);
  return { segment: read.u32(), offset: read.u32(), length: read.u32() };
}

/** The state of a recipient just accepted. Throws RangeError for what no row holds. */
export function freshState(recipient: NewRecipient): RecipientState {
  const state: { -readonly [K in keyof RecipientState]: RecipientState[K] } = { address: recipient.address, attempts: 0 };
  if (recipient.orcpt !== undefined) state.orcpt = recipient.orcpt;
  if (recipient.notify) {
    if (recipient.notify.length > 255) throw new RangeError('a recipient with more than 255 words of NOTIFY');
    state.notify = recipient.notify;
  }
  return state;
}
