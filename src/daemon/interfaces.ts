/**
 * The addresses this machine has now: no stranger's MX record may lead to them.
 */
import { networkInterfaces } from 'node:os';

/** Empty where the system does not tell. */
export function interfaceAddresses(): string[] {
  try {
    return Object.values(networkInterfaces()).flatMap(list => (list ?? []).map(({ address }) => address));
  } catch {
    return [];
  }
}
