/**
 * One source in a forecast: what its caps, and those of its lanes, let leave between two instants, and its days and ticks.
 *
 * Whole slots only. What is not used is lost, as it is in a sliding hour; nothing is carried into another day.
 */
import type { ForecastDay, UnearnedDay } from '../kernel/forecast.js';
import { DAY, HOUR, type Instant, type Ms } from '../kernel/units.js';
import { type ClimbAhead, Walk } from './forecast-climb.js';
import type { Heap } from './forecast-mail.js';
import { shareOut } from './forecast-shares.js';

/** A cap that ends by itself: a window, and the steps of its recovery. */
export interface Spell {
  readonly until: Instant;
  readonly perHour: number;
}

export interface LaneAhead {
  readonly provider: string;
  readonly perHour: number;
  readonly perDay: number;
  readonly spells: readonly Spell[];
  /** A stage of its own. */
  readonly climb?: ClimbAhead;
  /** A day is at most `factor` times the best one so far, and never less than `floor`. */
  readonly growth?: { readonly factor: number; readonly floor: number; readonly best: number };
  readonly takenToday: number;
  /** Nothing leaves before; Infinity: until a person says so. */
  readonly stoppedUntil: Instant;
}

export interface SourceAhead {
  readonly name: string;
  /** Limits it states itself. */
  readonly perHour: number;
  readonly perDay: number;
  readonly spells: readonly Spell[];
  /** Absent for a warm source. */
  readonly climb?: ClimbAhead;
  readonly lanes: readonly LaneAhead[];
  readonly takenToday: number;
  readonly nextTick: Instant;
  readonly stoppedUntil: Instant;
  readonly stopped?: string;
}

/** Whole slots of a rate, slice by slice: what is less than one is kept for the next slice of the same day. */
class Slots {
  #rest = 0;

  reset(): void {
    this.#rest = 0;
  }

  of(perHour: number, span: Ms): number {
    if (perHour === Infinity) return Infinity;
    const exact = this.#rest + (perHour * span) / HOUR;
    // A third of an hour three times is an hour.
    const whole = Math.floor(exact + 1e-9);
    this.#rest = Math.max(0, exact - whole);
    return whole;
  }
}

interface Lane {
  readonly ahead: LaneAhead;
  readonly walk: Walk | undefined;
  readonly slots: Slots;
  taken: number;
  best: number;
}

export class Sender {
  readonly walk: Walk | undefined;
  nextTick: Instant;
  leaves = 0;
  readonly #ahead: SourceAhead;
  readonly #lanes: readonly Lane[];
  readonly #slots = new Slots();
  /** Instants at which its limits change, ticks aside. */
  readonly #changes: readonly Instant[];
  #taken: number;
  /** What its caps allowed since the forecast's day began: before its own last tick, and since. */
  #allowed = 0;
  #paced = 0;
  #dayLeft = 0;
  #stage: number | undefined;

