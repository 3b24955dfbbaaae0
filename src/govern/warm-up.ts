/**
 * Warm-up: which caps a source has today, what its day came to, and what a tick makes of it.
 *
 * Every change of a stage is recorded through the ports, with the state key it assigns, before lanes hear of it. A brake, a
 * hold, a step back or a reload never raises a cap: only an earned day or a person does. A graduated source counts as warm and
 * keeps its last stage's caps, each until the source states its own; its lanes keep the growth limit for 30 days. Pure: `now`
 * is an argument, ticks come from outside.
 */
import { printPlace } from '../kernel/fault.js';
import type { DayRow } from '../kernel/day.js';
import type { ReportedLane, StageVerb } from '../kernel/governor.js';
import type { Counted } from '../kernel/message.js';
import type { OutcomeClass } from '../kernel/reply.js';
import { SHORTEST_DAY } from '../kernel/schedule.js';
import type { Settings } from '../kernel/settings.js';
import { DAY } from '../kernel/units.js';
import type { Instant } from '../kernel/units.js';
import { find, meets, show, trips } from './gate.js';
import type { DayTotals, GateStatus, Progress, Ramp, RampAhead, RampPorts, RampStatus, StageCaps } from './ramp.js';
import { Absence } from './warm-up-absence.js';
import type { Span } from './warm-up-absence.js';
import { Changes } from './warm-up-changes.js';
import { rampAhead } from './warm-up-ahead.js';
import {
  capsOf,
  countsFrom,
  gather,
  growthCap,
  growthOf,
  keeps,
  recount,
  sourceFacts,
  suspension,
  unitOf,
  units,
} from './warm-up-climb.js';
import type { Climb, Records } from './warm-up-climb.js';
import { Complaints } from './warm-up-complaints.js';
import { Days } from './warm-up-days.js';
import { judge } from './warm-up-judge.js';
import { unearnable } from './warm-up-outlook.js';
import { Register } from './warm-up-register.js';
import { cut } from './warm-up-stages.js';

export function createRamp(ports: RampPorts): Ramp {
  return new WarmUp(ports);
}

class WarmUp implements Ramp {
  readonly #ports: RampPorts;
  readonly #register = new Register();
  readonly #days = new Days();
  readonly #complaints = new Complaints();
  readonly #absence = new Absence();
  readonly #records: Records;
  readonly #changes: Changes;
  #reporting: ReadonlySet<string> = new Set();
  /** The latest instant seen, for what is asked without one. */
  #now: Instant = 0;

