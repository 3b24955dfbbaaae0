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
import type { OutcomeClass, ReplyMatch } from '../kernel/reply.js';
import { HOUR, type Instant, type Ms, SECOND } from '../kernel/units.js';
import type { Quote } from '../kernel/verdict.js';

const TROUBLE: ReadonlySet<OutcomeClass> = new Set([
  'throttle.rate',
  'throttle.connections',
  'reputation.defer',
  'block.ip',
  'block.network',
  'block.domain',
  'block.dnsbl',
] satisfies OutcomeClass[]);
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
  if (TROUBLE.has(match.class)) return wide ? 'bad' : 'none';
  return NEUTRAL.has(match.class) || match.reply.code === 0 ? 'none' : 'good';
}

/** What a connection that was not had says; `hosts` failed. */
export function connectSignal(match: ReplyMatch, hosts: number): Signal {
  if (match.phase === 'greeting' && match.reply.code >= 400) return 'bad';
  return hosts >= 2 || signalOf(match) === 'bad' ? 'bad' : 'none';
}

export class Concurrency {
  /** Connections allowed, at least 1; the fraction is progress towards the next. */
  window = 1;
  threshold = Infinity;
  /** Closed until then. */
  closedUntil: Instant = -Infinity;
  /** The reply or failure that closed it. */
  cause: Quote | undefined;
  #closings = 0;
  #failures = 0;
  #fell: Instant = -Infinity;
  #trouble: Instant = -Infinity;

  get limit(): number {
    return Math.floor(this.window);
  }

  /** What was learnt of trouble is too old to matter. */
  forgettable(now: Instant): boolean {
    return now >= Math.max(this.closedUntil, this.#trouble) + LONGEST;
  }

  connected(): void {
    this.#failures = 0;
  }

  /** An attempt that began at `began` went well while `connections` were open. */
  good(began: Instant, connections: number): void {
    if (began <= this.#fell) return;
    this.#closings = 0;
    this.#failures = 0;
    this.closedUntil = -Infinity;
    const slow = this.window < this.threshold;
    if (slow ? this.limit >= 2 * connections : connections < this.limit) return;
    this.window += slow ? 1 : 1 / this.window;
  }

  /**
   * An attempt that began at `began` met trouble while `connections` were open. `spread` in [0, 1) keeps lanes closed
   * together from returning together.
   */
  bad(began: Instant, connections: number, now: Instant, spread: number, cause: Quote): void {
    this.#trouble = now;
    if (began <= this.#fell) return;
    this.#fell = now;
    if (this.window < 2) this.#close(now, spread, cause);
    this.window = Math.max(1, Math.floor(Math.min(this.window, connections) / 2));
    this.threshold = Math.max(2, this.window);
  }

  /** A connection failed on a single host while `open` others were open. */
  failed(began: Instant, open: number, now: Instant, spread: number, cause: Quote): void {
    this.#failures++;
    this.#trouble = now;
    if (open > 0 || this.#failures < IN_A_ROW || began <= this.#fell) return;
    this.#fell = now;
    this.window = 1;
    this.#close(now, spread, cause);
  }

  #close(now: Instant, spread: number, cause: Quote): void {
    this.#closings++;
    const span = Math.min(LONGEST, BACK_OFF * this.#closings ** 2);
    this.closedUntil = now + Math.round(span * (1 - spread / 5));
    this.cause = cause;
  }
}
