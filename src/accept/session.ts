/**
 * The dialogue of one listener: which client may say what, and how it is answered. smtp-server speaks the protocol; these
 * are its callbacks.
 *
 * Every refusal names its reason; every check that a reload can change is made per message. Nothing here waits for
 * anything but the store and a password.
 */
import type { SMTPServerAddress, SMTPServerOptions, SMTPServerSession } from 'smtp-server';
import { printable } from '../kernel/text.js';
import { Body, type Budget } from './body.js';
import type { Crowd } from './crowd.js';
import { assertOpen, type Gate } from './gate.js';
import type { Identities } from './identity.js';
import { assertDisk, assertRoom, ENVID, take } from './intake.js';
import { SmtpRefusal, type AcceptParts } from './ports.js';
import { assertAddress, letIn } from './recipient.js';
import { refusalOf, type About, type Refusals, type Step } from './refusals.js';
import { ReportMail } from './report-mail.js';
import { senderOf, smtpSubmission } from './smtp-submission.js';

type Handlers = Required<Pick<SMTPServerOptions, 'onConnect' | 'onSecure' | 'onAuth' | 'onMailFrom' | 'onRcptTo' | 'onData'>>;
type Done = (error?: Error | null) => void;

/** Commands of the library that are no business of ours, and AUTH where it would go in clear text. */
const NEVER = ['WIZ', 'SHELL', 'KILL', 'XCLIENT', 'XFORWARD'];

/** AUTH may always be said where one can log in (RFC 4954 §5). */
const MAIL_PARAMETERS: ReadonlySet<string> = new Set(['SIZE', 'BODY', 'SMTPUTF8', 'RET', 'ENVID', 'AUTH']);
const RCPT_PARAMETERS: ReadonlySet<string> = new Set(['NOTIFY', 'ORCPT']);

/** What all listeners share. */
export interface Shared {
  readonly identities: Identities;
  readonly gate: Gate;
  readonly budget: Budget;
  readonly crowd: Crowd;
  readonly refusals: Refusals;
}

export function handlersFor(
  parts: AcceptParts,
  { identities, gate, budget, crowd, refusals }: Shared,
  offersTls: () => boolean,
): Handlers & { disabledCommands: string[] } {
  const reports = new ReportMail(parts, budget);
  const refuse = (at: Step, session: SMTPServerSession, error: unknown, done: Done, about: About = {}) => {
    const refusal = refusalOf(error, parts.log);
    refusals.ours(at, session, refusal, about);
    done(refusal);
  };
  const checked = (at: Step, session: SMTPServerSession, done: Done, about: About, check: () => void) => {
    try {
      check();
    } catch (error) {
      return refuse(at, session, error, done, about);
    }
    done();
  };

  return {
    disabledCommands: offersTls() ? NEVER : [...NEVER, 'STARTTLS', 'AUTH'],

    onConnect(session, done) {
      // AUTH is neither offered nor taken before TLS: a client must not be led to show its password.
      if (!session.secure) session.disabledCommands = offersTls() ? [...NEVER, 'AUTH'] : [...NEVER, 'STARTTLS', 'AUTH'];
      checked('connect', session, done, {}, () => {
        if (gate.closed !== null) throw new SmtpRefusal(421, '4.3.2', `Not accepting mail: ${gate.closed}`);
        crowd.enter(session);
      });
    },

    onSecure(_socket, session, done) {
      session.disabledCommands = NEVER;
      done();
    },

    onAuth(auth, session, done) {
      const about = auth.username ? { user: auth.username } : {};
      identities.authenticate(auth, session).then(
        user => {
          try {
            crowd.login(user.name, session);
          } catch (error) {
            return refuse('auth', session, error, done, about);
          }
          done(null, { user });
        },
        error => {
          parts.log.warn({ client: session.remoteAddress, user: printable(auth.username ?? '', 100) }, 'authentication failed');
          refuse('auth', session, error, done, about);
        },
      );
    },

    onMailFrom(address, session, done) {
      const answered: Done = error => {
        if (error) forgetParameters(session);
        done(error);
      };
      checked('mail', session, answered, { sender: address.address }, () => {
        assertOpen(gate);
        if (identities.of(session)) assertRoom(parts, parts.settings());
        else if (!reports.admits(session)) throw identities.refusal(session, offersTls());
        // A report makes no backlog: what it says is wanted most while there is one.
        else assertDisk(parts);
        assertOffered(address, MAIL_PARAMETERS);
        assertEnvid(session);
        if (address.address !== '') assertAddress(address.address, session.envelope.smtpUtf8 === true, '5.1.7');
      });
    },

    onRcptTo(address, session, done) {
      checked('rcpt', session, done, { recipient: address.address }, () => {
        assertOffered(address, RCPT_PARAMETERS);
        if (reports.takes(address.address, session)) return;
        const identity = identities.of(session);
        if (!identity) throw identities.refusal(session, offersTls());
        letIn(parts, identity, address.address, { sender: senderOf(session), utf8: session.envelope.smtpUtf8 === true });
        assertOrcpt(address);
      });
    },

    onData(stream, session, done) {
      const report = reports.read(session, stream);
      if (report) {
        report.then(
          // Nobody waits for an answer of a client that went away.
          came => came === 'taken' && done(null, '2.0.0 Ok: report taken'),
          error => refuse('data', session, error, done),
        );
        return;
      }
      const { maxMessageSize, messageRules } = parts.settings();
      const body = new Body(budget, maxMessageSize, messageRules?.maxLineLength);
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
          const { id } = await take(parts, smtpSubmission(identity, session, body));
          return `2.0.0 Ok: queued as ${id}`;
        };
        finish()
          .then(
            text => done(null, text),
            error => refuse('data', session, error, done),
          )
          .finally(() => body.release());
      });
    },
  };
}

/**
 * RFC 5321 §4.1.1.11: what was not offered is refused. smtp-server reads over it, and who asks for REQUIRETLS (RFC 8689) or for
 * a later delivery (RFC 4865) must not believe to have got it.
 */
function assertOffered({ args }: SMTPServerAddress, offered: ReadonlySet<string>): void {
  const other = Object.keys(args || {}).find(name => !offered.has(name));
  if (other !== undefined) throw new SmtpRefusal(555, '5.5.4', `The parameter ${printable(other, 40)} is not offered`);
}

/** RFC 3461 §4.4, decoded. */
function assertEnvid({ envelope: { dsn } }: SMTPServerSession): void {
  if (dsn?.envid && !ENVID.test(dsn.envid)) throw new SmtpRefusal(501, '5.5.4', 'ENVID is 1 to 100 printable ASCII characters');
}

/** smtp-server has noted them before it asked, and would keep them for the next MAIL. */
function forgetParameters({ envelope }: SMTPServerSession): void {
  Object.assign(envelope, { smtpUtf8: false, bodyType: '7bit', requireTLS: false, dsn: { ret: null, envid: null } });
}

/** smtp-server has decoded ORCPT; what is longer belongs into no queue row. */
function assertOrcpt({ dsn }: SMTPServerAddress): void {
  if ((dsn?.orcpt ?? '').length > 500) throw new SmtpRefusal(501, '5.5.4', 'ORCPT is longer than 500 characters');
}
