/**
 * The MTA-STS policies of recipient domains: discovered, kept until they expire, refreshed before (RFC 8461 sections 3 and 5).
 *
 * Promises: a policy once known holds for its max_age, across restarts, whatever DNS or the policy server say meanwhile: only
 * another policy replaces it. A domain is fetched once at a time, and after a failure not again for five minutes, then twice as
 * long, up to a day. A first fetch that takes long does not hold up routing: the answer is then "pending", and mail waits.
 * Expiry is wall time, since it outlives the process; everything else is policy time. Bounded; never rejects.
 */
import type { Clock } from '../kernel/clock.js';
import { noPolicy, type TlsResult } from '../kernel/tls.js';
import { DAY, MINUTE, SECOND, type Instant, type Ms } from '../kernel/units.js';
import type { DnsAnswer } from './dns.js';
import { createGate } from './gate.js';
import { Lookups } from './lookups.js';
import type { StsFetched } from './mta-sts-fetch.js';
import { readStsPolicy, readStsRecord, type StsPolicy } from './mta-sts.js';

/** One policy as it is kept; plain JSON. */
export interface KeptPolicy {
  readonly domain: string;
  /** Of the TXT record under which it was fetched. */
  readonly id: string;
  /** Wall time. */
  readonly fetched: number;
  readonly policy: StsPolicy;
}

export type StsState =
  | { readonly kind: 'none' }
  | { readonly kind: 'policy'; readonly policy: StsPolicy }
  /** There is a policy, and it is being fetched. */
  | { readonly kind: 'pending'; readonly text: string };

export interface StsPolicies {
  policy(domain: string): Promise<StsState>;
  /** Fetches those again that are half through their time, or a day old. */
  refresh(): Promise<void>;
  /** Everything that has not expired. */
  kept(): KeptPolicy[];
}

export interface StsPorts {
  readonly clock: Clock;
  readonly txt: (name: string) => Promise<DnsAnswer<string>>;
  readonly fetch: (domain: string) => Promise<StsFetched>;
  /** What kept() said before the restart; of any shape, since it was a file. */
  readonly before: unknown;
  /** kept() has changed. */
  readonly changed: () => void;
  /** Policies that cannot be had are counted (RFC 8460 section 4.3.2.1). */
  readonly report: (result: TlsResult) => void;
  /** Real time a route waits for a first fetch. */
  readonly patience?: Ms;
}

const NAMES_MOST = 100_000;
const POLICIES_MOST = 20_000;
const FETCHES_MOST = 20;
const PATIENCE = 10 * SECOND;
const FIRST_RETRY = 5 * MINUTE;

interface Failure {
  readonly id: string;
  readonly failures: number;
  readonly until: Instant;
}

