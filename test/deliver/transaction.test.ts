/**
 * Transactions as transcripts: nodemailer's connection against a scripted receiver on a real socket.
 */
import net from 'node:net';
import { PassThrough } from 'node:stream';
import { afterEach, describe, expect, it } from 'vitest';
import SMTPConnection from 'nodemailer/lib/smtp-connection';
import { type Sender, transact, type TransactionResult } from '../../src/deliver/transaction.js';

/** Receiver's side: each line is what to answer the next command with; `DROP` hangs up; `-` answers nothing. */
interface Script {
  readonly ehlo?: string;
  readonly replies: readonly string[];
  /** What to answer after the final dot. */
  readonly end?: string;
}

const servers: net.Server[] = [];
afterEach(() => servers.splice(0).forEach(s => s.close()));

async function converse(script: Script, recipients: readonly string[]): Promise<TransactionResult> {
  const server = net.createServer(socket => {
    let inBody = false;
    let buffer = '';
    const replies = [...script.replies];
    socket.on('error', () => undefined);
    socket.write('220 mx.example ESMTP\r\n');
    socket.on('data', chunk => {
      buffer += chunk.toString('latin1');
      for (;;) {
        if (inBody) {
          const end = buffer.indexOf('\r\n.\r\n');
          if (end < 0) return;
          buffer = buffer.slice(end + 5);
          inBody = false;
          if (script.end === 'DROP') return void socket.destroy();
          socket.write(`${script.end ?? '250 2.0.0 Ok'}\r\n`);
          continue;
        }
        const at = buffer.indexOf('\r\n');
        if (at < 0) return;
        const line = buffer.slice(0, at);
        buffer = buffer.slice(at + 2);
        if (line.startsWith('EHLO')) {
          socket.write(script.ehlo ?? '250-mx.example\r\n250-SIZE 1000\r\n250 PIPELINING\r\n');
          continue;
        }
        const reply = replies.shift() ?? '503 5.5.1 no more script';
        if (reply === 'DROP') return void socket.destroy();
        socket.write(`${reply}\r\n`);
        if (reply.startsWith('354')) inBody = true;
      }
    });
  });
  servers.push(server);
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as net.AddressInfo;
  const connection = new SMTPConnection({ host: '127.0.0.1', port, name: 'client.example', ignoreTLS: true, socketCloseTimeout: 0 });
  connection.on('error', () => undefined);
  await new Promise<void>((resolve, reject) => connection.connect(e => (e ? reject(e) : resolve())));
  const content = Buffer.from('Subject: x\r\n\r\nbody\r\n');
  const result = await transact(connection, { from: 'a@b.example', to: [...recipients], size: content.length }, recipients, [content]);
  connection.close();
  return result;
}

const lines = (r: TransactionResult) => r.answers.map(a => `${a.phase} ${a.reply.line}`);

