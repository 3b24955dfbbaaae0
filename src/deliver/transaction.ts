/**
 * One SMTP transaction, as nodemailer's connection reports it, turned into one answer per recipient.
 *
 * Promises: every recipient gets exactly one answer, and one refused at RCPT TO keeps that answer whatever comes after it; an
 * attempt cut off after the whole body was handed to the socket is marked uncertain; `seen` is false only when no byte of
 * MAIL FROM was written; a connection answered in the middle of a body is closed, since nobody knows what the rest would be
 * taken for. Never classifies: that is outcome/'s.
 */
import type { Readable, Transform } from 'node:stream';
import type { SMTPConnectionSendInfo, SMTPEnvelope } from 'nodemailer/lib/smtp-connection';
import { networkReply, parseReply } from '../outcome/reply.js';
import type { Phase, Reply, ReplyMatch } from '../kernel/reply.js';
import { closingWord } from './unread.js';
import { onWire } from './wire.js';

/** The part of nodemailer's error that matters here. */
export interface SendError extends Error {
  code?: string | undefined;
  command?: string | undefined;
  response?: string | undefined;
  responseCode?: number | undefined;
  recipient?: string | undefined;
  rejectedErrors?: SendError[] | undefined;
}

export interface Answer {
  readonly reply: Reply;
  readonly phase: Phase;
  /** Found by this system, which did not ask the receiver: what becomes of the recipient. */
  readonly own?: Pick<ReplyMatch, 'class'> & { readonly fate: 'bounce' | 'defer' };
}

export interface TransactionResult {
  /** In the order of the recipients given. */
  readonly answers: readonly Answer[];
  readonly seen: boolean;
  readonly uncertain: boolean;
  /** The connection can carry another transaction once RSET has been sent. */
  readonly needsReset: boolean;
  /** The receiver does not offer DSN: it was not told who wants to know what, and nobody beyond it will tell (RFC 3461 §5.2.2). */
  readonly relayed?: boolean;
}

/** Bytes of a body that is put together with its end of data; a larger one is not copied for that. */
const MOST_COPIED = 1024 * 1024;

/**
 * The body as nodemailer takes it: it is piped once DATA was answered 354. A Buffer would do, but then nobody could tell
 * whether a connection broke before or after the body was written. The destination is nodemailer's DataStream: a body with
 * sound lines goes to its readable side as it is to be on the wire, any other through it.
 */
export class Body {
  started = false;
  sent = false;

  constructor(readonly content: readonly Buffer[]) {}

  on(): this {
    return this;
  }

  removeListener(): this {
    return this;
  }

  destroy(): this {
    return this;
  }

  pipe(destination: Transform): Transform {
    this.started = true;
    destination.once('end', () => {
      this.sent = true;
    });
    const ready = onWire(this.content, MOST_COPIED);
    if (ready) {
      destination.push(ready);
      destination.push(null);
    } else {
      for (const part of this.content) destination.write(part);
      destination.end();
    }
    return destination;
  }
}

export interface Sender {
  send(envelope: SMTPEnvelope, message: Readable, done: (error: SendError | null, info?: SMTPConnectionSendInfo | undefined) => void): void;
  once(event: 'end', listener: () => void): unknown;
  removeListener(event: 'end', listener: () => void): unknown;
  close(): void;
}

/** nodemailer keeps its notes on the envelope it was given. */
type Noted = SMTPEnvelope & { rejectedErrors?: SendError[] };

