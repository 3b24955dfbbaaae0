/**
 * Ticks: the cron moments at which sources' days are judged.
 *
 * Due ticks follow from the last one judged, not from a timer having fired: missed ones are judged at the next look, in order.
 * Which dates an expression means is config/cron.ts's to say; instants are computed here, because a local time that a change of the
 * clocks skips must fire at the next valid instant (node-cron leaves the day out), and one that comes twice fires once.
 * Instants of cron are wall time, epoch milliseconds; the governor is told policy instants.
 */
import { type Cron, cronOf } from '../config/cron.js';
import type { Clock, Timer } from '../kernel/clock.js';
import { wallOf } from '../kernel/clock.js';
import { SHORTEST_DAY } from '../kernel/schedule.js';
import type { Settings } from '../kernel/settings.js';
import { DAY, MINUTE, SECOND } from '../kernel/units.js';
import type { Instant, Ms } from '../kernel/units.js';
import { instantOfLocal, zoneOffset } from '../kernel/zone.js';

/** How long the next look may wait: a wall clock that jumps is noticed within this. */
const LONGEST_LOOK: Ms = 10 * MINUTE;
/** Days searched for the next tick: 29 February comes every eight years at worst. */
const HORIZON = 8 * 366 + 2;

/** The instants of one local date, ascending, each once. */
function ticksOf(cron: Cron, timezone: string, local: number): readonly number[] {
  if (!cron.on(local)) return [];
  const [before, after] = [zoneOffset(timezone, local - DAY), zoneOffset(timezone, local + 2 * DAY)];
  const instants = cron.times.map(time => (before === after ? local + time - before : instantOfLocal(timezone, local + time)));
  return [...new Set(instants)].sort((a, b) => a - b);
}

/** The first tick after an instant, exclusive. Throws Error when there is none within eight years. */
export function nextTick(expression: string, timezone: string, after: number): number {
  const cron = cronOf(expression);
  const today = Math.floor((after + zoneOffset(timezone, after)) / DAY) * DAY;
  for (let day = -1; day < HORIZON; day++) {
    const next = ticksOf(cron, timezone, today + day * DAY).find(tick => tick > after);
    if (next !== undefined) return next;
  }
  throw new Error(`the tick ${expression} never comes`);
}

export interface TickPorts {
  readonly clock: Clock;
  /** `tick` is a policy instant. */
  judge(source: string, tick: Instant): void;
  judgedThrough(source: string): Instant;
  setNextTick(source: string, at: Instant): void;
}

interface Watched {
  readonly tick: string;
  readonly timezone: string;
  next: Instant;
}

/**
 * Judges every warming source at its ticks. Works on any Clock: production's and one that runs faster. A look that comes late
 * or not at all loses nothing; a wall clock set back repeats nothing, since a tick within 20 h of the last is no tick.
 */
export class TickClock {
  readonly #ports: TickPorts;
  readonly #watched = new Map<string, Watched>();
  #timer: Timer | undefined;

  constructor(ports: TickPorts) {
    this.#ports = ports;
  }

  /** Start or reload: judges what was missed, in order, and arms the timer. */
  configure(settings: Settings): void {
    this.#watched.clear();
    for (const source of settings.sources.values()) {
      const schedule = source.warmUp && settings.schedules.get(source.warmUp.schedule);
      if (schedule) this.#watched.set(source.name, { tick: schedule.tick, timezone: schedule.timezone, next: -Infinity });
    }
    this.#look();
  }

  /** The policy instant at which a source is judged next; null for one without a schedule. */
  next(source: string): Instant | null {
    return this.#watched.get(source)?.next ?? null;
  }

  stop(): void {
    this.#timer?.cancel();
    this.#timer = undefined;
    this.#watched.clear();
  }

  #look(): void {
    const { clock } = this.#ports;
    this.#timer?.cancel();
    let soonest = clock.now() + LONGEST_LOOK;
    for (const [source, watched] of this.#watched) {
      watched.next = this.#judgeDue(source, watched);
      this.#ports.setNextTick(source, watched.next);
      soonest = Math.min(soonest, watched.next);
    }
    if (this.#watched.size > 0) this.#timer = clock.at(soonest, () => this.#look());
  }

  /** Judges the due ticks of a source; returns the policy instant of the one after them. */
  #judgeDue(source: string, { tick, timezone }: Watched): Instant {
    const { clock } = this.#ports;
    // Whole seconds: the two clocks are read one after the other, and a tick's policy instant must not tremble with that.
    const offset = Math.round(wallOf(clock, 0) / SECOND) * SECOND;
    const policy = (wall: number): Instant => wall - offset;
    let from = this.#ports.judgedThrough(source);
    for (;;) {
      const next = nextTick(tick, timezone, Math.ceil(from + SHORTEST_DAY + offset) - 1);
      if (policy(next) > clock.now()) return policy(next);
      this.#ports.judge(source, policy(next));
      // Whatever the governor made of it, the search goes on behind it.
      from = Math.max(this.#ports.judgedThrough(source), policy(next) - SHORTEST_DAY + 1);
    }
  }
}
