/**
 * Clients that hand messages to rampd over real SMTP and say what was answered.
 */
import SMTPConnection from 'nodemailer/lib/smtp-connection';

export interface Injected {
  readonly from: string;
  readonly to: readonly string[];
  readonly headers?: readonly string[];
  /** Octets of the body; default 100. */
  readonly size?: number;
}

/** One connection. A refusal rejects with the library's error (`responseCode`), and so does a connection that goes. */
export class Client {
  readonly #connection: SMTPConnection;
  #gone: Error | undefined;
  #failed: (error: Error) => void = () => undefined;

  private constructor(port: number) {
    this.#connection = new SMTPConnection({ host: '127.0.0.1', port, name: 'client.test.example', ignoreTLS: true, socketCloseTimeout: 0 });
    const ended = (error: Error): void => {
      this.#gone ??= error;
      this.#failed(error);
    };
    this.#connection.on('error', ended);
    this.#connection.on('end', () => ended(new Error('the server closed the connection')));
  }

  static open(port: number): Promise<Client> {
    const client = new Client(port);
    return client.#wait(done => client.#connection.connect(error => done(error, client)));
  }

  get alive(): boolean {
    return this.#gone === undefined;
  }

  /** The reply to the final dot. */
  send(m: Injected): Promise<string> {
    const text = [...(m.headers ?? []), `From: <${m.from}>`, `Subject: test`, '', ...lines(m.size ?? 100), ''].join('\r\n');
    return this.#wait(done =>
      this.#connection.send({ from: m.from, to: [...m.to] }, text, (error, info) => done(error, info?.response ?? '')),
    );
  }

  /** After a refused envelope the server is in a transaction still. */
  reset(): Promise<void> {
    return this.#wait(done => this.#connection.reset(error => done(error, undefined)));
  }

  close(): void {
    this.#connection.close();
  }

  #wait<T>(act: (done: (error: Error | null | undefined, value: T) => void) => void): Promise<T> {
    return new Promise((resolve, reject) => {
      if (this.#gone) return reject(this.#gone);
      this.#failed = reject;
      act((error, value) => (error ? reject(error) : resolve(value)));
    });
  }
}

/** Lines of at most 77 octets, CRLF included, of `size` octets in all. */
function lines(size: number): string[] {
  const whole = Array.from({ length: Math.floor(size / 77) }, () => 'x'.repeat(75));
  return [...whole, 'x'.repeat(size % 77)];
}

/** The replies to the final dots, on one connection; rejects with the first refusal. */
export async function inject(port: number, ...messages: readonly Injected[]): Promise<string[]> {
  const client = await Client.open(port);
  const replies: string[] = [];
  try {
    for (const message of messages) replies.push(await client.send(message));
  } finally {
    client.close();
  }
  return replies;
}

/** The same over ten connections at once; replies in no order. */
export async function injectMany(port: number, messages: readonly Injected[]): Promise<string[]> {
  const shares = Array.from({ length: 10 }, (_, i) => messages.filter((_m, n) => n % 10 === i)).filter(share => share.length > 0);
  return (await Promise.all(shares.map(share => inject(port, ...share)))).flat();
}

/** `00-0000000001`, from `250 2.0.0 Ok: queued as …`. */
export function idOf(reply: string | undefined): string {
  const id = /^250 2\.0\.0 Ok: queued as (00-[0-9a-f]{10})$/.exec(reply ?? '')?.[1];
  if (id === undefined) throw new Error(`no message id in "${reply}"`);
  return id;
}

/** `count` messages, one recipient each: `<prefix>1@domain` and so on. */
export function batch(count: number, prefix: string, domain: string, more: Partial<Injected> = {}): Injected[] {
  return Array.from({ length: count }, (_, i) => ({ from: 'news@sender.example', to: [`${prefix}${i + 1}@${domain}`], ...more }));
}
