/**
 * The SMTP dialogue of one receiver's connection (RFC 5321, pipelined by RFC 2920, STARTTLS by RFC 3207).
 *
 * Promises: the order of commands is kept, every reply the policy gives is sent as it is, every MAIL FROM goes into the ledger
 * when it arrives and is settled when its transaction ends, with all RCPT TO commands that followed it, answered or not.
 */
import type { Socket } from 'node:net';
import type { SecureContext } from 'node:tls';
import type { Clock } from '../kernel/clock.js';
import type { Answer, Peer, ReceivedMessage, ReceiverPolicy } from './receiver-policy.js';
import { ReceiverWire } from './receiver-wire.js';
import type { ReceiversLedger, Result } from './receivers-ledger.js';

/** What a session shares with the receiver it belongs to. */
export interface SessionParts {
  readonly hostName: string;
  readonly policy: ReceiverPolicy;
  readonly ledger: ReceiversLedger;
  readonly clock: Clock;
  /** Octets. */
  readonly maxSize: number;
  /** Offers STARTTLS. */
  readonly tls?: SecureContext;
  readonly keepContent: boolean;
  openFrom(source: string): number;
  received(peer: Peer, message: ReceivedMessage, accepted: boolean): void;
  /** The connection counts no more, though its socket may live on until the client hangs up. */
  left(source: string): void;
  /** The socket is gone. */
  closed(session: ReceiverSession): void;
}

interface Transaction {
  readonly place: number;
  /** MAIL FROM was accepted. */
  readonly open: boolean;
  attempted: number;
  /** First digit of the last refusal. */
  refused: string;
}

/** RFC 5321 §4.5.3.1.8 asks for 100. */
const RECIPIENTS_MOST = 1_000;
const NONSENSE_MOST = 20;
const PATH = /^\s*<((?:"(?:[^"\\]|\\.)*"|[^">])*)>\s*(.*)$/;
const TOO_BIG: Answer = { reply: '552 5.3.4 message too big' };

export class ReceiverSession implements Peer {
  readonly clock: Clock;
  mails = 0;
  messages = 0;
  tls = false;
  helo = '';
  sender = '';
  recipients: string[] = [];
  readonly #parts: SessionParts;
  readonly #wire: ReceiverWire;
  #transaction: Transaction | undefined;
  #nonsense = 0;
  #hasLeft = false;

