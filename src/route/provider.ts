/**
 * Who runs the MX hosts of a domain. Pure.
 *
 * A provider of the settings when all of a domain's MX hosts match its globs; else the MX set itself is the provider, so that
 * the 383 customers of one hosting company are one lane and not 383.
 */
import { createHash } from 'node:crypto';
import { globMatches } from '../kernel/text.js';
import type { Provider } from '../kernel/settings.js';

/** Longest MX set that is written out, characters. */
const WRITTEN_MOST = 100;
const FIRST_MOST = 80;
const HASH_LENGTH = 8;

/** The first provider (in the settings' order) whose globs match every one of these hosts. Hosts are lower-case. */
export function providerOfHosts(providers: Iterable<Provider>, hosts: readonly string[]): Provider | undefined {
  if (hosts.length === 0) return undefined;
  for (const provider of providers) {
    const globs = provider.mx.map(glob => glob.trim().replace(/\.$/, '')).filter(glob => glob !== '');
    if (globs.length > 0 && hosts.every(host => globs.some(glob => globMatches(glob, host)))) return provider;
  }
  return undefined;
}

/**
 * The name of an MX set: its hosts sorted and joined with commas; over 100 characters its first host, how many others there
 * are, and a hash of all. A host without a dot keeps the root's, so that no MX record can pose as a provider of the settings.
 */
export function nameOfMxSet(hosts: readonly string[]): string {
  const sorted = [...new Set(hosts)].sort().map(host => (host.includes('.') ? host : `${host}.`));
  const written = sorted.join(',');
  if (written.length <= WRITTEN_MOST) return written;
  const hash = createHash('sha256').update(written).digest('hex').slice(0, HASH_LENGTH);
  return `${(sorted[0] ?? '').slice(0, FIRST_MOST)}+${sorted.length - 1}~${hash}`;
}
