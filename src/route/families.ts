/**
 * In which address families a set of MX hosts can be reached: a source has one address and reaches hosts of its family only.
 */
import { isIP } from 'node:net';
import type { HostAddresses, MxHost } from './router.js';

export type Family = 4 | 6;

/** MX hosts whose addresses are looked up beforehand, best preferences first. */
const LOOKED_AT = 5;

/** The families of the hosts' addresses; undefined when none has an address, or one of them cannot be looked up now. */
export async function familiesOf(
  hosts: readonly MxHost[],
  addresses: (host: MxHost) => Promise<HostAddresses>,
): Promise<readonly Family[] | undefined> {
  const found = await Promise.all(hosts.slice(0, LOOKED_AT).map(addresses));
  const families = new Set<Family>();
  for (const one of found) {
    if ('temporary' in one) return undefined;
    if ('addresses' in one) for (const address of one.addresses) families.add(familyOf(address));
  }
  return families.size > 0 ? [...families].sort() : undefined;
}

/** The family of an address that is known to be one. */
export const familyOf = (address: string): Family => (isIP(address) === 6 ? 6 : 4);
