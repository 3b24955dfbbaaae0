/**
 * An SMTP receiver: the other side of a delivery, on loopback. A plain server without the greeting delay of smtp-server,
 * which would be minutes on a fast clock.
 *
 * Promises: every reply is the policy's; every MAIL FROM is in the ledger, stamped when it arrived; memory is bounded and
 * messages are not kept. Never a server for the Internet: it takes mail for anybody.
 */
import { createServer, type AddressInfo } from 'node:net';
import type { SecureContext } from 'node:tls';
import type { Clock } from '../kernel/clock.js';
import { ACCEPT_ALL, type Peer, type ReceivedMessage, type ReceiverPolicy } from './receiver-policy.js';
import { ReceiverSession, type SessionParts } from './receiver-session.js';
import { ReceiversLedger } from './receivers-ledger.js';

export interface ReceiverOptions {
  readonly clock: Clock;
  /** Default: takes everything. */
  readonly policy?: ReceiverPolicy;
  /** Default 127.0.0.1. */
  readonly host?: string;
  /** Default 0: any free port. */
  readonly port?: number;
  /** Name in the greeting; default `receiver.example`. */
  readonly hostName?: string;
  /** Offers STARTTLS with this context (see self-signed.ts). */
  readonly tls?: SecureContext;
  /** Octets; default 50 MB. */
  readonly maxSize?: number;
  /** Hands contents to the policy and to `onMessage`. */
  readonly keepContent?: boolean;
  /** Called for every message read to its final dot, before the answer. Peer and message are valid during the call. */
  readonly onMessage?: (peer: Peer, message: ReceivedMessage, accepted: boolean) => void;
  /** Several receivers may share one. */
  readonly ledger?: ReceiversLedger;
}

export interface Receiver {
  readonly host: string;
  readonly port: number;
  readonly hostName: string;
  readonly ledger: ReceiversLedger;
  /** Sockets open now. */
  readonly connections: number;
  /** Replaces the policy for what comes next, on open connections too. */
  setPolicy(policy: ReceiverPolicy): void;
  /** Sends this reply on every open connection and closes it. */
  hangUp(reply: string): void;
  /** Cuts every open connection without a word. */
  cut(): void;
  /** With a reply it is said on every open connection, and clients have a second to hang up; without, all are cut. */
  stop(reply?: string): Promise<void>;
}

export async function startReceiver(options: ReceiverOptions): Promise<Receiver> {
  const host = options.host ?? '127.0.0.1';
  const hostName = options.hostName ?? 'receiver.example';
  const ledger = options.ledger ?? new ReceiversLedger();
  const sessions = new Set<ReceiverSession>();
  const open = new Map<string, number>();
  let policy = options.policy ?? ACCEPT_ALL;

  const parts: SessionParts = {
    hostName,
    ledger,
    clock: options.clock,
    maxSize: options.maxSize ?? 50 * 1024 * 1024,
    ...(options.tls ? { tls: options.tls } : {}),
    keepContent: options.keepContent ?? false,
    get policy() {
      return policy;
    },
    openFrom: source => open.get(source) ?? 0,
    received: (peer, message, accepted) => options.onMessage?.(peer, message, accepted),
    left(source) {
      const left = (open.get(source) ?? 1) - 1;
      if (left > 0) open.set(source, left);
      else open.delete(source);
    },
    closed: session => void sessions.delete(session),
  };

  const server = createServer({ noDelay: true }, socket => {
    const session = new ReceiverSession(socket, parts);
    sessions.add(session);
    open.set(session.source, (open.get(session.source) ?? 0) + 1);
    ledger.connected(session.source);
    session.greet();
  });
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen({ host, port: options.port ?? 0, backlog: 1_024 }, () => {
      server.removeListener('error', reject);
      resolve();
    });
  });

  return {
    host,
    port: (server.address() as AddressInfo).port,
    hostName,
    ledger,
    get connections() {
      return sessions.size;
    },
    setPolicy: next => void (policy = next),
    hangUp: reply => [...sessions].forEach(session => session.hangUp(reply)),
    cut: () => [...sessions].forEach(session => session.destroy()),
    async stop(reply) {
      const closed = new Promise<void>(resolve => server.close(() => resolve()));
      for (const session of sessions) {
        if (reply === undefined) session.destroy();
        else session.hangUp(reply);
      }
      await closed;
    },
  };
}
