/**
 * All checks of `rampd doctor`, over one configuration: sources as receivers see them, sending domains, our own listeners.
 *
 * Promises: never rejects; ends within its time, what is not answered by then is `unknown`; asks each question of the DNS
 * once, however many sources; changes nothing. An address that the Internet does not route is not asked about outside.
 */
import { chosenLists, type BlockList } from '../../config/block-lists.js';
import { doctorView, type CheckView, type DoctorGroup, type DoctorView } from '../../control/doctor-view.js';
import type { SmtpProbe } from '../../kernel/doctor.js';
import type { Settings, Source } from '../../kernel/settings.js';
import { MINUTE, SECOND, type Ms } from '../../kernel/units.js';
import type { DnsAnswer, DnsPort } from '../../route/dns.js';
import { createStsFetch } from '../../route/mta-sts-fetch.js';
import { isOffLimits } from '../../route/protect.js';
import type { HostAddresses } from '../../route/router.js';
import { checkBlockList } from './block-lists.js';
import { check } from './check.js';
import { checkDkim, signerOf, type ReadFile } from './dkim.js';
import { checkDmarc } from './dmarc.js';
import { checkIdentity, type Binds } from './identity.js';
import { checkListeners } from './listeners.js';
import { checkMtaSts } from './mta-sts.js';
import { checkPort } from './probe.js';
import { checkSpfOf } from './spf.js';

export interface Patient {
  readonly settings: Settings;
  readonly sources: readonly Source[];
  /** Sending domains; those of `dkim:` unless given. */
  readonly domains?: readonly string[];
  readonly probes: readonly SmtpProbe[];
}

export interface Instruments {
  readonly dns: DnsPort;
  readonly binds: Binds;
  readonly read: ReadFile;
  /** Block lists that are known. */
  readonly lists: readonly BlockList[];
  /** Epoch milliseconds. */
  readonly wall: number;
  /** Real time for everything. */
  readonly patience?: Ms;
}

const NONE = new Set<string>();
const POLICY_PATIENCE = 20 * SECOND;
const NO_DOMAIN = Promise.resolve([
  check('spf', 'unknown', 'no sending domain is known', { mend: 'name one with --domain DOMAIN, or give it a key under dkim' }),
]);

export async function examine(patient: Patient, instruments: Instruments): Promise<DoctorView> {
  const { settings, sources } = patient;
  const dns = askedOnce(instruments.dns);
  const domains = patient.domains ?? sendingDomains(settings);
  const bounce = bounceDomain(settings);
  // Receivers ask about the domain of the reverse path.
  const senders = bounce === undefined ? domains : [...new Set([...domains, bounce])];
  const late = lateness(instruments.patience ?? MINUTE);
  // The private network of a test is looked at as the Internet would.
  const outside = sources.filter(({ address }) => settings.allowPrivate || !isOffLimits(address, NONE));
  const spf = new Map<string, Promise<CheckView[]>>(senders.map(domain => [domain, checkSpfOf(domain, outside, dns)]));

  const ofSource = async (source: Source): Promise<DoctorGroup> => {
    const group = { kind: 'source', name: source.name, address: source.address, hostName: source.hostName } as const;
    const port = late.of('port', checkPort(source, patient.probes, { dns }));
    const at = outside.indexOf(source);
    if (at < 0) {
      const bound = await instruments.binds(source.address);
      const told = bound === undefined ? 'is on this machine' : `cannot be used (${bound})`;
      const address = check(
        'address',
        bound === undefined ? 'unknown' : 'fail',
        `${source.address} ${told}, and is not routed on the Internet: receivers see another`,
      );
      return { ...group, checks: [address, ...(await port)] };
    }
    const asked = [
      late.of('ptr', checkIdentity(source, dns, instruments.binds, settings.allowPrivate)),
      port,
      ...(senders.length === 0 ? [NO_DOMAIN] : []),
      ...senders.map(domain =>
        late.of(
          'spf',
          (spf.get(domain) ?? Promise.resolve([])).then(lines => lines.slice(at, at + 1)),
          domain,
        ),
      ),
      ...chosenLists(instruments.lists, settings.doctor?.dnsbl).map(list =>
        late.of(
          'dnsbl',
          checkBlockList(source.address, list, dns).then(view => (view ? [view] : [])),
          list.name,
        ),
      ),
    ];
    return { ...group, checks: (await Promise.all(asked)).flat() };
  };

  const policyOf = createStsFetch({ settings: () => settings, addresses: ({ name }) => addressesOf(name, dns), timeout: POLICY_PATIENCE });
  const ofDomain = async (domain: string): Promise<DoctorGroup> => {
    const keys = settings.dkim ?? [];
    const identities = { signing: signerOf(domain, keys)?.domain, bounce };
    const asked = [
      late.of('dkim', checkDkim(domain, keys, dns, instruments.read)),
      late.of('dmarc', checkDmarc(domain, identities, dns)),
      late.of('mta-sts', checkMtaSts(domain, dns, policyOf)),
    ];
    return { kind: 'domain', name: domain, checks: (await Promise.all(asked)).flat() };
  };

  const groups = [
    ...(await Promise.all([...sources.map(ofSource), ...domains.map(ofDomain)])),
    ...checkListeners(settings, instruments.wall, instruments.read),
  ];
  late.over();
  return doctorView(new Date(instruments.wall).toISOString(), groups);
}