  constructor(socket: Socket, parts: SessionParts) {
    this.#parts = parts;
    this.clock = parts.clock;
    this.#wire = new ReceiverWire(socket, parts.clock, parts.keepContent ? parts.maxSize : 0, {
      line: text => this.#command(text),
      message: (bytes, content) => this.#message(parts.keepContent ? { bytes, content } : { bytes }),
      closing: unread => this.#leave(unread.match(/^RCPT TO:/gim)?.length ?? 0),
      closed: () => {
        this.#leave(0);
        parts.closed(this);
      },
    });
  }

  get source(): string {
    return this.#wire.source;
  }

  get local(): string {
    return this.#wire.local;
  }

  get connections(): number {
    return this.#parts.openFrom(this.source);
  }

  greet(): void {
    this.#answer(this.#parts.policy.onConnect?.(this), `220 ${this.#parts.hostName} ESMTP`);
    this.#wire.flush();
  }

  /** Says goodbye and hangs up, whatever the client is doing. */
  hangUp(reply: string): void {
    if (this.#wire.isClosing) return;
    this.#wire.say(reply);
    this.#wire.close();
  }

  destroy(): void {
    this.#wire.destroy();
  }

  #command(line: string): void {
    const verb = line.slice(0, 4).toUpperCase();
    if (/^MAIL FROM:/i.test(line)) this.#mail(line.slice(10));
    else if (/^RCPT TO:/i.test(line)) this.#rcpt(line.slice(8));
    else if (verb === 'DATA') this.#data();
    else if (verb === 'EHLO' || verb === 'HELO') this.#hello(verb, line.slice(5).trim());
    else if (verb === 'RSET') {
      this.#endTransaction();
      this.#wire.say('250 2.0.0 reset');
    } else if (verb === 'NOOP') this.#wire.say('250 2.0.0 ok');
    else if (verb === 'VRFY') this.#wire.say('252 2.1.5 send some mail and see');
    else if (verb === 'QUIT') this.hangUp(`221 2.0.0 ${this.#parts.hostName} goodbye`);
    else if (/^STARTTLS$/i.test(line.trim()) && this.#parts.tls && !this.tls) this.#upgrade(this.#parts.tls);
    else if (++this.#nonsense > NONSENSE_MOST) this.hangUp('421 4.7.0 too many unknown commands');
    else this.#wire.say('500 5.5.1 unknown command');
  }

  #hello(verb: string, name: string): void {
    if (name === '') return this.#wire.say('501 5.5.4 a name is missing');
    this.#endTransaction();
    this.helo = name;
    const lines = [this.#parts.hostName];
    if (verb === 'EHLO') lines.push('PIPELINING', `SIZE ${this.#parts.maxSize}`, '8BITMIME', 'SMTPUTF8', 'ENHANCEDSTATUSCODES');
    if (verb === 'EHLO' && this.#parts.tls && !this.tls) lines.push('STARTTLS');
    const reply = lines.map((text, i) => `250${i < lines.length - 1 ? '-' : ' '}${text}`).join('\n');
    this.#answer(this.#parts.policy.onHelo?.(this, name), reply);
  }

  #mail(rest: string): void {
    if (this.#transaction?.open) return this.#wire.say('503 5.5.1 a transaction is under way');
    this.#endTransaction();
    if (this.helo === '') return this.#wire.say('503 5.5.1 EHLO first');
    const path = PATH.exec(rest);
    if (!path) return this.#wire.say('501 5.1.7 bad sender address');
    const place = this.#parts.ledger.open(this.source, this.clock.now());
    const sender = path[1] ?? '';
    const answer = badParameter(path[2] ?? '', this.#parts.maxSize) ?? this.#parts.policy.onMail?.(this, sender);
    const digit = answer?.reply[0] ?? '2';
    this.#transaction = { place, open: digit === '2', attempted: 0, refused: digit === '2' ? '' : digit };
    if (digit === '2') {
      this.sender = sender;
      this.mails++;
    }
    this.#answer(answer, '250 2.1.0 sender ok');
  }

  #rcpt(rest: string): void {
    const transaction = this.#transaction;
    if (transaction) transaction.attempted++;
    if (!transaction?.open) return this.#wire.say('503 5.5.1 MAIL first');
    const path = PATH.exec(rest);
    const recipient = path?.[1] ?? '';
    const answer = badRecipient(recipient, path?.[2] ?? '', this.recipients.length) ?? this.#parts.policy.onRcpt?.(this, recipient);
    const digit = answer?.reply[0] ?? '2';
    if (digit === '2') this.recipients.push(recipient);
    else transaction.refused = digit;
    this.#answer(answer, '250 2.1.5 recipient ok');
  }

  #data(): void {
    const transaction = this.#transaction;
    if (!transaction?.open) return this.#wire.say('503 5.5.1 MAIL first');
    if (this.recipients.length === 0) return this.#wire.say('554 5.5.1 no valid recipients');
    const answer = this.#parts.policy.onData?.(this);
    const digit = answer?.reply[0] ?? '3';
    if (digit === '3') this.#wire.expectMessage();
    else {
      transaction.refused = digit;
      this.recipients = [];
    }
    this.#answer(answer, '354 go ahead');
  }

  #message(message: ReceivedMessage): void {
    const tooBig = message.bytes > this.#parts.maxSize ? TOO_BIG : undefined;
    const answer = tooBig ?? this.#parts.policy.onMessage?.(this, message);
    const result = resultOf(answer?.reply[0] ?? '2');
    this.#parts.received(this, message, result === 'accepted');
    if (result === 'accepted') this.messages++;
    this.#endTransaction(result);
    this.#answer(answer, '250 2.0.0 accepted');
  }

  #upgrade(tls: SecureContext): void {
    this.#wire.say('220 2.0.0 ready for TLS');
    this.#endTransaction();
    this.helo = '';
    this.tls = true;
    this.#wire.upgrade(tls);
  }

  #answer(answer: Answer | undefined, usual: string): void {
    const send = () => {
      this.#wire.say(answer?.reply ?? usual);
      if (answer?.close) this.#wire.close();
    };
    if (answer?.delay) this.#wire.hold(answer.delay, send);
    else send();
  }

  /** Ends the transaction, if there is one; without a result it is what its refusals made of it. */
  #endTransaction(result?: Result): void {
    const transaction = this.#transaction;
    if (!transaction) return;
    const accepted = result === 'accepted' ? this.recipients.length : 0;
    const refused = this.recipients.length === 0 && transaction.refused !== '' ? resultOf(transaction.refused) : 'abandoned';
    this.#parts.ledger.settle(transaction.place, this.source, transaction.attempted, accepted, result ?? refused);
    this.#transaction = undefined;
    this.sender = '';
    this.recipients = [];
  }

  /** `unread`: recipients pipelined behind the last reply; they were attempted all the same. */
  #leave(unread: number): void {
    if (this.#hasLeft) return;
    this.#hasLeft = true;
    if (this.#transaction) this.#transaction.attempted += unread;
    this.#endTransaction();
    this.#parts.policy.onClose?.(this);
    this.#parts.left(this.source);
  }
}

function badParameter(text: string, maxSize: number): Answer | undefined {
  for (const word of text.split(' ').filter(w => w !== '')) {
    const [key, value = ''] = word.toUpperCase().split('=');
    if (key === 'SIZE' && Number(value) > maxSize) return TOO_BIG;
    const known = key === 'SIZE' || key === 'SMTPUTF8' || (key === 'BODY' && /^(7BIT|8BITMIME)$/.test(value));
    if (!known) return { reply: '555 5.5.4 unknown parameter' };
  }
  return undefined;
}

function badRecipient(recipient: string, parameters: string, already: number): Answer | undefined {
  if (recipient === '') return { reply: '501 5.1.3 bad recipient address' };
  if (parameters !== '') return { reply: '555 5.5.4 unknown parameter' };
  return already >= RECIPIENTS_MOST ? { reply: '452 4.5.3 too many recipients' } : undefined;
}

const resultOf = (digit: string): Result => (digit === '2' ? 'accepted' : digit === '4' ? 'deferred' : 'rejected');
