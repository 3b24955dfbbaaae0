/**
 * SMTP replies, and what rampd makes of one.
 */
import type { Place } from './fault.js';
import type { Ms } from './units.js';

/** Where in the dialogue a reply came. `connect` and `tls` have no SMTP reply: the text is ours. */
export const PHASES = ['connect', 'greeting', 'helo', 'tls', 'auth', 'mail', 'rcpt', 'data', 'end', 'idle'] as const;
export type Phase = (typeof PHASES)[number];

/** A normalised reply: lines joined by one space, codes stripped from continuation lines, control characters gone. */
export interface Reply {
  /** 200 to 599; 0 when no reply was received (network trouble). */
  readonly code: number;
  /** RFC 3463 code such as 4.7.28, when the reply carries one. */
  readonly enhanced?: string;
  /** The text after the codes. */
  readonly text: string;
  /** Code, enhanced code and text as one line, for people. */
  readonly line: string;
}

/** The classes of outcomes (DESIGN 4.5). */
export const CLASSES = [
  'delivered',
  'throttle.rate',
  'throttle.connections',
  'throttle.per-connection',
  'throttle.recipient',
  'reputation.defer',
  'block.ip',
  'block.network',
  'block.domain',
  'block.dnsbl',
  'greylist',
  'auth',
  'ptr',
  'tls',
  'config',
  'content',
  'message',
  'policy.recipient',
  'mailbox.unknown',
  'mailbox.full',
  'mailbox.inactive',
  'sender.invalid',
  'protocol',
  'protocol.recipients',
  'network',
  'dns',
  'transient',
  'expired',
  'suppressed',
  'other',
] as const;
export type OutcomeClass = (typeof CLASSES)[number];

/** Said of the sending address and its pace, not of a recipient or a message: every host of the provider would say the same. */
export const ABOUT_THE_IP: ReadonlySet<OutcomeClass> = new Set<OutcomeClass>([
  'throttle.rate',
  'throttle.connections',
  'reputation.defer',
  'block.ip',
  'block.network',
  'block.domain',
  'block.dnsbl',
]);

export const SCOPES = ['lane', 'source', 'provider', 'sender-domain', 'recipient-domain', 'recipient', 'connection'] as const;
export type Scope = (typeof SCOPES)[number];

/** What a rule does to limits while its window is open. Absent limits stay as they are. */
export interface Reaction {
  readonly window: Ms;
  readonly suspend: boolean;
  readonly maxSmtpOut?: number;
  /** Attempts per hour. */
  readonly maxMsgPerHour?: number;
  readonly maxMsgPerConnection?: number;
  readonly maxConnectRate?: number;
  readonly recover: Ms;
}

/** A rule of a provider file, checked. Pure data: outcome/ compiles it, govern/ applies its reaction. */
export interface Rule {
  /** Unique within its provider file. Compact rules get one from their text. */
  readonly id: string;
  /** The provider whose file it stands in. */
  readonly provider: string;
  readonly from: Place;
  readonly match: {
    /** '421', '4xx', '5xx'; absent matches any 4xx or 5xx. */
    readonly code?: string;
    /** Exact enhanced code, or with a trailing `.x`: '4.7.650', '4.7.x'. */
    readonly enhanced?: string;
    /** Case-insensitive substring, in which `*` stands for any run of characters. */
    readonly text?: string;
    /** Source of a regular expression, and its flags. */
    readonly regex?: { readonly source: string; readonly flags: string };
    readonly at?: readonly Phase[];
    /** Glob on the recipient's domain. */
    readonly domain?: string;
  };
  readonly class: OutcomeClass;
  /** `count` matches within `per`; 1 fires at once. */
  readonly trigger: { readonly count: number; readonly per: Ms };
  readonly scope: Scope;
  /** Absent: the rule classifies and changes no limit. */
  readonly reaction?: Reaction;
  /**
   * bounce: final at once; discard: dropped without a DSN; skip-mx: the mail waits, whatever the code, and the next MX host
   * is tried before this one.
   */
  readonly action?: 'bounce' | 'discard' | 'skip-mx';
  /** The code lies: treat the reply as 4xx (retry) or as 5xx (final). */
  readonly retry?: 'as-4xx' | 'as-5xx';
  readonly warmUp: 'hold' | 'step-back' | 'none';
  readonly samples: readonly string[];
  readonly never: readonly string[];
  readonly note?: string;
}

/** What classification made of one reply. */
export interface ReplyMatch {
  readonly class: OutcomeClass;
  readonly scope: Scope;
  readonly reply: Reply;
  readonly phase: Phase;
  /** The rule that matched; absent when enhanced or basic code decided. */
  readonly rule?: Rule;
  /** Retry, bounce, discard: what becomes of the recipients concerned. */
  readonly fate: 'deliver' | 'defer' | 'bounce' | 'discard';
  /** Longer than the rule's window only when the reply says so ("try again in 15 minutes"). */
  readonly hint?: Ms;
}