  constructor(ports: RampPorts) {
    this.#ports = ports;
    this.#records = {
      days: this.#days,
      complaints: this.#complaints,
      absence: this.#absence,
      reporting: () => this.#reporting,
      windowOpen: (source, provider, from, to) => ports.windowOpen(source, provider, from, to),
      pausedSince: (source, provider) => ports.pausedSince(source, provider),
    };
    this.#changes = new Changes(ports, this.#register, this.#records);
  }

  configure(settings: Settings, now: Instant): void {
    this.#now = Math.max(this.#now, now);
    this.#reporting = new Set([...settings.providers.values()].filter(p => p.feedback).map(p => p.name));
    for (const { climb, unit, text, began } of this.#register.configure(settings, now)) {
      this.#changes.record(climb, unit, unit.progress, { type: 'stage-placed', author: began ? 'daemon' : 'reload', text }, now);
    }
    for (const climb of this.#register.climbs()) {
      this.#roll(climb.source.name, now);
      this.#recount(climb);
      this.#ports.changed(climb.source.name);
    }
  }

  sourceCaps(source: string): StageCaps | undefined {
    const climb = this.#register.climb(source);
    return climb && capsOf(climb, climb.unit, this.#now);
  }

  stageOf(source: string): number | undefined {
    const progress = this.#register.climb(source)?.unit.progress;
    return progress && !progress.graduated ? progress.stage : undefined;
  }

  laneCaps(source: string, provider: string, now: Instant): StageCaps | undefined {
    const climb = this.#register.climb(source);
    if (!climb) return undefined;
    this.#roll(source, now);
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
    const climb = this.#register.climb(source);
    if (!climb) return midnight(now);
    const { judgedThrough } = climb.unit.progress;
    const due = climb.nextTick;
    return due !== undefined && now >= due && due - judgedThrough >= SHORTEST_DAY ? due : judgedThrough;
  }

  attemptsToday(source: string, provider: string | undefined, now: Instant): number {
    return this.#days.attempts(this.#roll(source, now), provider);
  }

  count(
    source: string,
    provider: string,
    before: readonly Counted[],
    outcome: OutcomeClass,
    now: Instant,
  ): { counted: readonly Counted[]; row: DayRow; also: readonly DayRow[] } {
    const address = this.#roll(source, now);
    const climb = this.#register.climb(source);
    if (!climb) return this.#days.count(address, provider, before, outcome, Infinity, () => undefined);
    const unit = unitOf(climb, provider);
    const from = countsFrom(unit);
    const since = Math.min(from, countsFrom(climb.unit));
    const result = this.#days.count(address, provider, before, outcome, since, (changed, n, day) => {
      if (day >= from) unit.tally.add(changed, n);
    });
    climb.unit.lastSent = unit.lastSent = now;
    this.#changes.brakeIfMet(climb, unit, now);
    return result;
  }

  judge(source: string, tick: Instant, now: Instant): void {
    const climb = this.#register.climb(source);
    if (!climb || tick > now || tick - climb.unit.progress.judgedThrough < SHORTEST_DAY) return;
    this.#changes.judge(climb, tick, now);
    climb.growth = climb.schedule.growth;
    if (climb.nextTick !== undefined && climb.nextTick <= tick) climb.nextTick = undefined;
    this.#roll(source, now);
    this.#recount(climb);
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
    return this.#register.climb(source)?.unit.progress.judgedThrough ?? midnight(this.#now);
  }

  noteAway(source: string | undefined, from: Instant, to: Instant, provider?: string): Readonly<Record<string, unknown>> {
    return this.#absence.note(source === undefined ? undefined : this.#register.address(source), provider, from, to);
  }

  complain({ address, provider }: ReportedLane, now: Instant): void {
    this.#complaints.note(address, provider, now);
    const source = this.#sourceAt(address);
    if (source === undefined) return;
    this.#roll(source, now);
    const climb = this.#register.climb(source);
    if (climb) this.#changes.brakeIfMet(climb, unitOf(climb, provider), now);
  }

  restoreComplaints(complaints: Parameters<Ramp['restoreComplaints']>[0]): void {
    for (const { address, provider, at } of complaints) this.#complaints.note(address, provider, at);
  }

  complaints(source: string, now: Instant): number {
    return this.#complaints.ofAddress(this.#register.address(source), now);
  }

  bounced({ address, provider }: ReportedLane, departed: Instant, outcome: OutcomeClass, now: Instant): readonly DayRow[] {
    const source = this.#sourceAt(address);
    if (source === undefined) return [];
    this.#roll(source, now);
    const climb = this.#register.climb(source);
    const unit = climb && unitOf(climb, provider);
    const from = unit ? countsFrom(unit) : Infinity;
    const since = unit ? Math.min(from, countsFrom(climb.unit)) : Infinity;
    const rows = this.#days.amend(address, provider, departed, outcome, since, (changed, n, day) => {
      if (unit && day >= from) unit.tally.add(changed, n);
    });
    if (unit) this.#changes.brakeIfMet(climb, unit, now);
    return rows;
  }

  /** The name of the source that has this address now. */
  #sourceAt(address: string): string | undefined {
    for (const [name, at] of this.#register.sources()) if (at === address) return name;
    return undefined;
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
    this.#recount(climb);
  }

  status(source: string, provider: string | undefined, now: Instant): RampStatus | undefined {
    const climb = this.#register.climb(source);
    const unit = provider === undefined ? climb?.unit : climb?.own.get(provider);
    if (!climb || !unit) return undefined;
    const facts = unit === climb.unit ? sourceFacts(this.#records, climb, now) : gather(this.#records, climb, unit, now);
    const { gates } = climb.schedule;
    const p = unit.progress;
    const shown = (group: GateStatus['group'], conditions: (typeof gates)['hold']): readonly GateStatus[] =>
      conditions.map(c => ({
        group,
        text: c.text,
        from: printPlace(c.from),
        measured: show(c.metric, facts),
        met: group === 'advance' ? meets(c, facts) : trips(c, facts, gates.minSample),
      }));
    const suspended = suspension(climb, unit, now);
    const beyond = unearnable(this.#days, climb, unit);
    return {
      schedule: climb.schedule.name,
      stage: p.stage,
      of: unit.stages.length,
      graduated: p.graduated,
      held: p.held || climb.unit.progress.held,
      braked: p.braked,
      ...(suspended ? { suspended } : {}),
      earned: !p.graduated && !p.braked && !p.suspended && find(climb.schedule, facts).finding === 'earned',
      ifJudgedNow: judge(this.#changes.caseOf(climb, unit, facts, now)).text,
      judgedThrough: p.judgedThrough,
      ...(beyond ? { unearnable: beyond } : {}),
      gates: [...shown('advance', gates.advance), ...shown('hold', gates.hold), ...shown('step-back', gates.stepBack)],
    };
  }

  ahead(source: string, now: Instant): RampAhead | undefined {
    const climb = this.#register.climb(source);
    this.#roll(source, now);
    return climb && rampAhead(this.#records, climb, now);
  }

  growth(source: string, provider: string, now: Instant): ReturnType<Ramp['growth']> {
    const climb = this.#register.climb(source);
    return climb && growthOf(this.#records, climb, provider, now);
  }

  today(source: string, provider: string | undefined, now: Instant): DayTotals {
    return this.#days.today(this.#roll(source, now), provider);
  }

  restoreDays(rows: Iterable<DayRow>, now: Instant): void {
    this.#now = Math.max(this.#now, now);
    const sources = new Map([...this.#register.sources()].map(([name, address]) => [address, name]));
    for (const row of rows) {
      const name = sources.get(row.address);
      if (name === undefined) continue;
      const climb = this.#register.climb(name);
      if (!climb && row.day < midnight(now)) continue;
      this.#roll(name, now);
      this.#days.restore(row, climb ? Math.min(...units(climb).map(countsFrom)) : Infinity);
      if (!climb || row.attempts === 0) continue;
      for (const unit of new Set([climb.unit, unitOf(climb, row.provider)])) unit.lastSent = Math.max(unit.lastSent ?? 0, row.day);
    }
    for (const climb of this.#register.climbs()) this.#recount(climb);
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

  /** The running day has begun in the counters; returns the address. */
  #roll(source: string, now: Instant): string {
    this.#now = Math.max(this.#now, now);
    const address = this.#register.address(source);
    const day = this.dayStart(source, now);
    if (this.#days.dayOf(address) !== day) {
      const climb = this.#register.climb(source);
      this.#days.roll(address, day, climb ? Math.min(...units(climb).map(countsFrom)) : Infinity);
    }
    return address;
  }

  #recount(climb: Climb): void {
    for (const unit of units(climb)) unit.tally = recount(this.#records, climb, unit, Infinity);
  }
}

const midnight = (now: Instant): Instant => Math.floor(now / DAY) * DAY;
