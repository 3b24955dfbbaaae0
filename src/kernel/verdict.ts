/**
 * A verdict is a value that can explain itself.
 *
 * Every limiter answers `free` or {notBefore, reason}; a verdict takes the latest `notBefore` and keeps all reasons,
 * the binding one first. `why`, the UI, the API and the rehearsal render this one value.
 */
import type { Instant } from './units.js';

/** A lane is source x provider, printed `source/provider`. */
export interface LaneName {
  readonly source: string;
  readonly provider: string;
}

/** A lane as the governor keeps it, found without a search: for whoever asks about one again and again, and for nothing else. */
export interface KnownLane {
  readonly knownAs: LaneName;
}

export const printLane = (lane: LaneName): string => `${lane.source}/${lane.provider}`;

/** A remote reply, and what it answered. */
export interface Quote {
  /** Printable. */
  readonly reply: string;
  /** When it came; absent in what older versions wrote. */
  readonly replied?: Instant;
  /** The message whose attempt it answered, as printMessageId prints it; absent when there was none (a refused greeting). */
  readonly message?: string;
}

/** What makes a lane wait. */
export interface Reason {
  /** Directive or cause: max-msg-per-hour, max-smtp-out, pacing, window, suspended, paused, held, schedule-start … */
  readonly limit: string;
  /** Whose limit: lane, source, total, pool. */
  readonly scope: 'lane' | 'source' | 'provider' | 'total' | 'sender-domain' | 'recipient-domain' | 'recipient';
  /** In the limit's own unit (messages, connections); null when it has none (a pause). */
  readonly value: number | null;
  readonly used: number | null;
  /** `schedules/four-weeks.yaml:9:3`, `rampd.yaml:12:5`, `window w17`, `operator` … */
  readonly from: string;
  readonly window?: string;
  /** The remote reply behind it, printable, when it came, and the message it answered. */
  readonly reply?: string;
  readonly replied?: Instant;
  readonly message?: string;
  /** When this reason alone would let go; null when only a person or an event can end it. */
  readonly until: Instant | null;
}

export interface Permit {
  readonly id: number;
  readonly lane: LaneName;
  /** Recipients it covers: 1 ≤ slots ≤ wanted. */
  readonly slots: number;
  /** Void when the lane's epoch has risen before it is presented. */
  readonly epoch: number;
  readonly expires: Instant;
}

export interface Go {
  readonly go: true;
  readonly permit: Permit;
}

export interface Wait {
  readonly go: false;
  /** Ask again at this instant; null when only an event can change it. */
  readonly until: Instant | null;
  /** Binding reason first. Built on demand. */
  because(): readonly Reason[];
}

export type Verdict = Go | Wait;
