/**
 * Everything configuration says, checked: what config/ produces and every other part reads.
 *
 * Immutable; a reload makes a new one. Maps keep the order in which things were written.
 */
import type { DoctorSettings } from './doctor.js';
import type { Fault, Place } from './fault.js';
import type { FeedbackSettings } from './feedback.js';
import type { Limits } from './limits.js';
import type { MessageRules } from './message-rules.js';
import type { Rule } from './reply.js';
import type { Schedule } from './schedule.js';
import type { SuppressionSettings } from './suppression.js';
import type { AccountingFileSettings, AlertSettings, RejectLogSettings, WebhookSettings } from './telling.js';
import type { Ms } from './units.js';

export type WarmUpWish = 'prefer' | 'allow' | 'never';

/** RFC 5321 §4.5.4.1 names 4 hours or so before a sender is told of a delay. */
export const DELAY_AFTER: readonly Ms[] = [4 * 3_600_000];

/** Who goes first when a lane cannot take everybody; see deliver/ring. */
export const PRIORITIES = ['high', 'normal', 'low'] as const;
export type Priority = (typeof PRIORITIES)[number];

export interface Source {
  readonly name: string;
  /** IPv4 or IPv6, canonical text. */
  readonly address: string;
  /** Its HELO name. */
  readonly hostName: string;
  /** undefined: `warm-up: none`, the source is warm. */
  readonly warmUp?: {
    readonly schedule: string;
    /** Ends the ramp at this many messages an hour. */
    readonly target?: number;
    /** First stage while the address has no progress; 1 unless said. */
    readonly stage: number;
    /** ISO date (YYYY-MM-DD), earliest day to send on. */
    readonly started?: string;
    readonly from: Place;
  };
  readonly limits: Limits;
  readonly from: Place;
}

/** false: nothing is signed; true: what has a key is; required: what cannot be signed is refused. */
export type DkimSign = boolean | 'required';

/** One entry under `dkim:`: a key, and the domains it signs for. */
export interface DkimKey {
  /** `example.com`, `*.example.com` (every name below it, each with its own d=), or `*`. Lower-case A-labels. */
  readonly domain: string;
  readonly selector: string;
  /** Path of a PEM file, `{domain}` and `{selector}` to be filled in. */
  readonly key: string;
  /** Header fields to sign instead of the usual ones, lower-case; From is signed in any case. */
  readonly headers?: readonly string[];
  /** The i= tag, `{domain}` to be filled in. */
  readonly identity?: string;
  /** From signing to the x= tag. */
  readonly expire?: Ms;
  readonly canonicalization: { readonly header: Canonicalization; readonly body: Canonicalization };
  readonly from: Place;
}

export type Canonicalization = 'relaxed' | 'simple';

export interface Pool {
  readonly name: string;
  /** Weight among warm sources; 0 takes none. */
  readonly sources: readonly { readonly source: string; readonly weight: number }[];
  readonly coldWait: Ms;
  readonly stickyFor: Ms;
  readonly warmUp: WarmUpWish;
  readonly priority?: Priority;
  /** Stands for one source of the same name; nobody wrote it down. */
  readonly implicit?: true;
  /** Default true; a client's own word goes before it. */
  readonly dkimSign?: DkimSign;
  /** Each recipient's mail leaves with a reverse path of its own, so that later bounces and complaints name it. */
  readonly verp?: boolean;
  readonly from: Place;
}

/** A host written by the operator, where mail goes without an MX lookup. */
export interface SmtpHost {
  readonly host: string;
  readonly port: number;
  /** starttls: TLS or nothing; implicit: TLS from the first byte; none: in the clear. Absent: the lane's limits decide. */
  readonly tls?: 'starttls' | 'implicit' | 'none';
  readonly auth?: { readonly user: string; readonly password: string };
}

/** Which sources may serve a provider; `prefer-…`: the others only when none of that family can go. */
export type AddressFamily = 'any' | 'ipv4' | 'ipv6' | 'prefer-ipv4' | 'prefer-ipv6';

export interface Provider {
  readonly name: string;
  /** Globs; every MX host of a domain must match one of them. */
  readonly mx: readonly string[];
  /** Recipient domains that belong to it, whatever their MX. */
  readonly domains: readonly string[];
  /** Static routes: no MX lookup for its domains. */
  readonly smtpHosts: readonly SmtpHost[];
  /** Globs of MX hosts that are never used. */
  readonly excludeMx?: readonly string[];
  /** any unless said. */
  readonly addressFamily?: AddressFamily;
  readonly limits: Limits;
  readonly rules: readonly Rule[];
  /** Sends ARF feedback: its deliveries count for complaint rates. */
  readonly feedback: boolean;
  readonly from: Place;
}

export interface Client {
  /** CIDR ranges; empty when it is a user. */
  readonly from: readonly string[];
  readonly user?: string;
  /** `scrypt:<salt base64url>:<hash base64url>` or plain text with a warning. */
  readonly password?: string;
  readonly pool: string;
  readonly allowHeaders: boolean;
  readonly warmUp?: WarmUpWish;
  /** normal unless the client, its pool or the message says otherwise. */
  readonly priority?: Priority;
  /** Who gets our notices about its mail; the sender unless said. */
  readonly notices?: 'sender' | 'postmaster' | 'none';
  readonly dkimSign?: DkimSign;
  /** SMTP connections at once, of all its addresses together; unlimited unless said. */
  readonly maxConnections?: number;
  readonly place: Place;
}