/** Domains with keys of their own; those a wildcard stands for are known only when somebody names them. */
function sendingDomains(settings: Settings): string[] {
  const named = (settings.dkim ?? []).map(({ domain }) => domain.replace(/^\*\.?/, '')).filter(Boolean);
  return [...new Set(named)];
}

/** Of a host that the operator named by its domain: wherever it is. */
async function addressesOf(name: string, dns: Pick<DnsPort, 'a' | 'aaaa'>): Promise<HostAddresses> {
  const answers = await Promise.all([dns.a(name), dns.aaaa(name)]);
  const addresses = answers.flatMap(answer => (answer.kind === 'found' ? answer.records : []));
  if (addresses.length > 0) return { addresses };
  const failed = answers.find(answer => answer.kind === 'failed');
  return failed?.kind === 'failed' ? { temporary: `${name}: ${failed.text}` } : { none: `${name} has no address` };
}

/** Where bounces go when reverse paths carry tokens. */
function bounceDomain(settings: Settings): string | undefined {
  return [...settings.pools.values()].some(({ verp }) => verp === true) ? settings.feedback?.bounceDomains[0] : undefined;
}

/** What has not ended in time is unknown. */
function lateness(patience: Ms): { of(name: string, views: Promise<CheckView[]>, about?: string): Promise<CheckView[]>; over(): void } {
  let ring: () => void = () => undefined;
  const rung = new Promise<void>(resolve => (ring = resolve));
  const timer = setTimeout(ring, patience);
  return {
    of: (name, views, about) => Promise.race([views, rung.then(() => [check(name, 'unknown', 'no answer in time', { about })])]),
    over: () => clearTimeout(timer),
  };
}

/** Sources share names, zones and records: the answer to a question serves everybody who asks it. */
function askedOnce(dns: DnsPort): DnsPort {
  const once = <T>(ask: (name: string) => Promise<DnsAnswer<T>>): ((name: string) => Promise<DnsAnswer<T>>) => {
    const answers = new Map<string, Promise<DnsAnswer<T>>>();
    return name => {
      const key = name.toLowerCase();
      let answer = answers.get(key);
      if (!answer) answers.set(key, (answer = ask(name)));
      return answer;
    };
  };
  return {
    mx: once(name => dns.mx(name)),
    a: once(name => dns.a(name)),
    aaaa: once(name => dns.aaaa(name)),
    txt: once(name => dns.txt(name)),
    ptr: once(name => dns.ptr(name)),
  };
}
