/**
 * Which domains sign, and with which keys: said by `check`, which reads the key files as a start would. Pure but for that.
 */
import { isFixed } from '../accept/dkim-choice.js';
import type { KeysRead } from '../accept/dkim-keys.js';
import type { DkimKey, Settings } from '../kernel/settings.js';

export interface SigningDomain {
  readonly domain: string;
  /** `s1 (RSA 2048)`. */
  readonly keys: readonly string[];
}

export function signingDomains(settings: Settings, read: KeysRead): SigningDomain[] {
  const kindOf = (key: DkimKey): string =>
    isFixed(key) ? (read.held.find(({ entry }) => entry === key)?.key.kind ?? 'not read') : 'a file for each domain';
  const domains = new Map<string, string[]>();
  for (const key of settings.dkim ?? []) {
    const keys = domains.get(key.domain) ?? [];
    keys.push(`${key.selector} (${kindOf(key)})`);
    domains.set(key.domain, keys);
  }
  return [...domains].map(([domain, keys]) => ({ domain, keys }));
}

export function dkimLines(domains: readonly SigningDomain[]): string[] {
  return domains.map(({ domain, keys }, i) => `  ${(i === 0 ? 'dkim' : '').padEnd(9)}  ${domain}: ${keys.join(', ')}`);
}
