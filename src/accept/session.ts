/**
 * The dialogue of one listener: which client may say what, and how it is answered. smtp-server speaks the protocol; these
 * are its callbacks.
 *
 * Every refusal names its reason; every check that a reload can change is made per message. Nothing here waits for
 * anything but the store and a password.
 */
import type { SMTPServerAddress, SMTPServerOptions, SMTPServerSession } from 'smtp-server';
import { printable } from '../kernel/text.js';
import { canonicalAddress } from './address.js';
import { Body, type Budget } from './body.js';
import type { Identities } from './identity.js';
import { assertRoom, take } from './intake.js';
import { SmtpRefusal, type AcceptParts } from './ports.js';

export interface Gate {
  /** Why nothing new is taken at the moment; null: open. */
  closed: string | null;
}

type Handlers = Required<Pick<SMTPServerOptions, 'onConnect' | 'onSecure' | 'onAuth' | 'onMailFrom' | 'onRcptTo' | 'onData'>>;
type Done = (error?: Error | null) => void;

/** Commands of the library that are no business of ours, and AUTH where it would go in clear text. */
const NEVER = ['WIZ', 'SHELL', 'KILL', 'XCLIENT', 'XFORWARD'];

export function handlersFor(
  parts: AcceptParts,
  identities: Identities,
  gate: Gate,
  budget: Budget,
  offersTls: () => boolean,
): Handlers & { disabledCommands: string[] } {
  const refuse = (session: SMTPServerSession, error: unknown, done: Done) => {
    const refusal = error instanceof SmtpRefusal ? error : bug(parts, error);
    if (parts.events.has('refused')) {
      const client = identities.of(session)?.name ?? session.remoteAddress;
      parts.events.emit('refused', { client, reply: printable(`${refusal.responseCode} ${refusal.message}`) });
    }
    done(refusal);
  };
  const checked = (session: SMTPServerSession, done: Done, check: () => void) => {
    try {
      check();
    } catch (error) {
      return refuse(session, error, done);
    }
    done();
  };

  return {
    disabledCommands: offersTls() ? NEVER : [...NEVER, 'STARTTLS', 'AUTH'],

    onConnect(session, done) {
      // AUTH is neither offered nor taken before TLS: a client must not be led to show its password.
      if (!session.secure) session.disabledCommands = offersTls() ? [...NEVER, 'AUTH'] : [...NEVER, 'STARTTLS', 'AUTH'];
      checked(session, done, () => {
        if (gate.closed !== null) throw new SmtpRefusal(421, '4.3.2', `Not accepting mail: ${gate.closed}`);
      });
    },

    onSecure(_socket, session, done) {
      session.disabledCommands = NEVER;
      done();
    },

    onAuth(auth, session, done) {
      identities.authenticate(auth, session).then(
        user => done(null, { user }),
        error => {
          parts.log.warn({ client: session.remoteAddress, user: printable(auth.username ?? '', 100) }, 'authentication failed');
          refuse(session, error, done);
        },
      );
    },

    onMailFrom(address, session, done) {
      checked(session, done, () => {
        assertOpen(gate);
        if (!identities.of(session)) throw identities.refusal(session, offersTls());
        assertRoom(parts, parts.settings());
        if (address.address !== '') assertAddress(address, session, '5.1.7');
      });
    },

    onRcptTo(address, session, done) {
      checked(session, done, () => {
        const identity = identities.of(session);
        if (!identity) throw identities.refusal(session, offersTls());
        const { pool } = identity.client;
        if (!parts.settings().pools.has(pool)) throw new SmtpRefusal(550, '5.7.1', `No pool is called "${pool}" (named by the client)`);
        assertAddress(address, session, '5.1.3');
      });
    },

    onData(stream, session, done) {
      const body = new Body(budget, parts.settings().maxMessageSize);
      // A client that goes away in the middle destroys the stream: nothing was promised, nothing is kept.
      stream.on('error', () => body.release());
      stream.on('close', () => {
        if (!stream.readableEnded) body.release();
      });
      stream.on('data', (chunk: Buffer) => body.push(chunk));
      stream.on('end', () => {
        body.end();
        const finish = async () => {
          assertOpen(gate);
          const identity = identities.of(session);
          if (!identity) throw identities.refusal(session, offersTls());
          return await take(parts, identity, session, body);
        };
        finish()
          .then(
            text => done(null, text),
            error => refuse(session, error, done),
          )
          .finally(() => body.release());
      });
    },
  };
}

function assertOpen(gate: Gate): void {
  if (gate.closed !== null) throw new SmtpRefusal(451, '4.3.2', `Not accepting mail: ${gate.closed}`);
}

function assertAddress(address: SMTPServerAddress, session: SMTPServerSession, enhanced: string): void {
  const canonical = canonicalAddress(address.address);
  if (!canonical.ok) throw new SmtpRefusal(553, enhanced, `Bad address: ${canonical.why}`);
  if (canonical.utf8 && !session.envelope.smtpUtf8) throw new SmtpRefusal(553, '5.6.7', 'The address needs SMTPUTF8');
  const orcpt = address.dsn?.orcpt ?? '';
  if (orcpt.length > 500) throw new SmtpRefusal(501, '5.5.4', 'ORCPT is longer than 500 characters');
}

function bug(parts: AcceptParts, error: unknown): SmtpRefusal {
  parts.log.error({ err: error }, 'a message was answered 451 because of an internal error');
  return new SmtpRefusal(451, '4.3.0', 'Internal error, try again later');
}
