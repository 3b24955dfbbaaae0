/**
 * Opens the SMTP connection of a lane: MX hosts in order, their addresses in turn, over sockets bound to the source's address.
 *
 * Promises: HELO name and address are the source's; what a TLS policy enforces is met or the host is not used, and where
 * nothing is enforced TLS is used when offered and broken TLS is no reason not to deliver; an address that could not be used
 * is tried last for a while; the whole attempt ends within minutes. Every connection beyond the first that a receiver sees
 * is asked for. Never retries by itself: the governor decides when to ask again.
 */
import net from 'node:net';
import type { Clock } from '../kernel/clock.js';
import type { Events } from '../kernel/events.js';
import type { LaneLimits } from '../kernel/governor.js';
import type { Settings, Source } from '../kernel/settings.js';
import type { TlsPolicy } from '../kernel/tls.js';
import { MINUTE, type Ms } from '../kernel/units.js';
import { networkReply } from '../outcome/reply.js';
import type { MxHost, Router } from '../route/router.js';
import { dial } from './dial.js';
import type { Dialogue } from './dialogue.js';
import { authenticate, handshake, type HandshakeOptions, lastWord, type Refused, type TlsManner } from './handshake.js';
import type { HostMemory, Met } from './host-memory.js';
import type { DeliverLog } from './ports.js';
import type { Failed, Leave, Opened, Target } from './target.js';
import { contextMaker } from './tls-context.js';
import { TlsGuard } from './tls-guard.js';

/** How many addresses one attempt tries before it gives up (RFC 5321 §5.1 asks for at least two). */
const MOST_ADDRESSES = 5;
/** Of one host: the next host has its turn before a host's hundredth address. */
const MOST_OF_A_HOST = 3;
/** Once it has lasted that long, an attempt begins no other connection; real time. */
const LONGEST_ATTEMPT: Ms = 5 * MINUTE;

export interface NotOpened extends Failed {
  /** MX hosts that could not be reached or refused; 0: there was none to dial. */
  readonly hosts: number;
}

export interface ConnectorPorts {
  readonly clock: Clock;
  readonly events: Events;
  readonly settings: () => Settings;
  readonly router: Pick<Router, 'addresses' | 'order' | 'tls'>;
  readonly memory: HostMemory;
  readonly log: DeliverLog;
  readonly dialogue: Dialogue;
}

/** On whose behalf connections are opened. */
export interface From {
  readonly source: Source;
  readonly provider: string;
  /** Whose policies a connection to a host is counted for. */
  readonly sharing?: (host: string) => readonly TlsPolicy[];
}

const nobody = (): readonly TlsPolicy[] => [];

const met = ({ source, provider, host, address }: Target): Met => ({ source: source.name, provider, host: host.name, address });

export class Connector {
  readonly #ports: ConnectorPorts;
  readonly #guard: TlsGuard;
  readonly #context = contextMaker();

  constructor(ports: ConnectorPorts) {
    this.#ports = ports;
    this.#guard = new TlsGuard(ports.clock, ports.events, ports.memory);
  }

