/**
 * What the parts of the configuration say about each other: pools about sources, sources about schedules, schedules about
 * providers. Every name has to lead somewhere.
 */
import { printPlace } from '../kernel/fault.js';
import type { Place } from '../kernel/fault.js';
import { nearest, printable } from '../kernel/text.js';
import type { Pool, Settings } from '../kernel/settings.js';
import type { Findings } from './findings.js';
import type { YamlText } from './yaml-text.js';

/** Names that are defined, also where their definition is faulty: a broken source is not an unknown one. */
export interface Defined {
  readonly sources: readonly string[];
  readonly pools: readonly string[];
  readonly schedules: readonly string[];
  readonly providers: readonly string[];
}

/** As much of Settings as could be read. */
export type Draft = Pick<
  Settings,
  'sources' | 'pools' | 'clients' | 'providers' | 'schedules' | 'listeners' | 'defaults' | 'dsn' | 'queueTo' | 'tls' | 'feedback'
>;

/** A name that leads nowhere, with the nearest one that leads somewhere. */
export function mustBeDefined(noun: string, name: string, names: readonly string[], place: Place, why: string, findings: Findings): void {
  if (names.includes(name)) return;
  const near = nearest(name, names);
  findings.fault(place, {
    code: `unknown-${noun}`,
    what: `${why} ${noun} ${printable(name, 60)}, which is not defined`,
    allowed: names.length > 0 ? names.join(', ') : undefined,
    hint: near !== undefined ? `did you mean ${near}?` : names.length === 0 ? `there is no ${noun} at all` : undefined,
  });
}

export function checkReferences(draft: Draft, defined: Defined, yaml: YamlText, findings: Findings): void {
  const must = (noun: string, name: string, names: readonly string[], place: Place, why: string): void =>
    mustBeDefined(noun, name, names, place, why, findings);

  if (draft.dsn.pool !== undefined) must('pool', draft.dsn.pool, defined.pools, yaml.place(['dsn', 'pool']), 'dsn uses');
  const reporting = draft.tls?.report?.pool;
  if (reporting !== undefined) must('pool', reporting, defined.pools, yaml.place(['tls', 'report', 'pool']), 'report uses');
  for (const pool of draft.pools.values()) {
    pool.sources.forEach(({ source }, i) =>
      must('source', source, defined.sources, poolSource(yaml, pool.name, source, i), `pool ${pool.name} uses`),
    );
    checkWeights(pool, yaml, findings);
    if (pool.verp && (draft.feedback?.bounceDomains.length ?? 0) === 0)
      findings.fault(yaml.key(['pools', pool.name, 'verp']), {
        code: 'no-bounce-domain',
        what: `pool ${pool.name} says verp: true, and no domain takes its bounces`,
        hint: 'say feedback: { bounce-domains: [bounce.example.com] }, and point the MX of that domain here',
      });
  }
  for (const source of draft.sources.values()) {
    if (!source.warmUp) continue;
    const { schedule: name, stage } = source.warmUp;
    const here = ['sources', source.name, 'warm-up'];
    must('schedule', name, defined.schedules, yaml.place([...here, 'schedule']), `source ${source.name} uses`);
    const schedule = draft.schedules.get(name);
    if (schedule && stage > schedule.stages.length)
      findings.fault(yaml.place([...here, 'stage']), {
        code: 'bad-stage',
        what: `stage ${stage} is beyond the end of ${name}`,
        allowed: `1 to ${schedule.stages.length}`,
      });
  }
  for (const schedule of draft.schedules.values())
    for (const [provider, own] of schedule.providers)
      must('provider', provider, defined.providers, own.from, `schedule ${schedule.name} has a share for`);
  checkTwins(draft, findings, yaml);
  checkTls(draft, findings);
}

function poolSource(yaml: YamlText, pool: string, source: string, i: number): Place {
  const byName = yaml.key(['pools', pool, 'sources', source]);
  const list = yaml.key(['pools', pool, 'sources']);
  return byName.line === list.line && byName.col === list.col ? yaml.place(['pools', pool, 'sources', i]) : byName;
}

function checkWeights(pool: Pool, yaml: YamlText, findings: Findings): void {
  const place = yaml.key(['pools', pool.name, 'sources']);
  const names = pool.sources.map(({ source }) => source);
  const twice = names.find((name, i) => names.indexOf(name) !== i);
  if (twice !== undefined)
    findings.fault(place, {
      code: 'duplicate-source',
      what: `pool ${pool.name} lists ${twice} twice`,
      hint: 'to give it more mail, say a weight: { NAME: 2 }',
    });
  if (names.length === 0) findings.fault(place, { code: 'empty-pool', what: `pool ${pool.name} has no sources`, allowed: 'at least one' });
  else if (pool.sources.every(({ weight }) => weight === 0))
    findings.fault(place, {
      code: 'empty-pool',
      what: `every source of pool ${pool.name} has weight 0: nothing could leave`,
      allowed: 'at least one weight from 1 up',
    });
}

/** Two of a kind where one is meant: addresses, listeners, users, domains of two providers. */
function checkTwins(draft: Draft, findings: Findings, yaml: YamlText): void {
  const unique = () => {
    const seen = new Map<string, Place>();
    return (key: string, place: Place): Place | undefined => {
      const before = seen.get(key);
      if (!before) seen.set(key, place);
      return before;
    };
  };
  const address = unique();
  for (const source of draft.sources.values()) {
    const place = yaml.place(['sources', source.name, 'address']);
    const other = address(source.address, place);
    if (other)
      findings.fault(place, {
        code: 'duplicate-address',
        what: `source ${source.name} has the address of the source at ${printPlace(other)}`,
        hint: 'limits and progress belong to an address: one source each',
      });
  }
  const listener = unique();
  for (const { address: ip, port, from } of draft.listeners)
    if (port !== 0 && listener(`${ip} ${port}`, from))
      findings.fault(from, { code: 'duplicate-listener', what: `${ip} port ${port} is listened on twice` });
  const user = unique();
  for (const client of draft.clients)
    if (client.user !== undefined && user(client.user, client.place))
      findings.fault(client.place, { code: 'duplicate-user', what: `user ${printable(client.user, 60)} stands here twice` });
  for (const kind of ['mx', 'domains'] as const) {
    const claim = unique();
    for (const provider of draft.providers.values())
      for (const pattern of provider[kind]) {
        const other = claim(pattern, provider.from);
        if (other)
          findings.fault(provider.from, {
            code: 'claimed-twice',
            what: `${pattern} belongs to provider ${provider.name} and to the one at ${printPlace(other)}`,
            hint: 'a host belongs to one provider',
          });
      }
  }
}

/** A demand for TLS that the same limits, or the defaults below them, switch off. */
function checkTls(draft: Draft, findings: Findings): void {
  const stages = [...draft.schedules.values()].flatMap(({ stages: own, providers }) =>
    [own, ...[...providers.values()].map(p => p.stages)].flat(),
  );
  for (const { limits } of [{ limits: draft.defaults }, ...draft.providers.values(), ...draft.sources.values(), ...stages]) {
    const demanded = [limits.requireStarttls, limits.verifyStarttls].find(stated => stated?.value === true);
    const allowed = limits.useStarttls ?? draft.defaults.useStarttls;
    if (demanded && allowed?.value === false)
      findings.fault(demanded.from, {
        code: 'contradiction',
        what: `${demanded === limits.requireStarttls ? 'require' : 'verify'}-starttls: true contradicts use-starttls: false at ${printPlace(allowed.from)}`,
        hint: 'say use-starttls: true here too, or leave this out',
      });
  }
}
