/**
 * What outcomes and reports come to: they count in the rows of their day and in the tally of the stage they went out under, and
 * after each the brake is asked. Every call lets the running day begin when it is due. Judges nothing, changes no stage.
 */
import type { DayRow } from '../kernel/day.js';
import type { ReportedLane } from '../kernel/governor.js';
import type { Counted } from '../kernel/message.js';
import type { OutcomeClass } from '../kernel/reply.js';
import { SHORTEST_DAY } from '../kernel/schedule.js';
import { DAY, type Instant } from '../kernel/units.js';
import type { DayTotals, Ramp } from './ramp.js';
import { type Climb, countsFrom, recount, type Records, type Unit, unitOf, units } from './warm-up-climb.js';
import type { Register } from './warm-up-register.js';

export class Counting {
  /** The latest instant seen, for what is asked without one. */
  now: Instant = 0;
  readonly #register: Register;
  readonly #records: Records;
  readonly #brakeIfMet: (climb: Climb, unit: Unit, now: Instant) => void;

  constructor(register: Register, records: Records, brakeIfMet: (climb: Climb, unit: Unit, now: Instant) => void) {
    this.#register = register;
    this.#records = records;
    this.#brakeIfMet = brakeIfMet;
  }

  dayStart(source: string, now: Instant): Instant {
    const climb = this.#register.climb(source);
    if (!climb) return midnight(now);
    const { judgedThrough } = climb.unit.progress;
    const due = climb.nextTick;
    return due !== undefined && now >= due && due - judgedThrough >= SHORTEST_DAY ? due : judgedThrough;
  }

  attemptsToday(source: string, provider: string | undefined, now: Instant): number {
    return this.#records.days.attempts(this.roll(source, now), provider);
  }

  count(
    source: string,
    provider: string,
    before: readonly Counted[],
    outcome: OutcomeClass,
    now: Instant,
  ): { counted: readonly Counted[]; row: DayRow; also: readonly DayRow[] } {
    const address = this.roll(source, now);
    const climb = this.#register.climb(source);
    if (!climb) return this.#records.days.count(address, provider, before, outcome, Infinity, () => undefined);
    const unit = unitOf(climb, provider);
    const from = countsFrom(unit);
    const since = Math.min(from, countsFrom(climb.unit));
    const result = this.#records.days.count(address, provider, before, outcome, since, (changed, n, day) => {
      if (day >= from) unit.tally.add(changed, n);
    });
    climb.unit.lastSent = unit.lastSent = now;
    this.#brakeIfMet(climb, unit, now);
    return result;
  }

  complain({ address, provider }: ReportedLane, now: Instant): void {
    this.#records.complaints.note(address, provider, now);
    const source = this.#sourceAt(address);
    if (source === undefined) return;
    this.roll(source, now);
    const climb = this.#register.climb(source);
    if (climb) this.#brakeIfMet(climb, unitOf(climb, provider), now);
  }

  restoreComplaints(complaints: Parameters<Ramp['restoreComplaints']>[0]): void {
    for (const { address, provider, at } of complaints) this.#records.complaints.note(address, provider, at);
  }

  complaints(source: string, now: Instant): number {
    return this.#records.complaints.ofAddress(this.#register.address(source), now);
  }

  bounced({ address, provider }: ReportedLane, departed: Instant, outcome: OutcomeClass, now: Instant): readonly DayRow[] {
    const source = this.#sourceAt(address);
    if (source === undefined) return [];
    this.roll(source, now);
    const climb = this.#register.climb(source);
    const unit = climb && unitOf(climb, provider);
    const from = unit ? countsFrom(unit) : Infinity;
    const since = unit ? Math.min(from, countsFrom(climb.unit)) : Infinity;
    const rows = this.#records.days.amend(address, provider, departed, outcome, since, (changed, n, day) => {
      if (unit && day >= from) unit.tally.add(changed, n);
    });
    if (unit) this.#brakeIfMet(climb, unit, now);
    return rows;
  }

  /** The name of the source that has this address now. */
  #sourceAt(address: string): string | undefined {
    for (const [name, at] of this.#register.sources()) if (at === address) return name;
    return undefined;
  }

  today(source: string, provider: string | undefined, now: Instant): DayTotals {
    return this.#records.days.today(this.roll(source, now), provider);
  }

  restoreDays(rows: Iterable<DayRow>, now: Instant): void {
    this.now = Math.max(this.now, now);
    const sources = new Map([...this.#register.sources()].map(([name, address]) => [address, name]));
    for (const row of rows) {
      const name = sources.get(row.address);
      if (name === undefined) continue;
      const climb = this.#register.climb(name);
      if (!climb && row.day < midnight(now)) continue;
      this.roll(name, now);
      this.#records.days.restore(row, climb ? Math.min(...units(climb).map(countsFrom)) : Infinity);
      if (!climb || row.attempts === 0) continue;
      for (const unit of new Set([climb.unit, unitOf(climb, row.provider)])) unit.lastSent = Math.max(unit.lastSent ?? 0, row.day);
    }
    for (const climb of this.#register.climbs()) this.recount(climb);
  }

  /** The running day has begun in the counters; returns the address. */
  roll(source: string, now: Instant): string {
    this.now = Math.max(this.now, now);
    const address = this.#register.address(source);
    const day = this.dayStart(source, now);
    if (this.#records.days.dayOf(address) !== day) {
      const climb = this.#register.climb(source);
      this.#records.days.roll(address, day, climb ? Math.min(...units(climb).map(countsFrom)) : Infinity);
    }
    return address;
  }

  recount(climb: Climb): void {
    for (const unit of units(climb)) unit.tally = recount(this.#records, climb, unit, Infinity);
  }
}

export const midnight = (now: Instant): Instant => Math.floor(now / DAY) * DAY;
