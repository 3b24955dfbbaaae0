/**
 * The wire of a receiver's connection: bytes to lines and messages, replies to bytes. Knows nothing of mail but its line ends.
 *
 * States: `command` (reading lines), `data` (reading a message up to the final dot), `held` (an answer is delayed; nothing is
 * read), `closing` (the last reply is sent; what comes is thrown away). All replies to one read are one write.
 */
import type { Socket } from 'node:net';
import { TLSSocket, type SecureContext } from 'node:tls';
import type { Clock, Timer } from '../kernel/clock.js';
import type { Ms } from '../kernel/units.js';
import { BodyReader } from './body-reader.js';

export interface WireEvents {
  line(text: string): void;
  message(bytes: number, content: Buffer): void;
  /** The receiver hangs up; `unread` is what the client had sent and nobody will read. */
  closing(unread: string): void;
  /** The socket is gone. Follows `closing`, or comes alone when the client went. */
  closed(): void;
}

/** RFC 5321 §4.5.3.1.4 asks for 512 octets; extensions add to it. */
const LINE_MOST = 4_096;
/** Real time: how long a silent client is kept, and how long one may take to hang up. */
const IDLE = 300_000;
const LINGER = 1_000;
const NOTHING = Buffer.alloc(0);

export class ReceiverWire {
  readonly source: string;
  readonly local: string;
  readonly #clock: Clock;
  readonly #events: WireEvents;
  readonly #body: BodyReader;
  #socket: Socket;
  #state: 'command' | 'data' | 'held' | 'closing' = 'command';
  #rest: Buffer = NOTHING;
  #out = '';
  #held: Timer | undefined;

  /** Contents are handed on up to `keepMost` octets. */
  constructor(socket: Socket, clock: Clock, keepMost: number, events: WireEvents) {
    this.#socket = socket;
    this.#clock = clock;
    this.#events = events;
    this.#body = new BodyReader(keepMost);
    this.source = plainAddress(socket.remoteAddress);
    this.local = plainAddress(socket.localAddress);
    this.#listen();
  }

  get isClosing(): boolean {
    return this.#state === 'closing';
  }

  /** Queues a reply; lines are separated by \n. */
  say(reply: string): void {
    this.#out += `${reply.replace(/\r?\n/g, '\r\n')}\r\n`;
  }

  flush(): void {
    if (this.#out !== '' && this.#socket.writable) this.#socket.write(this.#out);
    this.#out = '';
  }

  /** What comes next is a message. */
  expectMessage(): void {
    this.#state = 'data';
  }

  /** Reads nothing for `delay` of policy time, then calls back and goes on where it was. */
  hold(delay: Ms, then: () => void): void {
    const after = this.#state;
    this.#state = 'held';
    this.#socket.pause();
    this.#held = this.#clock.at(this.#clock.now() + delay, () => {
      if (this.#state !== 'held') return;
      this.#state = after;
      this.#socket.resume();
      then();
      this.#work();
    });
  }

  /** Sends what is queued and hangs up. */
  close(): void {
    if (this.#state === 'closing') return;
    const unread = this.#state === 'data' ? '' : this.#rest.toString('latin1');
    this.#state = 'closing';
    this.#rest = NOTHING;
    this.#events.closing(unread);
    this.flush();
    this.#socket.resume();
    this.#socket.end();
    // A reset would take the last reply with it: let the client hang up first.
    const socket = this.#socket;
    setTimeout(() => socket.destroy(), LINGER).unref();
  }

  destroy(): void {
    this.#socket.destroy();
  }

  upgrade(secureContext: SecureContext): void {
    this.flush();
    // RFC 3207 §4.2: nothing said before the handshake counts after it.
    this.#rest = NOTHING;
    for (const event of ['data', 'error', 'close', 'timeout']) this.#socket.removeAllListeners(event);
    const plain = this.#socket.on('error', () => plain.destroy());
    this.#socket = new TLSSocket(plain, { isServer: true, secureContext });
    this.#listen();
  }

  #listen(): void {
    this.#socket.setTimeout(IDLE, () => this.destroy());
    this.#socket.on('error', () => this.destroy());
    this.#socket.on('data', (chunk: Buffer) => {
      if (this.#state === 'closing') return;
      this.#rest = this.#rest.length === 0 ? chunk : Buffer.concat([this.#rest, chunk]);
      this.#work();
    });
    this.#socket.once('close', () => {
      this.#held?.cancel();
      this.#state = 'closing';
      this.#events.closed();
    });
  }

  /** Takes from what has been read until more is needed or an answer is held back. */
  #work(): void {
    let more = true;
    while (more) more = this.#state === 'command' ? this.#takeLine() : this.#state === 'data' ? this.#takeMessage() : false;
    this.flush();
  }

  #takeLine(): boolean {
    const end = this.#rest.indexOf(10);
    if ((end < 0 ? this.#rest.length : end) > LINE_MOST) {
      this.say('500 5.5.2 line too long');
      this.close();
      return false;
    }
    if (end < 0) return false;
    const line = this.#rest.toString('utf8', 0, end > 0 && this.#rest[end - 1] === 13 ? end - 1 : end);
    this.#rest = this.#rest.subarray(end + 1);
    this.#events.line(line);
    return true;
  }

  #takeMessage(): boolean {
    const { done, rest } = this.#body.take(this.#rest);
    this.#rest = rest;
    if (!done) return false;
    this.#state = 'command';
    const { bytes, content } = this.#body.end();
    this.#events.message(bytes, content);
    return true;
  }
}

/** IPv4 seen through an IPv6 socket is IPv4. */
const plainAddress = (address: string | undefined) => (address ?? '').replace(/^::ffff:(?=\d+\.)/, '');
