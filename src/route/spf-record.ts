/**
 * An SPF record as terms (RFC 7208 §4.6, §5, §6). Pure; never throws.
 *
 * What is not well-formed anywhere in the record makes the whole of it an error, as §4.6 demands: a term behind the one that
 * matches counts too.
 */
import ipaddr from 'ipaddr.js';

export type SpfResult = 'pass' | 'fail' | 'softfail' | 'neutral';

export interface SpfMechanism {
  readonly result: SpfResult;
  readonly kind: 'all' | 'include' | 'a' | 'mx' | 'ptr' | 'ip4' | 'ip6' | 'exists';
  /** A domain with macros, not expanded; '' is the domain in question. Of ip4 and ip6: the address. */
  readonly value: string;
  /** Prefix lengths for a, mx, ip4 (the first) and ip6 (the second). */
  readonly bits4: number;
  readonly bits6: number;
  /** As written. */
  readonly text: string;
}

export interface SpfRecord {
  readonly mechanisms: readonly SpfMechanism[];
  /** Not expanded. */
  readonly redirect?: string;
}

const RESULTS: Readonly<Record<string, SpfResult>> = { '+': 'pass', '-': 'fail', '~': 'softfail', '?': 'neutral' };
const MECHANISM = /^([-+~?]?)(all|include|a|mx|ptr|ip4|ip6|exists)(?=[:/]|$)(.*)$/i;
const MODIFIER = /^([a-z][a-z0-9_.-]*)=(.*)$/i;
/** A mechanism's argument: `:domain`, `/24`, `//64`, in this order. */
const ARGUMENT = /^(?::(.+?))?(?:\/(\d{1,3}))?(?:\/\/(\d{1,3}))?$/;
/** §7.1: macros, escapes, and visible characters. */
const DOMAIN_SPEC = /^(?:%\{[slodiphcrtv]\d*r?[-.+,/_=]*\}|%[%_-]|[!-$&-~])+$/i;

/** Does a TXT record say that it is one (§4.5)? */
export const isSpf = (text: string): boolean => /^v=spf1(?: |$)/i.test(text);

/** The terms, or what is wrong. */
export function readSpf(text: string): SpfRecord | { readonly error: string } {
  const mechanisms: SpfMechanism[] = [];
  let redirect: string | undefined;
  const seen = new Set<string>();
  for (const term of text.split(' ').slice(1).filter(Boolean)) {
    const found = MECHANISM.exec(term);
    if (found) {
      const mechanism = readMechanism(term, RESULTS[found[1] || '+'] as SpfResult, (found[2] ?? '').toLowerCase(), found[3] ?? '');
      if (!mechanism) return { error: `${term} is not well-formed` };
      mechanisms.push(mechanism);
      continue;
    }
    const [, name = '', value = ''] = MODIFIER.exec(term) ?? [];
    if (name === '') return { error: `${term} is no mechanism of SPF` };
    const key = name.toLowerCase();
    // Unknown modifiers are passed over (§6).
    if (key !== 'redirect' && key !== 'exp') continue;
    if (seen.has(key) || !DOMAIN_SPEC.test(value)) return { error: `${term} is ${seen.has(key) ? 'said twice' : 'not well-formed'}` };
    seen.add(key);
    if (key === 'redirect') redirect = value;
  }
  return { mechanisms, ...(redirect !== undefined && { redirect }) };
}

function readMechanism(text: string, result: SpfResult, name: string, rest: string): SpfMechanism | undefined {
  const kind = name as SpfMechanism['kind'];
  const made = (value: string, bits4 = 32, bits6 = 128): SpfMechanism | undefined =>
    bits4 > 32 || bits6 > 128 ? undefined : { result, kind, value, bits4, bits6, text };
  if (kind === 'all') return rest === '' ? made('') : undefined;
  if (kind === 'ip4' || kind === 'ip6') {
    const [, address = '', length] = /^:([0-9a-fA-F.:]+)(?:\/(\d{1,3}))?$/.exec(rest) ?? [];
    const good = kind === 'ip4' ? ipaddr.IPv4.isValidFourPartDecimal(address) : address.includes(':') && ipaddr.IPv6.isValid(address);
    if (!good) return undefined;
    const bits = length === undefined ? undefined : Number(length);
    return kind === 'ip4' ? made(address, bits) : made(address, undefined, bits);
  }
  const [whole, value = '', four, six] = ARGUMENT.exec(rest) ?? [];
  if (whole === undefined || (value !== '' && !DOMAIN_SPEC.test(value))) return undefined;
  const prefixed = four !== undefined || six !== undefined;
  if (kind === 'a' || kind === 'mx')
    return made(value, four === undefined ? undefined : Number(four), six === undefined ? undefined : Number(six));
  if (prefixed || (kind !== 'ptr' && value === '')) return undefined;
  return made(value);
}
