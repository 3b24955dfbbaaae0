/**
 * What a recipient domain demands of TLS at its MX hosts: MTA-STS (RFC 8461) when its route is made, DANE (RFC 7672) when a
 * host is dialled.
 *
 * DANE wins: a host with usable TLSA records is judged by them alone. It counts only where a validating resolver vouches for
 * the MX set, the host's addresses and the TLSA records alike; a lookup of TLSA that fails makes the host unusable for now,
 * since nobody can tell "has none" from "an attacker swallows the answer". An enforced MTA-STS policy takes the hosts it does
 * not name away; when none is left the domain waits. Hosts an operator wrote are the operator's business: no policy is asked.
 */
import type { Clock } from '../kernel/clock.js';
import { TLS_DEFAULTS, type Settings } from '../kernel/settings.js';
import { matchesStsName, noPolicy, type HostTls, type TlsPolicy, type TlsResult, type TlsaRecord } from '../kernel/tls.js';
import { MINUTE } from '../kernel/units.js';
import type { DnsPort } from './dns.js';
import { Lookups } from './lookups.js';
import type { StsPolicies } from './mta-sts-policies.js';
import { printStsPolicy } from './mta-sts.js';
import type { MxHost, Route } from './router.js';
import { usableTlsa } from './tlsa.js';

/** What is known of a host when a domain is routed; the rest is looked up when the host is dialled. */
export interface TlsDemand {
  /** The same for hosts that may share connections. */
  readonly key: string;
  /** In force unless DANE has its own. */
  readonly policy: TlsPolicy;
  /** The MX set is vouched for: TLSA records count. */
  readonly dane: boolean;
  /** The domain's enforced policy does not name this host: only DANE may use it. */
  readonly refused: boolean;
}

export interface Demands {
  /** The route with each host's demand, without hosts that may not be used; or why it must wait. `secure`: of its MX set. */
  demanded(route: Route, domain: string, secure: boolean): Promise<Route>;
  tls(host: MxHost): Promise<HostTls>;
}

export interface DemandPorts {
  readonly clock: Clock;
  readonly settings: () => Settings;
  readonly dns: DnsPort;
  readonly a: Lookups<string>;
  readonly aaaa: Lookups<string>;
  /** Absent: MTA-STS is not looked at. */
  readonly sts?: Pick<StsPolicies, 'policy'> | undefined;
  readonly report: (result: TlsResult) => void;
}

const CACHED_MOST = 100_000;

export function createDemands({ clock, settings, dns, a, aaaa, sts, report }: DemandPorts): Demands {
  const tlsa = dns.tlsa && new Lookups<TlsaRecord>(dns.tlsa, clock, CACHED_MOST);

  const demanded = async (route: Route, domain: string, secure: boolean): Promise<Route> => {
    if (route.kind !== 'hosts') return route;
    const dane = secure && tlsa !== undefined;
    const wanted = (settings().tls ?? TLS_DEFAULTS).mtaSts;
    const state = wanted && sts ? await sts.policy(domain) : { kind: 'none' as const };
    if (state.kind === 'pending') return { kind: 'temporary', text: `tls: ${state.text}`, retryAt: clock.now() + MINUTE };
    const policy = state.kind === 'policy' && state.policy.mode !== 'none' ? state.policy : undefined;
    const all = route.hosts.map((host): MxHost => {
      if (host.static || (!policy && !dane)) return host;
      const base = noPolicy(domain, host.name);
      if (!policy) return { ...host, demand: { key: 'dane', policy: base, dane, refused: false } };
      const named = policy.mx.some(pattern => matchesStsName(pattern, host.name));
      const enforce = policy.mode === 'enforce';
      const published: TlsPolicy = {
        ...base,
        level: 'verify',
        origin: enforce ? 'mta-sts' : 'mta-sts-testing',
        enforce,
        ...(!named && { unnamed: true }),
        text: printStsPolicy(policy),
        mx: policy.mx,
      };
      const refused = enforce && !named;
      const key = `${dane ? 'dane-' : ''}${refused ? 'refused' : `sts-${policy.mode}${named ? '' : '-unnamed'}`}`;
      return { ...host, demand: { key, policy: published, dane, refused } };
    });
    const hosts = all.filter(host => !host.demand?.refused || host.demand.dane);
    if (hosts.length > 0) return { ...route, hosts };
    const detail = `the MTA-STS policy of ${domain} names none of its MX hosts`;
    for (const { name, demand } of all) if (demand) report(resultOf(demand.policy, name, 'validation-failure', detail));
    return { kind: 'temporary', text: `tls: ${detail}`, retryAt: route.expires };
  };

  const tls = async (host: MxHost): Promise<HostTls> => {
    const { demand } = host;
    if (!demand) return { kind: 'policy', policy: noPolicy('', host.name) };
    const found = demand.dane && tlsa ? await danePolicy(host, demand.policy, tlsa) : undefined;
    if (found) return found;
    if (!demand.refused) return { kind: 'policy', policy: demand.policy };
    const text = `the MTA-STS policy of ${demand.policy.domain} does not name ${host.name}`;
    return { kind: 'temporary', policy: demand.policy, failure: 'validation-failure', text };
  };

  /** undefined: DANE does not apply to this host. */
  const danePolicy = async (host: MxHost, otherwise: TlsPolicy, records: Lookups<TlsaRecord>): Promise<HostTls | undefined> => {
    const answers = (await Promise.all([a.get(host.name), aaaa.get(host.name)])).map(held => held.answer);
    const found = answers.filter(answer => answer.kind === 'found');
    if (found.length === 0 || found.some(answer => answer.secure !== true)) return undefined;
    // RFC 7672 section 2.2.3: where the host is an alias, the records of what it stands for come first.
    const alias = found.find(answer => answer.aliasOf !== undefined)?.aliasOf;
    for (const base of alias === undefined ? [host.name] : [alias, host.name]) {
      const name = `_${host.port}._tcp.${base}`;
      const { answer } = await records.get(name);
      const policy: TlsPolicy = {
        ...noPolicy(otherwise.domain, host.name),
        level: 'dane',
        origin: 'dane',
        enforce: true,
        names: [...new Set([base, host.name, otherwise.domain])],
        mx: [base],
      };
      if (answer.kind === 'failed')
        return { kind: 'temporary', policy, failure: 'dnssec-invalid', text: `TLSA records of ${name}: ${answer.text}` };
      if (answer.kind !== 'found' || answer.secure !== true) continue;
      const usable = usableTlsa(answer.records);
      const text = answer.records.map(printTlsa);
      if (usable.length > 0) return { kind: 'policy', policy: { ...policy, text, tlsa: usable } };
      return { kind: 'policy', policy: { ...policy, level: 'encrypt', text } };
    }
    return undefined;
  };

  return { demanded, tls };
}

/** As a zone file writes it. */
const printTlsa = ({ usage, selector, matching, data }: TlsaRecord): string =>
  `${usage} ${selector} ${matching} ${Buffer.from(data).toString('hex').toUpperCase()}`;

const resultOf = (policy: TlsPolicy, mxHost: string, failure: TlsResult['failure'] & string, detail: string): TlsResult => ({
  policy,
  mxHost,
  sourceIp: '',
  receivingIp: '',
  failure,
  detail,
});