describe('one transaction', () => {
  it('delivered: every recipient gets the reply to the final dot', async () => {
    const r = await converse({ replies: ['250 ok', '250 ok', '250 ok', '354 go'], end: '250 2.0.0 queued as 7' }, [
      'x@y.example',
      'z@y.example',
    ]);
    expect(lines(r)).toEqual(['end 250 2.0.0 queued as 7', 'end 250 2.0.0 queued as 7']);
    expect(r).toMatchObject({ seen: true, uncertain: false, needsReset: false });
  });

  it('mixed recipients: each its own answer', async () => {
    const r = await converse({ replies: ['250 ok', '550 5.1.1 no such user', '250 ok', '354 go'] }, ['x@y.example', 'z@y.example']);
    expect(lines(r)).toEqual(['rcpt 550 5.1.1 no such user', 'end 250 2.0.0 Ok']);
  });

  it('all recipients refused: the transaction must be reset', async () => {
    const r = await converse({ replies: ['250 ok', '450 4.2.1 slow', '550 5.1.1 none', '503 5.5.1 no recipients'] }, [
      'x@y.example',
      'z@y.example',
    ]);
    expect(lines(r)).toEqual(['rcpt 450 4.2.1 slow', 'rcpt 550 5.1.1 none']);
    expect(r).toMatchObject({ seen: true, needsReset: true });
  });

  it('421 at MAIL FROM: the whole text, at its phase', async () => {
    const r = await converse({ replies: ['421 RP-001 Unfortunately, some messages were not sent', '503 x', '503 x'] }, ['x@y.example']);
    expect(lines(r)).toEqual(['mail 421 RP-001 Unfortunately, some messages were not sent']);
  });

  const many = Array.from({ length: 8 }, (_, i) => `x${i}@y.example`);
  /** All these answers and the end of the connection arrive at once. */
  const atOnce = (...last: string[]): string[] => [['250 ok', ...many.slice(1).map(() => '250 ok'), ...last].join('\r\n'), 'DROP'];

  it('421 with the end of the connection behind it: the reason is not lost', async () => {
    const result = await converse({ replies: atOnce('250 ok', '421 4.3.2 closing') }, many);
    expect(result.answers.map(a => `${a.phase} ${a.reply.line}`)).toEqual(many.map(() => 'data 421 4.3.2 closing'));
    expect(result.uncertain).toBe(false);
  });

  it('any other reply that stayed unread is nobody’s', async () => {
    const result = await converse({ replies: atOnce('550 5.1.1 no such user') }, many);
    expect(result.answers[0]?.reply.code).toBe(0);
  });

  /** The connection ends in the turn in which 354 was read, and this is behind it. */
  const behind354 = (...unread: string[]): Promise<TransactionResult> => {
    const connection: Sender & { _responseQueue: string[] } = {
      _responseQueue: unread,
      once: () => undefined,
      removeListener: () => undefined,
      close: () => undefined,
      send(_envelope, body, done) {
        const wire = new PassThrough().resume();
        wire.once('end', () => setImmediate(done, new Error('Connection closed unexpectedly')));
        body.pipe(wire);
      },
    };
    return transact(connection, { from: 'a@b.example', to: ['x@y.example'] }, ['x@y.example'], [Buffer.from('Subject: x\r\n\r\n')]);
  };

  it.each(['421 4.4.2 timeout exceeded', '451 4.3.0 no disk', '554 5.7.1 spam'])(
    '354, and %s with the end behind it: it is the answer',
    async word => {
      const result = await behind354(word);
      expect(lines(result)).toEqual([`end ${word}`]);
      expect(result.uncertain).toBe(false);
    },
  );

  it('354, and what is no refusal behind it: nothing was promised, and nobody knows', async () => {
    for (const words of [[], ['250 2.0.0 queued as 7'], ['250 2.0.0 queued as 7', '421 4.4.2 timeout exceeded']]) {
      const result = await behind354(...words);
      expect(result.answers[0]?.reply.code).toBe(0);
      expect(result.uncertain).toBe(true);
    }
  });

  it('refused after the final dot', async () => {
    const r = await converse({ replies: ['250 ok', '250 ok', '354 go'], end: '554 5.7.1 spam' }, ['x@y.example']);
    expect(lines(r)).toEqual(['end 554 5.7.1 spam']);
    expect(r.uncertain).toBe(false);
  });

  it('cut off after the final dot: uncertain', async () => {
    const r = await converse({ replies: ['250 ok', '250 ok', '354 go'], end: 'DROP' }, ['x@y.example']);
    expect(r).toMatchObject({ seen: true, uncertain: true });
    expect(r.answers[0]?.reply.code).toBe(0);
  });

  it('cut off before the body: not uncertain', async () => {
    const r = await converse({ replies: ['250 ok', 'DROP'] }, ['x@y.example']);
    expect(r).toMatchObject({ seen: true, uncertain: false });
  });

  it('larger than the announced SIZE: 552 without a byte of MAIL FROM', async () => {
    const r = await converse({ ehlo: '250-mx.example\r\n250 SIZE 5\r\n', replies: [] }, ['x@y.example']);
    expect(r.seen).toBe(false);
    expect(r.answers[0]?.reply).toMatchObject({ code: 552, enhanced: '5.3.4' });
  });

  it('without PIPELINING the answers are the same', async () => {
    const r = await converse({ ehlo: '250 mx.example\r\n', replies: ['250 ok', '550 5.1.1 none', '250 ok', '354 go'] }, [
      'x@y.example',
      'z@y.example',
    ]);
    expect(lines(r)).toEqual(['rcpt 550 5.1.1 none', 'end 250 2.0.0 Ok']);
  });
});