  /**
   * Tries hosts in order of preference; resolves with a connection past EHLO, or with the last failure. `leave` is asked
   * before the receiver sees another connection.
   */
  async open(from: From, hosts: readonly MxHost[], limits: LaneLimits, leave: Leave): Promise<Opened | NotOpened> {
    const { memory } = this.#ports;
    const { source } = from;
    const failed = new Set<string>();
    const refused = new Set<string>();
    const targets = await this.#targets(from, hosts, limits);
    if ('reply' in targets) return targets;
    const began = performance.now();
    let last: NotOpened | undefined;
    let tries = 0;
    let seenBefore = false;
    for (const target of targets) {
      if (refused.has(target.host.name)) continue;
      if (tries++ === MOST_ADDRESSES || performance.now() - began > LONGEST_ATTEMPT) break;
      const seen = (failure: Failed): NotOpened => ({ ...failure, hosts: failed.add(target.host.name).size });
      if (target.tls.kind === 'temporary') {
        last = seen(this.#guard.unknown(target, target.tls));
        continue;
      }
      if (seenBefore && !leave.another()) break;
      const result = await this.#one(target, target.tls.policy, leave);
      if ('connection' in result) {
        memory.answered(source.name, target.address);
        return result;
      }
      last = seen(result);
      // What is about our address says nothing about the host.
      if (leave.aboutUs(last)) break;
      memory.failed(met(target), result.reply.line);
      if (result.denied === true) break;
      seenBefore = result.phase !== 'connect';
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
    return all.length > 0 ? all : { reply: networkReply(trouble), phase: 'connect', host: '', hosts: 0 };
  }

  /** One address; opportunistic TLS that breaks is tried once more in the clear (RFC 7435 §3), unless that is denied. */
  async #one(target: Target, published: TlsPolicy, leave: Leave): Promise<Opened | (Failed & { denied?: true })> {
    const { memory, log } = this.#ports;
    const { source, host, address } = target;
    const policy = this.#guard.policy(target, published);
    const manner = this.#guard.manner(target, policy);
    if (manner === 'clear' && policy.enforce)
      return this.#guard.forbidden(target, policy, { failure: 'starttls-not-supported', detail: 'the host is configured with tls: none' });
    if (manner === 'clear') this.#guard.countBroken(target, policy);
    const first = await this.#speak(target, policy, manner);
    if ('connection' in first || first.phase !== 'tls') return first;
    if (policy.enforce) return first;
    memory.tlsFailed(met(target), first.reply.line);
    log.warn(
      { source: source.name, host: host.name, address, reply: first.reply.line },
      'TLS is broken there: mail goes in the clear for a while',
    );
    if (!leave.another()) return { ...first, denied: true };
    return this.#speak(target, policy, 'clear');
  }

  async #speak(target: Target, policy: TlsPolicy, manner: TlsManner): Promise<Opened | Failed> {
    const { settings, log, dialogue } = this.#ports;
    const { source, host, address, limits } = target;
    const options: HandshakeOptions = {
      host,
      address,
      name: source.hostName,
      manner,
      serverName: policy.names[0] ?? host.name,
      context: this.#context(settings().tls),
      session: manner === 'clear' ? undefined : this.#guard.session(target, policy),
      patience: 2 * limits.connectTimeout,
      dialogue: dialogue.tap({ source: source.name, provider: target.provider, host: host.name, address }),
    };
    const socket = await dial(source.address, address, host.port, limits.connectTimeout);
    if (socket instanceof Error)
      return { reply: networkReply(`${host.name}[${address}]:${host.port}: ${socket.message}`), phase: 'connect', host: host.name };
    const ready = await handshake(socket, options);
    if ('reply' in ready) {
      if (ready.phase !== 'tls') return { ...ready, host: host.name };
      return this.#guard.failed(target, policy, {
        failure: ready.noTls === true ? 'starttls-not-supported' : 'validation-failure',
        detail: ready.reply.text,
      });
    }
    // A 421 to STARTTLS, say: nodemailer tells that it is ready, and then that it is gone.
    if (ready.destroyed) return { ...lastWord(ready, `${host.name}[${address}]`), host: host.name };
    const trouble = manner === 'clear' ? undefined : this.#guard.judged(target, policy, ready);
    const refused: Refused | undefined = trouble ?? (await authenticate(ready, options));
    if (!refused) {
      const verified = policy.enforce && (policy.level === 'verify' || policy.level === 'dane');
      return { connection: ready, source, host: host.name, address, tls: ready.secure, verified, dialogue: options.dialogue };
    }
    ready.close();
    if (refused.phase === 'auth')
      log.error({ source: source.name, host: host.name, reply: refused.reply.line }, 'a smart host refuses our password');
    return { reply: refused.reply, phase: refused.phase, host: host.name };
  }
}
