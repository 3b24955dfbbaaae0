/**
 * Who is connected: how many connections each entry under `clients` has at once, against its `max-connections`, and how many
 * one address has that is nobody's (yet): strangers do not take the room of clients.
 *
 * A connection counts for the entry that its address belongs to, and for its user's from the login on. Counted over the
 * connections that are open, by the settings in force: a reload needs nothing done, and what is open stays open.
 */
import type { SMTPServerSession } from 'smtp-server';
import type { Client } from '../kernel/settings.js';
import { peerOf } from './clients.js';
import type { Identities } from './identity.js';
import { SmtpRefusal } from './ports.js';

/** Connections of one address that belong to no entry. Of 2,000 a listener takes, that leaves room for others. */
export const STRANGERS_OF_ADDRESS = 200;

export class Crowd {
  /** With the peer each comes from. */
  readonly #present = new Map<SMTPServerSession, string>();

  constructor(private readonly identities: Identities) {}

  /** A connection comes. Throws SmtpRefusal (421). */
  enter(session: SMTPServerSession): void {
    const client = this.identities.of(session)?.client;
    const peer = peerOf(session.remoteAddress);
    if (client) this.#assertPlace(client, session);
    else this.#assertStranger(peer);
    this.#present.set(session, peer);
  }

  /** It has shown that it is this user. Throws SmtpRefusal (421). */
  login(name: string, session: SMTPServerSession): void {
    this.#assertPlace(this.identities.user(name), session);
  }

  leave(session: SMTPServerSession): void {
    this.#present.delete(session);
  }

  #assertPlace(client: Client | undefined, session: SMTPServerSession): void {
    const most = client?.maxConnections ?? Infinity;
    if (most === Infinity) return;
    let others = 0;
    for (const other of this.#present.keys()) if (other !== session && this.identities.of(other)?.client === client) others++;
    if (others >= most) throw new SmtpRefusal(421, '4.7.0', `Too many connections: this client may have ${most} at once`);
  }

  #assertStranger(peer: string): void {
    let others = 0;
    for (const [other, from] of this.#present) if (from === peer && !this.identities.of(other)) others++;
    if (others >= STRANGERS_OF_ADDRESS) throw new SmtpRefusal(421, '4.7.0', 'Too many connections from your address');
  }
}
