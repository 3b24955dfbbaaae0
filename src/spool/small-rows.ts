/**
 * The rows of meta, queues, segments and messages: the small things a commit writes beside the queue rows, as bytes.
 * Every format has a version or is JSON; readers of the rows throw RangeError or SyntaxError when bytes make no sense.
 */
import type { MessageNumber } from '../kernel/message.js';
import type { QueueKind } from '../kernel/queue.js';
import { PRIORITIES, type WarmUpWish } from '../kernel/settings.js';
import { Reader, stringRoom, type Slab } from './bytes.js';

export const META_FORMAT = Buffer.from('format');
export const META_COUNTERS = Buffer.from('counters');
/** Keys of the rows of the last commit that brought bodies: on a crash their bodies may be missing. */
export const META_SUSPECTS = Buffer.from('suspects');

const WISHES: readonly WarmUpWish[] = ['prefer', 'allow', 'never'];

export interface QueueRow extends QueueKind {
  readonly waiting: number;
}

/** Version 1 had neither priority nor job. */
const QUEUE_VERSION = 2;

export function writeQueueRow(slab: Slab, queue: QueueRow, waiting: number): Uint8Array {
  slab.begin(9 + stringRoom(queue.pool) + stringRoom(queue.domain) + stringRoom(queue.job));
  slab.u8(QUEUE_VERSION);
  slab.u8(WISHES.indexOf(queue.warmUp));
  slab.u48(waiting);
  slab.string(queue.pool);
  slab.string(queue.domain);
  slab.u8(PRIORITIES.indexOf(queue.priority));
  slab.string(queue.job);
  return slab.end();
}

export function readQueueRow(value: Uint8Array): QueueRow {
  const read = new Reader(value);
  const version = read.u8();
  if (version !== 1 && version !== QUEUE_VERSION) throw new RangeError('a queue of another version');
  const warmUp = WISHES[read.u8()];
  if (!warmUp) throw new RangeError('a queue with an unknown wish');
  const waiting = read.u48();
  const pool = read.string();
  const domain = read.string();
  if (version === 1) return { pool, domain, warmUp, priority: 'normal', job: '', waiting };
  const priority = PRIORITIES[read.u8()];
  if (!priority) throw new RangeError('a queue with an unknown priority');
  return { pool, domain, warmUp, priority, job: read.string(), waiting };
}

/** Who waits in a segment. */
export interface SegmentUse {
  /** Recipients. */
  live: number;
  /** Their shares of the bytes: a message of 3 recipients counts a third for each. */
  bytes: number;
}

export function writeSegmentUse(slab: Slab, use: SegmentUse): Uint8Array {
  slab.begin(13);
  slab.u8(1);
  slab.u48(use.live);
  slab.u48(use.bytes);
  return slab.end();
}

export function readSegmentUse(value: Uint8Array): SegmentUse {
  const read = new Reader(value);
  if (read.u8() !== 1) throw new RangeError('a segment of another version');
  return { live: read.u48(), bytes: read.u48() };
}

/** A recipient's share of its message's bytes. */
export const shareOf = (bytes: number, parts: number): number => Math.ceil(bytes / parts);

export function u32Key(key: Uint8Array, n: number): Uint8Array {
  key[0] = n >>> 24;
  key[1] = n >>> 16;
  key[2] = n >>> 8;
  key[3] = n;
  return key;
}

export const readU32 = (bytes: Uint8Array): number => new Reader(bytes).u32();

export function messageKey(key: Uint8Array, number: MessageNumber): Uint8Array {
  const high = Math.floor(number / 0x1_0000_0000);
  key[0] = high >>> 8;
  key[1] = high;
  u32Key(low, number >>> 0);
  key.set(low, 2);
  return key;
}
const low = new Uint8Array(4);

export const writeJson = (value: unknown): Buffer => Buffer.from(JSON.stringify(value));
export const readJson = (bytes: Uint8Array): unknown => JSON.parse(Buffer.from(bytes).toString());
