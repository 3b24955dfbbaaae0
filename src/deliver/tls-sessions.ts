/**
 * TLS sessions to be taken up again (RFC 5077, RFC 8446 §2.2): a handshake saved where a receiver is met often.
 *
 * A session belongs to one source, one address and one policy, and is kept only when the peer was what that policy demands:
 * what is taken up again has been verified, by the same demand, within the hour. Bounded. Policy time.
 */
import type { Clock } from '../kernel/clock.js';
import type { TlsPolicy } from '../kernel/tls.js';
import { HOUR, type Instant } from '../kernel/units.js';

const MOST = 1_000;

export class TlsSessions {
  readonly #clock: Pick<Clock, 'now'>;
  readonly #held = new Map<string, { readonly session: Buffer; readonly until: Instant }>();

  constructor(clock: Pick<Clock, 'now'>) {
    this.#clock = clock;
  }

  get(key: string): Buffer | undefined {
    const held = this.#held.get(key);
    return held && this.#clock.now() < held.until ? held.session : undefined;
  }

  /** `resumed`: it comes of one that was taken up again, and ends when that would have: its peer was looked at back then. */
  keep(key: string, session: Buffer, resumed: boolean): void {
    const until = resumed ? this.#held.get(key)?.until : this.#clock.now() + HOUR;
    if (until === undefined) return;
    this.#held.delete(key);
    this.#held.set(key, { session, until });
    for (const oldest of this.#held.keys()) {
      if (this.#held.size <= MOST) break;
      this.#held.delete(oldest);
    }
  }

  /** A receiver that will not have it must not be offered it again. */
  drop(key: string): void {
    this.#held.delete(key);
  }
}

/** Two connections share a key exactly when what is demanded of their peers is the same. */
export function sessionKey(source: string, address: string, port: number, policy: TlsPolicy): string {
  const tlsa = policy.tlsa?.map(({ usage, selector, matching, data }) => [usage, selector, matching, Buffer.from(data).toString('base64')]);
  return JSON.stringify([source, address, port, policy.level, policy.names, tlsa ?? []]);
}
