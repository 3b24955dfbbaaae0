/**
 * What connecting has taught about addresses of receivers: which ones could not be used, and are tried after the others;
 * where TLS is broken, and opportunistic mail goes in the clear.
 *
 * Promises: the time an address is avoided doubles with every failure, 5 minutes to an hour; once it is over, one attempt
 * at a time finds out whether the address answers again. Memory is bounded: what was noted longest ago goes first. Never
 * forbids an address: where there is no other, it is used. Policy time.
 */
import type { Clock } from '../kernel/clock.js';
import { HOUR, MINUTE, type Instant, type Ms } from '../kernel/units.js';

const FIRST: Ms = 5 * MINUTE;
const LONGEST: Ms = HOUR;
/** How long one attempt has to find out; the others wait for it no longer. */
const PROBE: Ms = 5 * MINUTE;
/** How long a host with broken TLS is spoken to without it. */
const BROKEN_TLS: Ms = 10 * MINUTE;
const MOST = 10_000;

export interface Trouble {
  readonly address: string;
  /** Until then it is tried last, or spoken to in the clear. */
  readonly until: Instant;
  readonly why: string;
  readonly kind: 'unreachable' | 'broken-tls';
}

interface Avoided {
  failures: number;
  until: Instant;
  why: string;
}

export class HostMemory {
  readonly #clock: Pick<Clock, 'now'>;
  /** By source and address: a firewall may shut out one source only. */
  readonly #avoided = new Map<string, Avoided>();
  readonly #brokenTls = new Map<string, { readonly until: Instant; readonly why: string }>();

  constructor(clock: Pick<Clock, 'now'>) {
    this.#clock = clock;
  }

  /** Is it to be tried after the others? Who asks first once the time is over is told no, and finds out for all. */
  avoids(source: string, address: string): boolean {
    const known = this.#avoided.get(key(source, address));
    if (!known) return false;
    const now = this.#clock.now();
    if (now < known.until) return true;
    known.until = now + PROBE;
    return false;
  }

  failed(source: string, address: string, why: string): void {
    const failures = (this.#avoided.get(key(source, address))?.failures ?? 0) + 1;
    const until = this.#clock.now() + Math.min(LONGEST, FIRST * 2 ** (failures - 1));
    note(this.#avoided, key(source, address), { failures, until, why });
  }

  answered(source: string, address: string): void {
    this.#avoided.delete(key(source, address));
  }

  tlsFailed(address: string, why: string): void {
    note(this.#brokenTls, address, { until: this.#clock.now() + BROKEN_TLS, why });
  }

  /** Why an address is spoken to in the clear, while it is. */
  brokenTls(address: string): string | undefined {
    const known = this.#brokenTls.get(address);
    return known && this.#clock.now() < known.until ? known.why : undefined;
  }

  /** What is in force for a source. */
  troubles(source: string): Trouble[] {
    const now = this.#clock.now();
    const mine = [...this.#avoided].filter(([k]) => k.startsWith(`${source} `));
    return [
      ...mine.map(([k, { until, why }]) => ({ address: k.slice(source.length + 1), until, why, kind: 'unreachable' as const })),
      ...[...this.#brokenTls].map(([address, known]) => ({ address, ...known, kind: 'broken-tls' as const })),
    ].filter(trouble => now < trouble.until);
  }
}

const key = (source: string, address: string): string => `${source} ${address}`;

/** Noted last, and what was noted longest ago makes room. */
function note<T>(map: Map<string, T>, key: string, value: T): void {
  map.delete(key);
  map.set(key, value);
  for (const oldest of map.keys()) {
    if (map.size <= MOST) break;
    map.delete(oldest);
  }
}
