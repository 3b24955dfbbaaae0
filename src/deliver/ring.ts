/**
 * Ready queues whose turn comes in order, those of higher priority first.
 *
 * Within a priority the queue that was served goes to the end. A lower priority never starves: of ten messages taken, one goes
 * to normal mail first and one to low mail first, where such is ready; what nobody of that priority uses falls to the highest.
 */
import { PRIORITIES, type Priority } from '../kernel/settings.js';
import type { Waiting } from './waiting.js';

const ROUND = 10;
const NORMAL_FIRST = 4;
const LOW_FIRST = 9;

const ORDERS: Readonly<Record<Priority, readonly Priority[]>> = {
  high: PRIORITIES,
  normal: ['normal', 'high', 'low'],
  low: ['low', 'high', 'normal'],
};

/** Where mail stands whose priority is the nth, for comparing; PRIORITIES.length where there is none. */
export type Urgency = number;

/**
 * Connections or sites of a lane, those first behind which the most urgent mail is ready; every tenth message of the lane the
 * other way round. Whoever is alike keeps its place.
 */
export function urgentFirst<T>(all: Iterable<T>, urgency: (one: T) => Urgency, taken: number): T[] {
  const sign = taken % ROUND === LOW_FIRST ? -1 : 1;
  return [...all].sort((a, b) => sign * (urgency(a) - urgency(b)));
}

export class Ring implements Iterable<Waiting> {
  readonly #sets: Readonly<Record<Priority, Set<Waiting>>> = { high: new Set(), normal: new Set(), low: new Set() };
  #taken = 0;

  get size(): number {
    return this.#sets.high.size + this.#sets.normal.size + this.#sets.low.size;
  }

  /** Of the most urgent mail in it. */
  get urgency(): Urgency {
    const at = PRIORITIES.findIndex(priority => this.#sets[priority].size > 0);
    return at < 0 ? PRIORITIES.length : at;
  }

  add(waiting: Waiting): void {
    this.#sets[waiting.queue.priority].add(waiting);
  }

  delete(waiting: Waiting): void {
    this.#sets[waiting.queue.priority].delete(waiting);
  }

  /** A message of it was taken: its next turn comes behind the others'. */
  took(waiting: Waiting): void {
    this.#taken++;
    const set = this.#sets[waiting.queue.priority];
    if (set.delete(waiting)) set.add(waiting);
  }

  /** In the order of turns, as of now. */
  *[Symbol.iterator](): Iterator<Waiting> {
    const turn = this.#taken % ROUND;
    for (const priority of ORDERS[turn === NORMAL_FIRST ? 'normal' : turn === LOW_FIRST ? 'low' : 'high']) yield* this.#sets[priority];
  }
}
