/**
 * Recipient domain → provider and MX hosts → addresses.
 *
 * Order: `queue-to`, then a provider's `domains` (with `smtp-hosts`: no lookup), then MX (RFC 5321 §5.1, null MX of RFC 7505,
 * A/AAAA as the implicit MX). Answers are kept until they expire on policy time; new settings drop the routes and keep the
 * DNS answers. Never throws for what strangers' DNS says, and never hands out an address protect.ts forbids, except hosts an
 * operator wrote as `smtp-hosts`. What TLS must be there is said by tls-demand.ts.
 */
import { isIP } from 'node:net';
import type { Clock } from '../kernel/clock.js';
import type { Provider, Settings, SmtpHost } from '../kernel/settings.js';
import { bareName, globMatches, printable } from '../kernel/text.js';
import type { HostTls, TlsResult } from '../kernel/tls.js';
import { HOUR, type Instant } from '../kernel/units.js';
import type { DnsPort, MxAnswer } from './dns.js';
import { familiesOf, type Family } from './families.js';
import { isHostName, readDomain } from './domain.js';
import { Lookups, type Held } from './lookups.js';
import { isOffLimits } from './protect.js';
import type { StsPolicies } from './mta-sts-policies.js';
import { nameOfMxSet, providerOfHosts } from './provider.js';
import { type Tables, readTables, withOwnAddresses } from './tables.js';
import { createDemands, type TlsDemand } from './tls-demand.js';

export interface MxHost {
  /** Host name in lower case, or an IP address. */
  readonly name: string;
  readonly preference: number;
  readonly port: number;
  /** Written by the operator as one of a provider's `smtp-hosts`. */
  readonly static: boolean;
  /** The operator's word on TLS and the password there; static hosts only. */
  readonly tls?: SmtpHost['tls'];
  readonly auth?: SmtpHost['auth'];
  /** What the recipient domain's DNS or policy demands of TLS here; absent: nothing. Part of a site's identity. */
  readonly demand?: TlsDemand;
}

export type Route =
  | {
      readonly kind: 'hosts';
      readonly provider: string;
      readonly hosts: readonly MxHost[];
      /** Families in which the hosts have addresses; absent: any, or not known yet. */
      readonly families?: readonly Family[];
      readonly expires: Instant;
    }
  /** Final: the domain takes no mail, or does not exist. */
  | { readonly kind: 'null-mx' | 'no-domain'; readonly text: string; readonly expires: Instant }
  | { readonly kind: 'temporary'; readonly text: string; readonly retryAt: Instant };

/** Addresses in the order the DNS gave them, IPv4 first; or why there are none, for now or for good. */
export type HostAddresses = { readonly addresses: string[] } | { readonly temporary: string } | { readonly none: string };

export interface Router {
  resolve(domain: string): Promise<Route>;
  /** The route in the cache, when it has not expired and was made from the settings in force. */
  peek(domain: string): Route | undefined;
  /** A failure that is remembered for this domain is looked into at the next resolve, not when its time has come. */
  askAgain(domain: string): void;
  addresses(host: MxHost): Promise<HostAddresses>;
  /** What a connection to this host must be; `strictest` adds what the limits demand. Never rejects. */
  tls(host: MxHost): Promise<HostTls>;
  /** Lower preference first, equal ones shuffled (RFC 5321 §5.1). */
  order(hosts: readonly MxHost[]): MxHost[];
}

export interface RouterPorts {
  readonly dns: DnsPort;
  readonly clock: Clock;
  readonly settings: () => Settings;
  /** 0 ≤ n < 1. */
  readonly random: () => number;
  /** Addresses of this machine: nobody's mail exchanger. */
  readonly interfaces?: () => readonly string[];
  /** Absent: MTA-STS is not looked at. */
  readonly sts?: Pick<StsPolicies, 'policy'>;
  /** Told of policies that leave a domain no host; TLS-RPT counts them. */
  readonly tlsResult?: (result: TlsResult) => void;
}

const CACHED_MOST = 100_000;
/** MX hosts of one domain that are looked at, best preferences first. */
const HOSTS_MOST = 100;
/** How long routes hold that need no DNS. */
const FIXED_TTL = HOUR;

