/**
 * The SMTP dialogue of all connections, for whoever listens: `rampd trace`, and the log under --debug.
 *
 * Promises: bodies and what AUTH sends never pass, whatever the server asks for; control characters are gone; a listener
 * hears a connection from its beginning, or from its next transaction on, never the rest of one. While nobody listens a
 * command costs the question whether somebody does. A listener must not throw, and must not keep what it cannot bound.
 */
import type { Clock } from '../kernel/clock.js';
import type { MessageNumber } from '../kernel/message.js';
import type { Phase } from '../kernel/reply.js';
import { printable } from '../kernel/text.js';
import { DialogueState } from './dialogue-state.js';

export type DialoguePhase = Phase | 'rset' | 'quit';

export interface Spoken {
  readonly source: string;
  readonly provider: string;
  readonly host: string;
  readonly address: string;
}

export interface DialogueLine extends Spoken {
  /** Epoch milliseconds. */
  readonly at: number;
  /** Counts connections since the start. */
  readonly connection: number;
  readonly phase: DialoguePhase;
  readonly side: 'client' | 'server';
  readonly text: string;
  /** Whose transaction it belongs to. */
  readonly message?: MessageNumber;
}

/** Is a line of this connection, and of this message's transaction, to be heard? */
export type Wanted = (about: Spoken, message: MessageNumber | undefined) => boolean;

interface Listener {
  /** What began before is not heard. */
  readonly since: number;
  readonly wants: Wanted;
  readonly hear: (line: DialogueLine) => void;
}

/** RFC 5321 §4.5.3.1.5 allows replies of 512 octets a line; commands with their parameters are longer. */
const LONGEST_LINE = 2_000;
/** Lines of one reply that are told. */
const MOST_LINES = 100;

export class Dialogue {
  /** Does anybody listen? Asked before each line of every connection. */
  wanted = false;
  readonly #clock: Pick<Clock, 'wall'>;
  readonly #listeners = new Set<Listener>();
  /** Numbers beginnings and listeners alike: what is higher came later. */
  #count = 0;
  #connections = 0;

  constructor(clock: Pick<Clock, 'wall'>) {
    this.#clock = clock;
  }

  /** Calls back for every line that is wanted, until the returned function is called. */
  follow(wants: Wanted, hear: (line: DialogueLine) => void): () => void {
    const listener = { since: ++this.#count, wants, hear };
    this.#listeners.add(listener);
    this.wanted = true;
    return () => {
      this.#listeners.delete(listener);
      this.wanted = this.#listeners.size > 0;
    };
  }

  tap(about: Spoken): DialogueTap {
    return new DialogueTap(this, about, ++this.#connections);
  }

  /** For taps: something begins. */
  begin(): number {
    return ++this.#count;
  }

  /** For taps: tells a line to those who heard its beginning. It is made only when somebody wants it. */
  tell(began: number, about: Spoken, line: Line): void {
    let told: DialogueLine | undefined;
    for (const { since, wants, hear } of this.#listeners) {
      if (began <= since || !wants(about, line.message)) continue;
      told ??= { ...about, ...line, at: this.#clock.wall(), text: printable(line.text, LONGEST_LINE) };
      hear(told);
    }
  }
}

type Line = Pick<DialogueLine, 'connection' | 'phase' | 'side' | 'text' | 'message'>;

/** One connection's place at the dialogue. */
export class DialogueTap {
  readonly #dialogue: Dialogue;
  readonly #about: Spoken;
  readonly #connection: number;
  readonly #state = new DialogueState();
  #began: number;
  #message: MessageNumber | undefined;
  #size = 0;

  constructor(dialogue: Dialogue, about: Spoken, connection: number) {
    this.#dialogue = dialogue;
    this.#about = about;
    this.#connection = connection;
    this.#began = dialogue.begin();
  }

  /** Asked by the connection before each line. */
  get wanted(): boolean {
    return this.#dialogue.wanted;
  }

  /** What the next MAIL FROM belongs to, and how many bytes its body has. */
  transaction(message: MessageNumber | undefined, size: number): void {
    this.#message = message;
    this.#size = size;
  }

  /** A command, as it is sent. */
  said(command: string): void {
    const { phase, text } = this.#state.said(command);
    if (phase === 'mail') this.#began = this.#dialogue.begin();
    this.#line('client', phase, text);
  }

  /** A reply, whole. */
  heard(reply: string): void {
    const { phase, text, body } = this.#state.heard(reply);
    for (const line of text.split(/\r?\n/, MOST_LINES)) this.#line('server', phase, line);
    if (body) this.#line('client', 'end', `<${this.#size.toLocaleString('en-US')} bytes>`);
  }

  #line(side: Line['side'], phase: DialoguePhase, text: string): void {
    const inside = phase === 'mail' || phase === 'rcpt' || phase === 'data' || phase === 'end';
    const message = inside && this.#message !== undefined ? { message: this.#message } : {};
    this.#dialogue.tell(this.#began, this.#about, { connection: this.#connection, side, phase, text, ...message });
  }
}
