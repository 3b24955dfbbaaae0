/**
 * Which sources may carry a provider's mail, by address family: a source reaches hosts of its own family only, and a
 * provider may want one family, or prefer it. Pure.
 */
import type { AddressFamily, Settings, Source } from '../kernel/settings.js';
import { familyOf, type Family } from '../route/families.js';

/** Where a group's mail may go from. `families`: those of its MX hosts; undefined: any. */
export interface Reach {
  readonly provider: string;
  readonly families?: readonly Family[] | undefined;
}

const ONLY: Readonly<Partial<Record<AddressFamily, Family>>> = { ipv4: 4, ipv6: 6 };
const FIRST: Readonly<Partial<Record<AddressFamily, Family>>> = { 'prefer-ipv4': 4, 'prefer-ipv6': 6 };

const wishOf = (provider: string, settings: Settings): AddressFamily => settings.providers.get(provider)?.addressFamily ?? 'any';

export function reaches(source: Source, { provider, families }: Reach, settings: Settings): boolean {
  const family = familyOf(source.address);
  const only = ONLY[wishOf(provider, settings)];
  return (only === undefined || only === family) && (families === undefined || families.includes(family));
}

/** The family whose sources go first, where a provider prefers one. */
export const preferredFamily = (provider: string, settings: Settings): Family | undefined => FIRST[wishOf(provider, settings)];

/** Why no source of a pool may carry it; undefined when one may. */
export function outOfReach(pool: string, reach: Reach, settings: Settings): string | undefined {
  const sources = (settings.pools.get(pool)?.sources ?? []).flatMap(({ source }) => settings.sources.get(source) ?? []);
  if (sources.length === 0 || sources.some(source => reaches(source, reach, settings))) return undefined;
  const only = ONLY[wishOf(reach.provider, settings)];
  const wanted = reach.families?.filter(family => only === undefined || family === only) ?? (only === undefined ? [] : [only]);
  const [family] = wanted;
  if (family === undefined) return `provider ${reach.provider} takes ${name(only)} only, and its MX hosts have no such address`;
  const why =
    only === undefined ? `its MX hosts have ${name(family)} addresses only` : `provider ${reach.provider} takes ${name(only)} only`;
  return `${why}, and pool ${pool} has no ${name(family)} source`;
}

const name = (family: Family | undefined): string => `IPv${family ?? 4}`;
