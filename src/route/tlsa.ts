/**
 * Do the certificates a server showed match the TLSA records of its host? RFC 6698, 7671 and 7672, for SMTP.
 *
 * DANE-EE(3) binds the server's own certificate or key: names and dates do not count (RFC 7672 section 3.1.1). DANE-TA(2) binds
 * an authority: the chain up to it must be signed and in date, and the server's certificate must carry one of the names
 * (section 3.1.2). Usages 0 and 1 are unusable. Path length and name constraints of authorities are not looked at. Pure;
 * never throws, whatever the certificates hold.
 */
import { createHash, createPublicKey, timingSafeEqual, X509Certificate } from 'node:crypto';
import type { TlsaRecord, TlsFailure } from '../kernel/tls.js';
import type { Instant } from '../kernel/units.js';

export type TlsaMatch = { readonly ok: true } | { readonly ok: false; readonly failure: TlsFailure; readonly detail: string };

/** Authorities above the server's certificate that are followed. */
const CHAIN_MOST = 10;
const DIGEST_BYTES: Readonly<Record<number, number>> = { 1: 32, 2: 64 };

/** Records that say something SMTP can use; when none does, RFC 7672 section 2.2 asks for TLS without verification. */
export function usableTlsa(records: readonly TlsaRecord[]): TlsaRecord[] {
  return records.filter(({ usage, selector, matching, data }) => {
    if ((usage !== 2 && usage !== 3) || selector > 1 || matching > 2 || data.length === 0) return false;
    if (matching !== 0) return data.length === DIGEST_BYTES[matching];
    return selector === 0 ? readCertificate(data) !== undefined : readKey(data) !== undefined;
  });
}

/** `chain` is what the server showed, DER, its own certificate first; `wall` is today, for dates. */
export function matchesTlsa(
  records: readonly TlsaRecord[],
  chain: readonly Uint8Array[],
  names: readonly string[],
  wall: Instant,
): TlsaMatch {
  const usable = usableTlsa(records);
  const leaf = chain[0] && readCertificate(chain[0]);
  if (!leaf) return no('validation-failure', 'the server showed no certificate that can be read');
  if (usable.some(record => record.usage === 3 && certificateMatches(record, leaf))) return { ok: true };
  const anchors = usable.filter(record => record.usage === 2);
  if (anchors.length === 0) return no('validation-failure', 'no TLSA record matches the certificate');
  const shown = chain.slice(1, 1 + CHAIN_MOST).flatMap(der => readCertificate(der) ?? []);
  const reached = climb(leaf, anchors, shown, wall);
  if (!reached.ok) return reached;
  if (names.some(name => leaf.checkHost(name) !== undefined)) return { ok: true };
  return no('certificate-host-mismatch', `the certificate names none of ${names.join(', ')}`);
}

/** From the server's certificate up to an anchor. */
function climb(leaf: X509Certificate, anchors: readonly TlsaRecord[], shown: readonly X509Certificate[], wall: Instant): TlsaMatch {
  const authorities = [...shown, ...anchors.flatMap(a => (a.selector === 0 && a.matching === 0 ? (readCertificate(a.data) ?? []) : []))];
  const keys = anchors.flatMap(a => (a.selector === 1 && a.matching === 0 ? (readKey(a.data) ?? []) : []));
  let current = leaf;
  for (let depth = 0; depth <= CHAIN_MOST; depth++) {
    if (!inDate(current, wall))
      return no('certificate-expired', `a certificate is not valid today: ${current.validFrom} to ${current.validTo}`);
    const below = current;
    if (keys.some(key => signedBy(below, key))) return { ok: true };
    const issuer = authorities.find(a => !a.raw.equals(below.raw) && a.ca && below.checkIssued(a) && signedBy(below, a.publicKey));
    if (!issuer) break;
    if (anchors.some(record => certificateMatches(record, issuer)))
      return inDate(issuer, wall) ? { ok: true } : no('certificate-expired', 'the authority of the TLSA record is out of date');
    current = issuer;
  }
  return no('validation-failure', 'no TLSA record matches an authority of the certificate');
}

function certificateMatches({ selector, matching, data }: TlsaRecord, certificate: X509Certificate): boolean {
  const content = selector === 0 ? certificate.raw : keyOf(certificate);
  if (!content) return false;
  const found =
    matching === 0
      ? content
      : createHash(matching === 1 ? 'sha256' : 'sha512')
          .update(content)
          .digest();
  return found.length === data.length && timingSafeEqual(found, data);
}

/** The SubjectPublicKeyInfo as it stands in the certificate. */
function keyOf(certificate: X509Certificate): Buffer | undefined {
  try {
    return certificate.publicKey.export({ type: 'spki', format: 'der' });
  } catch {
    return undefined;
  }
}

function signedBy(certificate: X509Certificate, key: ReturnType<typeof createPublicKey>): boolean {
  try {
    return certificate.verify(key);
  } catch {
    return false;
  }
}

const inDate = (certificate: X509Certificate, wall: Instant): boolean =>
  Date.parse(certificate.validFrom) <= wall && wall <= Date.parse(certificate.validTo);

function readCertificate(der: Uint8Array): X509Certificate | undefined {
  try {
    return new X509Certificate(der);
  } catch {
    return undefined;
  }
}

function readKey(der: Uint8Array): ReturnType<typeof createPublicKey> | undefined {
  try {
    return createPublicKey({ key: Buffer.from(der), format: 'der', type: 'spki' });
  } catch {
    return undefined;
  }
}

const no = (failure: TlsFailure, detail: string): TlsaMatch => ({ ok: false, failure, detail });
