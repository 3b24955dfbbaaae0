/**
 * Who a connection is: its address in the clients' ranges, or a user that gave its password over TLS.
 *
 * Asked anew for every message, so that a reload that removes a client or changes a password takes effect at once.
 */
import type { SMTPServerAuthentication, SMTPServerSession } from 'smtp-server';
import type { Clock } from '../kernel/clock.js';
import type { Client, Settings } from '../kernel/settings.js';
import { clientsOf } from './clients.js';
import { SmtpRefusal } from './ports.js';
import { Remembered } from './remembered.js';

/** What smtp-server keeps as session.user. */
interface User {
  readonly name: string;
  /** The configured password it was checked against. */
  readonly against: string | undefined;
}

export interface Identity {
  readonly client: Client;
  /** User name or address: what Envelope.client says. */
  readonly name: string;
  readonly user?: string;
}

const MOST_FAILURES = 3;

export class Identities {
  readonly #remembered: Remembered;
  readonly #failures = new WeakMap<SMTPServerSession, number>();
  readonly #byAddress = new WeakMap<SMTPServerSession, { settings: Settings; address: string; client: Client | undefined }>();

  constructor(
    private readonly settings: () => Settings,
    clock: Clock,
  ) {
    this.#remembered = new Remembered(clock);
  }

  /** undefined: may not relay. */
  of(session: SMTPServerSession): Identity | undefined {
    const settings = this.settings();
    const user = session.user as User | undefined;
    if (user) {
      const client = this.user(user.name);
      return client && client.password === user.against ? { client, name: user.name, user: user.name } : undefined;
    }
    let found = this.#byAddress.get(session);
    if (found?.settings !== settings || found.address !== session.remoteAddress) {
      found = { settings, address: session.remoteAddress, client: clientsOf(settings).byAddress(session.remoteAddress) };
      this.#byAddress.set(session, found);
    }
    return found.client && { client: found.client, name: session.remoteAddress };
  }

  /** The entry of this user name. */
  user(name: string): Client | undefined {
    return clientsOf(this.settings()).byUser(name);
  }

  /** Why this connection may not send. */
  refusal(session: SMTPServerSession, offersTls: boolean): SmtpRefusal {
    // Not for good: what it has to send can go once it has logged in anew.
    if (session.user && this.user((session.user as User).name))
      return new SmtpRefusal(421, '4.7.0', 'The password has changed: log in again');
    if (!session.user && offersTls && clientsOf(this.settings()).hasUsers) {
      return new SmtpRefusal(530, '5.7.0', session.secure ? 'Authentication required' : 'Authentication required, after STARTTLS');
    }
    return new SmtpRefusal(550, '5.7.1', 'Relaying denied: this client is not listed');
  }

  /** The value for session.user. Throws SmtpRefusal; the third failure of a connection ends it (421). */
  async authenticate(auth: SMTPServerAuthentication, session: SMTPServerSession): Promise<User> {
    if (!session.secure) throw new SmtpRefusal(538, '5.7.11', 'Encryption required for authentication');
    const name = auth.username ?? '';
    const stored = clientsOf(this.settings()).byUser(name)?.password;
    if (await this.#remembered.isRight(name, stored, auth.password ?? '')) return { name, against: stored };
    const failures = (this.#failures.get(session) ?? 0) + 1;
    this.#failures.set(session, failures);
    if (failures >= MOST_FAILURES) throw new SmtpRefusal(421, '4.7.0', 'Too many failed authentications');
    throw new SmtpRefusal(535, '5.7.8', 'Authentication credentials invalid');
  }
}
