/**
 * The governor: what may leave now, from which lane, and why not. Kernel's `Governor`, composed of its parts.
 *
 * Pure: every instant is an argument, every effect a port. It promises that no sliding hour, as the receiver sees it, exceeds
 * the cap in force at the departure; that nothing but time and people loosens a limit; and that `until` is honest.
 */
import type * as K from '../kernel/governor.js';
import type { DayRow } from '../kernel/day.js';
import type { Forecast, WaitingMail } from '../kernel/forecast.js';
import type { JournalRecord } from '../kernel/journal.js';
import type { LastEnd, LedgerRecord } from '../kernel/ledger.js';
import type { OutcomeClass, ReplyMatch } from '../kernel/reply.js';
import type { Settings } from '../kernel/settings.js';
import type { Instant, Ms } from '../kernel/units.js';
import type { KnownLane, LaneName, Permit, Reason, Verdict, Wait } from '../kernel/verdict.js';
import { pause, resume } from './acts.js';
import { Connections } from './connections.js';
import { Core, type MakeRamp } from './core.js';
import { Feedback } from './feedback.js';
import { type Lane, nameOf, type SourceState } from './floor.js';
import { coldSlots } from './forecast.js';
import { poolAhead } from './forecast-inputs.js';
import { forecastPool } from './forecast-pool.js';
import { waitUntil } from './judge.js';
import { BUILT_IN_LIMITS, laneLimitsOf } from './limits.js';
import type { Target } from './pause.js';
import { Permits } from './permits.js';
import { replayLedger } from './replay.js';
import { settled } from './settled.js';
import { restoreState, snapshotState } from './snapshot.js';
import { Status } from './status.js';
import { undo } from './undo.js';
import { createRamp } from './warm-up.js';
import { copyOf } from './warm-up-days.js';

export function createGovernor(ports: K.GovernorPorts, seed = 1): K.Governor {
  return new CoreGovernor(ports, createRamp, seed);
}

export class CoreGovernor implements K.Governor {
  readonly #core: Core;
  readonly #permits: Permits;
  readonly #feedback: Feedback;
  readonly #connections: Connections;
  readonly #status: Status;
  #now: Instant = 0;
  /** State assigned by a downtime, for the record of the start. */
  #downtime: Readonly<Record<string, unknown>> = {};

  constructor(ports: K.GovernorPorts, makeRamp: MakeRamp, seed: number) {
    this.#core = new Core(ports, makeRamp, seed);
    this.#permits = new Permits(this.#core);
    this.#feedback = new Feedback(this.#core);
    this.#connections = new Connections(this.#core, this.#feedback);
    this.#status = new Status(this.#core);
  }

  configure(settings: Settings, now: Instant): void {
    const core = this.#core;
    core.quiet = true;
    core.compiler.configure(settings);
    core.floor.configure(settings);
    core.pauses.follow({ addressOf: name => core.floor.source(name)?.address, sourceOf: address => core.floor.named(address) }, now);
    core.ramp.configure(settings, now);
    for (const window of core.windows.all()) this.#keepWindowed(window);
    core.floor.touchAll();
    core.quiet = false;
    this.#now = now;
  }

  known(lane: LaneName): LaneName | KnownLane {
    const known = this.#core.floor.lane(lane);
    return known?.knownAs.source === lane.source ? known : lane;
  }

  mayConnect(lane: LaneName | KnownLane, now: Instant): K.ConnectVerdict {
    this.#core.sweep(now);
    this.#now = now;
    const known = this.#core.floor.lane(lane);
    return known ? this.#connections.ask(known, now) : unknownSource(lane, now);
  }

  connected(connection: number, now: Instant): void {
    this.#connections.connected(connection, now);
  }

  connectFailed(connection: number, match: ReplyMatch, hosts: number, now: Instant): void {
    this.#connections.failed(connection, match, hosts, now);
  }

  disconnected(connection: number, now: Instant): void {
    this.#connections.disconnected(connection, now);
  }

  shouldClose(lane: LaneName | KnownLane, connection: number, now: Instant): boolean {
    const known = this.#core.floor.lane(lane);
    return known ? this.#connections.shouldClose(known, connection, now) : true;
  }

