/**
 * Feedback that comes in by mail: bounces that receivers send after they had taken a message, and complaints (ARF reports).
 */
import type { Place } from './fault.js';
import type { Ms } from './units.js';

/** `feedback:` of the settings. */
export interface FeedbackSettings {
  /** Domains of reverse paths with a token; mail to them is taken from anybody. Lower case. */
  readonly bounceDomains: readonly string[];
  /** Addresses that feedback loops report to; mail to them is taken from anybody. Lower case. */
  readonly fbl: readonly string[];
  /** Signs tokens. undefined: one in the state folder, made when missing. */
  readonly secretFile?: string;
  /** Tokens older than this are refused, counted from the departure. */
  readonly keepFor: Ms;
  /** Messages a minute from one address; more get 450. */
  readonly maxMsgRate: number;
  readonly from: Place;
}
