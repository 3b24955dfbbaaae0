/** A client that speaks SMTP as badly as a test needs: writes bytes, reads whole replies. */
import { connect, type Socket } from 'node:net';
import { connect as connectTls } from 'node:tls';

export class RawClient {
  #socket: Socket;
  #text = '';
  #ended = false;
  #wake: () => void = () => undefined;

  private constructor(socket: Socket) {
    this.#socket = socket;
    this.#listen();
  }

  static async open(port: number, host = '127.0.0.1', localAddress = '127.0.0.1'): Promise<RawClient> {
    const socket = connect({ port, host, localAddress, noDelay: true });
    const client = new RawClient(socket);
    await new Promise<void>((resolve, reject) => socket.once('connect', resolve).once('error', reject));
    return client;
  }

  /** Connects, reads the greeting and says EHLO. */
  static async greeted(port: number, host?: string, localAddress?: string): Promise<RawClient> {
    const client = await RawClient.open(port, host, localAddress);
    await client.reply();
    await client.say('EHLO client.example');
    return client;
  }

  #listen(): void {
    this.#socket.on('data', chunk => {
      this.#text += chunk.toString('utf8');
      this.#wake();
    });
    this.#socket.on('error', () => undefined);
    this.#socket.on('close', () => {
      this.#ended = true;
      this.#wake();
    });
  }

  write(bytes: string | Buffer): void {
    this.#socket.write(bytes);
  }

  /** The next whole reply, lines joined by \n; `closed` when the server hung up instead. */
  async reply(): Promise<string> {
    for (;;) {
      const whole = /^(?:\d{3}-.*\r\n)*\d{3}(?: .*)?\r\n/.exec(this.#text)?.[0];
      if (whole !== undefined) {
        this.#text = this.#text.slice(whole.length);
        return whole.trimEnd().replace(/\r\n/g, '\n');
      }
      if (this.#ended) return 'closed';
      await new Promise<void>(resolve => (this.#wake = resolve));
    }
  }

  async replies(n: number): Promise<string[]> {
    const all: string[] = [];
    while (all.length < n) all.push(await this.reply());
    return all;
  }

  say(line: string): Promise<string> {
    this.write(`${line}\r\n`);
    return this.reply();
  }

  /** Whole lines the client sends, and one reply for each. */
  async dialogue(...lines: string[]): Promise<string[]> {
    const all: string[] = [];
    for (const line of lines) all.push(await this.say(line));
    return all;
  }

  async tls(servername: string): Promise<{ subject: string; altName: string | undefined }> {
    this.#socket.removeAllListeners();
    const secure = connectTls({ socket: this.#socket, servername, rejectUnauthorized: false });
    await new Promise<void>((resolve, reject) => secure.once('secureConnect', resolve).once('error', reject));
    this.#socket = secure;
    this.#listen();
    const certificate = secure.getPeerCertificate();
    return { subject: String(certificate.subject.CN), altName: certificate.subjectaltname };
  }

  close(): void {
    this.#socket.destroy();
  }
}
