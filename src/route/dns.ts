/**
 * What routing asks of the DNS, and node's resolver behind it.
 *
 * Promises: never throws and never rejects: "no such name", "no such record" and "no answer" are different answers. At most
 * a hundred questions are outstanding at once. Never caches: lookups.ts does. Timeouts are real time, not policy time.
 */
import { promises as dns } from 'node:dns';
import { MINUTE, SECOND, type Ms } from '../kernel/units.js';

export interface MxAnswer {
  /** As received; '' is the root, which makes a null MX. */
  readonly exchange: string;
  readonly preference: number;
}

export type DnsAnswer<T> =
  | { readonly kind: 'found'; readonly records: readonly T[]; readonly ttl: Ms }
  /** The name exists and has no such record. */
  | { readonly kind: 'no-data'; readonly ttl: Ms }
  /** NXDOMAIN, or a name no DNS could hold. */
  | { readonly kind: 'no-domain'; readonly ttl: Ms }
  /** SERVFAIL, refusal, timeout: nothing is known. */
  | { readonly kind: 'failed'; readonly text: string };

export interface DnsPort {
  mx(name: string): Promise<DnsAnswer<MxAnswer>>;
  a(name: string): Promise<DnsAnswer<string>>;
  aaaa(name: string): Promise<DnsAnswer<string>>;
}

export interface NodeDnsOptions {
  /** `192.0.2.53`, `127.0.0.1:5353`, `[::1]:5353`; empty: the system's. */
  readonly servers: readonly string[];
  /** First timeout of one question; it doubles with every try. */
  readonly timeout?: Ms;
  readonly tries?: number;
  /** How long an MX answer holds: node does not tell the TTL of MX records. */
  readonly mxTtl?: Ms;
  /** How long "no such name" and "no such record" hold: node does not tell the SOA's minimum. */
  readonly negativeTtl?: Ms;
}

const OUTSTANDING_MOST = 100;

export function createNodeDns(options: NodeDnsOptions): DnsPort {
  const resolver = new dns.Resolver({ timeout: options.timeout ?? 3 * SECOND, tries: options.tries ?? 2 });
  if (options.servers.length > 0) resolver.setServers(options.servers);
  const mxTtl = options.mxTtl ?? 15 * MINUTE;
  const negativeTtl = options.negativeTtl ?? 5 * MINUTE;
  const gate = createGate(OUTSTANDING_MOST);

  const ask = async <R, T>(question: () => Promise<R[]>, read: (record: R) => T, ttl: (record: R) => Ms): Promise<DnsAnswer<T>> => {
    await gate.enter();
    try {
      const records = await question();
      if (records.length === 0) return { kind: 'no-data', ttl: negativeTtl };
      return { kind: 'found', records: records.map(read), ttl: Math.min(...records.map(ttl)) };
    } catch (error) {
      return failure(error, negativeTtl);
    } finally {
      gate.leave();
    }
  };

  return {
    mx: name =>
      ask(
        () => resolver.resolveMx(name),
        r => ({ exchange: r.exchange, preference: r.priority }),
        () => mxTtl,
      ),
    a: name =>
      ask(
        () => resolver.resolve4(name, { ttl: true }),
        r => r.address,
        r => r.ttl * SECOND,
      ),
    aaaa: name =>
      ask(
        () => resolver.resolve6(name, { ttl: true }),
        r => r.address,
        r => r.ttl * SECOND,
      ),
  };
}

const FAILURES: Readonly<Record<string, string>> = {
  ESERVFAIL: 'the name server answered SERVFAIL',
  EREFUSED: 'the name server refused to answer',
  ETIMEOUT: 'no name server answered in time',
  ECONNREFUSED: 'no name server could be reached',
};

function failure(
  error: unknown,
  ttl: Ms,
): { readonly kind: 'no-data' | 'no-domain'; readonly ttl: Ms } | { readonly kind: 'failed'; readonly text: string } {
  const code = error instanceof Error && 'code' in error ? String(error.code) : '';
  if (code === 'ENODATA') return { kind: 'no-data', ttl };
  if (code === 'ENOTFOUND' || code === 'EBADNAME') return { kind: 'no-domain', ttl };
  return { kind: 'failed', text: FAILURES[code] ?? `the lookup failed (${code || 'no code'})` };
}

/** Lets `most` in at a time, the others in the order in which they came. */
function createGate(most: number): { enter(): Promise<void>; leave(): void } {
  let inside = 0;
  const waiting: (() => void)[] = [];
  return {
    enter() {
      if (inside < most) {
        inside++;
        return Promise.resolve();
      }
      return new Promise(resolve => waiting.push(resolve));
    },
    leave() {
      const next = waiting.shift();
      if (next) next();
      else inside--;
    },
  };
}
