/**
 * The limit keys: one set, the same wherever limits stand (defaults, total, a source, a provider's limits, a stage).
 *
 * Every value carries the place it was written, so that a verdict can say where a limit comes from. Absent means "says
 * nothing"; Infinity means `unlimited`; 0 means `none`.
 */
import type { Place } from './fault.js';
import { DAY, type Ms, type Rate } from './units.js';

/** The longest period a rate is counted over. */
export const LONGEST_PERIOD: Ms = 12 * DAY;

export interface LimitValues {
  /** Connections open at once. */
  maxSmtpOut: number;
  /** Attempts in any sliding 3,600 s. */
  maxMsgPerHour: number;
  /** Attempts from tick to tick. */
  maxMsgPerDay: number;
  /** Attempts in any sliding period of its own. */
  maxMsgRate: Rate;
  /** Connection attempts in any sliding period of its own. */
  maxConnectRate: Rate;
  maxMsgPerConnection: number;
  maxRcptPerMessage: number;
  maxErrorsPerConnection: number;
  /** even: departures follow a grid within the hour; burst: as fast as the cap lets them. */
  pacing: 'even' | 'burst';
  /** Retry intervals; the last one repeats. */
  retryAfter: readonly Ms[];
  bounceAfter: Ms;
  /** Attempts after which a recipient is bounced. */
  maxAttempts: number;
  useStarttls: boolean;
  requireStarttls: boolean;
  /** The certificate must be trusted and valid for the MX host's name; says require-starttls too. */
  verifyStarttls: boolean;
  connectTimeout: Ms;
  idleTimeout: Ms;
}

export type LimitKey = keyof LimitValues;

/** A value and where it was written. */
export interface Stated<T> {
  readonly value: T;
  readonly from: Place;
}

export type Limits = { readonly [K in LimitKey]?: Stated<LimitValues[K]> };

/** Directive names, as people write them in YAML, of each limit key. */
export const DIRECTIVES: Readonly<Record<LimitKey, string>> = {
  maxSmtpOut: 'max-smtp-out',
  maxMsgPerHour: 'max-msg-per-hour',
  maxMsgPerDay: 'max-msg-per-day',
  maxMsgRate: 'max-msg-rate',
  maxConnectRate: 'max-connect-rate',
  maxMsgPerConnection: 'max-msg-per-connection',
  maxRcptPerMessage: 'max-rcpt-per-message',
  maxErrorsPerConnection: 'max-errors-per-connection',
  pacing: 'pacing',
  retryAfter: 'retry-after',
  bounceAfter: 'bounce-after',
  maxAttempts: 'max-attempts',
  useStarttls: 'use-starttls',
  requireStarttls: 'require-starttls',
  verifyStarttls: 'verify-starttls',
  connectTimeout: 'connect-timeout',
  idleTimeout: 'idle-timeout',
};
