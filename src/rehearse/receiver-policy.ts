/**
 * What decides a receiver's replies: the seam between the SMTP dialogue and a provider's behaviour.
 *
 * A policy answers at every step, at once, with a reply or with nothing, which accepts. It may keep state; the same policy
 * may serve several receivers (the MX hosts of one provider).
 */
import type { Clock } from '../kernel/clock.js';
import type { Ms } from '../kernel/units.js';

export interface Answer {
  /** The whole reply with its codes; lines separated by \n: `421-4.7.28 first\n421 4.7.28 last`. */
  readonly reply: string;
  /** Close the connection after it. */
  readonly close?: boolean;
  /** Policy time to wait before it is sent; what the client sends meanwhile waits too. */
  readonly delay?: Ms;
}

/** One connection as a policy sees it. */
export interface Peer {
  /** Address the client connects from. */
  readonly source: string;
  /** Address it connected to. */
  readonly local: string;
  readonly clock: Clock;
  /** Connections open from this source to this receiver, this one included. */
  readonly connections: number;
  /** MAIL FROMs accepted on this connection. */
  readonly mails: number;
  /** Messages accepted on this connection. */
  readonly messages: number;
  readonly tls: boolean;
  /** Name given in EHLO or HELO; empty before. */
  readonly helo: string;
  /** Reverse path of the transaction; empty outside one, and for the null sender. */
  readonly sender: string;
  /** Recipients accepted in the transaction. */
  readonly recipients: readonly string[];
}

export interface ReceivedMessage {
  /** Octets between DATA and the final dot, as they travelled (dot-stuffing included). */
  readonly bytes: number;
  /** The message, unstuffed; only when the receiver keeps contents. */
  readonly content?: Buffer;
}

export interface ReceiverPolicy {
  /** The greeting; a 2xx reply here replaces the default one. */
  onConnect?(peer: Peer): Answer | undefined;
  onHelo?(peer: Peer, name: string): Answer | undefined;
  /** `sender` is empty for the null sender. */
  onMail?(peer: Peer, sender: string): Answer | undefined;
  onRcpt?(peer: Peer, recipient: string): Answer | undefined;
  /** The answer to the DATA command. */
  onData?(peer: Peer): Answer | undefined;
  /** The answer to the final dot. */
  onMessage?(peer: Peer, message: ReceivedMessage): Answer | undefined;
  onClose?(peer: Peer): void;
}

/** Takes everything. */
export const ACCEPT_ALL: ReceiverPolicy = {};
