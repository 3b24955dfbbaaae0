/**
 * From an open socket to a connection that is ready for AUTH or MAIL FROM: greeting, EHLO (HELO where a server knows no
 * EHLO), STARTTLS, EHLO again; and AUTH for smart hosts.
 *
 * The dialogue is nodemailer's: it throws away what came in the clear behind the answer to STARTTLS (RFC 3207 §6). Promises:
 * ends within its time, whatever the server does or does not say; never rejects; a failed connection is closed; the phase
 * names what the server failed at. Never judges certificates: connect.ts does, before AUTH.
 */
import net from 'node:net';
import type { SecureContext } from 'node:tls';
import SMTPConnection from 'nodemailer/lib/smtp-connection';
import type { Phase, Reply } from '../kernel/reply.js';
import { MINUTE, SECOND, type Ms } from '../kernel/units.js';
import { networkReply, parseReply } from '../outcome/reply.js';
import type { MxHost } from '../route/router.js';
import type { DialogueTap } from './dialogue.js';
import type { SendError } from './transaction.js';

/** Longest reply that is read, bytes. */
const MOST_REPLY = 64 * 1024;
/** Between two bytes of a transaction; RFC 5321 §4.5.3.2.6 asks for 10 minutes behind the final dot. */
const SILENCE: Ms = 10 * MINUTE;

/** clear: no TLS; offered: STARTTLS where it is offered; starttls: that or nothing; implicit: TLS from the first byte. */
export type TlsManner = 'clear' | 'offered' | 'starttls' | 'implicit';

export interface HandshakeOptions {
  readonly host: MxHost;
  readonly address: string;
  /** EHLO's argument. */
  readonly name: string;
  readonly manner: TlsManner;
  /** SNI; not sent when it is an address (RFC 6066 §3). */
  readonly serverName: string;
  readonly context: SecureContext;
  readonly session?: Buffer | undefined;
  /** Real time for the greeting and for TLS; half as much again for everything. */
  readonly patience: Ms;
  readonly dialogue: DialogueTap;
}

export interface Refused {
  readonly reply: Reply;
  readonly phase: Phase;
  /** The server said that it has no TLS. */
  readonly noTls?: boolean;
}

export function handshake(socket: net.Socket, options: HandshakeOptions): Promise<SMTPConnection | Refused> {
  const { host, manner, patience, dialogue } = options;
  return new Promise(resolve => {
    const connection = new SMTPConnection({
      connection: socket,
      host: host.name,
      port: host.port,
      name: options.name,
      secure: manner === 'implicit',
      ignoreTLS: manner === 'clear',
      requireTLS: manner === 'starttls',
      opportunisticTLS: manner === 'offered',
      tls: {
        secureContext: options.context,
        // Looked at afterwards, by the policy: what is opportunistic must not fail on a certificate.
        rejectUnauthorized: false,
        checkServerIdentity: () => undefined,
        servername: net.isIP(options.serverName) ? '' : options.serverName,
        ...(options.session && { session: options.session }),
      },
      connectionTimeout: patience,
      greetingTimeout: patience,
      socketTimeout: SILENCE,
      socketCloseTimeout: 1_000,
      maxResponseSize: MOST_REPLY,
      logger: false,
      // Asked before each line: whoever wants to hear may come later than the connection.
      get transactionLog() {
        return dialogue.wanted;
      },
    });
    connection.logger.debug = (entry?: unknown, text?: unknown) => {
      const { tnx } = (entry ?? {}) as { readonly tnx?: string };
      if (tnx === 'client') dialogue.said(String(text));
      else if (tnx === 'server') dialogue.heard(String(text));
    };
    let over = false;
    const end = (result: SMTPConnection | Refused): void => {
      if (over) return;
      over = true;
      clearTimeout(timer);
      if (result !== connection) connection.close();
      resolve(result);
    };
    const fail = (error: SendError): void => end(refusal(error, connection, options));
    const timer = setTimeout(
      () => fail(new Error(`no answer within ${Math.round((1.5 * patience) / SECOND)} s`) as SendError),
      1.5 * patience,
    );
    connection.on('error', fail);
    connection.on('end', () => fail(new Error('connection closed before it was ready') as SendError));
    connection.connect(error => (error ? fail(error as SendError) : end(connection)));
  });
}

