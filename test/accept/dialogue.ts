/**
 * Plays a transcript against a listener over a real socket and compares what the server says.
 *
 *   C: text      sends the line and CRLF
 *   C| text      sends exactly this, with \r \n \t \\ and \xHH decoded
 *   S: glob      expects this reply line; * stands for any run, ? for one character
 *   -- tls       starts TLS on the connection
 *   -- close     closes our side
 *   -- closed    expects the server to close
 *   # remark
 */
import { connect as connectNet, type Socket } from 'node:net';
import { connect as connectTls } from 'node:tls';
import { globMatches } from '../../src/kernel/text.js';

/** A connection that hands out reply lines. */
export class Wire {
  #lines: string[] = [];
  #partial = '';
  #waiting: ((line: string | null) => void)[] = [];
  #ended = false;

  private constructor(private socket: Socket) {
    this.#listen();
  }

  static open(port: number, options: { host?: string; tls?: boolean; localAddress?: string } = {}): Promise<Wire> {
    const { host = '127.0.0.1', localAddress } = options;
    const to = { host, port, ...(localAddress ? { localAddress } : {}) };
    return new Promise((resolve, reject) => {
      const socket: Socket = options.tls
        ? connectTls({ ...to, rejectUnauthorized: false }, () => resolve(new Wire(socket)))
        : connectNet(to, () => resolve(new Wire(socket)));
      socket.once('error', reject);
    });
  }

  /** The certificate's subject, once TLS runs. */
  get subject(): string {
    return (this.socket as unknown as { getPeerCertificate(): { subject: { CN: string } } }).getPeerCertificate().subject.CN;
  }

  send(bytes: string | Buffer): void {
    this.socket.write(bytes);
  }

  /** The next line; null when the server closed. */
  line(): Promise<string | null> {
    const line = this.#lines.shift();
    if (line !== undefined) return Promise.resolve(line);
    if (this.#ended) return Promise.resolve(null);
    return new Promise(resolve => this.#waiting.push(resolve));
  }

  /** A whole reply, its lines joined by LF. */
  async reply(): Promise<string> {
    const lines: string[] = [];
    for (;;) {
      const line = await this.line();
      if (line === null) throw new Error(`the server closed the connection after ${JSON.stringify(lines)}`);
      lines.push(line);
      if (line[3] !== '-') return lines.join('\n');
    }
  }

  async ask(command: string): Promise<string> {
    this.send(`${command}\r\n`);
    return this.reply();
  }

  /** Sends each command and returns the last reply. */
  async say(...commands: string[]): Promise<string> {
    let last = '';
    for (const command of commands) last = await this.ask(command);
    return last;
  }

  startTls(): Promise<void> {
    this.socket.removeAllListeners('data').removeAllListeners('end').removeAllListeners('close');
    return new Promise((resolve, reject) => {
      const socket = connectTls({ socket: this.socket, rejectUnauthorized: false }, () => {
        this.socket = socket;
        this.#listen();
        resolve();
      });
      socket.once('error', reject);
    });
  }

  close(): void {
    this.socket.end();
  }

  destroy(): void {
    this.socket.destroy();
  }

  #listen(): void {
    const end = () => {
      this.#ended = true;
      this.#waiting.splice(0).forEach(resolve => resolve(null));
    };
    this.socket.on('error', end);
    this.socket.on('end', end);
    this.socket.on('close', end);
    this.socket.on('data', (chunk: Buffer) => {
      const parts = (this.#partial + chunk.toString('utf8')).split('\r\n');
      this.#partial = parts.pop() ?? '';
      for (const line of parts) {
        const waiting = this.#waiting.shift();
        if (waiting) waiting(line);
        else this.#lines.push(line);
      }
    });
  }
}

const decode = (text: string): Buffer =>
  Buffer.from(
    text.replace(/\\(?:x([0-9a-f]{2})|([rnt\\]))/gi, (_all, hex: string | undefined, letter: string | undefined) =>
      hex ? String.fromCharCode(parseInt(hex, 16)) : ({ r: '\r', n: '\n', t: '\t' }[letter ?? ''] ?? '\\'),
    ),
    'latin1',
  );

/** Plays the script; returns what went wrong, '' when nothing did. */
export async function play(script: string, port: number, options: { tls?: boolean } = {}): Promise<string> {
  const wire = await Wire.open(port, options);
  try {
    for (const [index, line] of script.split('\n').entries()) {
      const [, kind, text = ''] = /^(C:|C\||S:|--|#|\s*$)\s?(.*)$/.exec(line) ?? [];
      const fail = (what: string) => `line ${index + 1}: expected ${line}\n  got ${what}`;
      if (kind === 'C:') wire.send(`${text}\r\n`);
      else if (kind === 'C|') wire.send(decode(text));
      else if (kind === 'S:') {
        const got = await wire.line();
        if (got === null || !globMatches(text, got)) return fail(got ?? 'the end of the connection');
      } else if (kind === '--' && text === 'tls') await wire.startTls();
      else if (kind === '--' && text === 'close') wire.close();
      else if (kind === '--' && text === 'closed') {
        const got = await wire.line();
        if (got !== null) return fail(got);
      } else if (kind === undefined || kind === '--') return `line ${index + 1} cannot be read: ${line}`;
    }
    return '';
  } finally {
    wire.destroy();
  }
}
