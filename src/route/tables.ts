/**
 * What routing needs of the settings, indexed once for those in force; and the addresses of this machine, which may change
 * while they are. Pure.
 */
import { isIP } from 'node:net';
import type { Provider, Settings } from '../kernel/settings.js';
import { MINUTE, type Instant } from '../kernel/units.js';
import { DomainTable } from './domain.js';
import { ownAddresses } from './protect.js';

/** How long the addresses of this machine are taken to be the same. */
const OWN_TTL = MINUTE;

export interface Tables {
  readonly settings: Settings;
  readonly queueTo: DomainTable<string>;
  readonly domains: DomainTable<Provider>;
  readonly own: ReadonlySet<string>;
  readonly ownUntil: Instant;
  /** There are sources of both families. */
  readonly choosesFamily: boolean;
}

export function readTables(settings: Settings, interfaces: readonly string[], now: Instant): Tables {
  const queueTo = new DomainTable<string>();
  for (const { domain, to } of settings.queueTo) queueTo.add(domain, to);
  const domains = new DomainTable<Provider>();
  for (const provider of settings.providers.values()) for (const domain of provider.domains) domains.add(domain, provider);
  const families = new Set([...settings.sources.values()].map(source => isIP(source.address)));
  const own = ownAddresses(settings, interfaces);
  return { settings, queueTo, domains, own, ownUntil: now + OWN_TTL, choosesFamily: families.size > 1 };
}

/** The same with the addresses of this machine looked at again. */
export const withOwnAddresses = (tables: Tables, interfaces: readonly string[], now: Instant): Tables => ({
  ...tables,
  own: ownAddresses(tables.settings, interfaces),
  ownUntil: now + OWN_TTL,
});
