/**
 * What delivery asks of the governor. govern/ implements it, pure: `now` is an argument, effects are the ports given to it.
 *
 * The dialogue of one connection: mayConnect → connected | connectFailed → (decide → present → answered? → settle | refund)*
 * → disconnected. Every call is synchronous; a port may be called inside it.
 */
import type { DayRow } from './day.js';
import type { Forecast, WaitingMail } from './forecast.js';
import type { JournalRecord, NotedType, PastAct } from './journal.js';
import type { LastEnd, LedgerRecord } from './ledger.js';
import type { Counted } from './message.js';
import type { OutcomeClass, ReplyMatch } from './reply.js';
import type { Settings } from './settings.js';
import type { Instant, Ms } from './units.js';
import type { KnownLane, LaneName, Permit, Reason, Verdict, Wait } from './verdict.js';

export interface GovernorPorts {
  /** Called inside the call that changes a limit; the journal must be durable before the turn's next MAIL FROM. */
  journal(record: Omit<JournalRecord, 'time'>): void;
  /** Reservations, answers and refunds in order; the ledger log writes them once per turn, before MAIL FROM. */
  ledger(record: LedgerRecord): void;
  /** Lanes that may have become free or tighter; undefined means all. Never called for what the caller itself just did. */
  changed(source?: string, provider?: string): void;
}

export interface Ask {
  readonly lane: LaneName | KnownLane;
  readonly senderDomain: string;
  readonly recipientDomain: string;
  /** Recipients the caller would like to send in this transaction, at least 1. */
  readonly wanted: number;
}

/** Where mail left that a report is about. */
export interface ReportedLane {
  /** Of the source. */
  readonly address: string;
  readonly provider: string;
}

export type ConnectVerdict = { readonly go: true; readonly connection: number } | Wait;

/** What one recipient's attempt came to. */
export interface Settled {
  readonly match: ReplyMatch;
  readonly recipient: string;
  readonly counted: readonly Counted[];
  /** As printMessageId prints it: named where its reply is quoted. */
  readonly message?: string;
}

export interface LaneLimits {
  readonly maxMsgPerConnection: number;
  readonly maxErrorsPerConnection: number;
  readonly maxRcptPerMessage: number;
  readonly retryAfter: readonly Ms[];
  readonly bounceAfter: Ms;
  readonly maxAttempts: number;
  readonly useStarttls: boolean;
  readonly requireStarttls: boolean;
  readonly verifyStarttls: boolean;
  readonly connectTimeout: Ms;
  readonly idleTimeout: Ms;
}

export type StageVerb = 'hold' | 'release' | 'advance' | 'step-back' | 'graduate' | 'restart';

/** A window in force or recovering. Its place in `GovernorState.state` is `window:<id>`. */
export interface WindowState {
  readonly id: string;
  readonly rule: string;
  /** `schedules/providers/microsoft.yaml:7:5` */
  readonly from: string;
  readonly scope: 'lane' | 'source' | 'provider' | 'sender-domain' | 'recipient-domain' | 'recipient';
  /** Addresses name sources here, so that renaming keeps windows. */
  readonly address?: string;
  readonly provider?: string;
  readonly subject?: string;
  readonly opened: Instant;
  readonly until: Instant;
  readonly recoverUntil: Instant;
  /** Attempts that departed before this instant neither extend nor tighten. */
  readonly tightened: Instant;
  readonly hits: number;
  readonly suspend: boolean;
  readonly maxSmtpOut?: number;
  readonly maxMsgPerHour?: number;
  readonly maxMsgPerConnection?: number;
  readonly maxConnectRate?: number;
  /** The rule's own rate, from which the floor follows. */
  readonly ruleMsgPerHour?: number;
  readonly warmUp: 'hold' | 'step-back' | 'none';
  /** The last reply that opened or extended it, printable; when it came; the message whose attempt it answered. */
  readonly reply: string;
  readonly replied?: Instant;
  readonly message?: string;
}

