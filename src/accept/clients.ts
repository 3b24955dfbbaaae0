/**
 * Who may relay: the configuration's clients, by address range or by user name.
 *
 * Everybody who is not listed may do nothing; the first entry that matches wins, in the order in which they are written.
 * IPv4 addresses in IPv6 clothes (::ffff:192.0.2.1) count as what they are, on both sides.
 */
import ipaddr from 'ipaddr.js';
import type { Client, Settings } from '../kernel/settings.js';

type Address = ReturnType<typeof ipaddr.parse>;
type Range = readonly [Address, number];

/** Reads `10.0.0.0/8`, `::1`; undefined when it is neither address nor range. */
function parseRange(text: string): Range | undefined {
  try {
    const [address, bits] = text.includes('/') ? ipaddr.parseCIDR(text) : [ipaddr.parse(text), -1];
    if (address.kind() === 'ipv6' && (address as ipaddr.IPv6).isIPv4MappedAddress() && (bits < 0 || bits >= 96)) {
      return [(address as ipaddr.IPv6).toIPv4Address(), bits < 0 ? 32 : bits - 96];
    }
    return [address, bits < 0 ? (address.kind() === 'ipv4' ? 32 : 128) : bits];
  } catch {
    return undefined;
  }
}

/** Is the address in one of the ranges? */
export function inRanges(ranges: readonly string[], text: string): boolean {
  if (!ipaddr.isValid(text)) return false;
  const address = ipaddr.process(text);
  return ranges.some(one => {
    const range = parseRange(one);
    return range !== undefined && address.kind() === range[0].kind() && address.match(range[0], range[1]);
  });
}

/**
 * What counts as one peer where peers are counted: an IPv4 address, or the 64 bits of an IPv6 network, in which one host has
 * as many addresses as it likes (RFC 4291 §2.5.4).
 */
export function peerOf(address: string): string {
  if (!address.includes(':') || !ipaddr.isValid(address)) return address;
  const parsed = ipaddr.process(address);
  return parsed.kind() === 'ipv4'
    ? parsed.toString()
    : `${(parsed as ipaddr.IPv6).parts
        .slice(0, 4)
        .map(part => part.toString(16))
        .join(':')}::/64`;
}

export class Clients {
  readonly #ranges: { readonly range: Range; readonly client: Client }[] = [];
  readonly #users = new Map<string, Client>();

  constructor(clients: readonly Client[]) {
    for (const client of clients) {
      for (const text of client.from) {
        const range = parseRange(text);
        if (range) this.#ranges.push({ range, client });
      }
      if (client.user !== undefined && !this.#users.has(client.user)) this.#users.set(client.user, client);
    }
  }

  /** Could giving a user name and a password make a difference? */
  get hasUsers(): boolean {
    return this.#users.size > 0;
  }

  byUser(name: string): Client | undefined {
    return this.#users.get(name);
  }

  byAddress(text: string): Client | undefined {
    if (!ipaddr.isValid(text)) return undefined;
    const address = ipaddr.process(text);
    for (const { range, client } of this.#ranges) {
      if (address.kind() === range[0].kind() && address.match(range[0], range[1])) return client;
    }
    return undefined;
  }
}

const known = new WeakMap<Settings, Clients>();

/** The clients of these settings; worked out once for each settings object. */
export function clientsOf(settings: Settings): Clients {
  let clients = known.get(settings);
  if (!clients) known.set(settings, (clients = new Clients(settings.clients)));
  return clients;
}
