/**
 * Every refusal at acceptance is told as an event, once: those of our own checks, and those that smtp-server makes by itself
 * (syntax, order of commands, SIZE, too many recipients or connections), which none of its callbacks sees.
 *
 * Reads commands and replies along and changes neither. Of the library's refusals MOST are told of one connection: a client
 * that sends nothing but nonsense does not fill the log. An idle connection that is closed is no refusal.
 */
import type { SMTPServer, SMTPServerSession } from 'smtp-server';
import type { RampdEvents } from '../kernel/events.js';
import { printable } from '../kernel/text.js';
import type { Identities } from './identity.js';
import { SmtpRefusal, type AcceptLog, type AcceptParts } from './ports.js';

type Refused = RampdEvents['refused'];
export type Step = Refused['at'];
/** What the refused command said. */
export type About = Partial<Pick<Refused, 'user' | 'sender' | 'recipient'>>;
export type Connection = SMTPServer['connections'] extends Set<infer C> ? C : never;

const MOST = 100;
const STEPS: Readonly<Record<string, Step>> = { MAIL: 'mail', RCPT: 'rcpt', DATA: 'data', AUTH: 'auth' };

export class Refusals {
  /** Sessions whose command in hand was refused by us, and told: the reply that follows is that refusal. */
  readonly #told = new WeakSet<SMTPServerSession>();

  constructor(
    private readonly parts: Pick<AcceptParts, 'events'>,
    private readonly identities: Identities,
  ) {}

  /** One of our own; smtp-server writes it to the client. */
  ours(at: Step, session: SMTPServerSession, refusal: SmtpRefusal, about: About): void {
    this.#told.add(session);
    this.#tell(at, session, session.remoteAddress, refusal.responseCode, refusal.message, about);
  }

  /** From before its greeting on. */
  watch(connection: Connection): void {
    let greeted = false;
    let asked: Buffer | undefined;
    let continued = false;
    let left = MOST;
    const onCommand = connection._onCommand.bind(connection);
    connection._onCommand = (command, callback) => {
      asked = command;
      // A line within an AUTH exchange: it has credentials in it.
      continued = connection._nextHandler !== false;
      onCommand(command, callback);
    };
    const send = connection.send.bind(connection);
    connection.send = (code, data, context) => {
      const { session } = connection;
      const told = this.#told.delete(session);
      if (code >= 400 && !told && left > 0 && (asked !== undefined || !greeted || isComplaint(data))) {
        left--;
        const { at, about } = greeted ? stepOf(asked, continued) : { at: 'connect' as const, about: {} };
        this.#tell(at, session, connection.remoteAddress, code, String(data), about);
      }
      greeted ||= code < 400;
      // 334 and 354 ask for more: the command is not answered yet.
      if (code < 300 || code >= 400) asked = undefined;
      send(code, data, context);
    };
  }

  #tell(at: Step, session: SMTPServerSession, address: string, code: number, text: string, about: About): void {
    const { events } = this.parts;
    if (!events.has('refused')) return;
    // Above the limit of connections a session has nothing in it yet.
    const begun = (session as Partial<SMTPServerSession>).envelope !== undefined;
    const sender = about.sender ?? (begun && session.envelope.mailFrom ? session.envelope.mailFrom.address : undefined);
    const client = (begun ? this.identities.of(session)?.name : undefined) ?? address;
    tellRefused(events, { at, client, address, code, text }, { ...about, ...(sender === undefined ? {} : { sender }) });
  }
}

/** The event, in words fit to print. */
export function tellRefused(
  events: AcceptParts['events'],
  { at, client, address, code, text }: Pick<Refused, 'at' | 'client' | 'address' | 'code'> & { readonly text: string },
  { user, sender, recipient }: About = {},
): void {
  if (!events.has('refused')) return;
  events.emit('refused', {
    client,
    address,
    at,
    code,
    reply: printable(`${code} ${text}`),
    ...(user !== undefined ? { user: printable(user, 100) } : {}),
    ...(sender !== undefined ? { sender: printable(sender, 320) } : {}),
    ...(recipient !== undefined ? { recipient: printable(recipient, 320) } : {}),
  });
}

/** What a client is told of an error: a refusal as it is, anything else is a bug of ours and no reason to give up. */
export function refusalOf(error: unknown, log: AcceptLog): SmtpRefusal {
  if (error instanceof SmtpRefusal) return error;
  log.error({ err: error }, 'a message was answered 451 because of an internal error');
  return new SmtpRefusal(451, '4.3.0', 'Internal error, try again later');
}

/** What the library says to a line it cannot even take for a command; not what it says to who is idle when it closes. */
const isComplaint = (data: unknown): boolean => typeof data === 'string' && data.startsWith('Error: ');

function stepOf(asked: Buffer | undefined, continued: boolean): { at: Step; about: About } {
  if (continued) return { at: 'auth', about: {} };
  const [, verb = '', argument] = /^(\w+)(?:[^:]*:\s*<?([^>\s]*))?/.exec(asked?.subarray(0, 400).toString('utf8') ?? '') ?? [];
  const at = STEPS[verb.toUpperCase()] ?? 'command';
  if (argument === undefined || (at !== 'mail' && at !== 'rcpt')) return { at, about: {} };
  return { at, about: at === 'mail' ? { sender: argument } : { recipient: argument } };
}
