/**
 * Is the peer of a TLS connection what a policy demands? Pure: what the handshake showed is an argument.
 *
 * A verified certificate chains to a trusted root and carries one of the policy's names as a DNS name (RFC 6125 §6.4; common
 * names do not count, RFC 8461 §4.2). DANE looks at TLSA records only (RFC 7672 §3.1).
 */
import type { X509Certificate } from 'node:crypto';
import type { SmtpHost } from '../kernel/settings.js';
import { printable } from '../kernel/text.js';
import type { TlsFailure, TlsPolicy } from '../kernel/tls.js';
import type { Instant } from '../kernel/units.js';
import { matchesTlsa } from '../route/tlsa.js';

export interface TlsPeer {
  /** Certificates as shown, the peer's own first; empty when it showed none. */
  readonly chain: readonly X509Certificate[];
  /** Why the chain is not trusted, as OpenSSL names it; undefined when it is. */
  readonly untrusted?: string | undefined;
  /** A session taken up again: its peer was looked at when it began. */
  readonly resumed: boolean;
}

export type PeerVerdict = { readonly ok: true } | { readonly ok: false; readonly failure: TlsFailure; readonly detail: string };

const GOOD: PeerVerdict = { ok: true };

/** `wall` is today, for the dates of certificates. */
export function judgePeer(policy: TlsPolicy, peer: TlsPeer, wall: Instant): PeerVerdict {
  if (policy.unnamed) return bad('validation-failure', 'the policy does not name this MX host');
  if (peer.resumed || policy.level === 'opportunistic' || policy.level === 'encrypt') return GOOD;
  if (policy.level === 'dane') {
    return matchesTlsa(
      policy.tlsa ?? [],
      peer.chain.map(c => c.raw),
      policy.names,
      wall,
    );
  }
  const leaf = peer.chain[0];
  if (!leaf) return bad('validation-failure', 'the server showed no certificate');
  if (peer.untrusted !== undefined)
    return bad(failureOf(peer.untrusted), `the certificate is not trusted: ${printable(peer.untrusted, 100)}`);
  if (policy.names.some(name => leaf.checkHost(name, { subject: 'never', partialWildcards: false }) !== undefined)) return GOOD;
  return bad('certificate-host-mismatch', `the certificate names none of ${policy.names.join(', ')}`);
}

/** The policy as a reason names it; `own`: what the entry of a smart host says. */
export function policyName(policy: TlsPolicy, own: SmtpHost['tls']): string {
  if (policy.origin === 'dane') return `DANE for ${policy.names[0] ?? policy.domain}`;
  if (policy.origin === 'mta-sts' || policy.origin === 'mta-sts-testing') return `the MTA-STS policy of ${policy.domain}`;
  if (policy.level === 'encrypt' && own !== undefined && own !== 'none') return `tls: ${own} of the smart host`;
  return policy.level === 'verify' ? 'verify-starttls' : 'require-starttls';
}

/** OpenSSL's X509_V_ERR_* as node writes them → RFC 8460 §4.3. */
function failureOf(code: string): TlsFailure {
  if (code === 'CERT_HAS_EXPIRED') return 'certificate-expired';
  return UNTRUSTED.has(code) ? 'certificate-not-trusted' : 'validation-failure';
}

const UNTRUSTED: ReadonlySet<string> = new Set([
  'UNABLE_TO_GET_ISSUER_CERT',
  'UNABLE_TO_GET_ISSUER_CERT_LOCALLY',
  'UNABLE_TO_VERIFY_LEAF_SIGNATURE',
  'DEPTH_ZERO_SELF_SIGNED_CERT',
  'SELF_SIGNED_CERT_IN_CHAIN',
  'CERT_UNTRUSTED',
  'CERT_REVOKED',
  'CERT_CHAIN_TOO_LONG',
  'INVALID_CA',
]);

const bad = (failure: TlsFailure, detail: string): PeerVerdict => ({ ok: false, failure, detail });
