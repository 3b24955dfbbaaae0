/** A receiver that follows a script, and a session of ours with it: what transcripts of every phase stand on. */
import net from 'node:net';
import SMTPConnection from 'nodemailer/lib/smtp-connection';
import { Session } from '../../src/deliver/session.js';
import { createManualClock } from '../../src/rehearse/manual-clock.js';

/** What to answer one command, or the end of data, with: a line, or raw bytes, or what to do instead. */
export type Step = string | { raw: string; drop?: boolean } | { bytes: string } | 'DROP' | 'SILENCE';

export interface Script {
  /** Extensions of EHLO, one a line. */
  readonly offers?: readonly string[];
  /** From MAIL FROM on; `SILENCE` answers nothing, `DROP` hangs up. */
  readonly replies: readonly Step[];
  /** After the final dot. */
  readonly end?: Step;
  /** As soon as so many bytes of the body have come. */
  readonly within?: { readonly bytes: number; readonly step: Step };
}

export interface Conversation {
  readonly session: Session;
  readonly connection: SMTPConnection;
  /** Commands behind EHLO, bodies as one entry. */
  readonly heard: string[];
  /** Resolves once the connection has gone on the receiver's side. */
  readonly gone: Promise<void>;
  stop(): void;
}

export async function converse(script: Script, options: { socketTimeout?: number; maxResponseSize?: number } = {}): Promise<Conversation> {
  const heard: string[] = [];
  let over: () => void = () => undefined;
  const gone = new Promise<void>(resolve => (over = resolve));
  const server = net.createServer(socket => {
    let inBody = false;
    let buffer = '';
    const replies = [...script.replies];
    socket.on('error', () => undefined);
    socket.on('close', () => over());
    socket.write('220 mx.example ESMTP\r\n');
    let mute = false;
    let said = Promise.resolve();
    const say = async (step: Step): Promise<void> => {
      if (mute) return;
      mute = step === 'SILENCE' || step === 'DROP' || (typeof step === 'object' && 'drop' in step);
      if (step === 'SILENCE') return;
      if (step === 'DROP') return void socket.destroy();
      if (typeof step === 'string') return void socket.write(`${step}\r\n`);
      if ('bytes' in step) return drip(socket, step.bytes);
      if (step.drop) socket.end(step.raw);
      else socket.write(step.raw);
    };
    const act = (step: Step): void => {
      said = said.then(() => say(step));
    };
    socket.on('data', chunk => {
      buffer += chunk.toString('latin1');
      for (;;) {
        if (inBody) {
          if (script.within && buffer.length >= script.within.bytes) {
            act(script.within.step);
            return void (inBody = false);
          }
          if (buffer.startsWith('.\r\n')) buffer = `\r\n${buffer}`;
          const end = buffer.indexOf('\r\n.\r\n');
          if (end < 0) return;
          heard.push(buffer.slice(0, end + 2));
          buffer = buffer.slice(end + 5);
          inBody = false;
          act(script.end ?? '250 2.0.0 Ok');
          continue;
        }
        const at = buffer.indexOf('\r\n');
        if (at < 0) return;
        const line = buffer.slice(0, at);
        buffer = buffer.slice(at + 2);
        if (line.startsWith('EHLO')) {
          socket.write(
            ['mx.example', ...(script.offers ?? [])].map((l, i, all) => `250${i === all.length - 1 ? ' ' : '-'}${l}\r\n`).join(''),
          );
          continue;
        }
        heard.push(Buffer.from(line, 'latin1').toString());
        const step = line === 'RSET' ? '250 reset' : (replies.shift() ?? '503 5.5.1 no more script');
        act(step);
        if (typeof step === 'string' && step.startsWith('354')) inBody = true;
        if (typeof step === 'object' && 'bytes' in step && step.bytes.startsWith('354')) inBody = true;
      }
    });
  });
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as net.AddressInfo;
  const connection = new SMTPConnection({
    host: '127.0.0.1',
    port,
    name: 'client.example',
    ignoreTLS: true,
    socketCloseTimeout: 0,
    maxResponseSize: 64 * 1024,
    ...options,
  });
  connection.on('error', () => undefined);
  await new Promise<void>((resolve, reject) => connection.connect(e => (e ? reject(e) : resolve())));
  const opened = { connection, host: 'mx.example', address: '127.0.0.1', tls: false };
  const session = new Session(1, 'site', opened, createManualClock(0), { closed: () => undefined });
  const stop = (): void => {
    connection.close();
    server.close();
  };
  return { session, connection, heard, gone, stop };
}

/** One byte at a time, each in a write of its own. */
async function drip(socket: net.Socket, bytes: string): Promise<void> {
  for (const byte of bytes) {
    if (socket.destroyed) return;
    await new Promise<void>(resolve => socket.write(byte, () => setImmediate(resolve)));
  }
}
