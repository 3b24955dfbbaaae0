/**
 * One SMTP transaction, as nodemailer's connection reports it, turned into one answer per recipient.
 *
 * Promises: every recipient gets exactly one answer; an attempt cut off after the whole body was handed to the socket is
 * marked uncertain; `seen` is false only when no byte of MAIL FROM was written. Never classifies: that is outcome/'s.
 */
import type { Readable, Transform } from 'node:stream';
import type { SMTPConnectionSendInfo, SMTPEnvelope } from 'nodemailer/lib/smtp-connection';
import { networkReply, parseReply } from '../outcome/reply.js';
import type { Phase, Reply } from '../kernel/reply.js';
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
}

export interface TransactionResult {
  /** In the order of the recipients given. */
  readonly answers: readonly Answer[];
  readonly seen: boolean;
  readonly uncertain: boolean;
  /** The connection can carry another transaction once RSET has been sent. */
  readonly needsReset: boolean;
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
}

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
      resolve(resultOf(error, info, recipients, body));
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
  const answer: Answer = { reply: networkReply('the connection had gone'), phase: 'mail' };
  return { answers: Array.from({ length: recipients }, () => answer), seen: false, uncertain: false, needsReset: true };
}

/** Pure: what nodemailer said → answers. */
export function resultOf(
  error: SendError | null,
  info: SMTPConnectionSendInfo | undefined,
  recipients: readonly string[],
  body: { readonly started: boolean; readonly sent: boolean },
): TransactionResult {
  if (!error && info) {
    const end: Answer = { reply: parseReply(info.response), phase: 'end' };
    const refused = refusals(info.rejectedErrors as SendError[] | undefined);
    return { answers: recipients.map(r => takeRefusal(refused, r) ?? end), seen: true, uncertain: false, needsReset: false };
  }
  const failure = error ?? (new Error('no answer') as SendError);
  const phase = phaseOf(failure, body);
  const answer: Answer = { reply: replyOf(failure), phase };
  const refused = refusals(failure.rejectedErrors);
  return {
    answers: recipients.map(r => takeRefusal(refused, r) ?? answer),
    seen: failure.command !== 'API' && !tooLarge(failure),
    uncertain: body.sent && !failure.response,
    needsReset: true,
  };
}

function phaseOf(error: SendError, body: { readonly started: boolean }): Phase {
  if (error.command === 'MAIL FROM') return 'mail';
  if (error.command === 'RCPT TO') return 'rcpt';
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

/** Refusals by recipient; the same address may stand in a transaction only once, still keep all. */
function refusals(errors: readonly SendError[] | undefined): Map<string, Answer[]> {
  const map = new Map<string, Answer[]>();
  for (const error of errors ?? []) {
    const key = error.recipient ?? '';
    const answer: Answer = { reply: replyOf(error), phase: 'rcpt' };
    const list = map.get(key);
    if (list) list.push(answer);
    else map.set(key, [answer]);
  }
  return map;
}

function takeRefusal(refused: Map<string, Answer[]>, recipient: string): Answer | undefined {
  if (refused.size === 0) return undefined;
  const list = refused.get(recipient);
  return list && list.length > 1 ? list.shift() : list?.[0];
}
