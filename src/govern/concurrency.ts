/**
 * Adaptive concurrency of one lane: how many connections its receiver has shown it can bear.
 *
 * The model is the feedback of Postfix's queue manager (SCHEDULER_README: a window that grows by 1 per window of successes,
 * shrinks on trouble, and a destination that is dead below 1), with the slow start and threshold of TCP (RFC 5681 section
 * 3.1), so that a healthy lane is at its maximum within a few round trips:
 * - a lane that is new or re-opened probes with one connection;
 * - each success adds 1 below the threshold, up to twice the connections open (the window doubles per round), and 1/window
 *   above it; only when the window is in use, so that quiet hours earn nothing (the idea of RFC 7661);
 * - trouble halves what is in use at once, and the threshold with it. Only attempts that began after the last fall may cause
 *   the next: 200 busy connections refused together are one event;
 * - trouble at a window of 1 closes the lane for 15 s n^2, at most 1 h, n counting such closings since the last success.
 *
 * Trouble is what the IP is told by `throttle.rate|connections`, `reputation.defer`, `block.*` of scope lane, source or
 * provider, a refused greeting, a failure on two or more hosts; with no connection open also three failures in a row on one.
 */
import { ABOUT_THE_IP, type OutcomeClass, type ReplyMatch } from '../kernel/reply.js';
import { HOUR, type Instant, type Ms, SECOND } from '../kernel/units.js';
import type { Quote } from '../kernel/verdict.js';

/** Say nothing about how much the receiver can bear. */
const NEUTRAL: ReadonlySet<OutcomeClass> = new Set([
  'greylist',
  'network',
  'dns',
  'transient',
  'tls',
  'throttle.per-connection',
  'throttle.recipient',
] satisfies OutcomeClass[]);

const BACK_OFF: Ms = 15 * SECOND;
const LONGEST: Ms = HOUR;
/** Failures in a row, on whatever host, after which a lane without connections counts as dead. */
const IN_A_ROW = 3;

export type Signal = 'good' | 'bad' | 'none';

/** What one reply says about the lane. */
export function signalOf(match: ReplyMatch): Signal {
  const wide = match.scope === 'lane' || match.scope === 'source' || match.scope === 'provider';
  if (ABOUT_THE_IP.has(match.class)) return wide ? 'bad' : 'none';
  return NEUTRAL.has(match.class) || match.reply.code === 0 ? 'none' : 'good';
}

/** What a connection that was not had says; `hosts` failed. */
export function connectSignal(match: ReplyMatch, hosts: number): Signal {
  if (match.phase === 'greeting' && match.reply.code >= 400) return 'bad';
  return hosts >= 2 || signalOf(match) === 'bad' ? 'bad' : 'none';
}

/** What a lane has learnt of trouble; most lanes never meet any. */
class Trouble {
  threshold = Infinity;
  /** Closed until then, and the reply or failure that closed it. */
  closedUntil: Instant = -Infinity;
  cause: Quote | undefined;
  /** Since the last success. */
  closings = 0;
  /** In a row. */
  failures = 0;
  fell: Instant = -Infinity;
  /** The last of any kind. */
  seen: Instant = -Infinity;
}

export class Concurrency {
  /** Connections allowed, at least 1; the fraction is progress towards the next. */
  window = 1;
  #trouble: Trouble | undefined;

  get limit(): number {
    return Math.floor(this.window);
  }

  /** Below it a success adds 1, above it a fraction. */
  get threshold(): number {
    return this.#trouble?.threshold ?? Infinity;
  }

  get closedUntil(): Instant {
    return this.#trouble?.closedUntil ?? -Infinity;
  }

  /** The reply or failure that closed it last. */
  get cause(): Quote | undefined {
    return this.#trouble?.cause;
  }

  /** What was learnt of trouble is too old to matter. */
  forgettable(now: Instant): boolean {
    return !this.#trouble || now >= Math.max(this.#trouble.closedUntil, this.#trouble.seen) + LONGEST;
  }

  connected(): void {
    if (this.#trouble) this.#trouble.failures = 0;
  }

  /** An attempt that began at `began` went well while `connections` were open. */
  good(began: Instant, connections: number): void {
    const trouble = this.#trouble;
    if (trouble) {
      if (began <= trouble.fell) return;
      trouble.closings = 0;
      trouble.failures = 0;
      trouble.closedUntil = -Infinity;
    }
    const slow = this.window < this.threshold;
    if (slow ? this.limit >= 2 * connections : connections < this.limit) return;
    this.window += slow ? 1 : 1 / this.window;
  }

  /**
   * An attempt that began at `began` met trouble while `connections` were open. `spread` in [0, 1) keeps lanes closed
   * together from returning together.
   */
  bad(began: Instant, connections: number, now: Instant, spread: number, cause: Quote): void {
    const trouble = this.#met(now);
    if (began <= trouble.fell) return;
    trouble.fell = now;
    if (this.window < 2) close(trouble, now, spread, cause);
    this.window = Math.max(1, Math.floor(Math.min(this.window, connections) / 2));
    trouble.threshold = Math.max(2, this.window);
  }

  /** A connection failed on a single host while `open` others were open. */
  failed(began: Instant, open: number, now: Instant, spread: number, cause: Quote): void {
    const trouble = this.#met(now);
    trouble.failures++;
    if (open > 0 || trouble.failures < IN_A_ROW || began <= trouble.fell) return;
    trouble.fell = now;
    this.window = 1;
    close(trouble, now, spread, cause);
  }

  #met(now: Instant): Trouble {
    this.#trouble ??= new Trouble();
    this.#trouble.seen = now;
    return this.#trouble;
  }
}

function close(trouble: Trouble, now: Instant, spread: number, cause: Quote): void {
  trouble.closings++;
  const span = Math.min(LONGEST, BACK_OFF * trouble.closings ** 2);
  trouble.closedUntil = now + Math.round(span * (1 - spread / 5));
  trouble.cause = cause;
}
