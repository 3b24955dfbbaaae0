/**
 * What a connection to one MX host must be: the words that routing (who knows what a domain's policy says), delivery (who
 * makes the handshake) and the counters (who report it) share.
 *
 * A policy with `enforce` is a promise: mail that cannot leave as it demands waits, or fails with class `tls`; it never leaves
 * in the clear and never over a connection that was not verified. Pure.
 */
import { bareName } from './text.js';

/**
 * opportunistic: TLS when offered, nothing verified. encrypt: TLS or nothing, nothing verified. verify: TLS with a certificate
 * that chains to a trusted root and names the host. dane: TLS with a certificate that a TLSA record matches (RFC 7672).
 */
export type TlsLevel = 'opportunistic' | 'encrypt' | 'verify' | 'dane';

export type TlsOrigin = 'none' | 'mta-sts' | 'mta-sts-testing' | 'dane' | 'config';

/** RFC 6698 section 2.1. */
export interface TlsaRecord {
  /** 2: DANE-TA, 3: DANE-EE; 0 and 1 are unusable for SMTP (RFC 7672 section 3.1.3). */
  readonly usage: number;
  /** 0: the whole certificate, 1: its SubjectPublicKeyInfo. */
  readonly selector: number;
  /** 0: the data itself, 1: SHA-256 of it, 2: SHA-512. */
  readonly matching: number;
  readonly data: Uint8Array;
}

export interface TlsPolicy {
  readonly level: TlsLevel;
  readonly origin: TlsOrigin;
  /** False: whatever fails is counted, and mail leaves as it would without the policy. */
  readonly enforce: boolean;
  /** Whom RFC 8460 reports are about: the recipient domain. */
  readonly domain: string;
  /** Names of which the certificate must carry one (DNS-IDs, RFC 6125); DANE-EE ignores them. The first is the SNI. */
  readonly names: readonly string[];
  /** Level dane only; at least one record is usable. */
  readonly tlsa?: readonly TlsaRecord[];
  /** MTA-STS in testing only: the policy does not name this MX host, which counts as a failure. */
  readonly unnamed?: boolean;
  /** The policy as RFC 8460 section 4.4 quotes it in `policy-string`. */
  readonly text: readonly string[];
  /** MX patterns of an MTA-STS policy, or the TLSA base domain. */
  readonly mx: readonly string[];
}

/** What is known about one MX host before it is dialled. temporary: nothing may be sent there now (RFC 7672 section 2.1.2). */
export type HostTls =
  | { readonly kind: 'policy'; readonly policy: TlsPolicy }
  | { readonly kind: 'temporary'; readonly policy: TlsPolicy; readonly failure: TlsFailure; readonly text: string };

/** Result types of RFC 8460 section 4.3. */
export const TLS_FAILURES = [
  'starttls-not-supported',
  'certificate-host-mismatch',
  'certificate-expired',
  'certificate-not-trusted',
  'validation-failure',
  'tlsa-invalid',
  'dnssec-invalid',
  'dane-required',
  'sts-policy-fetch-error',
  'sts-policy-invalid',
  'sts-webpki-invalid',
] as const;

export type TlsFailure = (typeof TLS_FAILURES)[number];

/** How TLS with one MX host went for one domain: an event for the counters, one for each domain that shares the connection. Successful connections have no `failure`. */
export interface TlsResult {
  readonly policy: TlsPolicy;
  readonly mxHost: string;
  readonly sourceIp: string;
  /** '' when no address was reached. */
  readonly receivingIp: string;
  readonly failure?: TlsFailure;
  /** For people and `additional-information`; made printable by whoever shows it. */
  readonly detail?: string;
}

/** The limit keys that say something about TLS. */
export interface TlsWish {
  readonly useStarttls: boolean;
  readonly requireStarttls: boolean;
  readonly verifyStarttls: boolean;
}

/** No policy: as the limits say. */
export const noPolicy = (domain: string, host: string): TlsPolicy => ({
  level: 'opportunistic',
  origin: 'none',
  enforce: false,
  domain,
  names: [host],
  text: [],
  mx: [],
});

/**
 * The policy in force at a host: what its domain publishes, and what the limits demand, whichever is stricter. A published
 * policy that is only tested gives way to a demand of ours.
 */
export function strictest(published: TlsPolicy, wish: TlsWish, host: string): TlsPolicy {
  const ours: TlsLevel = wish.verifyStarttls ? 'verify' : wish.requireStarttls ? 'encrypt' : 'opportunistic';
  const theirs: TlsLevel = published.enforce ? published.level : 'opportunistic';
  if (RANK[ours] <= RANK[theirs]) return published;
  // DANE whose records are all unusable asks only for encryption; a wish to verify then means the Web's authorities.
  return { ...published, level: ours, origin: 'config', enforce: true, names: [host] };
}

/** Both verify the peer; DANE's way is not bettered by asking the Web's authorities too. */
const RANK: Readonly<Record<TlsLevel, number>> = { opportunistic: 0, encrypt: 1, verify: 2, dane: 2 };

/**
 * Does an `mx` pattern of an MTA-STS policy name this host? RFC 8461 section 4.1: `*.` in front stands for exactly one label,
 * a wildcard stands nowhere else. Case does not matter, nor does a dot at the end.
 */
export function matchesStsName(pattern: string, host: string): boolean {
  const wanted = bareName(pattern);
  const name = bareName(host);
  if (!wanted.startsWith('*.')) return wanted !== '' && wanted === name;
  const dot = name.indexOf('.');
  return dot > 0 && name.slice(dot + 1) === wanted.slice(2);
}
