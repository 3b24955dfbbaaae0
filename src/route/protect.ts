/**
 * Which addresses mail may go to. Pure.
 *
 * A recipient's domain is chosen by strangers; its DNS may point at this machine or the network behind it. Unless the
 * settings allow private addresses, only globally routed unicast addresses that are not our own are used.
 */
import ipaddr from 'ipaddr.js';
import type { Settings } from '../kernel/settings.js';

/** One writing per address: IPv4 in IPv6 becomes IPv4, IPv6 is compressed. undefined when it is no address. */
export function canonicalAddress(text: string): string | undefined {
  return ipaddr.isValid(text) ? ipaddr.process(text).toString() : undefined;
}

/** The addresses of sources and listeners. */
export function ownAddresses(settings: Settings): ReadonlySet<string> {
  const texts = [...[...settings.sources.values()].map(s => s.address), ...settings.listeners.map(l => l.address)];
  return new Set(texts.map(canonicalAddress).filter(a => a !== undefined));
}

/** Loopback, private, link-local, reserved, multicast, tunnels and our own: everything but plain unicast elsewhere. */
export function isOffLimits(address: string, own: ReadonlySet<string>): boolean {
  const canonical = canonicalAddress(address);
  return canonical === undefined || own.has(canonical) || ipaddr.process(address).range() !== 'unicast';
}
