/**
 * How a history lies in memory: one block of the slabs, a head of six words, then its entries, oldest first.
 *
 * An entry is one word, 24 bits of stamp and 8 of count; the first count that does not fit widens all entries to two words.
 * Stamps are ticks modulo 2^24, ages their signed differences. `era`, the newest stamp in units of 2^20 ticks, tells a
 * silence so long that ages no longer do. Nothing here knows what a tick is; a period is at most 3.6 million of them.
 */
import { MIN_ORDER, type Slabs } from './slab.js';

/** Words of the head: the owner's grid is a double, the first two. `shape`: head, length, order and width in one. */
const [SHAPE, SUM, ERA, OLDEST, HEAD] = [2, 3, 4, 5, 6] as const;
const STAMPS = 1 << 24;
const ERA_TICKS = 1 << 20;
/** Eras after the newest stamp in which nothing can count any more: four whole ones are longer than a period. */
const SILENCE = 5;
const MOST_NARROW = 255;

/** Signed ticks from one stamp to another: right up to 12.5 million ahead and 4 million behind. */
function apart(later: number, earlier: number): number {
  const ticks = (later - earlier) & (STAMPS - 1);
  return ticks < 0xc00000 ? ticks : ticks - STAMPS;
}

const shaped = (first: number, length: number, order: number, wide: number): number =>
  first | (length << 13) | (order << 26) | (wide << 30);
const firstOf = (shape: number): number => shape & 0x1fff;
const lengthOf = (shape: number): number => (shape >>> 13) & 0x1fff;
const orderOf = (shape: number): number => (shape >>> 26) & 0xf;
const wideOf = (shape: number): number => (shape >>> 30) & 1;

/** Where the i-th entry of a block stands. */
const place = (start: number, shape: number, i: number): number => start + HEAD + ((firstOf(shape) + i) << wideOf(shape));
const stampAt = (words: Uint32Array, at: number, wide: number): number => (wide ? (words[at] as number) : (words[at] as number) >>> 8);
const countAt = (words: Uint32Array, at: number, wide: number): number =>
  wide ? (words[at + 1] as number) : (words[at] as number) & MOST_NARROW;

function write(words: Uint32Array, at: number, wide: number, stamp: number, count: number): void {
  if (wide) [words[at], words[at + 1]] = [stamp, count];
  else words[at] = (stamp << 8) | count;
}

/** A block that remembers nothing. */
export function begin(slabs: Slabs, order = MIN_ORDER): number {
  const block = slabs.take(order);
  const start = slabs.offset(block);
  slabs.doubles(block)[start >>> 1] = -Infinity;
  const words = slabs.chunk(block);
  words[start + SHAPE] = shaped(0, 0, order, 0);
  words[start + SUM] = words[start + ERA] = words[start + OLDEST] = 0;
  return block;
}

export function end(slabs: Slabs, block: number): void {
  slabs.release(block, orderOf(slabs.chunk(block)[slabs.offset(block) + SHAPE] as number));
}

export const grid = (slabs: Slabs, block: number): number => slabs.doubles(block)[slabs.offset(block) >>> 1] as number;

export function setGrid(slabs: Slabs, block: number, at: number): void {
  slabs.doubles(block)[slabs.offset(block) >>> 1] = at;
}

/** How many entries there are. */
export const length = (slabs: Slabs, block: number): number => lengthOf(slabs.chunk(block)[slabs.offset(block) + SHAPE] as number);

/** The sum of what is younger than `span` ticks at tick `t`; older entries go. */
export function used(slabs: Slabs, block: number, span: number, t: number): number {
  const words = slabs.chunk(block);
  const start = slabs.offset(block);
  const shape = words[start + SHAPE] as number;
  let left = lengthOf(shape);
  if (left === 0) return 0;
  let sum = words[start + SUM] as number;
  if (Math.floor(t / ERA_TICKS) - (words[start + ERA] as number) >= SILENCE) left = sum = 0;
  else if (apart(t % STAMPS, words[start + OLDEST] as number) < span) return sum;
  const wide = wideOf(shape);
  let first = firstOf(shape);
  for (; left > 0; first++, left--) {
    const at = start + HEAD + (first << wide);
    const stamp = stampAt(words, at, wide);
    if (apart(t % STAMPS, stamp) < span) {
      words[start + OLDEST] = stamp;
      break;
    }
    sum -= countAt(words, at, wide);
  }
  if (left === 0) first = words[start + ERA] = 0;
  words[start + SHAPE] = shaped(first, left, orderOf(shape), wide);
  words[start + SUM] = sum;
  return sum;
}

