/**
 * What the governor needs of warm-up, and what warm-up needs of the governor: the seam between governor.ts and warm-up.ts.
 */
import type { DayRow } from '../kernel/day.js';
import type { JournalRecord } from '../kernel/journal.js';
import type { Limits } from '../kernel/limits.js';
import type { ReportedLane, StageVerb } from '../kernel/governor.js';
import type { Counted } from '../kernel/message.js';
import type { OutcomeClass } from '../kernel/reply.js';
import type { Settings } from '../kernel/settings.js';
import type { ClimbAhead } from './forecast-climb.js';
import type { Instant, Ms, Rate } from '../kernel/units.js';

/** A record before the governor has numbered it and the journal has given it a wall time. */
export type NewRecord = Omit<JournalRecord, 'id' | 'time'>;

export interface RampPorts {
  /** Numbers and emits a record; returns its id. */
  record(record: NewRecord): number;
  /** The caps of this source changed (all lanes, or one provider's): lanes recompute, waiters are woken. */
  changed(source: string, provider?: string): void;
  /** How long a window whose rule says `warm-up: hold` was open on lanes of this stage between two instants. */
  windowOpen(source: string, provider: string | undefined, from: Instant, to: Instant): Ms;
  /** Since when a pause of a person that still lasts has kept a source, or a provider's lane of it, from sending. */
  pausedSince(source: string, provider: string | undefined): Instant | undefined;
}

/**
 * The caps warm-up lays on a source (provider undefined) or on one lane that has its own stage or growth limit. Of a warm
 * source: its last stage's, less what the source states itself.
 */
export interface StageCaps {
  readonly stage: number;
  readonly of: number;
  readonly limits: Limits;
  /** Braked: the caps are already the previous stage's. */
  readonly braked: boolean;
  /**
   * Set when nothing may leave: brake at stage 1, three step-backs, not started yet. Once `until` has passed only `limits`
   * bind; nothing calls `changed` at that instant. null: until a person releases the source.
   */
  readonly suspended?: { readonly why: string; readonly until: Instant | null; readonly from: string };
}

/** Where one address stands on its schedule; the unit of state. */
export interface Progress {
  readonly address: string;
  /** undefined: the source's own stage. */
  readonly provider?: string;
  readonly schedule: string;
  readonly stage: number;
  /** Highest hourly cap earned; decides the stage when the schedule changes. */
  readonly earnedPerHour: number;
  readonly graduated: boolean;
  readonly held: boolean;
  readonly braked: boolean;
  /** Step-backs with no earned day between. */
  readonly stepBacks: number;
  /** Suspended until a person resumes it. */
  readonly suspended: boolean;
  /** The last tick judged; for a new address 20 h before it was first seen, so that its first tick counts. */
  readonly judgedThrough: Instant;
  readonly lastSent?: Instant;
  /** When the address (or the provider's own stage on it) was first seen. */
  readonly since?: Instant;
  /** The hourly cap the schedule stated for this stage when it was taken: tells whether the schedule has changed since. */
  readonly stageCap?: number;
  /** Quantities in force without growth: stage limits never let more than these through until a day is earned. */
  readonly caps?: StoredCaps;
  /** Braked at stage 1: nothing leaves until the next tick. */
  readonly stopped?: boolean;
  /** The day (its first tick) that already paid a step-back: it pays no second one. */
  readonly brakedDay?: Instant;
  /** First day whose counts the next tick judges, when earlier ones were too few to judge. */
  readonly countsFrom?: Instant;
  /** Steps already taken in the silence that lasts. */
  readonly cooled?: number;
  readonly graduatedAt?: Instant;
  /** Days (their first tick) of the last seven that sent all their stage allowed: more mail may have waited. */
  readonly cutOff?: readonly Instant[];
  /** Messages a day no lane's growth limit falls below: the day of the stage it began with. */
  readonly growthFloor?: number;
}

/** Quantities of a stage as JSON carries them: absent means unlimited; rates keep their period. */
export interface StoredCaps {
  readonly maxSmtpOut?: number;
  readonly maxMsgPerHour?: number;
  readonly maxMsgPerDay?: number;
  readonly maxMsgPerConnection?: number;
  readonly maxRcptPerMessage?: number;
  readonly maxErrorsPerConnection?: number;
  readonly maxMsgRate?: Rate;
  readonly maxConnectRate?: Rate;
}

/** What the running day of a source, or of one of its lanes, came to so far. */
export interface DayTotals {
  readonly attempts: number;
  /** Distinct recipients by last outcome. */
  readonly recipients: number;
  readonly delivered: number;
  readonly deferred: number;
  readonly bounced: number;
}

/** One gate condition and where it stands. */
export interface GateStatus {
  readonly group: 'advance' | 'hold' | 'step-back';
  /** As written: `deferral-rate > 10%`. */
  readonly text: string;
  readonly from: string;
  /** Measured, for people: `3.2 %`, `1h20m`; `no data` while nothing can be said. */
  readonly measured: string;
  readonly met: boolean;
}

/** The first stage that the best of the last seven days would not earn. Recipients a day. */
export interface Unearnable {
  readonly stage: number;
  readonly needs: number;
  readonly have: number;
}

