/**
 * What routing asks of the DNS, and node's resolver behind it.
 *
 * Promises: never throws and never rejects: "no such name", "no such record" and "no answer" are different answers. At most
 * a hundred questions are outstanding at once. Never caches: lookups.ts does. Timeouts are real time, not policy time.
 */
import { promises as dns } from 'node:dns';
import type { TlsaRecord } from '../kernel/tls.js';
import { MINUTE, SECOND, type Ms } from '../kernel/units.js';
import { createGate } from './gate.js';

export interface MxAnswer {
  /** As received; '' is the root, which makes a null MX. */
  readonly exchange: string;
  readonly preference: number;
}

/** `secure`: a validating resolver vouches for the answer (AD, RFC 4035 section 3.2.3); only validated-dns.ts ever says so. */
export type DnsAnswer<T> =
  | {
      readonly kind: 'found';
      readonly records: readonly T[];
      readonly ttl: Ms;
      readonly secure?: boolean;
      /** What the name is an alias of, in lower case; absent when it is none, or not told. */
      readonly aliasOf?: string;
    }
  /** The name exists and has no such record. */
  | { readonly kind: 'no-data'; readonly ttl: Ms; readonly secure?: boolean }
  /** NXDOMAIN, or a name no DNS could hold. */
  | { readonly kind: 'no-domain'; readonly ttl: Ms; readonly secure?: boolean }
  /** SERVFAIL, refusal, timeout: nothing is known. */
  | { readonly kind: 'failed'; readonly text: string };

export interface DnsPort {
  mx(name: string): Promise<DnsAnswer<MxAnswer>>;
  a(name: string): Promise<DnsAnswer<string>>;
  aaaa(name: string): Promise<DnsAnswer<string>>;
  /** Each record as one string. */
  txt(name: string): Promise<DnsAnswer<string>>;
  /** Names of `reverse.ts`'s kind: `1.2.0.192.in-addr.arpa`; names without a dot at the end. */
  ptr(name: string): Promise<DnsAnswer<string>>;
  /** Absent where nothing is validated: TLSA records say nothing then. */
  readonly tlsa?: (name: string) => Promise<DnsAnswer<TlsaRecord>>;
}

export interface NodeDnsOptions {
  /** `192.0.2.53`, `127.0.0.1:5353`, `[::1]:5353`; empty: the system's. */
  readonly servers: readonly string[];
  /** First timeout of one question; it doubles with every try. */
  readonly timeout?: Ms;
  readonly tries?: number;
  /** How long an MX, TXT or PTR answer holds: node does not tell the TTL of these. */
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
    txt: name =>
      ask(
        () => resolver.resolveTxt(name),
        r => r.join(''),
        () => mxTtl,
      ),
    ptr: name =>
      ask(
        () => resolver.resolvePtr(name),
        r => r.replace(/\.$/, ''),
        () => mxTtl,
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