export function createRouter({ dns, clock, settings, random, interfaces = () => [], sts, tlsResult }: RouterPorts): Router {
  const mx = new Lookups(name => dns.mx(name), clock, CACHED_MOST);
  const a = new Lookups(name => dns.a(name), clock, CACHED_MOST);
  const aaaa = new Lookups(name => dns.aaaa(name), clock, CACHED_MOST);
  const demands = createDemands({ clock, settings, dns, a, aaaa, sts, report: result => tlsResult?.(result) });
  const routes = new Map<string, Route>();
  let tables = readTables(settings(), interfaces(), clock.now());

  /** Tables of the settings in force; routes made from others go. */
  const current = (): Tables => {
    const now = settings();
    if (now !== tables.settings) {
      tables = readTables(now, interfaces(), clock.now());
      routes.clear();
    } else if (clock.now() >= tables.ownUntil) {
      tables = withOwnAddresses(tables, interfaces(), clock.now());
    }
    return tables;
  };

  const peek = (domain: string): Route | undefined => {
    current();
    // Cheaper than readDomain, which only decides on a miss.
    const route = routes.get(bareName(domain));
    if (!route) return undefined;
    return (route.kind === 'temporary' ? route.retryAt : route.expires) > clock.now() ? route : undefined;
  };

  const resolve = async (domain: string): Promise<Route> => {
    const held = peek(domain);
    if (held) return held;
    const used = current();
    const route = await withFamilies(used, await find(used, domain));
    // Settings may have changed meanwhile: the answer was right when asked for, but is not to be kept.
    if (used.settings === current().settings) {
      const key = bareName(domain);
      routes.delete(key);
      routes.set(key, route);
      for (const oldest of routes.keys()) {
        if (routes.size <= CACHED_MOST) break;
        routes.delete(oldest);
      }
    }
    return route;
  };

  const find = async (used: Tables, text: string): Promise<Route> => {
    const expires = clock.now() + FIXED_TTL;
    const asked = readDomain(text);
    const domain = asked.kind === 'invalid' ? asked : readDomain(used.queueTo.find(asked.name) ?? asked.name);
    if (domain.kind === 'invalid') return { kind: 'no-domain', text: printable(`${domain.name}: ${domain.text}`, 300), expires };
    const port = used.settings.smtpPort;
    const named = used.domains.find(domain.name);
    if (named && named.smtpHosts.length > 0) return { kind: 'hosts', provider: named.name, hosts: staticHosts(named), expires };
    if (domain.kind === 'literal') {
      const host: MxHost = { name: domain.address, preference: 0, port, static: false };
      return { kind: 'hosts', provider: named?.name ?? domain.name, hosts: [host], expires };
    }
    const held = await mx.get(domain.name);
    const found = held.answer.kind === 'no-data' ? await implicit(domain.name, held, port) : explicit(domain.name, held, port);
    return demands.demanded(
      ofProvider(used, domain.name, found, named),
      domain.name,
      held.answer.kind !== 'failed' && held.answer.secure === true,
    );
  };

  /** Gives the hosts a domain has to their provider, which may have others, or skip some. */
  const ofProvider = (used: Tables, domain: string, found: Route, named: Provider | undefined): Route => {
    if (found.kind !== 'hosts') return found;
    const provider =
      named ??
      providerOfHosts(
        used.settings.providers.values(),
        found.hosts.map(h => h.name),
      );
    if (!provider) return { ...found, provider: nameOfMxSet(found.hosts.map(h => h.name)) };
    if (provider.smtpHosts.length > 0) return { ...found, provider: provider.name, hosts: staticHosts(provider) };
    const hosts = found.hosts.filter(host => !provider.excludeMx?.some(glob => globMatches(glob, host.name)));
    if (hosts.length > 0) return { ...found, provider: provider.name, hosts };
    return { kind: 'temporary', text: `${domain}: exclude-mx of ${provider.name} leaves none of its MX hosts`, retryAt: found.expires };
  };

  /** Where all sources are of one family there is nothing to choose, and no question to ask beforehand. */
  const withFamilies = async (used: Tables, route: Route): Promise<Route> => {
    if (route.kind !== 'hosts' || !used.choosesFamily) return route;
    const families = await familiesOf(route.hosts, addresses);
    return families ? { ...route, families } : route;
  };

  const addresses = async (host: MxHost): Promise<HostAddresses> => {
    const used = current();
    const permitted = (address: string) => host.static || used.settings.allowPrivate || !isOffLimits(address, used.own);
    if (isIP(host.name)) return permitted(host.name) ? { addresses: [host.name] } : { none: forbidden(host.name) };
    const answers = await Promise.all([a.get(host.name), aaaa.get(host.name)]);
    const all = answers.flatMap(({ answer }) => (answer.kind === 'found' ? answer.records : []));
    const usable = all.filter(permitted);
    if (usable.length > 0) return { addresses: usable };
    for (const { answer } of answers) if (answer.kind === 'failed') return { temporary: `${host.name}: ${answer.text}` };
    return { none: all.length > 0 ? forbidden(host.name) : `${host.name} has no address records` };
  };

  /** No MX: the domain is its own host when it has an address. */
  const implicit = async (name: string, noMx: Held<MxAnswer>, port: number): Promise<Route> => {
    const [v4, v6] = await Promise.all([a.get(name), aaaa.get(name)]);
    const found = [v4, v6].filter(h => h.answer.kind === 'found').map(h => h.expires);
    if (found.length > 0) {
      const hosts: MxHost[] = [{ name, preference: 0, port, static: false }];
      return { kind: 'hosts', provider: '', hosts, expires: Math.min(noMx.expires, ...found) };
    }
    const failed = [v4, v6].find(h => h.answer.kind === 'failed');
    if (failed?.answer.kind === 'failed') return { kind: 'temporary', text: `${name}: ${failed.answer.text}`, retryAt: failed.expires };
    return {
      kind: 'no-domain',
      text: `${name} has neither MX nor address records`,
      expires: Math.min(noMx.expires, v4.expires, v6.expires),
    };
  };

  return {
    resolve,
    peek,
    askAgain(domain) {
      const name = bareName(domain);
      if (routes.get(name)?.kind === 'temporary') routes.delete(name);
      for (const asked of new Set([name, current().queueTo.find(name) ?? name])) [mx, a, aaaa].forEach(lookups => lookups.askAgain(asked));
    },
    addresses,
    tls: demands.tls,
    order(hosts) {
      // Each host draws one lot; sorting by preference, then lot, shuffles the equal ones evenly.
      const drawn = hosts.map(host => ({ host, lot: random() }));
      return drawn.sort((x, y) => x.host.preference - y.host.preference || x.lot - y.lot).map(d => d.host);
    },
  };
}