export function createStsPolicies({ clock, txt, fetch, before, changed, report, patience = PATIENCE }: StsPorts): StsPolicies {
  const records = new Lookups(txt, clock, NAMES_MOST);
  const policies = new Map(readKept(before).map(kept => [kept.domain, kept]));
  const failures = new Map<string, Failure>();
  const fetching = new Map<string, Promise<void>>();
  const gate = createGate(FETCHES_MOST);

  const inForce = (domain: string): KeptPolicy | undefined => {
    const kept = policies.get(domain);
    return kept && kept.fetched + kept.policy.maxAge * SECOND > clock.wall() ? kept : undefined;
  };

  const discover = async (domain: string): Promise<string | undefined> => {
    const { answer } = await records.get(`_mta-sts.${domain}`);
    return answer.kind === 'found' ? readStsRecord(answer.records) : undefined;
  };

  const fetchNow = async (domain: string, id: string): Promise<void> => {
    await gate.enter();
    const fetched = await fetch(domain).finally(() => gate.leave());
    const read = fetched.ok ? readStsPolicy(fetched.text) : undefined;
    if (read?.ok) {
      failures.delete(domain);
      policies.delete(domain);
      policies.set(domain, { domain, id, fetched: clock.wall(), policy: read.policy });
      trim(policies, POLICIES_MOST);
      return changed();
    }
    const last = failures.get(domain);
    const count = last?.id === id ? last.failures + 1 : 0;
    failures.delete(domain);
    failures.set(domain, { id, failures: count, until: clock.now() + Math.min(DAY, FIRST_RETRY * 2 ** Math.min(count, 20)) });
    trim(failures, POLICIES_MOST);
    const [failure, detail] = fetched.ok ? (['sts-policy-invalid', read?.text] as const) : ([fetched.failure, fetched.text] as const);
    report({
      policy: { ...noPolicy(domain, ''), origin: 'mta-sts', names: [] },
      mxHost: '',
      sourceIp: '',
      receivingIp: '',
      failure,
      ...(detail !== undefined && { detail }),
    });
  };

  const fetchOnce = (domain: string, id: string): Promise<void> => {
    let running = fetching.get(domain);
    if (!running) {
      running = fetchNow(domain, id).finally(() => fetching.delete(domain));
      fetching.set(domain, running);
    }
    return running;
  };

  const state = (kept: KeptPolicy | undefined): StsState => (kept ? { kind: 'policy', policy: kept.policy } : { kind: 'none' });
  const rests = (domain: string, id: string): boolean => {
    const failure = failures.get(domain);
    return failure?.id === id && failure.until > clock.now();
  };

  return {
    async policy(domain) {
      const id = await discover(domain);
      const kept = inForce(domain);
      if (id === undefined || kept?.id === id || rests(domain, id)) return state(kept);
      const done = fetchOnce(domain, id);
      if (kept) {
        // Another id: the new policy is on its way, and the old one holds until it is here.
        await within(done, patience);
        return state(inForce(domain));
      }
      if (await within(done, patience)) return state(inForce(domain));
      return { kind: 'pending', text: `the MTA-STS policy of ${domain} is being fetched` };
    },
    async refresh() {
      const wall = clock.wall();
      const due = [...policies.values()].filter(({ fetched, policy }) => wall - fetched >= Math.min(DAY, (policy.maxAge * SECOND) / 2));
      for (const { domain } of due) if (!inForce(domain)) policies.delete(domain);
      const alive = due.filter(({ domain }) => policies.has(domain));
      await Promise.all(
        alive.map(async ({ domain, id }) => {
          const now = (await discover(domain)) ?? id;
          if (!rests(domain, now)) await fetchOnce(domain, now);
        }),
      );
      if (alive.length < due.length) changed();
    },
    kept: () => [...policies.values()].filter(kept => inForce(kept.domain)),
  };
}

/** False when it takes longer. */
function within(work: Promise<void>, ms: Ms): Promise<boolean> {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(() => resolve(false), ms);
    work.then(() => resolve(true), reject).finally(() => clearTimeout(timer));
  });
}

function trim(map: Map<string, unknown>, most: number): void {
  for (const oldest of map.keys()) {
    if (map.size <= most) return;
    map.delete(oldest);
  }
}

/** What is left of a file of unknown shape. */
function readKept(before: unknown): KeptPolicy[] {
  if (!Array.isArray(before)) return [];
  return before.slice(-POLICIES_MOST).filter((kept): kept is KeptPolicy => {
    const { domain, id, fetched, policy } = (kept ?? {}) as Partial<Record<keyof KeptPolicy, unknown>>;
    const { mode, maxAge, mx } = (policy ?? {}) as Partial<Record<keyof StsPolicy, unknown>>;
    const sound = typeof domain === 'string' && typeof id === 'string' && Number.isFinite(fetched) && Number.isFinite(maxAge);
    return sound && ['enforce', 'testing', 'none'].includes(String(mode)) && Array.isArray(mx) && mx.every(m => typeof m === 'string');
  });
}
