/**
 * Addresses as people write them: IP addresses, CIDR ranges, `host:port`, host and domain names, globs on them.
 *
 * Strict on purpose: 010.0.0.1 (octal to some, decimal to others), zone ids and shortened IPv4 are refused rather than
 * guessed. Canonical text comes out: RFC 5952 for IPv6, lower case for names.
 */
import ipaddr from 'ipaddr.js';
import type { Read } from './shape.js';

const bad = (allowed: string, hint?: string): { ok: false; allowed: string; hint?: string } => ({
  ok: false,
  allowed,
  ...(hint !== undefined && { hint }),
});

/** Canonical text of an IP address; undefined when it is none. An IPv4 address mapped into IPv6 comes out as IPv4. */
export function canonicalIp(text: string): string | undefined {
  if (ipaddr.IPv4.isValidFourPartDecimal(text)) return /(^|\.)0\d/.test(text) ? undefined : text;
  if (!text.includes(':') || text.includes('%') || !ipaddr.IPv6.isValid(text)) return undefined;
  return ipaddr.process(text).toString();
}

function readIp(text: string): Read<string> {
  const value = canonicalIp(text);
  return value === undefined ? bad('an IPv4 or IPv6 address such as 192.0.2.10 or 2001:db8::10') : { ok: true, value };
}

/** An address mail can leave from: no wildcard, multicast or broadcast. */
export function readSourceIp(text: string): Read<string> {
  const read = readIp(text);
  if (!read.ok) return read;
  const range = ipaddr.parse(read.value).range();
  if (range === 'unspecified' || range === 'multicast' || range === 'broadcast')
    return bad('the address of one interface', 'mail leaves from one address: write it out');
  return read;
}

/** `10.0.0.0/8`; a single address is a range of one. */
export function readCidr(text: string): Read<string> {
  const allowed = 'an address or a CIDR range such as 127.0.0.1, 10.0.0.0/8 or 2001:db8::/32';
  const [base, bits, ...rest] = text.split('/');
  const ip = canonicalIp(base ?? '');
  if (ip === undefined || rest.length > 0) return bad(allowed);
  const width = ip.includes(':') ? 128 : 32;
  if (bits === undefined) return { ok: true, value: `${ip}/${width}` };
  if (!/^\d{1,3}$/.test(bits) || Number(bits) > width) return bad(allowed, `the number behind the slash is at most ${width}`);
  if ((base ?? '').includes(':') && width === 32) return bad(allowed, 'write the range as IPv4');
  const kind = width === 32 ? ipaddr.IPv4 : ipaddr.IPv6;
  const network = kind.networkAddressFromCIDR(`${ip}/${bits}`).toString();
  if (network !== ip) return bad(allowed, `the range that holds it is ${network}/${Number(bits)}`);
  return { ok: true, value: `${ip}/${Number(bits)}` };
}

/** Splits `host:port`, `[v6]:port`, `host`, a bare IPv6 address. */
function splitPort(text: string): { host: string; port?: number } | undefined {
  const bracket = /^\[([^\]]*)\](?::(\d{1,5}))?$/.exec(text);
  const plain = bracket ?? /^([^:[\]]*)(?::(\d{1,5}))?$/.exec(text);
  if (!plain) return canonicalIp(text) === undefined ? undefined : { host: text };
  const port = plain[2];
  if (port !== undefined && Number(port) > 65_535) return undefined;
  return { host: plain[1] ?? '', ...(port !== undefined && { port: Number(port) }) };
}

/** An IP address and a port; port 0 takes any free one. */
export function readListen(text: string): Read<{ address: string; port: number }> {
  const allowed = 'an address and a port such as 127.0.0.1:2525 or [::1]:2525';
  const split = splitPort(text);
  if (!split) return bad(allowed);
  if (split.port === undefined) return bad(allowed, 'say the port');
  const address = canonicalIp(split.host === '*' ? '0.0.0.0' : split.host);
  return address === undefined ? bad(allowed, 'an IP address, not a name') : { ok: true, value: { address, port: split.port } };
}

/** Where a static route goes: a name or address, with a port or without. */
export function readSmtpHost(text: string): Read<{ host: string; port?: number }> {
  const allowed = 'a host such as mx.example.com, 10.0.0.5:25 or [2001:db8::5]:25';
  const split = splitPort(text);
  if (!split || split.port === 0) return bad(allowed);
  const host = canonicalIp(split.host) ?? (/^[\d.]+$/.test(split.host) ? undefined : hostName(split.host));
  if (host === undefined) return bad(allowed);
  return { ok: true, value: { host, ...(split.port !== undefined && { port: split.port }) } };
}

/** A DNS server: address with a port or without; written as node's resolver takes it. */
export function readDnsServer(text: string): Read<string> {
  const allowed = 'an address such as 127.0.0.1, 127.0.0.1:5353 or [::1]:5353';
  const split = splitPort(text);
  const ip = split && canonicalIp(split.host);
  if (!split || ip === undefined || split.port === 0) return bad(allowed);
  if (split.port === undefined) return { ok: true, value: ip };
  return { ok: true, value: ip.includes(':') ? `[${ip}]:${split.port}` : `${ip}:${split.port}` };
}

const LABEL = /^(?!-)[a-z0-9-]{1,63}(?<!-)$/;

/** A host name in lower case (RFC 1123 2.1: letters, digits, hyphens), or undefined. International names in their xn-- form. */
export function hostName(text: string): string | undefined {
  const name = text.toLowerCase();
  if (name.length === 0 || name.length > 253) return undefined;
  return name.split('.').every(label => LABEL.test(label)) ? name : undefined;
}

export function readHostName(text: string): Read<string> {
  const allowed = 'a host name such as mta1.example.com';
  if (canonicalIp(text) !== undefined) return bad(allowed, 'a name is meant, not an address: receivers look it up');
  if (/^[\d.]+$/.test(text)) return bad(allowed);
  if (text.endsWith('.')) return bad(allowed, 'leave off the dot at the end');
  const value = hostName(text);
  return value === undefined ? bad(allowed) : { ok: true, value };
}

export function readDomain(text: string): Read<string> {
  const allowed = 'a domain such as example.com (international names in their xn-- form)';
  if (text.endsWith('.')) return bad(allowed, 'leave off the dot at the end');
  const value = hostName(text);
  return value === undefined || /^[\d.]+$/.test(text) ? bad(allowed) : { ok: true, value };
}

/** A glob on host or domain names. `*` alone is refused unless `any` is set: it would claim the whole internet. */
export function readNameGlob(text: string, any = false): Read<string> {
  const allowed = 'a name, or a pattern such as *.example.com';
  if (text.endsWith('.')) return bad(allowed, 'leave off the dot at the end: names are compared without it, so this would never match');
  if (text.startsWith('.')) return bad(allowed, `write *${text.toLowerCase()}`);
  if (!/^[a-z0-9*?._-]+$/i.test(text) || text.includes('..')) return bad(allowed);
  if (!any && !/[a-z0-9]/i.test(text)) return bad(allowed, 'this matches every name');
  return { ok: true, value: text.toLowerCase() };
}
