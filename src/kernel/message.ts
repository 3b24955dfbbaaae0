/**
 * Messages and recipients as they travel: accept → spool → route → govern → deliver → outcome.
 */
import type { OutcomeClass } from './reply.js';
import type { Priority, WarmUpWish } from './settings.js';
import type { Instant } from './units.js';

/** Recipients of one message: their indexes have 16 bits. */
export const MOST_RECIPIENTS = 65_536;

/** Sequence number of a message within its node, 1 to 2^37; printed by printMessageId. */
export type MessageNumber = number;

/** `00-000000001f`: node in hex, sequence number in hex. Lower-case, fit for a file name and an SMTP reply. */
export function printMessageId(node: number, number: MessageNumber): string {
  return `${node.toString(16).padStart(2, '0')}-${number.toString(16).padStart(10, '0')}`;
}

export function parseMessageId(text: string): { node: number; number: MessageNumber } | undefined {
  const match = /^([0-9a-f]{2})-([0-9a-f]{10})$/.exec(text.trim().toLowerCase());
  return match ? { node: parseInt(match[1] ?? '', 16), number: parseInt(match[2] ?? '', 16) } : undefined;
}

/** What holds for the whole message. Stands in front of the body in its segment. */
export interface Envelope {
  /** Reverse path without brackets; '' is the null sender. */
  readonly sender: string;
  readonly pool: string;
  readonly warmUp: WarmUpWish;
  /** Policy time of acceptance. */
  readonly accepted: Instant;
  /** X-Job of the client, or the client's name. */
  readonly job?: string;
  /** normal unless said. */
  readonly priority?: Priority;
  /** Who gets our notices about it; its sender unless said. */
  readonly notices?: 'postmaster' | 'none';
  readonly envid?: string;
  readonly ret?: 'HDRS' | 'FULL';
  readonly utf8?: boolean;
  readonly eightBit?: boolean;
  /** DKIM signatures of ours: the first so many of the message. */
  readonly signed?: number;
  /** It did not come over SMTP. */
  readonly via?: 'api';
  /** Who injected it: address or user. */
  readonly client: string;
  /** Our own DSN: never warms, never causes a DSN. */
  readonly isDsn?: boolean;
}

export interface NewRecipient {
  /** Address as given in RCPT TO. */
  readonly address: string;
  readonly orcpt?: string;
  readonly notify?: readonly string[];
}

/** Under what key a client handed a message in: asked again, it is answered again and stores nothing. */
export interface Receipt {
  /** 32 bytes. */
  readonly key: Buffer;
  /** Of what was asked; 32 bytes. */
  readonly digest: Buffer;
  /** Afterwards it is forgotten. */
  readonly until: Instant;
}

/** One counted attempt of today: keeps "distinct recipients, each by its last outcome" exact. */
export interface Counted {
  readonly source: string;
  readonly provider: string;
  /** Tick (policy instant) the day began with. */
  readonly day: Instant;
  readonly class: OutcomeClass;
}

/** The state of one waiting recipient; its queue row's value. */
export interface RecipientState {
  readonly address: string;
  readonly orcpt?: string;
  readonly notify?: readonly string[];
  readonly attempts: number;
  /** Thresholds of delay the sender has been told of. */
  readonly told?: number;
  /** Attempt was cut off after the final dot at least once. */
  readonly uncertain?: boolean;
  /** Last outcome, for people and for the DSN. */
  readonly last?: {
    readonly at: Instant;
    readonly class: OutcomeClass;
    readonly reply: string;
    readonly source: string;
    readonly host: string;
  };
  /** After greylisting: the source to return to, until. */
  readonly stick?: { readonly source: string; readonly until: Instant };
  /** After any other 4xx of scope lane or source: the source to avoid next time. */
  readonly avoid?: string;
  readonly counted?: readonly Counted[];
}

/** A queue row in memory. */
export interface QueuedRecipient {
  readonly message: MessageNumber;
  /** Index of the recipient within its message, 0-based, below MOST_RECIPIENTS. */
  readonly index: number;
  readonly due: Instant;
  readonly accepted: Instant;
  readonly size: number;
  readonly sender: string;
  readonly state: RecipientState;
  /** Where the body stands: segment, offset and length, opaque outside spool/. */
  readonly body: BodyRef;
}

export interface BodyRef {
  readonly segment: number;
  readonly offset: number;
  readonly length: number;
}

/** The part of an address behind the last @, lower-case; '' when there is none. */
export function domainOf(address: string): string {
  const at = address.lastIndexOf('@');
  return at < 0 ? '' : address.slice(at + 1).toLowerCase();
}
