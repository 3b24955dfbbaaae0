/**
 * One connection of the generator to a listener: says what became of each message, and never throws.
 */
import SMTPConnection from 'nodemailer/lib/smtp-connection';
import { printable } from '../kernel/text.js';
import type { TestMessage } from './campaign.js';

export type Injected =
  | { readonly kind: 'accepted' }
  /** A 4xx: the listener asks to come back. */
  | { readonly kind: 'later'; readonly reply: string }
  | { readonly kind: 'refused'; readonly reply: string }
  /** The connection failed; nobody knows about the message. */
  | { readonly kind: 'lost'; readonly reply: string };

export interface InjectorOptions {
  readonly host: string;
  readonly port: number;
  /** Name in EHLO. */
  readonly name: string;
}

/** Real time. */
const TIMEOUT = 30_000;

export class Injector {
  readonly #options: InjectorOptions;
  #connection: SMTPConnection | undefined;
  /** Called when the connection in use ends. */
  #onEnd: (text: string) => void = () => undefined;

  constructor(options: InjectorOptions) {
    this.#options = options;
  }

  async send(message: TestMessage): Promise<Injected> {
    const connection = this.#connection ?? (await this.#open());
    if (!('send' in connection)) return connection;
    const result = await new Promise<Injected>(resolve => {
      this.#onEnd = text => resolve({ kind: 'lost', reply: text });
      connection.send({ from: message.sender, to: [...message.recipients] }, message.content, error =>
        resolve(error ? judged(error) : { kind: 'accepted' }),
      );
    });
    this.#onEnd = () => undefined;
    // A refused envelope leaves the server in a transaction: RSET, or a new connection.
    if (result.kind === 'later' || result.kind === 'refused') await this.#reset(connection);
    if (result.kind === 'lost') this.close();
    return result;
  }

  close(): void {
    this.#connection?.close();
    this.#connection = undefined;
  }

  #open(): Promise<SMTPConnection | Injected> {
    const connection = new SMTPConnection({
      ...this.#options,
      ignoreTLS: true,
      connectionTimeout: TIMEOUT,
      greetingTimeout: TIMEOUT,
      socketTimeout: TIMEOUT,
      socketCloseTimeout: 0,
    });
    const ended = (text: string) => {
      if (this.#connection === connection) this.#connection = undefined;
      this.#onEnd(text);
    };
    return new Promise(resolve => {
      connection.on('error', (error: Error) => {
        resolve(judged(error));
        ended(printable(error.message, 200));
      });
      connection.on('end', () => {
        resolve({ kind: 'lost', reply: 'the server closed the connection' });
        ended('the server closed the connection');
      });
      connection.connect(error => {
        if (error) return resolve(judged(error));
        this.#connection = connection;
        resolve(connection);
      });
    });
  }

  #reset(connection: SMTPConnection): Promise<void> {
    return new Promise(resolve => {
      this.#onEnd = () => resolve();
      connection.reset(error => {
        if (error) this.close();
        resolve();
      });
    });
  }
}

function judged(error: Error): Injected {
  const code = 'responseCode' in error ? Number(error.responseCode) : 0;
  const reply = printable('response' in error && typeof error.response === 'string' ? error.response : error.message, 200);
  if (code >= 500) return { kind: 'refused', reply };
  return code >= 400 ? { kind: 'later', reply } : { kind: 'lost', reply };
}