  constructor(ahead: SourceAhead) {
    this.#ahead = ahead;
    this.walk = ahead.climb && new Walk(ahead.climb);
    this.nextTick = ahead.nextTick;
    this.#taken = ahead.takenToday;
    this.#changes = [ahead, ...ahead.lanes].flatMap(a => [a.stoppedUntil, ...a.spells.map(s => s.until)]).filter(Number.isFinite);
    this.#lanes = ahead.lanes.map(lane => ({
      ahead: lane,
      walk: lane.climb && new Walk(lane.climb),
      slots: new Slots(),
      taken: lane.takenToday,
      best: lane.growth?.best ?? 0,
    }));
  }

  get day(): ForecastDay['sources'][number] {
    const stage = this.#stage === undefined ? {} : { stage: this.#stage };
    return { name: this.#ahead.name, ...stage, leaves: this.leaves, allows: this.#allowed + this.#allowedNow };
  }

  get unearned(): UnearnedDay[] {
    return [this.walk, ...this.#lanes.map(l => l.walk)].flatMap(walk => walk?.unearned ?? []);
  }

  get #perDay(): number {
    return Math.min(this.#ahead.perDay, this.walk?.now.perDay ?? Infinity);
  }

  get #allowedNow(): number {
    return Math.max(0, Math.min(this.#paced, this.#dayLeft));
  }

  begin(): void {
    this.leaves = this.#allowed = this.#paced = 0;
    this.#dayLeft = this.#perDay - this.#taken;
    this.#stage = undefined;
    for (const slots of [this.#slots, ...this.#lanes.map(l => l.slots)]) slots.reset();
  }

  tick(t: Instant): void {
    if (t >= this.nextTick) {
      this.#allowed += this.#allowedNow;
      this.walk?.tick(t, Infinity);
      for (const lane of this.#lanes) {
        lane.walk?.tick(t, this.walk?.now.stage ?? Infinity);
        lane.best = Math.max(lane.best, lane.taken);
        lane.taken = 0;
      }
      this.#taken = this.#paced = 0;
      this.#dayLeft = this.#perDay;
      this.nextTick += DAY;
    }
    this.#stage ??= this.walk?.now.stage;
  }

  /** The first instant in (t, end) at which one of its limits changes by itself, else `end`. */
  changeBefore(t: Instant, end: Instant): Instant {
    let least = this.nextTick > t ? Math.min(end, this.nextTick) : end;
    for (const at of this.#changes) if (at > t && at < least) least = at;
    return least;
  }

  /** Takes what it can between two instants, at most `room`; returns how many left. */
  send(heaps: readonly Heap[], poolHasWarm: boolean, room: number, t: Instant, end: Instant): number {
    const ahead = this.#ahead;
    const here = this.walk?.now;
    const perHour = Math.min(ahead.perHour, here?.perHour ?? Infinity, spellAt(ahead.spells, t));
    const paced = t < ahead.stoppedUntil ? 0 : this.#slots.of(perHour, end - t);
    const slots = Math.max(0, Math.min(paced, this.#perDay - this.#taken));
    this.#paced += paced;
    const mine = heaps.filter(heap => heap.waiting > 0 && !(heap.warmOnly && this.walk && poolHasWarm));
    const lanes = this.#lanes.filter(lane => mine.some(heap => heap.provider === lane.ahead.provider));
    const wants = lanes.map(lane => ({ waiting: waitingFor(mine, lane), room: roomOf(lane, t, end) }));
    let sum = 0;
    shareOut(Math.min(slots, room), wants).forEach((share, i) => {
      const lane = lanes[i] as Lane;
      lane.taken += share;
      if (lane.walk) lane.walk.sent += share;
      sum += share;
      // Mail that may not warm goes first where it may go at all: nobody else takes it.
      const its = mine.filter(heap => heap.provider === lane.ahead.provider).sort((a, b) => Number(b.warmOnly) - Number(a.warmOnly));
      for (const heap of its) {
        const some = Math.min(share, heap.waiting);
        heap.take(some);
        share -= some;
      }
    });
    this.#taken += sum;
    this.leaves += sum;
    if (this.walk) this.walk.sent += sum;
    return sum;
  }
}

const waitingFor = (heaps: readonly Heap[], lane: Lane): number =>
  heaps.reduce((sum, heap) => sum + (heap.provider === lane.ahead.provider ? heap.waiting : 0), 0);

function roomOf({ ahead, walk, slots, taken, best }: Lane, t: Instant, end: Instant): number {
  if (t < ahead.stoppedUntil) return 0;
  const perHour = Math.min(ahead.perHour, walk?.now.perHour ?? Infinity, spellAt(ahead.spells, t));
  const grown = ahead.growth ? Math.max(ahead.growth.floor, Math.floor(ahead.growth.factor * best)) : Infinity;
  const perDay = Math.min(ahead.perDay, walk?.now.perDay ?? Infinity, grown);
  return Math.max(0, Math.min(slots.of(perHour, end - t), perDay - taken));
}

const spellAt = (spells: readonly Spell[], t: Instant): number => {
  let least = Infinity;
  for (const spell of spells) if (t < spell.until) least = Math.min(least, spell.perHour);
  return least;
};