export interface LaneStatus {
  readonly lane: LaneName;
  readonly connections: number;
  /** Effective now; Infinity means no limit. */
  readonly maxSmtpOut: number;
  readonly maxMsgPerHour: number;
  readonly attemptsLastHour: number;
  readonly windows: readonly string[];
}

export interface SourceStatus {
  readonly name: string;
  readonly state: 'paused' | 'suspended' | 'holding' | 'backing-off' | 'warming' | 'warm';
  readonly schedule?: string;
  readonly stage?: number;
  readonly stages?: number;
  readonly maxMsgPerHour: number;
  readonly maxMsgPerDay: number;
  readonly attemptsLastHour: number;
  readonly attemptsToday: number;
  readonly deliveredToday: number;
  readonly deferredToday: number;
  readonly bouncedToday: number;
  /** Of the last seven days. */
  readonly complaints: number;
  readonly earned?: boolean;
  /** The first stage that the best of the last seven days would not earn; recipients a day. */
  readonly unearnable?: { readonly stage: number; readonly needs: number; readonly have: number };
  readonly dayStart: Instant;
  readonly because: readonly Reason[];
}

/** Snapshot for state.json: `state` is a flat map, the same keys journal records assign. */
export interface GovernorState {
  /** The last journal record the snapshot includes. */
  readonly lastRecord: number;
  readonly nextWindow: number;
  readonly state: Readonly<Record<string, unknown>>;
}

/** What a person may pause; a queue as `domain@pool`, a lane as `source/provider`, a job by its name. */
export interface PauseTarget {
  readonly kind: 'source' | 'provider' | 'lane' | 'queue' | 'job';
  readonly name: string;
}

export interface Governor {
  configure(settings: Settings, now: Instant): void;

  /** To ask by again and again, instead of the name: no search. It means what the name means at the time, to this governor alone. */
  known(lane: LaneName): LaneName | KnownLane;

  /** Reserves a connection (and its place in max-connect-rate) when it says go. */
  mayConnect(lane: LaneName | KnownLane, now: Instant): ConnectVerdict;
  connected(connection: number, now: Instant): void;
  /** Releases the connection. `match` says why; hosts is how many MX hosts failed in this attempt. */
  connectFailed(connection: number, match: ReplyMatch, hosts: number, now: Instant): void;
  disconnected(connection: number, now: Instant): void;
  /** True when more connections are open than the limit now in force allows, and this is one to close when idle. */
  shouldClose(lane: LaneName | KnownLane, connection: number, now: Instant): boolean;
  laneLimits(lane: LaneName | KnownLane): LaneLimits;

  /** Asked on a ready connection; reserves in the same call. */
  decide(ask: Ask, now: Instant): Verdict;
  /** Just before the first byte of MAIL FROM. False: void (tightened or expired), slots are given back; ask again. */
  present(permit: Permit, now: Instant): boolean;
  /** No byte of MAIL FROM was written. Also gives back part of a permit: `slots` of it. */
  refund(permit: Permit, slots: number, now: Instant): void;
  /**
   * The attempt ended: `answered` is when MAIL FROM was answered (or the attempt's end). One entry per recipient attempted.
   * Applies rules' reactions once per distinct rule, counts day rows, feeds concurrency. Returns each recipient's new
   * `counted` and the absolute day rows to commit with the outcomes.
   */
  settle(
    permit: Permit,
    answered: Instant,
    recipients: readonly Settled[],
    now: Instant,
  ): { readonly counted: readonly (readonly Counted[])[]; readonly days: readonly DayRow[] };
  /**
   * A recipient who was delivered bounced after all: it counts by its new class, today. `address` is the source's; `departed`
   * when its mail left. Returns the absolute day rows to commit with what else the report changed.
   */
  bounced(lane: ReportedLane, departed: Instant, outcome: OutcomeClass, now: Instant): readonly DayRow[];
  /** A recipient complained. Counted for seven days; may brake. */
  complained(lane: ReportedLane, now: Instant): void;
  /** After configure: complaints of the last days. */
  restoreComplaints(complaints: readonly (ReportedLane & { readonly at: Instant })[]): void;
  /** A reply outside any permit (a 421 on an idle connection). */
  absorbReply(lane: LaneName | KnownLane, match: ReplyMatch, now: Instant): void;

