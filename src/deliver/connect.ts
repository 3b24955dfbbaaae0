/**
 * Opens the SMTP connection of a lane: MX hosts in order, their addresses in turn, over sockets bound to the source's address.
 *
 * Promises: HELO name and address are the source's; what a TLS policy enforces is met or the host is not used, and where
 * nothing is enforced TLS is used when offered and broken TLS is no reason not to deliver; an address that could not be used
 * is tried last for a while; the whole attempt ends within minutes. Every connection beyond the first that a receiver sees
 * is asked for. Never retries by itself: the governor decides when to ask again.
 */
import net from 'node:net';
import type SMTPConnection from 'nodemailer/lib/smtp-connection';
import type { Clock } from '../kernel/clock.js';
import type { Events } from '../kernel/events.js';
import type { LaneLimits } from '../kernel/governor.js';
import type { Phase, Reply } from '../kernel/reply.js';
import type { Settings, Source } from '../kernel/settings.js';
import { strictest, type HostTls, type TlsFailure, type TlsPolicy } from '../kernel/tls.js';
import { MINUTE, type Ms } from '../kernel/units.js';
import { networkReply } from '../outcome/reply.js';
import type { MxHost, Router } from '../route/router.js';
import { dial } from './dial.js';
import { dialogueLogger } from './dialogue.js';
import { authenticate, handshake, type HandshakeOptions, type Refused, type TlsManner } from './handshake.js';
import type { HostMemory, Met } from './host-memory.js';
import type { DeliverLog } from './ports.js';
import { contextMaker } from './tls-context.js';
import { judgePeer, policyName } from './tls-peer.js';
import { sessionKey, TlsSessions } from './tls-sessions.js';
import { countedFor } from './sharers.js';
import { peerOf } from './tls-socket.js';

/** How many addresses one attempt tries before it gives up (RFC 5321 §5.1 asks for at least two). */
const MOST_ADDRESSES = 5;
/** Of one host: the next host has its turn before a host's hundredth address. */
const MOST_OF_A_HOST = 3;
/** Once it has lasted that long, an attempt begins no other connection; real time. */
const LONGEST_ATTEMPT: Ms = 5 * MINUTE;

export interface Opened {
  readonly connection: SMTPConnection;
  readonly host: string;
  readonly address: string;
  readonly tls: boolean;
}

export interface NotOpened {
  readonly reply: Reply;
  readonly phase: Phase;
  readonly host: string;
  /** MX hosts that could not be reached or refused. */
  readonly hosts: number;
}

/** wait: another connection is not granted now. stop: the provider's other hosts would say the same. */
export type Again = 'go' | 'wait' | 'stop';

export interface ConnectorPorts {
  readonly clock: Clock;
  readonly events: Events;
  readonly settings: () => Settings;
  readonly router: Pick<Router, 'addresses' | 'order' | 'tls'>;
  readonly memory: HostMemory;
  readonly log: DeliverLog;
  readonly dialogue: boolean;
}

/** On whose behalf connections are opened. */
export interface From {
  readonly source: Source;
  readonly provider: string;
  /** Whose policies a connection to a host is counted for. */
  readonly sharing?: (host: string) => readonly TlsPolicy[];
}

const nobody = (): readonly TlsPolicy[] => [];

interface Target {
  readonly source: Source;
  readonly provider: string;
  readonly host: MxHost;
  readonly address: string;
  readonly limits: LaneLimits;
  readonly tls: HostTls;
  readonly sharing: (host: string) => readonly TlsPolicy[];
}

const met = ({ source, provider, host, address }: Target): Met => ({ source: source.name, provider, host: host.name, address });

type Failed = Omit<NotOpened, 'hosts'>;

export class Connector {
  readonly #ports: ConnectorPorts;
  readonly #sessions: TlsSessions;
  readonly #context = contextMaker();

  constructor(ports: ConnectorPorts) {
    this.#ports = ports;
    this.#sessions = new TlsSessions(ports.clock);
  }

