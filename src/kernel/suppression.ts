/**
 * The suppression list: addresses that get no more mail, from anybody or from one sender domain. Kept by spool/, looked at
 * by acceptance and before each attempt, fed by outcomes, complaints and people.
 *
 * An address stands in it in lower case. RFC 5321 §2.4 lets only the receiver say that `A@` and `a@` are one mailbox; nearly
 * all do, and a list that missed half of the spellings would not keep anybody from getting mail.
 */
import { domainOf } from './message.js';
import type { Instant, Ms } from './units.js';
import type { Place } from './fault.js';

/** What puts an address on the list by itself. */
export const SUPPRESSION_CAUSES = ['mailbox.unknown', 'mailbox.inactive', 'complaint'] as const;
export type SuppressionCause = (typeof SUPPRESSION_CAUSES)[number];

export const SUPPRESSION_REASONS = [...SUPPRESSION_CAUSES, 'manual'] as const;
export type SuppressionReason = (typeof SUPPRESSION_REASONS)[number];

export interface Suppression {
  /** As suppressedForm makes it. */
  readonly address: string;
  /** Sender domain it holds for, lower case; '' for all. */
  readonly scope: string;
  readonly reason: SuppressionReason;
  /** Policy time. */
  readonly since: Instant;
  /** From then on it holds no more. */
  readonly until?: Instant;
  /** The reply or report that put it there, or what a person said; printable. */
  readonly note?: string;
}

/** Bytes of an address on the list: as long as a path may be (RFC 5321 §4.5.3.1.3). */
export const LONGEST_SUPPRESSED = 254;

/** `suppression:` of the settings. */
export interface SuppressionSettings {
  readonly on: readonly SuppressionCause[];
  readonly scope: 'global' | 'sender-domain';
  /** refuse: 550 at RCPT; report: accepted, then recorded and reported; off: the list is kept and not looked at. */
  readonly at: 'refuse' | 'report' | 'off';
  /** How long entries made by a cause hold. Infinity: until a person removes them. */
  readonly expireAfter: Ms;
  readonly from: Place;
}

/** The form in which addresses are compared, of one that is in its canonical form. */
export const suppressedForm = (address: string): string => address.toLowerCase();

/** `the address is on the suppression list (mailbox.unknown: 550 5.1.1 …)` */
export const suppressedText = ({ reason, note }: Suppression): string =>
  `the address is on the suppression list (${reason}${note === undefined ? '' : `: ${note}`})`;

/** The sender domain under which recipients of mail from `sender` may be listed. */
export const scopeOfSender = (sender: string): string => domainOf(sender);

/**
 * A row of a small table of the spool, committed in the same transaction as what it stands beside. Made by spool/, opaque to
 * everybody else.
 */
export interface SideRow {
  readonly table: 'suppression' | 'reports' | 'shared';
  readonly key: Uint8Array;
  /** null removes it. */
  readonly value: Uint8Array | null;
}