  /** Slots this cold lane could still use within `within`, never more than is left of its day; 0 for warm, paused, suspended or windowed lanes. */
  coldSlots(lane: LaneName, within: Ms, now: Instant): number;
  isWarm(source: string): boolean;
  /** The stage a source stands on, cheap; undefined when it is warm. */
  stageOf(source: string): number | undefined;

  /** The next instant at which something ends by itself (window, recovery); null when nothing will. */
  nextExpiry(now: Instant): Instant | null;
  /** Journals windows that closed by `now`. */
  expire(now: Instant): void;
  /** A due tick of a source, oldest first. */
  judge(source: string, tick: Instant, now: Instant): void;
  /** The daemon says when the running day of a source ends: cron lives outside. */
  setNextTick(source: string, at: Instant): void;
  /** Does an address climb a schedule, or has it climbed one? Else nobody looks back at its days. */
  climbs(address: string): boolean;
  /** The last tick judged for a source, or when its address was first seen. */
  judgedThrough(source: string): Instant;

  pause(target: PauseTarget, author: string, why: string | undefined, now: Instant): void;
  resume(target: PauseTarget, author: string, now: Instant): boolean;
  /** Who paused it and why; undefined when it is not paused. */
  paused(target: PauseTarget): Reason | undefined;
  /** The same for mail of a queue: the queue or its job. */
  mailPaused(queue: { readonly domain: string; readonly pool: string; readonly job: string }): Reason | undefined;
  /** Names of what is paused, of one kind. */
  pausedNames(kind: PauseTarget['kind']): readonly string[];
  /** Throws Error with a sentence when the window does not exist. */
  lift(window: string, author: string, why: string | undefined, now: Instant): void;
  /** Throws Error with a sentence when it makes no sense. Returns a sentence saying what is now in force. */
  stage(
    verb: StageVerb,
    source: string,
    options: { provider?: string; stage?: number },
    author: string,
    why: string | undefined,
    now: Instant,
  ): string;
  /**
   * Takes back an act of a person: what it changed is as it was before, and no cap is above what was in force then. A lifted
   * window has what is left of its time. Throws Error with a sentence when it cannot be; returns what is now in force.
   */
  undo(act: PastAct, author: string, why: string | undefined, now: Instant): string;
  /**
   * The daemon was down from `from`, the last instant it is known to have run, to `to`: no day is judged on that time. After
   * configure, before missed ticks; kept with the record that `note('started', …)` makes.
   */
  noteDowntime(from: Instant, to: Instant): void;
  /** Records what is not a change of the governor's own state. */
  note(type: NotedType, author: string, text: string, now: Instant, source?: string): void;

  /** What becomes of mail that waits for these sources, of which each takes its share: see Forecast. */
  forecast(sources: readonly string[], mail: readonly WaitingMail[], now: Instant): Forecast;
  /** Verdict for a lane without reserving anything. `without` is the instant at which it would go if the binding reason were not there. */
  explain(
    lane: LaneName,
    ask: { senderDomain?: string; recipientDomain?: string },
    now: Instant,
  ): { readonly verdict: { go: boolean; until: Instant | null; because: readonly Reason[] }; readonly without: Instant | null };
  laneStatus(lane: LaneName | KnownLane, now: Instant): LaneStatus;
  sourceStatus(source: string, now: Instant): SourceStatus;
  windows(now: Instant): readonly WindowState[];
  /** Lanes with history, connections or windows. */
  lanes(): readonly LaneName[];

  snapshot(): GovernorState;
  /** Before configure. */
  restore(snapshot: GovernorState | undefined, after: readonly Omit<JournalRecord, 'time'>[]): void;
  /** After configure. */
  restoreDays(rows: Iterable<DayRow>, now: Instant): void;
  restoreLedger(records: Iterable<LedgerRecord>, end: LastEnd, now: Instant): void;
}
