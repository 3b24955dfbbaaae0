/**
 * Recipient domains as people and remote DNS write them, and their one canonical form. Pure.
 */
import { isIP } from 'node:net';
import { domainToASCII } from 'node:url';
import ipaddr from 'ipaddr.js';
import { bareName, globMatches } from '../kernel/text.js';

export type Domain =
  | { readonly kind: 'name'; readonly name: string }
  /** An address literal (RFC 5321 §4.1.3). */
  | { readonly kind: 'literal'; readonly name: string; readonly address: string }
  | { readonly kind: 'invalid'; readonly name: string; readonly text: string };

/** Longest name and label, RFC 1035 §2.3.4. */
const NAME_MOST = 253;
const LABEL = /^[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?$/;

/** Lower case, no trailing dot, IDNA as A-labels (RFC 5891). Never throws. */
export function readDomain(text: string): Domain {
  const name = bareName(text.trim());
  if (name.startsWith('[')) return readLiteral(name);
  // domainToASCII reads hosts as browsers do ("1.2.3" is an address to it), so only names that need it go through it.
  const ascii = /^[\u0021-\u007e]*$/.test(name) ? name : domainToASCII(name).replace(/\.$/, '');
  if (isIP(ascii)) return { kind: 'invalid', name, text: 'an IP address as a domain must stand in brackets' };
  if (!isHostName(ascii)) return { kind: 'invalid', name, text: 'is not a domain name' };
  return { kind: 'name', name: ascii };
}

/** Letters, digits, hyphens and underscores in labels of 1 to 63; the name up to 253. Expects lower case. */
export function isHostName(name: string): boolean {
  return name.length > 0 && name.length <= NAME_MOST && name.split('.').every(label => LABEL.test(label));
}

function readLiteral(name: string): Domain {
  const inside = /^\[(?:(ipv6):)?([0-9a-f.:]+)\]$/.exec(name);
  const family = inside?.[1] ? 6 : 4;
  if (isIP(inside?.[2] ?? '') !== family) return { kind: 'invalid', name, text: 'is not an address literal' };
  const address = ipaddr.parse(inside?.[2] ?? '').toString();
  return { kind: 'literal', name: family === 6 ? `[ipv6:${address}]` : `[${address}]`, address };
}

/** Domain patterns → values. An exact name wins over globs; among globs the first written wins. */
export class DomainTable<T> {
  readonly #exact = new Map<string, T>();
  readonly #globs: { readonly pattern: string; readonly value: T }[] = [];

  add(pattern: string, value: T): void {
    const key = bareName(pattern.trim());
    if (/[*?]/.test(key)) this.#globs.push({ pattern: key, value });
    else {
      const read = readDomain(key);
      if (!this.#exact.has(read.name)) this.#exact.set(read.name, value);
    }
  }

  find(name: string): T | undefined {
    const exact = this.#exact.get(name);
    if (exact !== undefined) return exact;
    return this.#globs.find(g => globMatches(g.pattern, name))?.value;
  }
}
