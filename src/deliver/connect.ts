/**
 * Opens the SMTP connection of a lane: MX hosts in order, their addresses in turn, over sockets bound to the source's address.
 *
 * Promises: HELO name and address are the source's; the socket is ours (nodemailer is given an open connection); STARTTLS is
 * used when offered, required when told; a host that could not be reached is tried last for a while. Never retries by
 * itself: a refused greeting is an answer, and the governor decides when to ask again.
 */
import net from 'node:net';
import SMTPConnection from 'nodemailer/lib/smtp-connection';
import type { Clock } from '../kernel/clock.js';
import type { LaneLimits } from '../kernel/governor.js';
import type { Phase, Reply } from '../kernel/reply.js';
import type { Source } from '../kernel/settings.js';
import { MINUTE } from '../kernel/units.js';
import { networkReply, parseReply } from '../outcome/reply.js';
import type { MxHost, Router } from '../route/router.js';
import type { DeliverLog } from './ports.js';
import type { SendError } from './transaction.js';

/** How many addresses one attempt tries before it gives up (RFC 5321 §5.1 asks for at least two). */
const MOST_ADDRESSES = 5;
/** How long an unreachable address is tried last, and a host with broken TLS without TLS. */
const AVOID_FOR = 10 * MINUTE;
/** Longest reply that is read, bytes. */
const MOST_REPLY = 64 * 1024;

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

export interface ConnectorPorts {
  readonly clock: Clock;
  readonly router: Pick<Router, 'addresses' | 'order'>;
  readonly log: DeliverLog;
  readonly dialogue: boolean;
}

export class Connector {
  readonly #ports: ConnectorPorts;
  readonly #unreachable = new Map<string, number>();
  readonly #brokenTls = new Map<string, number>();

  constructor(ports: ConnectorPorts) {
    this.#ports = ports;
  }

  /** Tries hosts in order of preference; resolves with a connection past EHLO, or with the last failure. */
  async open(source: Source, hosts: readonly MxHost[], limits: LaneLimits): Promise<Opened | NotOpened> {
    const failed = new Set<string>();
    let last: NotOpened | undefined;
    const targets = await this.#targets(source, hosts);
    if ('reply' in targets) return targets;
    for (const target of targets.slice(0, MOST_ADDRESSES)) {
      let result = await this.#one(source, target.host, target.address, limits);
      // Opportunistic TLS that breaks is no reason not to deliver: once more, in the clear (RFC 7435 §3).
      if ('phase' in result && result.phase === 'tls' && !limits.requireStarttls)
        result = await this.#one(source, target.host, target.address, limits);
      if ('connection' in result) return result;
      failed.add(target.host.name);
      last = { ...result, hosts: failed.size };
      // An SMTP answer is an answer: only hosts that cannot be reached are passed over.
      if (result.reply.code !== 0) break;
      this.#unreachable.set(target.address, this.#ports.clock.now() + AVOID_FOR);
    }
    return last ?? { reply: networkReply('no address to connect to'), phase: 'connect', host: '', hosts: 0 };
  }