const forbidden = (name: string) => `${name} resolves to private addresses only`;

/** In the order in which they are written: the first is preferred. */
function staticHosts(provider: Provider): MxHost[] {
  return provider.smtpHosts.map(({ host, ...how }, index) => ({ ...how, name: host.toLowerCase(), preference: index, static: true }));
}

/** The hosts of an MX answer; the caller names the provider. */
function explicit(name: string, { answer, expires }: Held<MxAnswer>, port: number): Route {
  if (answer.kind === 'failed') return { kind: 'temporary', text: `${name}: ${answer.text}`, retryAt: expires };
  if (answer.kind !== 'found') return { kind: 'no-domain', text: `${name} does not exist`, expires };
  const best = new Map<string, number>();
  let isNull = false;
  for (const { exchange, preference } of answer.records) {
    const host = bareName(exchange);
    if (host === '') isNull = true;
    else if (isHostName(host)) best.set(host, Math.min(preference, best.get(host) ?? Infinity));
  }
  const hosts = [...best].map(([host, preference]): MxHost => ({ name: host, preference, port, static: false }));
  hosts.sort((x, y) => x.preference - y.preference || (x.name < y.name ? -1 : 1));
  if (hosts.length > 0) return { kind: 'hosts', provider: '', hosts: hosts.slice(0, HOSTS_MOST), expires };
  if (isNull) return { kind: 'null-mx', text: `${name} accepts no mail (null MX)`, expires };
  return { kind: 'temporary', text: `${name}: its MX records name no valid host`, retryAt: expires };
}
