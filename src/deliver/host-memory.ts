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
  readonly host: string;
  readonly address: string;
  /** Until then it is tried last, or spoken to in the clear. */
  readonly until: Instant;
  readonly why: string;
  readonly kind: 'unreachable' | 'broken-tls';
}

/** Who met what. */
export interface Met {
  readonly source: string;
  readonly provider: string;
  readonly host: string;
  readonly address: string;
}

interface Noted extends Met {
  readonly until: Instant;
  readonly why: string;
}

interface Avoided extends Noted {
  readonly failures: number;
  until: Instant;
}

export class HostMemory {
  readonly #clock: Pick<Clock, 'now'>;
  /** By source and address: a firewall may shut out one source only. */
  readonly #avoided = new Map<string, Avoided>();
  readonly #brokenTls = new Map<string, Noted>();

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

  failed(met: Met, why: string): void {
    const { source, address } = met;
    const failures = (this.#avoided.get(key(source, address))?.failures ?? 0) + 1;
    const until = this.#clock.now() + Math.min(LONGEST, FIRST * 2 ** (failures - 1));
    note(this.#avoided, key(source, address), { ...met, failures, until, why });
  }

  answered(source: string, address: string): void {
    this.#avoided.delete(key(source, address));
  }

  tlsFailed(met: Met, why: string): void {
    note(this.#brokenTls, met.address, { ...met, until: this.#clock.now() + BROKEN_TLS, why });
  }

  /** Why an address is spoken to in the clear, while it is. */
  brokenTls(address: string): string | undefined {
    const known = this.#brokenTls.get(address);
    return known && this.#clock.now() < known.until ? known.why : undefined;
  }

  /** What is in force for the hosts of a lane. */
  troubles(source: string, provider: string): Trouble[] {
    const now = this.#clock.now();
    const inForce = (met: Noted): boolean => met.provider === provider && now < met.until;
    const told = ({ host, address, until, why }: Noted, kind: Trouble['kind']): Trouble => ({ host, address, until, why, kind });
    return [
      ...[...this.#avoided.values()].filter(met => met.source === source && inForce(met)).map(met => told(met, 'unreachable')),
      ...[...this.#brokenTls.values()].filter(inForce).map(met => told(met, 'broken-tls')),
    ];
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
