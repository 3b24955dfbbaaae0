/**
 * What receivers of other makes are to say, decided by the test that runs them: Exim's ACLs (readsocket), Postfix's policy
 * service and a filter of OpenSMTPD all ask here before they answer.
 *
 * Exim and the filter send one line, `phase|address of the client|recipient`, and get the reply or an empty line; Postfix
 * speaks its own protocol (SMTPD_POLICY_README). Without a decision the receiver does what it would do anyway.
 */
import net from 'node:net';
import type { AddressInfo } from 'node:net';

export const PHASES = ['connect', 'helo', 'mail', 'rcpt', 'data', 'end'] as const;
export type Phase = (typeof PHASES)[number];

export interface Question {
  readonly phase: Phase;
  /** Address of the client. */
  readonly source: string;
  /** Known at `rcpt` only. */
  readonly recipient: string;
}

/** A reply with its code, or undefined: go on. */
export type Decide = (question: Question) => string | undefined;

const POSTFIX_STATES: Readonly<Record<string, Phase>> = {
  CONNECT: 'connect',
  EHLO: 'helo',
  HELO: 'helo',
  MAIL: 'mail',
  RCPT: 'rcpt',
  DATA: 'data',
  'END-OF-MESSAGE': 'end',
};

export class Policy {
  decide: Decide = () => undefined;
  /** Clients that connected, by address. */
  readonly connected: string[] = [];
  /** Everything that was refused, in order. */
  readonly refused: (Question & { readonly reply: string })[] = [];
  readonly #server = net.createServer(socket => this.#serve(socket));
  readonly #sockets = new Set<net.Socket>();

  static async start(): Promise<Policy> {
    const policy = new Policy();
    await new Promise<void>(up => policy.#server.listen(0, '127.0.0.1', up));
    return policy;
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port;
  }

  /** Refuses once, at this phase, one client's next mail; the recipient that begins with `recipient`, `skip` others before. */
  refuseOnce(phase: Phase, source: string, reply: string, { recipient = '', skip = 0 } = {}): void {
    this.once(phase, source, () => reply, { recipient, skip });
  }

  /** Asks `act` once, as above. */
  once(phase: Phase, source: string, act: () => string | undefined, { recipient = '', skip = 0 } = {}): void {
    let left = skip;
    this.decide = question => {
      if (left < 0 || question.phase !== phase || question.source !== source || !question.recipient.startsWith(recipient)) return undefined;
      return left-- > 0 ? undefined : act();
    };
  }

  async stop(): Promise<void> {
    const closed = new Promise(done => this.#server.close(done));
    for (const socket of this.#sockets) socket.destroy();
    await closed;
  }

  #serve(socket: net.Socket): void {
    this.#sockets.add(socket);
    socket.once('close', () => this.#sockets.delete(socket)).on('error', () => undefined);
    let text = '';
    socket.on('data', chunk => {
      text += chunk.toString('latin1');
      const postfix = text.startsWith('request=');
      const end = postfix ? '\n\n' : '\n';
      for (let at = text.indexOf(end); at >= 0; at = text.indexOf(end)) {
        const asked = text.slice(0, at);
        text = text.slice(at + end.length);
        const reply = this.#answer(postfix ? fromPostfix(asked) : fromLine(asked));
        socket.write(postfix ? `action=${reply ?? 'DUNNO'}\n\n` : `${reply ?? ''}\n`);
        // Exim reads until the end.
        if (!postfix && !asked.startsWith('+')) socket.end();
      }
    });
  }

  #answer(question: Question): string | undefined {
    if (question.phase === 'connect') this.connected.push(question.source);
    const reply = this.decide(question);
    if (reply !== undefined) this.refused.push({ ...question, reply });
    return reply;
  }
}

/** A line that begins with + is of a client that keeps the connection. */
function fromLine(line: string): Question {
  const [phase, source = '', recipient = ''] = line.replace('+', '').split('|');
  return { phase: phase as Phase, source, recipient };
}

function fromPostfix(text: string): Question {
  const of = (name: string): string => new RegExp(`^${name}=(.*)$`, 'm').exec(text)?.[1] ?? '';
  return { phase: POSTFIX_STATES[of('protocol_state')] ?? 'connect', source: of('client_address'), recipient: of('recipient') };
}
