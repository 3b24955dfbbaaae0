/**
 * Warm-up: which caps a source has today, and what a tick or a person makes of them. What its day came to is counted in
 * warm-up-counting.ts, and shown in warm-up-status.ts.
 *
 * Every change of a stage is recorded through the ports, with the state key it assigns, before lanes hear of it. A brake, a
 * hold, a step back or a reload never raises a cap: only an earned day or a person does. A graduated source counts as warm and
 * keeps its last stage's caps, each until the source states its own; its lanes keep the growth limit for 30 days. Pure: `now`
 * is an argument, ticks come from outside.
 */
import type { DayRow } from '../kernel/day.js';
import type { ReportedLane, StageVerb } from '../kernel/governor.js';
import type { Counted } from '../kernel/message.js';
import type { OutcomeClass } from '../kernel/reply.js';
import { SHORTEST_DAY } from '../kernel/schedule.js';
import type { Settings } from '../kernel/settings.js';
import { DAY, type Instant } from '../kernel/units.js';
import type { DayTotals, Progress, Ramp, RampAhead, RampPorts, RampStatus, StageCaps } from './ramp.js';
import { Absence, type Span } from './warm-up-absence.js';
import { rampAhead } from './warm-up-ahead.js';
import { Changes } from './warm-up-changes.js';
import { capsOf, growthCap, growthOf, keeps, type Records, unitOf } from './warm-up-climb.js';
import { Complaints } from './warm-up-complaints.js';
import { Counting, midnight } from './warm-up-counting.js';
import { Days } from './warm-up-days.js';
import { Register } from './warm-up-register.js';
import { cut } from './warm-up-stages.js';
import { rampStatus } from './warm-up-status.js';

export function createRamp(ports: RampPorts): Ramp {
  return new WarmUp(ports);
}

class WarmUp implements Ramp {
  readonly #ports: RampPorts;
  readonly #register = new Register();
  readonly #absence = new Absence();
  readonly #records: Records;
  readonly #changes: Changes;
  readonly #counting: Counting;
  #reporting: ReadonlySet<string> = new Set();

