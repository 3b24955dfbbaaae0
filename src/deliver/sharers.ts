/**
 * Whom a connection is counted for: domains that demand the same of the same hosts share connections, and each of them wants
 * to know how TLS went (RFC 8460 counts by policy domain). Pure.
 */
import type { TlsPolicy } from '../kernel/tls.js';
import type { Site } from './waiting.js';

/** Domains one connection is counted for; a site may have thousands. */
const MOST = 50;

/** The policies at one host of the domains that have mail ready at the site. */
export function policiesAt(site: Site, host: string): TlsPolicy[] {
  const policies = new Map<string, TlsPolicy>();
  // All domains of a site demand the same: mostly nothing, and then nobody need be looked at.
  if (!site.hosts.some(h => h.name === host && h.demand)) return [];
  for (const ring of Object.values(site.rings)) {
    for (const { route } of ring) {
      const policy = route?.hosts.find(h => h.name === host)?.demand?.policy;
      if (policy) policies.set(policy.domain, policy);
      if (policies.size >= MOST) return [...policies.values()];
    }
  }
  return [...policies.values()];
}

/** The policy that was met, as each sharer's own: an MTA-STS policy has a text of its own, what DANE says is the host's. */
export function countedFor(met: TlsPolicy, sharing: readonly TlsPolicy[]): TlsPolicy[] {
  if (sharing.length === 0) return [met];
  const own = met.origin === 'mta-sts' || met.origin === 'mta-sts-testing';
  return sharing.map(policy => (own ? policy : { ...met, domain: policy.domain }));
}