  /**
   * Tries hosts in order of preference; resolves with a connection past EHLO, or with the last failure. `again` is asked
   * before the receiver sees another connection.
   */
  async open(from: From, hosts: readonly MxHost[], limits: LaneLimits, again: (failed: NotOpened) => Again): Promise<Opened | NotOpened> {
    const { memory } = this.#ports;
    const { source } = from;
    const failed = new Set<string>();
    const refused = new Set<string>();
    const targets = await this.#targets(from, hosts, limits);
    if ('reply' in targets) return targets;
    const began = performance.now();
    let last: NotOpened | undefined;
    let tries = 0;
    for (const target of targets) {
      if (refused.has(target.host.name)) continue;
      if (tries++ === MOST_ADDRESSES || performance.now() - began > LONGEST_ATTEMPT) break;
      const seen = (failure: Failed): NotOpened => ({ ...failure, hosts: failed.add(target.host.name).size });
      if (target.tls.kind === 'temporary') {
        last = seen(this.#unknownPolicy(target, target.tls));
        continue;
      }
      const result = await this.#one(target, target.tls.policy, failure => again(seen(failure)));
      if ('connection' in result) {
        memory.answered(source.name, target.address);
        return result;
      }
      last = seen(result);
      const next = result.next ?? (result.phase === 'connect' ? 'go' : again(last));
      // What is about our address says nothing about the host.
      if (next !== 'stop') memory.failed(met(target), result.reply.line);
      if (next !== 'go') break;
      // The host answered: its other addresses would say the same.
      if (result.reply.code !== 0) refused.add(target.host.name);
    }
    return last ?? { reply: networkReply('no address to connect to'), phase: 'connect', host: '', hosts: 0 };
  }

  async #targets(from: From, hosts: readonly MxHost[], limits: LaneLimits): Promise<Target[] | NotOpened> {
    const { source, provider, sharing = nobody } = from;
    const { router, memory } = this.#ports;
    const family = net.isIP(source.address);
    const near: Target[] = [];
    const far: Target[] = [];
    let trouble = 'no MX host has an address';
    for (const host of router.order(hosts)) {
      const [found, tls] = await Promise.all([router.addresses(host), router.tls(host)]);
      if (!('addresses' in found)) {
        trouble = `${host.name}: ${'temporary' in found ? found.temporary : found.none}`;
        continue;
      }
      const usable = found.addresses.filter(a => net.isIP(a) === family).slice(0, MOST_OF_A_HOST);
      if (usable.length === 0) trouble = `${host.name} has no IPv${family} address`;
      for (const address of usable)
        (memory.avoids(source.name, address) ? far : near).push({ source, provider, sharing, host, address, limits, tls });
      if (near.length >= MOST_ADDRESSES) break;
    }
    const all = [...near, ...far];
    return all.length > 0 ? all : { reply: networkReply(trouble), phase: 'connect', host: '', hosts: hosts.length };
  }