/** Who may speak HTTP to the control API. */
export interface HttpToken {
  readonly name: string;
  /** `scrypt:<salt base64url>:<hash base64url>` of the token. */
  readonly token: string;
  /** inject: hands mail in; read: sees status, metrics and messages; operator: everything. */
  readonly role: 'inject' | 'read' | 'operator';
  /** As whom it hands mail in; undefined: it may not. */
  readonly client?: Client;
}

export interface HttpSettings {
  readonly address: string;
  readonly port: number;
  /** undefined: clear text. */
  readonly tls?: { readonly cert: string; readonly key: string };
  /** CIDR ranges; everybody else is refused before anything is asked. */
  readonly allow: readonly string[];
  readonly tokens: readonly HttpToken[];
  readonly from: Place;
}

/** RFC 5321 §4.5.3.2.7: a server waits at least five minutes for the next command. */
export const LISTENER_IDLE: Ms = 5 * 60_000;

export interface Listener {
  readonly address: string;
  readonly port: number;
  readonly tls?: { readonly cert: string; readonly key: string; readonly mode: 'starttls' | 'implicit' };
  /** At once; 2,000 unless said. */
  readonly maxConnections?: number;
  /** A client that says nothing for so long is gone; LISTENER_IDLE unless said. */
  readonly idleTimeout?: Ms;
  readonly from: Place;
}

/** TLS towards receivers. */
export interface TlsSettings {
  /** Look up and obey MTA-STS policies (RFC 8461). */
  readonly mtaSts: boolean;
  /** Roots besides those of node, PEM: for certificates of MX hosts and of policy servers. */
  readonly ca?: { readonly file: string; readonly pem: string };
  readonly minVersion: 'TLSv1.2' | 'TLSv1.3';
  /** Where MTA-STS policies are fetched; 443 but for tests. */
  readonly httpsPort: number;
  /** TLS-RPT (RFC 8460): who sends the daily reports. */
  readonly report?: { readonly from: string; readonly organization: string; readonly pool?: string };
}

export const TLS_DEFAULTS: TlsSettings = { mtaSts: true, minVersion: 'TLSv1.2', httpsPort: 443 };

/** What a reload cannot change. */
export const FIXED_KEYS = ['state-dir', 'node', 'user', 'control.socket', 'log.level', 'log.file', 'dns.servers', 'dns.dnssec'] as const;
export type FixedKey = (typeof FIXED_KEYS)[number];

export interface Settings {
  /** The file it was read from. */
  readonly file: string;
  readonly hostName: string;
  readonly stateDir: string;
  /** Number in message and journal ids, 0 to 255. */
  readonly node: number;
  /** Name or uid to become after binding. */
  readonly user?: string;
  readonly listeners: readonly Listener[];
  readonly clients: readonly Client[];
  readonly maxMessageSize: number;
  readonly maxRecipients: number;
  /** MESSAGE_RULES unless said. */
  readonly messageRules?: MessageRules;
  /** Messages waiting above which new ones get 452. Infinity: none. */
  readonly maxBacklog: number;
  /** Free bytes on the spool's file system below which new messages get 452. */
  readonly minFree: number;
  readonly sources: ReadonlyMap<string, Source>;
  readonly pools: ReadonlyMap<string, Pool>;
  readonly providers: ReadonlyMap<string, Provider>;
  readonly schedules: ReadonlyMap<string, Schedule>;
  readonly defaults: Limits;
  readonly total: Limits;
  /** Recipient domain glob → domain whose route and provider it uses. */
  readonly queueTo: readonly { readonly domain: string; readonly to: string; readonly from: Place }[];
  /** `dnssec`: the servers, all on loopback, validate; their AD is believed (DANE needs it). */
  readonly dns: { readonly servers: readonly string[]; readonly dnssec?: boolean };
  /** Absent: TLS_DEFAULTS. */
  readonly tls?: TlsSettings;
  /** In the order written. */
  readonly dkim?: readonly DkimKey[];
  readonly smtpPort: number;
  /** Permit delivery to loopback and private addresses. */
  readonly allowPrivate: boolean;
  readonly control: { readonly socket: string; readonly http?: HttpSettings };
  readonly accounting?: readonly AccountingFileSettings[];
  readonly rejectLog?: RejectLogSettings;
  readonly webhooks?: readonly WebhookSettings[];
  readonly alerts?: readonly AlertSettings[];
  readonly log: { readonly level: 'debug' | 'info' | 'warn' | 'error'; readonly file?: string };
  /** Notices of failure, delay and relaying (DSN). */
  readonly dsn: {
    readonly from: string;
    readonly pool?: string;
    /** Told instead of the sender of mail of clients with `dsn: postmaster`; postmaster@host-name unless said. */
    readonly postmaster?: string;
    /** Ages of a message at which its sender is told that it is late, ascending; DELAY_AFTER unless said. */
    readonly delayAfter?: readonly Ms[];
  };
  /** undefined: nobody is suppressed, and nothing is added to the list but by people. */
  readonly suppression?: SuppressionSettings;
  /** undefined: mail is taken from clients only. */
  readonly feedback?: FeedbackSettings;
  /** Absent: every check, at the start for addresses that the Internet sees. */
  readonly doctor?: DoctorSettings;
  /** Seconds to let transactions finish when stopping. */
  readonly drain: Ms;
  /** Where the directives that need a restart stand. */
  readonly fixedFrom?: Readonly<Record<FixedKey, Place>>;
  /** Warnings met while reading (never faults). */
  readonly warnings: readonly Fault[];
}
