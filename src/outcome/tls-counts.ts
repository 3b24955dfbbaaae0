/**
 * How TLS with each recipient domain went, by UTC day: what RFC 8460 reports are made of and `show tls` shows.
 *
 * Only domains that publish a policy (MTA-STS, DANE) are counted. Bounded: domains a day, kinds of failure a policy; what is
 * beyond is still in the sums. Pure: the wall clock is an argument. Snapshots are plain JSON and survive a restart.
 */
import { printable } from '../kernel/text.js';
import { TLS_FAILURES, type TlsFailure, type TlsOrigin, type TlsPolicy, type TlsResult } from '../kernel/tls.js';

/** One kind of failure; RFC 8460 section 4.4 `failure-details`. */
export interface TlsFailureCount {
  readonly failure: TlsFailure;
  readonly sourceIp: string;
  readonly mxHost: string;
  readonly receivingIp: string;
  readonly detail: string;
  sessions: number;
}

export interface TlsPolicyCount {
  readonly type: 'sts' | 'tlsa' | 'no-policy-found';
  /** The domain the policy belongs to: the recipient domain, or the TLSA base domain. */
  readonly domain: string;
  readonly text: readonly string[];
  readonly mx: readonly string[];
  succeeded: number;
  failed: number;
  readonly failures: TlsFailureCount[];
}

/** All policies met on the way to one recipient domain on one day. */
export interface TlsDomainCount {
  /** `2025-03-01`, UTC. */
  readonly day: string;
  readonly domain: string;
  readonly policies: TlsPolicyCount[];
  /** The day is over and its report was made. */
  reported?: boolean;
  /** Until then: who has it already, how often the others were tried, and when, by the wall clock. */
  served?: readonly string[];
  tries?: number;
  triedAt?: number;
}

const DOMAINS_MOST = 10_000;
const POLICIES_MOST = 20;
const FAILURES_MOST = 50;
const DETAIL_MOST = 300;

const TYPES: Readonly<Record<TlsOrigin, TlsPolicyCount['type']>> = {
  dane: 'tlsa',
  'mta-sts': 'sts',
  'mta-sts-testing': 'sts',
  config: 'no-policy-found',
  none: 'no-policy-found',
};

export const utcDay = (wall: number): string => new Date(wall).toISOString().slice(0, 10);

export class TlsCounts {
  readonly #days = new Map<string, Map<string, TlsDomainCount>>();

  /** `before` is a snapshot of any shape: it was a file. */
  constructor(before: unknown = undefined) {
    if (!Array.isArray(before)) return;
    for (const count of before.filter(isDomainCount)) this.#day(count.day).set(count.domain, count);
  }

  add(result: TlsResult, wall: number): void {
    const { policy } = result;
    if (policy.domain === '') return;
    const day = utcDay(wall);
    const domains = this.#day(day);
    let domain = domains.get(policy.domain);
    if (!domain) {
      if (domains.size >= DOMAINS_MOST) return;
      domains.set(policy.domain, (domain = { day, domain: policy.domain, policies: [] }));
    }
    const count = policyCount(domain, policy);
    if (!count) return;
    if (result.failure === undefined) return void count.succeeded++;
    count.failed++;
    const failure = {
      failure: result.failure,
      sourceIp: result.sourceIp,
      mxHost: result.mxHost,
      receivingIp: result.receivingIp,
      detail: printable(result.detail ?? '', DETAIL_MOST),
    };
    const same = count.failures.find(f => (Object.keys(failure) as (keyof typeof failure)[]).every(key => f[key] === failure[key]));
    if (same) same.sessions++;
    else if (count.failures.length < FAILURES_MOST) count.failures.push({ ...failure, sessions: 1 });
  }

  /** Domains counted, each day anew. */
  get size(): number {
    let size = 0;
    for (const domains of this.#days.values()) size += domains.size;
    return size;
  }

  /** Newest day first, then most failures. */
  list(): TlsDomainCount[] {
    const failed = ({ policies }: TlsDomainCount): number => policies.reduce((sum, p) => sum + p.failed, 0);
    return [...this.#days.values()]
      .flatMap(domains => [...domains.values()])
      .sort((a, b) => (a.day === b.day ? failed(b) - failed(a) || (a.domain < b.domain ? -1 : 1) : a.day < b.day ? 1 : -1));
  }

  /** Days before `day`, oldest first. */
  finished(day: string): TlsDomainCount[] {
    return this.list()
      .filter(count => count.day < day)
      .reverse();
  }

  forget({ day, domain }: Pick<TlsDomainCount, 'day' | 'domain'>): void {
    const domains = this.#days.get(day);
    domains?.delete(domain);
    if (domains?.size === 0) this.#days.delete(day);
  }

  #day(day: string): Map<string, TlsDomainCount> {
    let domains = this.#days.get(day);
    if (!domains) this.#days.set(day, (domains = new Map()));
    return domains;
  }
}

function policyCount(domain: TlsDomainCount, policy: TlsPolicy): TlsPolicyCount | undefined {
  const type = TYPES[policy.origin];
  const owner = type === 'tlsa' ? (policy.mx[0] ?? policy.domain) : policy.domain;
  const text = type === 'no-policy-found' ? [] : policy.text;
  const mx = type === 'no-policy-found' ? [] : policy.mx;
  const found = domain.policies.find(p => p.type === type && p.domain === owner && p.text.join('\n') === text.join('\n'));
  if (found || domain.policies.length >= POLICIES_MOST) return found;
  const count: TlsPolicyCount = { type, domain: owner, text, mx, succeeded: 0, failed: 0, failures: [] };
  domain.policies.push(count);
  return count;
}

function isDomainCount(value: unknown): value is TlsDomainCount {
  const { day, domain, policies, served, tries, triedAt } = (value ?? {}) as Partial<Record<keyof TlsDomainCount, unknown>>;
  if (typeof day !== 'string' || !/^\d{4}-\d{2}-\d{2}$/.test(day) || typeof domain !== 'string' || !Array.isArray(policies)) return false;
  if (served !== undefined && !Array.isArray(served)) return false;
  if ([tries, triedAt].some(n => n !== undefined && !Number.isFinite(n))) return false;
  return policies.every((policy: unknown) => {
    const p = (policy ?? {}) as Partial<Record<keyof TlsPolicyCount, unknown>>;
    const sound = ['sts', 'tlsa', 'no-policy-found'].includes(String(p.type)) && typeof p.domain === 'string';
    const failures = Array.isArray(p.failures) ? (p.failures as unknown[]) : [null];
    return (
      sound &&
      Array.isArray(p.text) &&
      Array.isArray(p.mx) &&
      Number.isFinite(p.succeeded) &&
      Number.isFinite(p.failed) &&
      failures.every(f => TLS_FAILURES.includes((f as TlsFailureCount | null)?.failure as TlsFailure))
    );
  });
}
