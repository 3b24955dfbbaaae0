/**
 * What acceptance needs of the rest of the daemon: a store that promises, a log, and the words in which it refuses.
 *
 * Nothing here does anything; spool/ has a store of this shape and the daemon hands it over.
 */
import type { Clock } from '../kernel/clock.js';
import type { Events } from '../kernel/events.js';
import type { Envelope, MessageNumber, NewRecipient, Receipt } from '../kernel/message.js';
import type { Settings } from '../kernel/settings.js';
import type { Signer } from './signer.js';
import type { ReportPort } from './report-mail.js';
import type { Suppression } from '../kernel/suppression.js';

export interface AcceptStore {
  /** Resolves once the message would survive a power cut. Only then may a client read 250. */
  accept(
    envelope: Envelope,
    recipients: readonly NewRecipient[],
    content: (number: MessageNumber) => readonly Buffer[],
    receipt?: Receipt,
  ): Promise<MessageNumber>;
  /** The receipt of this key, while it is kept. */
  receipt(key: Buffer): { readonly number: MessageNumber; readonly digest: Buffer } | undefined;
  /** Is there room on the disk for another message? Cheap: asked several times a message. */
  room(): 'ok' | 'full';
  /** Messages waiting, to hold against max-backlog. */
  waiting(): number;
}

export interface AcceptLog {
  info(fields: object, text: string): void;
  warn(fields: object, text: string): void;
  error(fields: object, text: string): void;
}

export interface AcceptParts {
  /** The settings in force now; a new object after each reload. */
  readonly settings: () => Settings;
  readonly store: AcceptStore;
  readonly clock: Clock;
  readonly events: Events;
  readonly log: AcceptLog;
  /** Without it nothing is signed. */
  readonly signer?: Signer;
  /** Takes reports about delivered mail; without it strangers are refused. */
  readonly reports?: ReportPort;
  /** Why mail of this sender to this address is to be refused; undefined: it is not. */
  readonly suppressed?: (address: string, sender: string) => Suppression | undefined;
  /** Node number for message ids, 0 to 255. */
  readonly node: number;
}

/** An SMTP refusal: code, enhanced code (RFC 3463) and a sentence. smtp-server writes it to the client. */
export class SmtpRefusal extends Error {
  readonly responseCode: number;

  constructor(
    code: number,
    readonly enhanced: string,
    /** The sentence without its codes. */
    readonly text: string,
  ) {
    super(`${enhanced} ${text}`);
    this.name = 'SmtpRefusal';
    this.responseCode = code;
  }
}
