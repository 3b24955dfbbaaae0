/**
 * Addresses as names, written backwards where the DNS asks about them: below in-addr.arpa and ip6.arpa (RFC 1035 §3.5, RFC 3596 §2.5),
 * and below the zone of a block list (RFC 5782 §2.1, §2.4). Pure.
 */
import ipaddr from 'ipaddr.js';

/** Octets of an IPv4 address, nibbles of an IPv6 one, dots between. Throws on what is no address. */
export function dotted(address: string): string {
  const parsed = ipaddr.process(address);
  if (parsed.kind() === 'ipv4') return parsed.toString();
  return parsed
    .toByteArray()
    .flatMap(byte => [byte >> 4, byte & 0xf])
    .map(nibble => nibble.toString(16))
    .join('.');
}

/** The same from the last to the first. */
export const reversed = (address: string): string => dotted(address).split('.').reverse().join('.');

/** The label below `arpa` under which addresses of its kind stand. */
export const arpaLabel = (address: string): string => (ipaddr.process(address).kind() === 'ipv4' ? 'in-addr' : 'ip6');

/** Where the PTR record of an address stands. */
export const reverseName = (address: string): string => `${reversed(address)}.${arpaLabel(address)}.arpa`;