/** Runs one transaction; never rejects. */
export function transact(
  connection: Sender,
  envelope: SMTPEnvelope,
  recipients: readonly string[],
  content: readonly Buffer[],
): Promise<TransactionResult> {
  return new Promise(resolve => {
    const body = new Body(content);
    const finish = (error: SendError | null, info?: SMTPConnectionSendInfo): void => {
      connection.removeListener('end', ended);
      if (error) error.response ??= closingWord(connection, body.started);
      resolve(resultOf(error, info, recipients, body, (envelope as Noted).rejectedErrors));
      if (body.started && !body.sent) connection.close();
    };
    // close() forgets a transaction in flight without a word to its owner; where there is a word, it comes within the turn.
    const ended = (): void => void setImmediate(() => finish(new Error('connection closed') as SendError));
    connection.once('end', ended);
    // nodemailer calls on, pipe, removeListener and destroy on a message stream, and nothing else.
    connection.send(envelope, body as unknown as Readable, finish);
  });
}

/** What comes of a transaction on a connection that has gone: nothing was written. */
export function unsent(recipients: number): TransactionResult {
  return unasked(recipients, { reply: networkReply('the connection had gone'), phase: 'mail' }, true);
}

/** One answer for all, without a word to the receiver. */
export function unasked(recipients: number, answer: Answer, needsReset: boolean): TransactionResult {
  return { answers: Array.from({ length: recipients }, () => answer), seen: false, uncertain: false, needsReset };
}

/** Pure: what nodemailer said → answers. `rejected`: recipients refused so far, however the transaction ended. */
export function resultOf(
  error: SendError | null,
  info: SMTPConnectionSendInfo | undefined,
  recipients: readonly string[],
  body: { readonly started: boolean; readonly sent: boolean },
  rejected: readonly SendError[] = error?.rejectedErrors ?? (info?.rejectedErrors as SendError[] | undefined) ?? [],
): TransactionResult {
  const refused = refusals(rejected);
  if (!error && info) {
    // RFC 5321 §4.1.1.4: the reply follows the end of data. One that came before is no promise.
    const early = body.started && !body.sent;
    const reply = early ? networkReply(`answered before the message had ended: ${info.response}`) : parseReply(info.response);
    const end: Answer = { reply, phase: 'end' };
    return { answers: recipients.map(r => refused.get(r) ?? end), seen: true, uncertain: early, needsReset: early };
  }
  const failure = error ?? (new Error('no answer') as SendError);
  const phase = phaseOf(failure, body, rejected);
  const answer: Answer = { reply: replyOf(failure), phase };
  // Without a sender every pipelined RCPT TO is out of order: what they were answered says nothing of them.
  return {
    answers: recipients.map(r => (phase === 'mail' ? answer : (refused.get(r) ?? answer))),
    seen: failure.command !== 'API' && !tooLarge(failure),
    uncertain: body.sent && !failure.response,
    needsReset: true,
  };
}

function phaseOf(error: SendError, body: { readonly started: boolean }, rejected: readonly SendError[]): Phase {
  if (error.command === 'MAIL FROM') return 'mail';
  // A 421 to one recipient ends the connection, and is then told of the rest.
  if (error.command === 'RCPT TO' || rejected.some(r => r.response !== undefined && r.response === error.response)) return 'rcpt';
  if (body.started) return 'end';
  return 'data';
}

/** Larger than the receiver's announced SIZE: nodemailer refuses before MAIL FROM, and RFC 1870 §6.1 names the reply it spares. */
function replyOf(error: SendError): Reply {
  if (error.response) return parseReply(error.response);
  return tooLarge(error) ? parseReply(`552 5.3.4 ${error.message} bytes, as the receiver announced`) : networkReply(sentence(error));
}

const tooLarge = (error: SendError): boolean => error.code === 'EMESSAGE' && error.command === 'MAIL FROM' && !error.response;

/** nodemailer's message repeats the reply behind a colon; without one it is a sentence of its own. */
function sentence(error: SendError): string {
  return error.message || error.code || 'connection failed';
}

/** Refusals by recipient, who stands in a transaction once. */
const refusals = (errors: readonly SendError[]): Map<string, Answer> =>
  new Map(errors.map(error => [error.recipient ?? '', { reply: replyOf(error), phase: 'rcpt' }]));
