/**
 * Addresses written backwards, as the DNS asks about them: below in-addr.arpa and ip6.arpa (RFC 1035 §3.5, RFC 3596 §2.5),
 * and below the zone of a block list (RFC 5782 §2.1, §2.4). Pure.
 */
import ipaddr from 'ipaddr.js';

/** Octets (IPv4) or nibbles (IPv6) from the last to the first, dots between. Throws on what is no address. */
export function reversed(address: string): string {
  const parsed = ipaddr.process(address);
  const bytes = parsed.toByteArray();
  if (parsed.kind() === 'ipv4') return bytes.reverse().join('.');
  return bytes
    .reverse()
    .flatMap(byte => [byte & 0xf, byte >> 4])
    .map(nibble => nibble.toString(16))
    .join('.');
}

/** Where the PTR record of an address stands. */
export function reverseName(address: string): string {
  return `${reversed(address)}.${ipaddr.process(address).kind() === 'ipv4' ? 'in-addr' : 'ip6'}.arpa`;
}
