/**
 * Addresses of MAIL FROM and RCPT TO, brought to the one form in which they travel.
 *
 * The domain becomes lower-case A-labels (RFC 5890), the local part stays byte for byte. Address literals pass as they
 * are. Whether a domain exists is for routing to find out. Pure.
 */
import { isIPv4, isIPv6 } from 'node:net';
import { domainToASCII } from 'node:url';

export type Canonical =
  { readonly ok: true; readonly address: string; readonly utf8: boolean } | { readonly ok: false; readonly why: string };

const bad = (why: string): Canonical => ({ ok: false, why });

/** RFC 5321 §4.1.2 Dot-string with the characters of RFC 6531, or a quoted string. Dots are checked by the caller. */
const LOCAL_PART = /^(?:[a-z0-9!#$%&'*+\-/=?^_`{|}~.\u00a0-\u{10ffff}]+|"(?:[^"\\\p{Cc}]|\\[ -~])*")$/iu;
const PLAIN_DOMAIN = /^(?:[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?\.)*[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?$/i;
const ENDS_IN_NUMBER = /(?:^|\.)\d+$/;
const ASCII_ONLY = /^[\x20-\x7e]*$/;
/** RFC 5321 §4.5.3.1.3 gives a path 256 octets, brackets included. */
const MAX_OCTETS = 254;

/** `address` without brackets, as smtp-server parsed it; '' (the null sender) is the caller's affair. */
export function canonicalAddress(address: string): Canonical {
  const at = address.lastIndexOf('@');
  if (at <= 0 || at === address.length - 1) return bad('an address is local-part@domain');
  if (address.includes('\ufffd')) return bad('the address is not valid UTF-8');
  const local = address.slice(0, at);
  if (!LOCAL_PART.test(local) || local.startsWith('.') || local.endsWith('.') || (local[0] !== '"' && local.includes('..'))) {
    return bad('the local part has characters or dots that stand only in quotes');
  }
  const domain = canonicalDomain(address.slice(at + 1));
  if (domain === undefined) return bad('the domain is not a valid domain name');
  const whole = `${local}@${domain}`;
  if (Buffer.byteLength(whole) > MAX_OCTETS) return bad(`the address is longer than ${MAX_OCTETS} octets`);
  return { ok: true, address: whole, utf8: !ASCII_ONLY.test(local) };
}

/** Lower-case A-labels, or the address literal; undefined when it is neither. A name that ends in a number is no name. */
export function canonicalDomain(domain: string): string | undefined {
  if (domain.startsWith('[')) return isLiteral(domain) ? domain : undefined;
  const ascii = ASCII_ONLY.test(domain) ? domain.toLowerCase() : domainToASCII(domain);
  // After the mapping: there are digits that are not ASCII, and they become some.
  if (ENDS_IN_NUMBER.test(ascii)) return undefined;
  return ascii.length <= 253 && PLAIN_DOMAIN.test(ascii) ? ascii : undefined;
}

/** RFC 5321 §4.1.3; of its general form nothing is known that could be delivered to. */
function isLiteral(domain: string): boolean {
  const [, v6, address = ''] = /^\[(IPv6:)?([0-9a-f.:]+)\]$/i.exec(domain) ?? [];
  return v6 === undefined ? isIPv4(address) : isIPv6(address);
}
