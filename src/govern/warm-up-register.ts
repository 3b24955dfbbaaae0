/**
 * Which sources are warming, and the state they keep: progress by address, whatever a source is called today.
 *
 * Progress outlives its source: an address that comes back goes on where it stood. Names of sources that a reload removed still
 * find their address, for outcomes in flight. Records nothing itself: configure says what has changed.
 */
import type { Schedule } from '../kernel/schedule.js';
import type { Settings, Source } from '../kernel/settings.js';
import type { Instant } from '../kernel/units.js';
import type { Progress, StoredCaps } from './ramp.js';
import { Tally } from './tally.js';
import { adapt, begin, beginProvider, startOf } from './warm-up-begin.js';
import type { Climb, Unit } from './warm-up-climb.js';
import { at, keptText } from './warm-up-judge.js';
import { providerStages, stagesOf } from './warm-up-stages.js';

export interface Adapted {
  readonly climb: Climb;
  readonly unit: Unit;
  /** It is new, or its caps or stage changed with the schedule. */
  readonly text: string;
  readonly began: boolean;
}

export const keyOf = (address: string, provider?: string): string =>
  provider === undefined ? `progress:${address}` : `progress:${address}/${provider}`;

export class Register {
  readonly #state = new Map<string, Progress>();
  readonly #addresses = new Map<string, string>();
  readonly #climbs = new Map<string, Climb>();

  climb(source: string): Climb | undefined {
    return this.#climbs.get(this.address(source));
  }

  climbAt(address: string): Climb | undefined {
    return this.#climbs.get(address);
  }

  address(source: string): string {
    return this.#addresses.get(source) ?? source;
  }

  /** Names and addresses of all sources, those of a removed one too. */
  sources(): Iterable<readonly [string, string]> {
    return this.#addresses;
  }

  climbs(): Iterable<Climb> {
    return this.#climbs.values();
  }

  set(unit: Unit, progress: Progress): void {
    unit.progress = progress;
    this.#state.set(unit.key, progress);
  }

  forget(key: string): void {
    this.#state.delete(key);
  }

  snapshot(): Record<string, Progress> {
    const state = Object.fromEntries(this.#state);
    for (const climb of this.#climbs.values()) {
      for (const { key, progress, lastSent } of [climb.unit, ...climb.own.values()]) {
        if (lastSent !== undefined) state[key] = { ...progress, lastSent };
      }
    }
    return state;
  }

  restore(key: string, value: Progress | null): void {
    if (value === null) return void this.#state.delete(key);
    this.#state.set(key, value);
  }

  /** Meets new settings; returns the stages that began or changed, a source's before its providers'. */
  configure(settings: Settings, now: Instant): readonly Adapted[] {
    const changes: Adapted[] = [];
    for (const source of settings.sources.values()) {
      this.#addresses.set(source.name, source.address);
      const warmUp = source.warmUp;
      if (!warmUp) {
        this.#climbs.delete(source.address);
        continue;
      }
      const schedule = settings.schedules.get(warmUp.schedule);
      if (!schedule) throw new Error(`source ${source.name} names schedule ${warmUp.schedule}, which does not exist`);
      this.#climb(source, schedule, now, changes);
    }
    return changes;
  }

  #climb(source: Source, schedule: Schedule, now: Instant, changes: Adapted[]): void {
    const { address } = source;
    const before = this.#climbs.get(address);
    const stages = stagesOf(schedule, source.warmUp?.target, source.warmUp?.from ?? source.from);
    const stored = before?.unit.progress ?? this.#state.get(keyOf(address));
    const progress = stored ? adapt(stored, schedule, stages, Infinity) : begin(source, schedule, stages, now);
    const unit: Unit = before?.unit ?? { key: keyOf(address), progress, stages, lastSent: progress.lastSent, tally: new Tally() };
    const climb: Climb = before ?? {
      address,
      source,
      schedule,
      unit,
      own: new Map(),
      left: new Map(),
      startsAt: undefined,
      growth: schedule.growth,
      nextTick: undefined,
    };
    this.#climbs.set(address, climb);
    climb.source = source;
    climb.schedule = schedule;
    climb.startsAt = startOf(source, schedule);
    climb.growth = Math.min(climb.growth, schedule.growth);
    unit.stages = stages;
    this.#meet(climb, unit, stored, progress, changes);

    const own = new Map<string, Unit>();
    for (const [provider, { stages: all }] of schedule.providers) {
      const key = keyOf(address, provider);
      const known = before?.own.get(provider);
      const its = providerStages(all, stages);
      const had = known?.progress ?? this.#state.get(key);
      const most = progress.graduated ? Infinity : progress.stage;
      // One that was away missed ticks; its day is its source's.
      const current = had && had.judgedThrough < progress.judgedThrough ? { ...had, judgedThrough: progress.judgedThrough } : had;
      const next = current ? adapt(current, schedule, its, most) : beginProvider(provider, schedule, its, progress, now);
      const lane: Unit = known ?? { key, provider, progress: next, stages: its, lastSent: next.lastSent, tally: new Tally() };
      lane.stages = its;
      own.set(provider, lane);
      this.#meet(climb, lane, had, next, changes);
    }
    climb.own = own;
    climb.left = this.#left(address, own);
  }

  #meet(climb: Climb, unit: Unit, before: Progress | undefined, progress: Progress, changes: Adapted[]): void {
    this.set(unit, progress);
    if (before === progress) return;
    const where = progress.graduated ? keptText(progress, climb.source.limits) : at(progress, unit.stages);
    const text = before ? `schedule changed: ${where}` : `begins at ${where}`;
    changes.push({ climb, unit, text, began: before === undefined });
  }

  /** Provider stages of this address that no schedule speaks of any more. */
  #left(address: string, own: ReadonlyMap<string, Unit>): ReadonlyMap<string, StoredCaps> {
    const left = new Map<string, StoredCaps>();
    for (const p of this.#state.values()) {
      if (p.address === address && p.provider !== undefined && !own.has(p.provider) && p.caps) left.set(p.provider, p.caps);
    }
    return left;
  }
}