  async #targets(source: Source, hosts: readonly MxHost[]): Promise<{ host: MxHost; address: string }[] | NotOpened> {
    const family = net.isIP(source.address);
    const now = this.#ports.clock.now();
    const near: { host: MxHost; address: string }[] = [];
    const far: { host: MxHost; address: string }[] = [];
    let trouble = 'no MX host has an address';
    for (const host of this.#ports.router.order(hosts)) {
      const found = await this.#ports.router.addresses(host);
      if (!('addresses' in found)) {
        trouble = `${host.name}: ${'temporary' in found ? found.temporary : found.none}`;
        continue;
      }
      const usable = found.addresses.filter(a => net.isIP(a) === family);
      if (usable.length === 0) trouble = `${host.name} has no IPv${family} address`;
      for (const address of usable) ((this.#unreachable.get(address) ?? 0) > now ? far : near).push({ host, address });
      if (near.length >= MOST_ADDRESSES) break;
    }
    const all = [...near, ...far];
    return all.length > 0 ? all : { reply: networkReply(trouble), phase: 'connect', host: '', hosts: hosts.length };
  }

  async #one(source: Source, host: MxHost, address: string, limits: LaneLimits): Promise<Opened | Omit<NotOpened, 'hosts'>> {
    const socket = await dial(source.address, address, host.port, limits.connectTimeout);
    if (socket instanceof Error)
      return { reply: networkReply(`${host.name}[${address}]:${host.port}: ${socket.message}`), phase: 'connect', host: host.name };
    const plain = !limits.requireStarttls && (!limits.useStarttls || (this.#brokenTls.get(address) ?? 0) > this.#ports.clock.now());
    return new Promise(resolve => {
      const connection = new SMTPConnection({
        connection: socket,
        host: host.name,
        port: host.port,
        name: source.hostName,
        ignoreTLS: plain,
        requireTLS: limits.requireStarttls,
        opportunisticTLS: !limits.requireStarttls,
        tls: { rejectUnauthorized: false, minVersion: 'TLSv1.2' },
        connectionTimeout: 2 * limits.connectTimeout,
        greetingTimeout: 5 * MINUTE,
        socketTimeout: 10 * MINUTE,
        socketCloseTimeout: 1_000,
        maxResponseSize: MOST_REPLY,
        logger: this.#ports.dialogue ? dialogueLogger(this.#ports.log, `${source.name} → ${host.name}[${address}]`) : false,
        transactionLog: this.#ports.dialogue,
      });
      let over = false;
      const fail = (error: SendError): void => {
        if (over) return;
        over = true;
        if (error.code === 'ETLS') this.#brokenTls.set(address, this.#ports.clock.now() + AVOID_FOR);
        connection.close();
        const phase: Phase = error.code === 'ETLS' ? 'tls' : error.command === 'EHLO' || error.command === 'HELO' ? 'helo' : 'greeting';
        // A refused STARTTLS is no verdict on the mail, whatever its code.
        const own = `${host.name}[${address}]: ${phase === 'tls' ? `STARTTLS failed: ${error.response || error.message}` : error.message}`;
        const reply = error.response && phase !== 'tls' ? parseReply(error.response) : networkReply(own);
        resolve({ reply, phase, host: host.name });
      };
      connection.on('error', fail);
      connection.on('end', () => fail(Object.assign(new Error('connection closed before it was ready'), { code: 'ECONNECTION' })));
      connection.connect(error => {
        if (error) return fail(error as SendError);
        if (over) return;
        over = true;
        resolve({ connection, host: host.name, address, tls: connection.secure });
      });
    });
  }
}

function dial(from: string, to: string, port: number, timeout: number): Promise<net.Socket | Error> {
  return new Promise(resolve => {
    const socket = net.connect({ host: to, port, localAddress: from });
    const timer = setTimeout(() => end(new Error(`no answer within ${Math.round(timeout / 1000)} s`)), timeout);
    const end = (result: net.Socket | Error): void => {
      clearTimeout(timer);
      socket.off('error', end);
      socket.off('connect', connected);
      if (result instanceof Error) {
        socket.on('error', () => undefined);
        socket.destroy();
      } else {
        // Between here and nodemailer's own listeners an error must not be unhandled.
        socket.on('error', () => undefined);
      }
      resolve(result);
    };
    const connected = (): void => end(socket);
    socket.once('connect', connected);
    socket.once('error', end);
  });
}

/** nodemailer's logger interface → debug lines of the dialogue, without bodies. */
function dialogueLogger(log: DeliverLog, label: string): Record<string, (...args: unknown[]) => void> {
  const write = (entry: unknown, text?: unknown): void => {
    const kind = (entry as { tnx?: string } | undefined)?.tnx;
    if (kind === 'client' || kind === 'server') log.debug({ smtp: label, side: kind === 'client' ? 'C' : 'S' }, String(text));
  };
  const quiet = (): void => undefined;
  return { trace: quiet, debug: write, info: quiet, warn: quiet, error: quiet, fatal: quiet, level: quiet };
}