  constructor(ports: RampPorts) {
    this.#ports = ports;
    this.#records = {
      days: new Days(),
      complaints: new Complaints(),
      absence: this.#absence,
      reporting: () => this.#reporting,
      windowOpen: (source, provider, from, to) => ports.windowOpen(source, provider, from, to),
      pausedSince: (source, provider) => ports.pausedSince(source, provider),
    };
    this.#changes = new Changes(ports, this.#register, this.#records);
    this.#counting = new Counting(this.#register, this.#records, (climb, unit, now) => this.#changes.brakeIfMet(climb, unit, now));
  }

  configure(settings: Settings, now: Instant): void {
    this.#counting.now = Math.max(this.#counting.now, now);
    this.#reporting = new Set([...settings.providers.values()].filter(p => p.feedback).map(p => p.name));
    for (const { climb, unit, text, began } of this.#register.configure(settings, now)) {
      this.#changes.record(climb, unit, unit.progress, { type: 'stage-placed', author: began ? 'daemon' : 'reload', text }, now);
    }
    for (const climb of this.#register.climbs()) {
      this.#counting.roll(climb.source.name, now);
      this.#counting.recount(climb);
      this.#ports.changed(climb.source.name);
    }
  }

  sourceCaps(source: string): StageCaps | undefined {
    const climb = this.#register.climb(source);
    return climb && capsOf(climb, climb.unit, this.#counting.now);
  }

  stageOf(source: string): number | undefined {
    const progress = this.#register.climb(source)?.unit.progress;
    return progress && !progress.graduated ? progress.stage : undefined;
  }

  laneCaps(source: string, provider: string, now: Instant): StageCaps | undefined {
    const climb = this.#register.climb(source);
    if (!climb) return undefined;
    this.#counting.roll(source, now);
    const own = climb.own.get(provider);
    const left = climb.left.get(provider);
    const growth = growthCap(this.#records, climb, provider, now);
    const staged = own && capsOf(climb, own, now);
    if (!staged && !left && !growth) return undefined;
    const { stage } = climb.unit.progress;
    const base: StageCaps = staged ?? { stage, of: climb.unit.stages.length, limits: {}, braked: false };
    const limits = left ? cut(base.limits, keeps(climb, climb.unit, left), climb.schedule.from) : base.limits;
    const grows = growth && growth.value < (limits.maxMsgPerDay?.value ?? Infinity);
    return { ...base, limits: grows ? { ...limits, maxMsgPerDay: growth } : limits };
  }

  dayStart(source: string, now: Instant): Instant {
    return this.#counting.dayStart(source, now);
  }

  attemptsToday(source: string, provider: string | undefined, now: Instant): number {
    return this.#counting.attemptsToday(source, provider, now);
  }

  today(source: string, provider: string | undefined, now: Instant): DayTotals {
    return this.#counting.today(source, provider, now);
  }

  count(source: string, provider: string, before: readonly Counted[], outcome: OutcomeClass, now: Instant): ReturnType<Ramp['count']> {
    return this.#counting.count(source, provider, before, outcome, now);
  }

  bounced(...[lane, departed, outcome, now]: Parameters<Ramp['bounced']>): readonly DayRow[] {
    return this.#counting.bounced(lane, departed, outcome, now);
  }

  complain(lane: ReportedLane, now: Instant): void {
    this.#counting.complain(lane, now);
  }

  complaints(source: string, now: Instant): number {
    return this.#counting.complaints(source, now);
  }

  restoreComplaints(complaints: Parameters<Ramp['restoreComplaints']>[0]): void {
    this.#counting.restoreComplaints(complaints);
  }

  restoreDays(rows: Iterable<DayRow>, now: Instant): void {
    this.#counting.restoreDays(rows, now);
  }

  judge(source: string, tick: Instant, now: Instant): void {
    const climb = this.#register.climb(source);
    if (!climb || tick > now || tick - climb.unit.progress.judgedThrough < SHORTEST_DAY) return;
    this.#changes.judge(climb, tick, now);
    climb.growth = climb.schedule.growth;
    if (climb.nextTick !== undefined && climb.nextTick <= tick) climb.nextTick = undefined;
    this.#counting.roll(source, now);
    this.#counting.recount(climb);
    this.#ports.changed(source);
  }

  setNextTick(source: string, tick: Instant): void {
    const climb = this.#register.climb(source);
    if (!climb || climb.nextTick === tick) return;
    climb.nextTick = tick;
    this.#ports.changed(source);
  }

  nextTick(source: string, now: Instant): Instant | null {
    const climb = this.#register.climb(source);
    if (!climb) return midnight(now) + DAY;
    return climb.nextTick !== undefined && climb.nextTick > now ? climb.nextTick : null;
  }

  climbs(address: string): boolean {
    return this.#register.climbAt(address) !== undefined;
  }

  judgedThrough(source: string): Instant {
    return this.#register.climb(source)?.unit.progress.judgedThrough ?? midnight(this.#counting.now);
  }

  noteAway(source: string | undefined, from: Instant, to: Instant, provider?: string): Readonly<Record<string, unknown>> {
    return this.#absence.note(source === undefined ? undefined : this.#register.address(source), provider, from, to);
  }

  stepBackByRule(source: string, provider: string, cause: number | undefined, author: string, now: Instant): void {
    const climb = this.#register.climb(source);
    if (climb) this.#changes.brake(climb, unitOf(climb, provider), `a reply of ${provider} asks for a step back`, author, cause, now);
  }

  verb(
    verb: StageVerb,
    source: string,
    options: { readonly provider?: string; readonly stage?: number },
    author: string,
    why: string | undefined,
    now: Instant,
  ): string {
    const climb = this.#register.climb(source);
    if (!climb) throw new Error(`${source} has no warm-up schedule`);
    return this.#changes.verb(climb, verb, options, author, why, now);
  }

  putBack(...[before, author, record, now]: Parameters<Ramp['putBack']>): void {
    const address = Object.values(before)[0]?.address;
    const climb = address === undefined ? undefined : this.#register.climbAt(address);
    if (!climb) throw new Error(`no source with address ${address ?? '?'} has a warm-up schedule any more`);
    this.#changes.putBack(climb, before, author, record, now);
    this.#counting.recount(climb);
  }

  status(source: string, provider: string | undefined, now: Instant): RampStatus | undefined {
    const climb = this.#register.climb(source);
    const unit = provider === undefined ? climb?.unit : climb?.own.get(provider);
    return climb && unit && rampStatus(this.#records, this.#changes, climb, unit, now);
  }

  ahead(source: string, now: Instant): RampAhead | undefined {
    const climb = this.#register.climb(source);
    this.#counting.roll(source, now);
    return climb && rampAhead(this.#records, climb, now);
  }

  growth(source: string, provider: string, now: Instant): ReturnType<Ramp['growth']> {
    const climb = this.#register.climb(source);
    return climb && growthOf(this.#records, climb, provider, now);
  }

  snapshot(): Readonly<Record<string, Progress>> {
    return this.#register.snapshot();
  }

  restore(key: string, value: Progress | null): void {
    this.#register.restore(key, value);
  }

  snapshotAway(): Readonly<Record<string, unknown>> {
    return this.#absence.snapshot();
  }

  restoreAway(key: string, value: unknown): void {
    this.#absence.restore(key, value as readonly Span[] | null);
  }
}
