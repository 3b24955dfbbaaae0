/**
 * What the governor needs of warm-up, and what warm-up needs of the governor: the seam between governor.ts and warm-up.ts.
 */
import type { DayRow } from '../kernel/day.js';
import type { JournalRecord } from '../kernel/journal.js';
import type { Limits } from '../kernel/limits.js';
import type { Counted } from '../kernel/message.js';
import type { OutcomeClass } from '../kernel/reply.js';
import type { Settings } from '../kernel/settings.js';
import type { Instant, Ms } from '../kernel/units.js';

/** A record before the governor has numbered it and the journal has given it a wall time. */
export type NewRecord = Omit<JournalRecord, 'id' | 'time'>;

export interface RampPorts {
  /** Numbers and emits a record; returns its id. */
  record(record: NewRecord): number;
  /** The caps of this source changed (all lanes, or one provider's): lanes recompute, waiters are woken. */
  changed(source: string, provider?: string): void;
  /** How long a window whose rule says `warm-up: hold` was open on lanes of this stage between two instants. */
  windowOpen(source: string, provider: string | undefined, from: Instant, to: Instant): Ms;
}

/** The caps warm-up lays on a source (provider undefined) or on one lane that has its own stage or growth limit. */
export interface StageCaps {
  readonly stage: number;
  readonly of: number;
  readonly limits: Limits;
  /** Braked: the caps are already the previous stage's. */
  readonly braked: boolean;
  /** Set when nothing may leave: brake at stage 1, three step-backs, not started yet. */
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
  /** The last tick judged. */
  readonly judgedThrough: Instant;
  readonly lastSent?: Instant;
}

export interface Ramp {
  configure(settings: Settings, now: Instant): void;
  /** Cheap; called when lane limits are compiled, after `changed`. undefined: warm. */
  sourceCaps(source: string): StageCaps | undefined;
  /** Own stage of a provider, or growth limit of a lane. */
  laneCaps(source: string, provider: string, now: Instant): StageCaps | undefined;
  /** The tick the running day began with. Warm sources count days from midnight UTC. */
  dayStart(source: string, now: Instant): Instant;
  /** Attempts of the running day, for max-msg-per-day. */
  attemptsToday(source: string, provider: string | undefined, now: Instant): number;
  /** Slots were taken (or given back, negative) today: keeps attemptsToday exact before outcomes arrive. */
  reserve(source: string, provider: string, slots: number, now: Instant): void;
  /**
   * Counts one recipient's outcome: adjusts the day's rows by its earlier outcome of today, if any, and judges the brake.
   * Returns the recipient's new `counted` list and the absolute day row to commit.
   */
  count(
    source: string,
    provider: string,
    before: readonly Counted[],
    outcome: OutcomeClass,
    now: Instant,
  ): { counted: readonly Counted[]; row: DayRow };
  /** Instants of due ticks, oldest first, come from the daemon (cron); judging is idempotent. */
  judge(source: string, tick: Instant, now: Instant): void;
  /** The daemon says when the source's day ends: cron lives outside. */
  setNextTick(source: string, at: Instant): void;
  /** When the running day ends; null while unknown. A warm source's day ends at the next midnight UTC. */
  nextTick(source: string, now: Instant): Instant | null;
  /** A rule with `warm-up: step-back` fired. */
  stepBackByRule(source: string, provider: string, cause: number | undefined, author: string, now: Instant): void;
  restoreDays(rows: readonly DayRow[], now: Instant): void;
  snapshot(): Readonly<Record<string, Progress>>;
  /** Assigns one key of the state (value null removes it). */
  restore(key: string, value: Progress | null): void;
}