  laneLimits(lane: LaneName | KnownLane): K.LaneLimits {
    const known = this.#core.floor.lane(lane);
    return known ? this.#core.compiler.connection(known, this.#now) : laneLimitsOf({ base: [BUILT_IN_LIMITS], besides: [] }, []);
  }

  decide(ask: K.Ask, now: Instant): Verdict {
    this.#now = now;
    const lane = this.#core.floor.lane(ask.lane);
    if (!lane) return unknownSource(ask.lane, now);
    const subjects = this.#core.subjects.of(lane.provider, ask.senderDomain, ask.recipientDomain, now);
    const { judge } = this.#core;
    const slots = judge.free(lane, subjects, ask.wanted, now);
    if (slots > 0) return { go: true, permit: this.#permits.reserve(lane, ask, slots, subjects, now) };
    const at = judge.departureAt(lane, subjects, now, undefined, true);
    return waitUntil(at, now, sink => void judge.departureAt(lane, subjects, now, sink));
  }

  present(permit: Permit, now: Instant): boolean {
    return this.#permits.present(permit, now);
  }

  refund(permit: Permit, slots: number, now: Instant): void {
    this.#permits.refund(permit, slots, now);
  }

  settle(permit: Permit, answered: Instant, recipients: readonly K.Settled[], now: Instant): ReturnType<K.Governor['settle']> {
    this.#now = now;
    this.#core.sweep(now);
    const held = this.#permits.answer(permit, answered, now);
    if (!held) return { counted: recipients.map(r => r.counted), days: [] };
    const result = settled(this.#core, held.lane, recipients, now);
    const matches = recipients.map(r => r.match);
    this.#feedback.attempt(held.lane, matches, held.ask, held.departed ?? held.reserved, now, recipients[0]?.message);
    this.#core.released(held.lane);
    return result;
  }

  bounced(lane: K.ReportedLane, departed: Instant, outcome: OutcomeClass, now: Instant): readonly DayRow[] {
    this.#now = now;
    return this.#core.ramp.bounced(lane, departed, outcome, now).map(copyOf);
  }

  complained(lane: K.ReportedLane, now: Instant): void {
    this.#now = now;
    this.#core.ramp.complain(lane, now);
  }

  restoreComplaints(complaints: Parameters<K.Governor['restoreComplaints']>[0]): void {
    this.#core.ramp.restoreComplaints(complaints);
  }

  absorbReply(lane: LaneName | KnownLane, match: ReplyMatch, now: Instant): void {
    const known = this.#core.floor.lane(lane);
    if (!known) return;
    // Nobody knows which attempt an idle connection's farewell answers: it counts as old as the newest connection.
    this.#feedback.attempt(known, [match], {}, known.newest, now);
  }

  coldSlots(lane: LaneName, within: Ms, now: Instant): number {
    const known = this.#core.floor.lane(lane);
    return known && !this.isWarm(lane.source) ? coldSlots(this.#core, known, within, now) : 0;
  }

  isWarm(source: string): boolean {
    return this.stageOf(source) === undefined;
  }

  stageOf(source: string): number | undefined {
    return this.#core.floor.source(source) && this.#core.ramp.stageOf(source);
  }

  nextExpiry(_now: Instant): Instant | null {
    return this.#core.windows.nextExpiry();
  }

  expire(now: Instant): void {
    this.#now = now;
    this.#core.windows.expire(now);
    this.#core.sweep(now, 64);
  }

  judge(source: string, tick: Instant, now: Instant): void {
    this.#core.ramp.judge(source, tick, now);
  }

  setNextTick(source: string, at: Instant): void {
    this.#core.ramp.setNextTick(source, at);
  }

  climbs(address: string): boolean {
    return this.#core.ramp.climbs(address);
  }

  judgedThrough(source: string): Instant {
    return this.#core.ramp.judgedThrough(source);
  }

  pause(target: Target, author: string, why: string | undefined, now: Instant): void {
    pause(this.#core, target, author, why, now);
  }

  resume(target: Target, author: string, now: Instant): boolean {
    return resume(this.#core, target, author, now);
  }

  paused(target: Target): Reason | undefined {
    return this.#core.pauses.reason(target);
  }

  mailPaused({ domain, pool, job }: { domain: string; pool: string; job: string }): Reason | undefined {
    const { pauses } = this.#core;
    return (
      pauses.reason({ kind: 'queue', name: `${domain}@${pool}` }) ?? (job === '' ? undefined : pauses.reason({ kind: 'job', name: job }))
    );
  }

  pausedNames(kind: Target['kind']): readonly string[] {
    return this.#core.pauses.names(kind);
  }

  lift(window: string, author: string, why: string | undefined, now: Instant): void {
    this.#core.windows.lift(window, author, why, now);
  }

  stage(...[verb, source, options, author, why, now]: Parameters<K.Governor['stage']>): string {
    return this.#core.ramp.verb(verb, source, options, author, why, now);
  }

  undo(...[act, author, why, now]: Parameters<K.Governor['undo']>): string {
    return undo(this.#core, act, author, why, now);
  }

  forecast(sources: readonly string[], mail: readonly WaitingMail[], now: Instant): Forecast {
    return forecastPool(poolAhead(this.#core, sources, mail, now), now);
  }

  noteDowntime(from: Instant, to: Instant): void {
    this.#downtime = this.#core.ramp.noteAway(undefined, from, to);
  }

  note(...[type, author, text, now, source]: Parameters<K.Governor['note']>): void {
    const state = type === 'started' ? this.#downtime : {};
    const about = source === undefined ? {} : { source };
    this.#core.chronicle.record({ at: now, type, author, text, ...about, ...(Object.keys(state).length > 0 ? { state } : {}) });
  }

  explain(lane: LaneName, ask: { senderDomain?: string; recipientDomain?: string }, now: Instant): ReturnType<K.Governor['explain']> {
    const known = this.#core.floor.lane(lane);
    if (known) return this.#status.explain(known, ask, now);
    return { verdict: { go: false, until: null, because: unknownSource(lane, now).because() }, without: now };
  }

  laneStatus(lane: LaneName | KnownLane, now: Instant): K.LaneStatus {
    const known = this.#core.floor.lane(lane);
    if (known) return this.#status.lane(known, now);
    return { lane: nameOf(lane), connections: 0, maxSmtpOut: 0, maxMsgPerHour: 0, attemptsLastHour: 0, windows: [] };
  }

  sourceStatus(source: string, now: Instant): K.SourceStatus {
    const known: SourceState | undefined = this.#core.floor.source(source);
    if (!known) throw new Error(`there is no source ${source}`);
    return this.#status.source(known, now);
  }

  windows(now: Instant): readonly K.WindowState[] {
    return [...this.#core.windows.all()].filter(w => now < w.recoverUntil);
  }

  lanes(): readonly LaneName[] {
    return [...this.#core.floor.lanes()].filter(l => l.source.config).map(l => ({ source: l.source.name, provider: l.provider }));
  }

  snapshot(): K.GovernorState {
    return snapshotState(this.#core);
  }

  restore(snapshot: K.GovernorState | undefined, after: readonly Omit<JournalRecord, 'time'>[]): void {
    restoreState(this.#core, snapshot, after);
  }

  restoreDays(rows: Iterable<DayRow>, now: Instant): void {
    this.#core.quiet = true;
    this.#core.ramp.restoreDays(rows, now);
    this.#core.quiet = false;
  }

  restoreLedger(records: Iterable<LedgerRecord>, end: LastEnd, now: Instant): void {
    this.#now = now;
    replayLedger(this.#core, this.#permits, records, end, now);
  }

  /** A lane with a window is there to be seen, whether it has a history or not. */
  #keepWindowed(window: K.WindowState): void {
    if (window.scope !== 'lane' || window.address === undefined || window.provider === undefined) return;
    const source = this.#core.floor.address(window.address);
    const lane: Lane | undefined = source.config && this.#core.floor.lane({ source: source.name, provider: window.provider });
    if (lane) this.#core.floor.keep(lane);
  }
}

function unknownSource(lane: LaneName | KnownLane, now: Instant): Wait {
  const { source } = nameOf(lane);
  return waitUntil(Infinity, now, sink =>
    sink({ limit: 'unknown-source', scope: 'source', value: null, used: null, from: `no source ${source}`, until: null }),
  );
}
