/**
 * A session's life on a real socket and a clock moved by hand: idle time, transactions, connections that go.
 */
import net from 'node:net';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import SMTPConnection from 'nodemailer/lib/smtp-connection';
import { Session } from '../../src/deliver/session.js';
import type { Envelope } from '../../src/kernel/message.js';
import { createManualClock } from '../../src/rehearse/manual-clock.js';

const ENVELOPE: Envelope = { sender: 'a@b.example', pool: 'main', warmUp: 'allow', accepted: 0, client: 'test' };
const CONTENT = [Buffer.from('Subject: x\r\n\r\n'), Buffer.from('body\r\n')];
const TO = [{ address: 'x@y.example' }, { address: 'z@y.example' }];

let server: net.Server;
let verbs: string[];
/** When set, the receiver answers nothing from that verb on. */
let silentFrom: string | undefined;
const clock = createManualClock(1_000_000);

beforeEach(async () => {
  verbs = [];
  silentFrom = undefined;
  server = net.createServer(socket => {
    let body = false;
    let rest = '';
    socket.on('error', () => undefined);
    socket.write('220 mx.example ESMTP\r\n');
    socket.on('data', chunk => {
      rest += chunk.toString('latin1');
      for (let at = rest.indexOf('\r\n'); at >= 0; at = rest.indexOf('\r\n')) {
        const line = rest.slice(0, at);
        rest = rest.slice(at + 2);
        if (body && line !== '.') continue;
        const verb = body ? '.' : line.slice(0, 4);
        verbs.push(verb);
        body = false;
        if (verb === silentFrom) silentFrom = 'ever';
        if (silentFrom === 'ever') continue;
        if (verb === 'DATA') body = true;
        socket.write(verb === 'DATA' ? '354 go\r\n' : verb === 'QUIT' ? '221 bye\r\n' : '250 ok\r\n');
        if (verb === 'QUIT') socket.end();
      }
    });
  });
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve));
});
afterEach(() => void server.close());

async function session(): Promise<{ session: Session; connection: SMTPConnection; closed: () => number }> {
  const { port } = server.address() as net.AddressInfo;
  const connection = new SMTPConnection({ host: '127.0.0.1', port, name: 'client.example', ignoreTLS: true, socketCloseTimeout: 0 });
  connection.on('error', () => undefined);
  await new Promise<void>((resolve, reject) => connection.connect(e => (e ? reject(e) : resolve())));
  let closed = 0;
  const opened = { connection, host: 'mx.example', address: '127.0.0.1', tls: false };
  return { session: new Session(1, 'site', opened, clock, { closed: () => closed++ }), connection, closed: () => closed };
}

describe('the idle time', () => {
  it('ends a session that waits, counted from its last rest', async () => {
    const { session: s, closed } = await session();
    s.rest(5_000);
    clock.advance(3_000);
    s.rest(5_000);
    clock.advance(3_000);
    expect(s.state).toBe('idle');
    clock.advance(2_000);
    expect([s.state, closed()]).toEqual(['leaving', 0]);
    await vi.waitFor(() => expect([s.state, closed()]).toEqual(['closed', 1]));
  });

  it('comes sooner when it is made shorter', async () => {
    const { session: s } = await session();
    s.rest(60_000);
    s.rest(1_000);
    clock.advance(1_000);
    expect(s.state).toBe('leaving');
    await vi.waitFor(() => expect(s.state).toBe('closed'));
  });

  it('does not end a session that was claimed for a transaction that has not begun yet', async () => {
    const { session: s } = await session();
    s.rest(5_000);
    clock.advance(4_999);
    s.claim();
    clock.advance(10_000);
    const result = await s.send(ENVELOPE, ENVELOPE.sender, TO, CONTENT);
    expect(result.answers.map(a => a.reply.code)).toEqual([250, 250]);
    s.rest(5_000);
    clock.advance(5_000);
    expect(s.state).toBe('leaving');
    await vi.waitFor(() => expect(s.state).toBe('closed'));
  });
});

describe('QUIT', () => {
  it('is not waited for without end', async () => {
    silentFrom = 'QUIT';
    const { session: s, closed } = await session();
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
    try {
      s.quit();
      vi.advanceTimersByTime(4_999);
      expect([s.state, closed()]).toEqual(['leaving', 0]);
      vi.advanceTimersByTime(1);
      expect([s.state, closed()]).toEqual(['closed', 1]);
    } finally {
      vi.useRealTimers();
    }
  });
});

describe('a connection that goes', () => {
  it('before the transaction: nothing was seen, and nothing is written', async () => {
    const { session: s } = await session();
    s.quit();
    const result = await s.send(ENVELOPE, ENVELOPE.sender, TO, CONTENT);
    expect(result).toMatchObject({ seen: false, uncertain: false });
    expect(result.answers.map(a => a.reply.code)).toEqual([0, 0]);
    await vi.waitFor(() => expect(s.state).toBe('closed'));
    expect(verbs).not.toContain('MAIL');
  });

  it('closed from our side in the middle: the transaction ends all the same, as seen', async () => {
    silentFrom = 'RCPT';
    const { session: s, connection, closed } = await session();
    const sending = s.send(ENVELOPE, ENVELOPE.sender, TO, CONTENT);
    connection.close();
    const result = await sending;
    expect(result).toMatchObject({ seen: true, uncertain: false });
    expect(result.answers).toHaveLength(2);
    expect(closed()).toBe(1);
  });
});

it('names the extensions that the last EHLO reply offered, and nothing that is no keyword', async () => {
  const { session: s, connection } = await session();
  expect(s.esmtp).toBe('');
  const inner = connection as unknown as { _ehloLines: string[] };
  inner._ehloLines = [
    'SIZE 1000',
    'pipelining',
    'AUTH=PLAIN',
    'AUTH PLAIN',
    'a,"b\u001b[2J',
    'X'.repeat(90),
    ...Array.from({ length: 50 }, (_, i) => `X-${i}`),
  ];
  expect(s.esmtp.split(',').slice(0, 4)).toEqual(['SIZE', 'PIPELINING', 'AUTH', 'X-0']);
  expect(s.esmtp.split(',')).toHaveLength(30);
  inner._ehloLines = ['SIZE'];
  expect(s.esmtp).toBe('SIZE');
  s.quit();
  await vi.waitFor(() => expect(s.state).toBe('closed'));
});
