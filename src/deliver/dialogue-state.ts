/**
 * Which step of the dialogue a line belongs to, and what of it may be told. Pure.
 *
 * Replies come in the order of the commands (RFC 2920 §3.1): those still unanswered stand in a line. From AUTH until its last
 * reply, everything the client says is a secret, and so are the challenges of the server (RFC 4954 §4).
 */
import type { DialoguePhase } from './dialogue.js';

const SECRET = '<left out>';

const PHASES: Readonly<Record<string, DialoguePhase>> = {
  EHLO: 'helo',
  HELO: 'helo',
  STARTTLS: 'tls',
  AUTH: 'auth',
  MAIL: 'mail',
  RCPT: 'rcpt',
  DATA: 'data',
  RSET: 'rset',
  QUIT: 'quit',
};

/** Commands a connection may have unanswered: a transaction's recipients, and a few. */
const MOST_PENDING = 100_000;

export class DialogueState {
  /** Of the replies that are due. */
  #pending: DialoguePhase[] = ['greeting'];
  #authenticating = false;
  /** Recipients accepted in this transaction. */
  #accepted = 0;

  said(command: string): { readonly phase: DialoguePhase; readonly text: string } {
    if (this.#authenticating) return this.#asked('auth', SECRET);
    // A full stop ends a message without a body, when every recipient was refused and DATA was not; its reply is due already.
    if (command === '.') return { phase: 'end', text: command };
    const [verb = '', second, ...more] = command.split(' ');
    const phase = PHASES[verb.toUpperCase()];
    // No command that is said here: whatever it is, it is not for others.
    if (phase === undefined) return this.#asked('idle', SECRET);
    if (phase === 'auth') {
      this.#authenticating = true;
      return this.#asked(phase, [verb, second, ...(more.length > 0 ? [SECRET] : [])].join(' '));
    }
    if (phase === 'mail') {
      // Nobody may have listened until now: what was due before is not known, and a transaction begins when nothing is.
      this.#pending = [];
      this.#accepted = 0;
    }
    return this.#asked(phase, command);
  }

  /** `body`: the client sends the message now. */
  heard(reply: string): { readonly phase: DialoguePhase; readonly text: string; readonly body: boolean } {
    const phase = this.#pending.shift() ?? 'idle';
    const first = reply.charAt(0);
    if (phase === 'auth') {
      if (first === '3') return { phase, text: `${reply.slice(0, 3)} ${SECRET}`, body: false };
      this.#authenticating = false;
    }
    if (phase === 'rcpt' && first === '2') this.#accepted++;
    if (phase !== 'data' || first !== '3') return { phase, text: reply, body: false };
    this.#pending.unshift('end');
    return { phase, text: reply, body: this.#accepted > 0 };
  }

  #asked(phase: DialoguePhase, text: string): { readonly phase: DialoguePhase; readonly text: string } {
    if (this.#pending.length < MOST_PENDING) this.#pending.push(phase);
    return { phase, text };
  }
}
