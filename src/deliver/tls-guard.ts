/**
 * What a connection's TLS must be, and whether it was: policies obeyed, every handshake counted for reports (RFC 8460).
 *
 * What an enforced policy forbids comes back as a failure of phase `tls` that names the policy; what is only tested or only
 * wished for is counted. Keeps sessions of peers that were what their policy demands.
 */
import type SMTPConnection from 'nodemailer/lib/smtp-connection';
import type { Clock } from '../kernel/clock.js';
import type { Events } from '../kernel/events.js';
import { strictest, type HostTls, type TlsFailure, type TlsPolicy } from '../kernel/tls.js';
import { networkReply } from '../outcome/reply.js';
import type { TlsManner } from './handshake.js';
import type { HostMemory } from './host-memory.js';
import { countedFor } from './sharers.js';
import type { Failed, Target } from './target.js';
import { judgePeer, policyName } from './tls-peer.js';
import { sessionKey, TlsSessions } from './tls-sessions.js';
import { peerOf } from './tls-socket.js';

export interface TlsTrouble {
  readonly failure: TlsFailure;
  readonly detail: string;
}

export class TlsGuard {
  readonly #clock: Clock;
  readonly #events: Events;
  readonly #memory: Pick<HostMemory, 'brokenTls'>;
  readonly #sessions: TlsSessions;

  constructor(clock: Clock, events: Events, memory: Pick<HostMemory, 'brokenTls'>) {
    this.#clock = clock;
    this.#events = events;
    this.#memory = memory;
    this.#sessions = new TlsSessions(clock);
  }

  /** What is published and what we demand, whichever is stricter; a smart host's own `tls` is a demand. */
  policy({ host, limits }: Target, published: TlsPolicy): TlsPolicy {
    const wish = { ...limits, requireStarttls: limits.requireStarttls || host.tls === 'starttls' || host.tls === 'implicit' };
    return strictest(published, wish, host.name);
  }

  manner({ host, address, limits }: Target, policy: TlsPolicy): TlsManner {
    if (host.tls === 'none') return 'clear';
    if (host.tls === 'implicit') return 'implicit';
    if (policy.enforce) return 'starttls';
    return limits.useStarttls && this.#memory.brokenTls(address) === undefined ? 'offered' : 'clear';
  }

  /** Mail goes in the clear because TLS was found broken a while ago: that session counts as failed too. */
  countBroken(target: Target, policy: TlsPolicy): void {
    const why = target.limits.useStarttls && target.host.tls !== 'none' ? this.#memory.brokenTls(target.address) : undefined;
    if (why !== undefined) this.#count(target, policy, { failure: 'validation-failure', detail: why });
  }

  session({ source, host, address }: Target, policy: TlsPolicy): Buffer | undefined {
    return this.#sessions.get(sessionKey(source.name, address, host.port, policy));
  }

  /** Nothing may be sent to a host whose policy cannot be known now (RFC 7672 §2.1.2). */
  unknown(target: Target, tls: Extract<HostTls, { kind: 'temporary' }>): Failed {
    this.#count(target, tls.policy, { failure: tls.failure, detail: tls.text }, '');
    return { reply: networkReply(`${target.host.name}: ${tls.text}`), phase: 'tls', host: target.host.name };
  }

  /** Counts how TLS went; what an enforced policy forbids comes back. */
  judged(target: Target, policy: TlsPolicy, connection: SMTPConnection): Failed | undefined {
    const { socket, peer } = peerOf(connection);
    if (!socket) return this.#unmet(target, policy, { failure: 'starttls-not-supported', detail: 'STARTTLS is not offered' });
    const verdict = judgePeer(policy, peer, this.#clock.wall());
    if (!verdict.ok) return this.#unmet(target, policy, verdict);
    this.#count(target, policy, undefined);
    const session = socket.getSession();
    if (session) this.#sessions.keep(sessionKey(target.source.name, target.address, target.host.port, policy), session, peer.resumed);
    return undefined;
  }

  /** No TLS came of it. */
  failed(target: Target, policy: TlsPolicy, trouble: TlsTrouble): Failed {
    this.#sessions.drop(sessionKey(target.source.name, target.address, target.host.port, policy));
    return this.forbidden(target, policy, trouble);
  }

  #unmet(target: Target, policy: TlsPolicy, trouble: TlsTrouble): Failed | undefined {
    if (policy.enforce) return this.forbidden(target, policy, trouble);
    this.#count(target, policy, trouble);
    return undefined;
  }

  /** TLS that went wrong: counted, and told with the policy that demands it. */
  forbidden(target: Target, policy: TlsPolicy, trouble: TlsTrouble): Failed {
    const { host, address } = target;
    this.#count(target, policy, trouble);
    const label = `${host.name}[${address}]: `;
    const detail = trouble.detail.startsWith(label) ? trouble.detail : label + trouble.detail;
    const reply = networkReply(
      policy.enforce ? `${detail} (${trouble.failure}; ${policyName(policy, host.tls)} forbids delivery there)` : detail,
    );
    return { reply, phase: 'tls', host: host.name };
  }

  #count(target: Target, policy: TlsPolicy, trouble: TlsTrouble | undefined, receivingIp = target.address): void {
    const { source, host, sharing } = target;
    for (const counted of countedFor(policy, sharing(host.name)))
      this.#events.emit('tls', { policy: counted, mxHost: host.name, sourceIp: source.address, receivingIp, ...trouble });
  }
}