/** Where a warming source, or a provider's own stage on it, stands. */
export interface RampStatus {
  readonly schedule: string;
  readonly stage: number;
  readonly of: number;
  readonly graduated: boolean;
  readonly held: boolean;
  readonly braked: boolean;
  readonly suspended?: NonNullable<StageCaps['suspended']>;
  /** Would the day be earned if it were judged now? */
  readonly earned: boolean;
  /** What a tick now would do, one sentence. */
  readonly ifJudgedNow: string;
  readonly judgedThrough: Instant;
  readonly unearnable?: Unearnable;
  readonly gates: readonly GateStatus[];
}

/** What lies before a warming source. */
export interface RampAhead {
  readonly climb: ClimbAhead;
  readonly own: ReadonlyMap<string, ClimbAhead>;
  /** Caps of provider stages that a reload took out of the schedule: they bind until a day is earned. */
  readonly left: ReadonlyMap<string, StoredCaps>;
}

export interface Ramp {
  configure(settings: Settings, now: Instant): void;
  /** Cheap; called when lane limits are compiled, after `changed`. undefined: the source has no schedule. */
  sourceCaps(source: string): StageCaps | undefined;
  /** The stage a source climbs from, very cheap; undefined when it is warm: graduated, or without a schedule. */
  stageOf(source: string): number | undefined;
  /** Own stage of a provider, or growth limit of a lane. */
  laneCaps(source: string, provider: string, now: Instant): StageCaps | undefined;
  /** The tick the running day began with. Warm sources count days from midnight UTC. */
  dayStart(source: string, now: Instant): Instant;
  /** Attempts of the running day whose outcome was counted. */
  attemptsToday(source: string, provider: string | undefined, now: Instant): number;
  /**
   * Counts one recipient's outcome: adjusts the day's rows by its earlier outcome of today, if any, and judges the brake.
   * Returns the recipient's new `counted` list and the absolute day rows to commit: the running day's, and `also` those of
   * earlier days still to be judged whose count this outcome replaced. `Counted.source` holds the address.
   */
  count(
    source: string,
    provider: string,
    before: readonly Counted[],
    outcome: OutcomeClass,
    now: Instant,
  ): { counted: readonly Counted[]; row: DayRow; also: readonly DayRow[] };
  /** The growth limit of a lane, for a forecast; undefined where none binds. */
  growth(
    source: string,
    provider: string,
    now: Instant,
  ): { readonly factor: number; readonly floor: number; readonly best: number } | undefined;
  /** Instants of due ticks, oldest first, come from the daemon (cron); judging is idempotent. */
  judge(source: string, tick: Instant, now: Instant): void;
  /** The daemon says when the source's day ends: cron lives outside. */
  setNextTick(source: string, at: Instant): void;
  /** When the running day ends; null while unknown. A warm source's day ends at the next midnight UTC. */
  nextTick(source: string, now: Instant): Instant | null;
  /** Does this address climb a schedule, or stand on its last stage? */
  climbs(address: string): boolean;
  /** The last tick judged (20 h before a new address was first seen); midnight UTC for a warm source. */
  judgedThrough(source: string): Instant;
  /**
   * Nothing could leave between these instants: the daemon was down, or a person had paused a source, a provider or one lane
   * (undefined: all of them). Returns the keys of the state this assigns, for the record of its end.
   */
  noteAway(source: string | undefined, from: Instant, to: Instant, provider?: string): Readonly<Record<string, unknown>>;
  /** A complaint about mail that left there arrived; may brake. */
  complain(lane: ReportedLane, now: Instant): void;
  restoreComplaints(complaints: readonly (ReportedLane & { readonly at: Instant })[]): void;
  /** Of the last seven days, on all lanes of a source. */
  complaints(source: string, now: Instant): number;
  /** A recipient delivered from there came to another end today; returns the rows changed. They go on counting. */
  bounced(lane: ReportedLane, departed: Instant, outcome: OutcomeClass, now: Instant): readonly DayRow[];
  /** An operator's act on the stage. Throws Error with a sentence when it makes no sense; returns what is now in force. */
  verb(
    verb: StageVerb,
    source: string,
    options: { readonly provider?: string; readonly stage?: number },
    author: string,
    why: string | undefined,
    now: Instant,
  ): string;
  /**
   * Puts the stages of one address back to what they were, as the schedule now in force has them, never above. `record` tells
   * the state and what is in force, and returns its id. Throws Error with a sentence when a stage is no more.
   */
  putBack(
    before: Readonly<Record<string, Progress>>,
    author: string,
    record: (source: string, provider: string | undefined, inForce: string, state: Readonly<Record<string, Progress>>) => number,
    now: Instant,
  ): void;
  /** undefined: `warm-up: none`, or a provider without a stage of its own. */
  status(source: string, provider: string | undefined, now: Instant): RampStatus | undefined;
  /** The stages ahead, for a forecast; undefined when the source is warm. */
  ahead(source: string, now: Instant): RampAhead | undefined;
  today(source: string, provider: string | undefined, now: Instant): DayTotals;
  /** A rule with `warm-up: step-back` fired. */
  stepBackByRule(source: string, provider: string, cause: number | undefined, author: string, now: Instant): void;
  restoreDays(rows: Iterable<DayRow>, now: Instant): void;
  snapshot(): Readonly<Record<string, Progress>>;
  /** Assigns one key of the state (value null removes it). */
  restore(key: string, value: Progress | null): void;
  /** The same for what noteAway noted. */
  snapshotAway(): Readonly<Record<string, unknown>>;
  restoreAway(key: string, value: unknown): void;
}