  /** Nothing may be sent to a host whose policy cannot be known now (RFC 7672 §2.1.2). */
  #unknownPolicy(target: Target, tls: Extract<HostTls, { kind: 'temporary' }>): Failed {
    this.#count(target, tls.policy, { failure: tls.failure, detail: tls.text }, '');
    return { reply: networkReply(`${target.host.name}: ${tls.text}`), phase: 'tls', host: target.host.name };
  }

  /** One address; opportunistic TLS that breaks is tried once more in the clear (RFC 7435 §3), where `again` allows it. */
  async #one(target: Target, published: TlsPolicy, again: (failed: Failed) => Again): Promise<Opened | (Failed & { next?: Again })> {
    const { memory, log } = this.#ports;
    const { source, host, address, limits } = target;
    const wish = { ...limits, requireStarttls: limits.requireStarttls || host.tls === 'starttls' || host.tls === 'implicit' };
    const policy = strictest(published, wish, host.name);
    const manner = this.#manner(target, policy);
    if (manner === 'clear' && policy.enforce)
      return this.#forbidden(target, policy, { failure: 'starttls-not-supported', detail: 'the host is configured with tls: none' });
    const first = await this.#speak(target, policy, manner);
    if ('connection' in first || first.phase !== 'tls') return first;
    if (policy.enforce) return first;
    memory.tlsFailed(met(target), first.reply.line);
    log.warn(
      { source: source.name, host: host.name, address, reply: first.reply.line },
      'TLS is broken there: mail goes in the clear for a while',
    );
    const next = again(first);
    if (next !== 'go') return { ...first, next };
    return this.#speak(target, policy, 'clear');
  }

  #manner({ host, address, limits }: Target, policy: TlsPolicy): TlsManner {
    if (host.tls === 'none') return 'clear';
    if (host.tls === 'implicit') return 'implicit';
    if (policy.enforce) return 'starttls';
    const broken = this.#ports.memory.brokenTls(address);
    return limits.useStarttls && broken === undefined ? 'offered' : 'clear';
  }

  async #speak(target: Target, policy: TlsPolicy, manner: TlsManner): Promise<Opened | Failed> {
    const { settings, log, dialogue } = this.#ports;
    const { source, host, address, limits } = target;
    const key = sessionKey(source.name, address, host.port, policy);
    const session = manner === 'clear' ? undefined : this.#sessions.get(key);
    const options: HandshakeOptions = {
      host,
      address,
      name: source.hostName,
      manner,
      serverName: policy.names[0] ?? host.name,
      context: this.#context(settings().tls),
      session,
      patience: 2 * limits.connectTimeout,
      logger: dialogue ? dialogueLogger(log, `${source.name} → ${host.name}[${address}]`) : undefined,
    };
    const socket = await dial(source.address, address, host.port, limits.connectTimeout);
    if (socket instanceof Error)
      return { reply: networkReply(`${host.name}[${address}]:${host.port}: ${socket.message}`), phase: 'connect', host: host.name };
    const ready = await handshake(socket, options);
    if ('reply' in ready) {
      if (ready.phase !== 'tls') return { ...ready, host: host.name };
      this.#sessions.drop(key);
      return this.#forbidden(target, policy, {
        failure: ready.noTls === true ? 'starttls-not-supported' : 'validation-failure',
        detail: ready.reply.text,
      });
    }
    const trouble = manner === 'clear' ? undefined : this.#judged(target, policy, ready, key);
    const refused: Refused | undefined = trouble ?? (await authenticate(ready, options));
    if (!refused) return { connection: ready, host: host.name, address, tls: ready.secure };
    ready.close();
    if (refused.phase === 'auth')
      log.error({ source: source.name, host: host.name, reply: refused.reply.line }, 'a smart host refuses our password');
    return { reply: refused.reply, phase: refused.phase, host: host.name };
  }

  /** Counts how TLS went; what an enforced policy forbids comes back. */
  #judged(target: Target, policy: TlsPolicy, connection: SMTPConnection, key: string): Refused | undefined {
    const { socket, peer } = peerOf(connection);
    if (!socket) {
      this.#count(target, policy, { failure: 'starttls-not-supported', detail: 'STARTTLS is not offered' });
      return undefined;
    }
    const verdict = judgePeer(policy, peer, this.#ports.clock.wall());
    if (!verdict.ok) {
      if (policy.enforce) return this.#forbidden(target, policy, verdict);
      this.#count(target, policy, verdict);
      return undefined;
    }
    this.#count(target, policy, undefined);
    const session = socket.getSession();
    if (session) this.#sessions.keep(key, session);
    return undefined;
  }

  /** TLS that went wrong: counted, and told with the policy that demands it. */
  #forbidden(target: Target, policy: TlsPolicy, trouble: { failure: TlsFailure; detail: string }): Failed & Refused {
    const { host, address } = target;
    this.#count(target, policy, trouble);
    const label = `${host.name}[${address}]: `;
    const detail = trouble.detail.startsWith(label) ? trouble.detail : label + trouble.detail;
    const reply = networkReply(policy.enforce ? `${detail} (${trouble.failure}; ${policyName(policy)} forbids delivery there)` : detail);
    return { reply, phase: 'tls', host: host.name };
  }

  #count(
    target: Target,
    policy: TlsPolicy,
    trouble: { failure: TlsFailure; detail: string } | undefined,
    receivingIp = target.address,
  ): void {
    const { source, host, sharing } = target;
    for (const counted of countedFor(policy, sharing(host.name)))
      this.#ports.events.emit('tls', { policy: counted, mxHost: host.name, sourceIp: source.address, receivingIp, ...trouble });
  }
}
