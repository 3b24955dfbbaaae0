/**
 * Holds the sender to its promise with the receivers' own ledgers: in any sliding hour, attempts from a source are at most the
 * cap in force at the departure (sliding: at every departure, the trailing 3,600 s including this one). Pure.
 */
import { HOUR, type Instant, type Ms } from '../kernel/units.js';
import type { Seen } from './receivers-ledger.js';

/** From `at` on this source may send `cap` an hour; Infinity means no limit. */
export interface CapInForce {
  readonly source: string;
  readonly at: Instant;
  readonly cap: number;
}

export interface SourceCheck {
  readonly source: string;
  /** Recipients attempted. */
  readonly attempts: number;
  /** Departures in whose trailing hour more than the cap was attempted. */
  readonly violations: number;
  /** The most by which a cap was exceeded, recipients; 0 when it never was. */
  readonly over: number;
  /** The first departure that exceeded its cap. */
  readonly first?: { readonly at: Instant; readonly used: number; readonly cap: number };
  /** The most attempts in any sliding hour. */
  readonly peak: number;
}

export interface LedgerCheckOptions {
  /**
   * How long a departure may be under way: of the caps in force during that time before its arrival the largest counts.
   * 0 when sender and receiver read one clock and nothing is under way (default).
   */
  readonly latency?: Ms;
  /** Default an hour. */
  readonly period?: Ms;
}

/** One result per source that sent or has a cap, by name. Before a source's first cap it has none. */
export function checkLedgers(
  ledgers: Iterable<Iterable<Pick<Seen, 'at' | 'source' | 'recipients'>>>,
  caps: readonly CapInForce[],
  { latency = 0, period = HOUR }: LedgerCheckOptions = {},
): SourceCheck[] {
  const departures = new Map<string, { at: Instant; recipients: number }[]>();
  for (const ledger of ledgers) {
    for (const { source, at, recipients } of ledger) {
      const list = departures.get(source);
      if (list) list.push({ at, recipients });
      else departures.set(source, [{ at, recipients }]);
    }
  }
  const sources = new Set([...departures.keys(), ...caps.map(c => c.source)]);
  return [...sources].sort().map(source => {
    const own = caps.filter(c => c.source === source).sort((a, b) => a.at - b.at);
    const list = (departures.get(source) ?? []).sort((a, b) => a.at - b.at);
    return { source, ...checkOne(list, own, latency, period) };
  });
}

function checkOne(
  departures: readonly { at: Instant; recipients: number }[],
  caps: readonly CapInForce[],
  latency: Ms,
  period: Ms,
): Omit<SourceCheck, 'source'> {
  let attempts = 0;
  let used = 0;
  let oldest = 0;
  let violations = 0;
  let over = 0;
  let peak = 0;
  let first: SourceCheck['first'];
  /** caps[lowest] is in force at the beginning of the time under way; -1 before the first. */
  let lowest = -1;
  for (const { at, recipients } of departures) {
    attempts += recipients;
    used += recipients;
    // The hour is half open: what departed exactly one period ago no longer counts.
    for (let d = departures[oldest]; d && d.at <= at - period; d = departures[++oldest]) used -= d.recipients;
    peak = Math.max(peak, used);
    for (let c = caps[lowest + 1]; c && c.at <= at - latency; c = caps[lowest + 1]) lowest++;
    let cap = caps[lowest]?.cap ?? Infinity;
    for (let i = lowest + 1; i < caps.length && (caps[i]?.at ?? Infinity) <= at; i++) cap = Math.max(cap, caps[i]?.cap ?? Infinity);
    if (used <= cap) continue;
    violations++;
    over = Math.max(over, used - cap);
    first ??= { at, used, cap };
  }
  return { attempts, violations, over, peak, ...(first ? { first } : {}) };
}