/** AUTH at a smart host; undefined when it went well. The mechanism is the server's best of PLAIN, LOGIN and CRAM-MD5. */
export function authenticate(connection: SMTPConnection, options: HandshakeOptions): Promise<Refused | undefined> {
  const { host, address, patience } = options;
  const label = `${host.name}[${address}]`;
  return new Promise(resolve => {
    if (!host.auth) return resolve(undefined);
    if (!connection.allowsAuth)
      return resolve({ phase: 'auth', reply: networkReply(`${label} does not offer AUTH, and a user is configured for it`) });
    const gone = (): void => end({ phase: 'helo', reply: networkReply(`${label}: connection closed during AUTH`) });
    const timer = setTimeout(
      () => end({ phase: 'helo', reply: networkReply(`${label}: no answer to AUTH within ${Math.round(patience / SECOND)} s`) }),
      patience,
    );
    const end = (result: Refused | undefined): void => {
      clearTimeout(timer);
      connection.removeListener('end', gone);
      resolve(result);
    };
    connection.once('end', gone);
    const { user, password } = host.auth;
    connection.login({ user, pass: password }, error => {
      const { response } = (error ?? {}) as SendError;
      if (!error) end(undefined);
      else if (response) end({ phase: 'auth', reply: parseReply(response) });
      else end({ phase: 'auth', reply: networkReply(`${label}: AUTH failed: ${error.message}`) });
    });
  });
}

/** What a failure before the connection was ready means. */
function refusal(error: SendError, connection: SMTPConnection, { host, address, manner }: HandshakeOptions): Refused {
  const phase = phaseOf(error, connection, manner);
  const label = `${host.name}[${address}]`;
  // No verdict on the mail, whatever its code: the words are ours.
  if (phase === 'tls') {
    const said = error.response ? parseReply(error.response).line : error.message;
    return { phase, reply: networkReply(`${label}: ${TLS_STEP[manner]} failed: ${said}`), noTls: /^5/.test(error.response ?? '') };
  }
  if (error.response) return { phase, reply: parseReply(error.response) };
  const where = phase === 'greeting' ? 'connected, but no greeting: ' : 'no connection: ';
  return { phase, reply: networkReply(`${label}: ${where}${error.message}`) };
}

/** What a server said that closed the connection at once. */
export function lastWord({ lastServerResponse }: SMTPConnection, label: string): Refused {
  const last = typeof lastServerResponse === 'string' ? parseReply(lastServerResponse) : undefined;
  return { phase: 'helo', reply: last && last.code >= 400 ? last : networkReply(`${label}: connection closed before it was ready`) };
}

const TLS_STEP: Readonly<Record<TlsManner, string>> = { clear: 'TLS', offered: 'STARTTLS', starttls: 'STARTTLS', implicit: 'TLS' };

function phaseOf(error: SendError, connection: SMTPConnection, manner: TlsManner): Phase {
  const last = connection.lastServerResponse || '';
  if (error.code === 'ETLS' || connection.upgrading === true) return 'tls';
  // TLS 1.3: a server that will not have our side of the handshake says so when we believe it done.
  if (manner !== 'implicit' && connection.secure && !error.response && /^220/.test(last)) return 'tls';
  // EHLO was refused, and TLS is required: without EHLO there is none.
  if (error.command === 'EHLO' && /^50[024]/.test(error.response ?? '')) return 'tls';
  if (error.command === 'EHLO' || error.command === 'HELO') return 'helo';
  return last === '' || last === error.response ? 'greeting' : 'helo';
}