/** Oldest first: stamp, in whole ticks, and count. */
export function* entries(slabs: Slabs, block: number, t: number): Generator<readonly [number, number]> {
  const words = slabs.chunk(block);
  const start = slabs.offset(block);
  const shape = words[start + SHAPE] as number;
  for (let i = 0; i < lengthOf(shape); i++) {
    const at = place(start, shape, i);
    yield [t - apart(t % STAMPS, stampAt(words, at, wideOf(shape))), countAt(words, at, wideOf(shape))];
  }
}

/** Counts more at a stamp; returns the block, which is another one when this has become too small. */
export function insert(slabs: Slabs, block: number, tick: number, count: number): number {
  const into = roomy(slabs, count > MOST_NARROW ? widened(slabs, block) : block);
  const words = slabs.chunk(into);
  const start = slabs.offset(into);
  const shape = words[start + SHAPE] as number;
  const wide = wideOf(shape);
  const many = lengthOf(shape);
  const stamp = tick % STAMPS;
  let i = many;
  while (i > 0 && apart(stamp, stampAt(words, place(start, shape, i - 1), wide)) < 0) i--;
  const same = place(start, shape, i - 1);
  if (i > 0 && stampAt(words, same, wide) === stamp) {
    const sum = countAt(words, same, wide) + count;
    if (!wide && sum > MOST_NARROW) return insert(slabs, widened(slabs, into), tick, count);
    write(words, same, wide, stamp, sum);
  } else {
    const at = place(start, shape, i);
    words.copyWithin(at + (1 << wide), at, place(start, shape, many));
    write(words, at, wide, stamp, count);
    words[start + SHAPE] = shaped(firstOf(shape), many + 1, orderOf(shape), wide);
    if (i === 0) words[start + OLDEST] = stamp;
  }
  words[start + SUM] = (words[start + SUM] as number) + count;
  words[start + ERA] = Math.max(words[start + ERA] as number, Math.floor(tick / ERA_TICKS));
  return into;
}

/** Gives every entry the stamp that `rounded` says, at or after its own, and makes one of those that then have the same. */
export function merge(slabs: Slabs, block: number, t: number, rounded: (tick: number) => number): void {
  const words = slabs.chunk(block);
  const start = slabs.offset(block);
  const shape = words[start + SHAPE] as number;
  const wide = wideOf(shape);
  let [many, last] = [0, -1];
  for (const [tick, count] of entries(slabs, block, t)) {
    const stamp = rounded(tick) % STAMPS;
    const before = start + HEAD + ((many - 1) << wide);
    const sum = stamp === last ? countAt(words, before, wide) + count : Infinity;
    if (sum <= (wide ? 0xffffffff : MOST_NARROW)) write(words, before, wide, stamp, sum);
    else write(words, start + HEAD + (many++ << wide), wide, stamp, count);
    last = stamp;
    words[start + ERA] = Math.max(words[start + ERA] as number, Math.floor(rounded(tick) / ERA_TICKS));
  }
  words[start + SHAPE] = shaped(0, many, orderOf(shape), wide);
  words[start + OLDEST] = stampAt(words, start + HEAD, wide);
}

/** The block, or a larger one with the same content: there is room behind the last entry. */
function roomy(slabs: Slabs, block: number): number {
  const words = slabs.chunk(block);
  const start = slabs.offset(block);
  const shape = words[start + SHAPE] as number;
  const [order, wide, many] = [orderOf(shape), wideOf(shape), lengthOf(shape)];
  const room = ((1 << order) - HEAD) >>> wide;
  if (firstOf(shape) + many < room) return block;
  if (many < room) {
    words.copyWithin(start + HEAD, place(start, shape, 0), place(start, shape, many));
    words[start + SHAPE] = shaped(0, many, order, wide);
    return block;
  }
  return moved(slabs, block, order + 1, wide);
}

function widened(slabs: Slabs, block: number): number {
  const shape = slabs.chunk(block)[slabs.offset(block) + SHAPE] as number;
  return wideOf(shape) ? block : moved(slabs, block, orderOf(shape) + 1, 1);
}

/** The same content in a block of another order or width. */
function moved(slabs: Slabs, block: number, order: number, wide: number): number {
  const [from, start] = [slabs.chunk(block), slabs.offset(block)];
  const shape = from[start + SHAPE] as number;
  const next = begin(slabs, order);
  const [to, at] = [slabs.chunk(next), slabs.offset(next)];
  to.set(from.subarray(start, start + HEAD), at);
  to[at + SHAPE] = shaped(0, lengthOf(shape), order, wide);
  for (let i = 0; i < lengthOf(shape); i++) {
    const entry = place(start, shape, i);
    write(to, at + HEAD + (i << wide), wide, stampAt(from, entry, wideOf(shape)), countAt(from, entry, wideOf(shape)));
  }
  slabs.release(block, orderOf(shape));
  return next;
}
