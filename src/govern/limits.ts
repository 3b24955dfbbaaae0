/**
 * Which of the statements about a limit count, and where they bind.
 *
 * Quantities (`max-*`): the minimum of all that bind. On a lane bind the provider's `limits:` (or, for a key the provider
 * does not state, `defaults:`) and warm-up's caps for the lane; on a source its own limits and its stage's, over the sum of
 * its lanes; on the daemon `total:`. A provider's statement replaces `defaults:` for the same key, in either direction:
 * `defaults:` is what holds where nobody says otherwise, not a ceiling. Windows are added by the caller.
 *
 * Manners (pacing, retry-after, bounce-after, TLS, timeouts): the most specific statement wins: stage, source, provider,
 * defaults, built-in.
 */
import { type Place, printPlace } from '../kernel/fault.js';
import type { LaneLimits } from '../kernel/governor.js';
import { DIRECTIVES, type LimitKey, type Limits, type LimitValues, type Stated } from '../kernel/limits.js';
import type { Reason } from '../kernel/verdict.js';
import { DAY, HOUR, MINUTE, SECOND } from '../kernel/units.js';
import type { Cap, Plan, Stop } from './plan.js';

const BUILT_IN: Place = { file: 'built-in', line: 0, col: 0 };
const said = <T>(value: T): Stated<T> => ({ value, from: BUILT_IN });

/**
 * What holds where no file says anything: 20 connections and 100 messages on each are the customary manners between
 * strangers; the retry list begins above the 5 minutes most greylists ask for; 4d12h is inside the 4 to 5 days of RFC 5321
 * section 4.5.4.1, which also gives 100 recipients as what every receiver takes (4.5.3.1.8).
 */
export const BUILT_IN_LIMITS = {
  maxSmtpOut: said(20),
  maxMsgPerConnection: said(100),
  maxRcptPerMessage: said(100),
  maxErrorsPerConnection: said(10),
  pacing: said('even'),
  retryAfter: said([10 * MINUTE, 20 * MINUTE, 30 * MINUTE, HOUR, 2 * HOUR]),
  bounceAfter: said(4 * DAY + 12 * HOUR),
  maxAttempts: said(Infinity),
  useStarttls: said(true),
  requireStarttls: said(false),
  verifyStarttls: said(false),
  connectTimeout: said(30 * SECOND),
  idleTimeout: said(5 * SECOND),
} as const satisfies Limits;

/** Statements about one account, least specific first. `least`: all bind, the minimum wins; a later one replaces an earlier `base`. */
export interface Statements {
  /** A provider's limits over defaults over the built-in: per key the last that speaks. */
  readonly base: readonly Limits[];
  /** All bind besides. */
  readonly besides: readonly Limits[];
}

/** All statements that bind for a key. */
function binding<K extends LimitKey>(key: K, { base, besides }: Statements): Stated<LimitValues[K]>[] {
  const last = base.findLast(limits => limits[key] !== undefined)?.[key] as Stated<LimitValues[K]> | undefined;
  const more = besides.map(limits => limits[key] as Stated<LimitValues[K]> | undefined);
  return [last, ...more].filter(s => s !== undefined);
}

/** The most specific statement: the last one that speaks. */
function manner<K extends LimitKey>(key: K, order: readonly Limits[], otherwise: LimitValues[K]): LimitValues[K] {
  return (order.findLast(limits => limits[key] !== undefined)?.[key]?.value as LimitValues[K] | undefined) ?? otherwise;
}

/** A plan of stated limits; `more` are caps of windows. Fresh only after `refresh`. */
export function statedPlan(
  statements: Statements,
  scope: Reason['scope'],
  manners: readonly Limits[],
  more: WindowCaps,
  stops: readonly Stop[],
): Plan {
  const count = (key: 'maxSmtpOut' | 'maxMsgPerHour' | 'maxMsgPerDay'): Cap[] =>
    binding(key, statements)
      .filter(s => s.value !== Infinity)
      .map(s => ({ limit: DIRECTIVES[key], scope, value: s.value, per: HOUR, from: printPlace(s.from) }));
  const rate = (key: 'maxMsgRate' | 'maxConnectRate'): Cap[] =>
    binding(key, statements)
      .filter(s => s.value.count !== Infinity)
      .map(s => ({ limit: DIRECTIVES[key], scope, value: s.value.count, per: s.value.per, from: printPlace(s.from) }));
  const hour = count('maxMsgPerHour');
  const out = count('maxSmtpOut');
  const connects = rate('maxConnectRate');
  return {
    stops,
    hour: [...hour, ...more('maxMsgPerHour', least(hour))],
    day: count('maxMsgPerDay'),
    rates: rate('maxMsgRate'),
    out: [...out, ...more('maxSmtpOut', least(out))],
    connects: [...connects, ...more('maxConnectRate', Math.min(...connects.map(c => (c.value * HOUR) / c.per), Infinity))],
    even: manner('pacing', manners, 'even') === 'even',
    perConnection: more('maxMsgPerConnection', Infinity),
    hourNow: Infinity,
    outNow: Infinity,
    dayNow: Infinity,
    stopped: false,
    validUntil: -Infinity,
  };
}

/** Caps that windows lay on one limit, given its value without windows. */
export type WindowCaps = (limit: 'maxMsgPerHour' | 'maxSmtpOut' | 'maxConnectRate' | 'maxMsgPerConnection', normal: number) => Cap[];

const least = (caps: readonly Cap[]): number => Math.min(Infinity, ...caps.map(c => c.value));

/** What a connection of a lane must observe, windows aside. */
export function laneLimitsOf(statements: Statements, manners: readonly Limits[]): LaneLimits {
  const quantity = (key: 'maxMsgPerConnection' | 'maxErrorsPerConnection' | 'maxRcptPerMessage'): number =>
    Math.min(Infinity, ...binding(key, statements).map(s => s.value));
  return {
    maxMsgPerConnection: quantity('maxMsgPerConnection'),
    maxErrorsPerConnection: quantity('maxErrorsPerConnection'),
    maxRcptPerMessage: quantity('maxRcptPerMessage'),
    retryAfter: manner('retryAfter', manners, BUILT_IN_LIMITS.retryAfter.value),
    bounceAfter: manner('bounceAfter', manners, BUILT_IN_LIMITS.bounceAfter.value),
    maxAttempts: manner('maxAttempts', manners, Infinity),
    useStarttls: manner('useStarttls', manners, true),
    requireStarttls: manner('requireStarttls', manners, false),
    verifyStarttls: manner('verifyStarttls', manners, false),
    connectTimeout: manner('connectTimeout', manners, BUILT_IN_LIMITS.connectTimeout.value),
    idleTimeout: manner('idleTimeout', manners, BUILT_IN_LIMITS.idleTimeout.value),
  };
}
