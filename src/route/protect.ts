/**
 * Which addresses mail may go to. Pure.
 *
 * A recipient's domain is chosen by strangers; its DNS may point at this machine or the network behind it. Unless the
 * settings allow private addresses, only globally routed unicast addresses that are not our own are used. What an IPv6
 * address says in IPv4 counts: mapped addresses are the IPv4 address, those of a NAT64 are judged by it, and forms that
 * embed one for tunnels (6to4, Teredo, IPv4-compatible) are not used at all.
 */
import ipaddr from 'ipaddr.js';
import type { Settings } from '../kernel/settings.js';

/** One writing per address: IPv4 in IPv6 becomes IPv4, IPv6 is compressed. undefined when it is no address. */
export function canonicalIp(text: string): string | undefined {
  return ipaddr.isValid(text) ? ipaddr.process(text).toString() : undefined;
}

/** Unicast that is routed between networks (RFC 4291 §2.4, IANA's registry); special ranges inside it are ipaddr's to know. */
const GLOBAL_UNICAST = ipaddr.IPv6.parseCIDR('2000::/3');
/** Where a NAT64 writes IPv4 addresses: the last 32 bits of 64:ff9b::/96 (RFC 6052 §2.1, §2.2). */
const NAT64 = ipaddr.IPv6.parseCIDR('64:ff9b::/96');

/** The addresses of sources and listeners, and those of this machine's interfaces. */
export function ownAddresses(settings: Settings, interfaces: readonly string[] = []): ReadonlySet<string> {
  const texts = [...[...settings.sources.values()].map(s => s.address), ...settings.listeners.map(l => l.address), ...interfaces];
  return new Set(texts.map(text => canonicalIp(text.replace(/%.*$/, ''))).filter(a => a !== undefined));
}

/** Loopback, private, link-local, reserved, multicast, tunnels and our own: everything but plain unicast elsewhere. */
export function isOffLimits(address: string, own: ReadonlySet<string>): boolean {
  const canonical = canonicalIp(address);
  if (canonical === undefined || own.has(canonical)) return true;
  const parsed = ipaddr.process(canonical);
  if (parsed instanceof ipaddr.IPv4) return parsed.range() !== 'unicast';
  if (parsed.match(NAT64)) return isOffLimits(ipaddr.fromByteArray(parsed.toByteArray().slice(12)).toString(), own);
  return !parsed.match(GLOBAL_UNICAST) || parsed.range() !== 'unicast';
}
