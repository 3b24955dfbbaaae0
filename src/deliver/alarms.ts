/**
 * Which lanes wait, and for what: an instant, or an event (a connection elsewhere to close, a person, a window to be lifted).
 *
 * One heap of lanes by next eligible time beside the backlog's of queues by next due time, one timer at the earliest of both;
 * nothing polls and no worker sleeps on a limit.
 */
import type { Clock, Timer } from '../kernel/clock.js';
import type { Instant } from '../kernel/units.js';
import type { Backlog } from './backlog.js';
import { TimeHeap } from './heap.js';
import type { Lane } from './lane.js';

export interface AlarmsParts {
  readonly clock: Clock;
  readonly backlog: Pick<Backlog, 'heap' | 'wake'>;
  readonly running: () => boolean;
  /** This lane's instant has come. */
  readonly due: (lane: Lane) => void;
}

export class Alarms {
  readonly #parts: AlarmsParts;
  readonly #heap = new TimeHeap<Lane>();
  readonly #waiters = new Set<Lane>();
  #timer: Timer | undefined;
  #timerAt: Instant = Infinity;

  constructor(parts: AlarmsParts) {
    this.#parts = parts;
  }

  /** The lane waits for what it says itself. */
  set(lane: Lane): void {
    const at = lane.nextAsk(this.#parts.clock.now());
    if (lane.waitUntil === Infinity || lane.connectAfter === Infinity) this.#waiters.add(lane);
    if (at === Infinity) this.#heap.remove(lane);
    else this.#heap.set(lane, at);
    this.arm();
  }

  /** Lanes that wait for an event and that this one may concern; they wait no longer. */
  released(concerns: (lane: Lane) => boolean): Lane[] {
    const waiters = [...this.#waiters].filter(concerns);
    for (const waiter of waiters) {
      this.#waiters.delete(waiter);
      waiter.waitUntil = 0;
      waiter.connectAfter = 0;
    }
    return waiters;
  }

  forget(lane: Lane): void {
    this.#heap.remove(lane);
    this.#waiters.delete(lane);
  }

  stop(): void {
    this.#timer?.cancel();
  }

  /** One timer, at the earliest instant either heap wants. */
  arm(): void {
    const { running, backlog, clock } = this.#parts;
    if (!running()) return;
    const at = Math.min(this.#heap.first()?.heapAt ?? Infinity, backlog.heap.first()?.heapAt ?? Infinity);
    if (at === this.#timerAt) return;
    this.#timer?.cancel();
    this.#timerAt = at;
    if (at !== Infinity) this.#timer = clock.at(at, () => this.#wake());
  }

  #wake(): void {
    const { backlog, clock, due } = this.#parts;
    this.#timerAt = Infinity;
    backlog.wake();
    const now = clock.now();
    const lanes: Lane[] = [];
    for (let lane = this.#heap.popDue(now); lane; lane = this.#heap.popDue(now)) lanes.push(lane);
    // Lanes of one source often wait for the same slot: it goes to the one furthest behind.
    for (const lane of lanes.sort((a, b) => a.pass - b.pass)) due(lane);
    this.arm();
  }
}
