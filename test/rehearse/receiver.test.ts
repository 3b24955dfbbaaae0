import { X509Certificate } from 'node:crypto';
import fc from 'fast-check';
import SMTPConnection from 'nodemailer/lib/smtp-connection';
import { afterEach, describe, expect, it } from 'vitest';
import { BodyReader } from '../../src/rehearse/body-reader.js';
import { createManualClock } from '../../src/rehearse/manual-clock.js';
import type { ReceiverPolicy } from '../../src/rehearse/receiver-policy.js';
import { startReceiver, type Receiver, type ReceiverOptions } from '../../src/rehearse/receiver.js';
import { makeSelfSigned, selfSignedContext } from '../../src/rehearse/self-signed.js';
import { RawClient } from './raw-client.js';

const clock = createManualClock(1_000);
let receiver: Receiver;
const clients: RawClient[] = [];
let contents: string[] = [];

const start = async (policy: ReceiverPolicy = {}, options: Partial<ReceiverOptions> = {}) => {
  contents = [];
  receiver = await startReceiver({
    clock,
    policy,
    keepContent: true,
    onMessage: (_, message) => contents.push(message.content?.toString('latin1') ?? ''),
    ...options,
  });
};
const greeted = async (localAddress?: string) => {
  const client = await RawClient.greeted(receiver.port, receiver.host, localAddress);
  clients.push(client);
  return client;
};
const seen = () => [...receiver.ledger.entries()].map(e => [e.recipients, e.accepted, e.result]);

afterEach(async () => {
  for (const client of clients.splice(0)) client.close();
  await receiver.stop();
});

describe('the dialogue', () => {
  it('takes a message, and enters it when MAIL FROM came', async () => {
    await start();
    const client = await greeted('127.0.1.7');
    expect(
      await client.dialogue('MAIL FROM:<a@example.test> SIZE=40', 'RCPT TO:<b@example.test>', 'RCPT TO:<c@example.test>', 'DATA'),
    ).toEqual(['250 2.1.0 sender ok', '250 2.1.5 recipient ok', '250 2.1.5 recipient ok', '354 go ahead']);
    expect(await client.say('Subject: x\r\n\r\n..dot\r\n...\r\nend\r\n.')).toBe('250 2.0.0 accepted');
    expect(contents).toEqual(['Subject: x\r\n\r\n.dot\r\n..\r\nend\r\n']);
    expect([...receiver.ledger.entries()]).toEqual([
      { at: clock.now(), source: '127.0.1.7', recipients: 2, accepted: 2, result: 'accepted' },
    ]);
    expect(await client.dialogue('QUIT', '')).toEqual(['221 2.0.0 receiver.example goodbye', 'closed']);
  });

  it('answers pipelined commands in order, two messages in one write', async () => {
    await start();
    const client = await greeted();
    const message = 'MAIL FROM:<>\r\nRCPT TO:<b@example.test>\r\nDATA\r\n';
    client.write(`${message}one\r\n.\r\n${message}.\r\nNOOP\r\nQUIT\r\n`);
    const codes = (await client.replies(10)).map(r => r.slice(0, 3));
    expect(codes).toEqual(['250', '250', '354', '250', '250', '250', '354', '250', '250', '221']);
    expect(contents).toEqual(['one\r\n', '']);
  });

  it('lets a bare LF end no message', async () => {
    await start();
    const client = await greeted();
    await client.dialogue('MAIL FROM:<>', 'RCPT TO:<b@example.test>', 'DATA');
    const smuggled = 'one\n.\nMAIL FROM:<evil@example.test>\r\n.\nRCPT TO:<x@example.test>\n.\r\nDATA';
    expect(await client.say(`${smuggled}\r\n.`)).toMatch(/^250/);
    expect(seen()).toEqual([[1, 1, 'accepted']]);
    expect(contents[0]).toContain('evil@example.test');
  });

  it('keeps the order of commands', async () => {
    await start();
    const client = await RawClient.open(receiver.port);
    clients.push(client);
    await client.reply();
    const codes = async (...lines: string[]) => (await client.dialogue(...lines)).map(r => r.slice(0, 3));
    expect(await codes('MAIL FROM:<a@x.test>', 'EHLO', 'HELO me', 'RCPT TO:<b@x.test>', 'DATA')).toEqual([
      '503',
      '501',
      '250',
      '503',
      '503',
    ]);
    expect(await codes('MAIL FROM:a@x.test', 'MAIL FROM:<a@x.test> RET=HDRS', 'MAIL FROM:<a@x.test>', 'MAIL FROM:<a@x.test>')).toEqual([
      '501',
      '555',
      '250',
      '503',
    ]);
    expect(await codes('RCPT TO:<>', 'RCPT TO:<b@x.test> NOTIFY=NEVER', 'DATA', 'RSET', 'RCPT TO:<b@x.test>')).toEqual([
      '501',
      '555',
      '554',
      '250',
      '503',
    ]);
    expect(await codes('VRFY x', 'NOOP', 'HELP', 'STARTTLS')).toEqual(['252', '250', '500', '500']);
  });

  it('refuses what is too big, announced or not', async () => {
    await start({}, { maxSize: 100 });
    const client = await greeted();
    expect(await client.say('MAIL FROM:<a@x.test> SIZE=101')).toMatch(/^552/);
    await client.dialogue('MAIL FROM:<a@x.test>', 'RCPT TO:<b@x.test>', 'DATA');
    expect(await client.say(`${'x'.repeat(200)}\r\n.`)).toMatch(/^552/);
    expect(seen()).toEqual([
      [1, 0, 'rejected'],
      [1, 0, 'rejected'],
    ]);
  });

  it('hangs up on lines without end and on nonsense', async () => {
    await start();
    const client = await greeted();
    client.write('x'.repeat(5_000));
    expect(await client.replies(2)).toEqual(['500 5.5.2 line too long', 'closed']);
    const babbler = await greeted();
    client.write('');
    babbler.write('HM\r\n'.repeat(30));
    const replies = await babbler.replies(22);
    expect(replies.slice(19)).toEqual(['500 5.5.1 unknown command', '421 4.7.0 too many unknown commands', 'closed']);
  });
});

describe('a policy', () => {
  it('decides every reply and what the ledger says', async () => {
    await start({
      onMail: (_, sender) => (sender.startsWith('slow') ? { reply: '451 4.7.1 later' } : undefined),
      onRcpt: (_, rcpt) => (rcpt.startsWith('no') ? { reply: '550-5.1.1 no such\n550 5.1.1 user' } : undefined),
      onData: peer => (peer.sender === 'nodata@x.test' ? { reply: '451 4.3.0 not now' } : undefined),
      onMessage: (_, message) => (message.bytes > 20 ? { reply: '550 5.7.1 content' } : undefined),
    });
    const client = await greeted();
    const send = (sender: string, recipients: string[], body: string) => {
      client.write([`MAIL FROM:<${sender}@x.test>`, ...recipients.map(r => `RCPT TO:<${r}@x.test>`), 'DATA', ''].join('\r\n'));
      return client.replies(recipients.length + 2).then(async replies => {
        if (replies.at(-1)?.startsWith('354')) replies.push(await client.say(`${body}\r\n.`));
        return replies.map(r => r.slice(0, 3)).join(' ');
      });
    };
    expect(await send('slow', ['a', 'b', 'c'], '')).toBe('451 503 503 503 503');
    expect(await send('x', ['no1', 'no2'], '')).toBe('250 550 550 554');
    await client.say('RSET');
    expect(await send('x', ['no1', 'a'], 'hi')).toBe('250 550 250 354 250');
    expect(await send('nodata', ['a'], '')).toBe('250 250 451');
    await client.say('RSET');
    expect(await send('x', ['a'], 'long '.repeat(20))).toBe('250 250 354 550');
    expect(await client.dialogue('MAIL FROM:<x@x.test>', 'RCPT TO:<a@x.test>', 'RSET')).toHaveLength(3);
    expect(seen()).toEqual([
      [3, 0, 'deferred'],
      [2, 0, 'rejected'],
      [2, 1, 'accepted'],
      [1, 0, 'deferred'],
      [1, 0, 'rejected'],
      [1, 0, 'abandoned'],
    ]);
  });

  it('can refuse the greeting, and close after any reply; pipelined recipients count as attempted', async () => {
    await start({ onConnect: peer => (peer.connections > 1 ? { reply: '421 4.7.0 too many', close: true } : undefined) });
    const client = await greeted();
    const second = await RawClient.open(receiver.port);
    expect(await second.replies(2)).toEqual(['421 4.7.0 too many', 'closed']);
    receiver.setPolicy({ onMail: () => ({ reply: '421-4.7.28 first\n421 4.7.28 last', close: true }) });
    client.write('MAIL FROM:<a@x.test>\r\nRCPT TO:<b@x.test>\r\nRCPT TO:<c@x.test>\r\nDATA\r\n');
    expect(await client.replies(2)).toEqual(['421-4.7.28 first\n421 4.7.28 last', 'closed']);
    expect(seen()).toEqual([[2, 0, 'deferred']]);
  });

  it('can make the client wait on policy time, and nothing overtakes the answer', async () => {
    await start({ onMail: () => ({ reply: '250 2.1.0 at last', delay: 5_000 }) });
    const client = await greeted();
    client.write('NOOP\r\nMAIL FROM:<a@x.test>\r\nRCPT TO:<b@x.test>\r\n');
    expect(await client.reply()).toBe('250 2.0.0 ok');
    expect(clock.pending).toBe(1);
    await clock.run(4_999);
    expect(clock.pending).toBe(1);
    await clock.run(1);
    expect(await client.replies(2)).toEqual(['250 2.1.0 at last', '250 2.1.5 recipient ok']);
  });

  it('knows connections and messages of a source, and is told when one closes', async () => {
    const log: string[] = [];
    await start({
      onMail: peer => void log.push(`mail ${peer.source} open ${peer.connections} mails ${peer.mails} messages ${peer.messages}`),
      onClose: peer => void log.push(`close ${peer.source}`),
    });
    const [one, two] = [await greeted('127.0.1.1'), await greeted('127.0.1.2')];
    await greeted('127.0.1.1');
    for (let i = 0; i < 2; i++) await one.dialogue('MAIL FROM:<a@x.test>', 'RCPT TO:<b@x.test>', 'DATA', 'x\r\n.');
    await two.dialogue('MAIL FROM:<a@x.test>', 'QUIT');
    expect(await two.reply()).toBe('closed');
    expect(log.slice(0, 4)).toEqual([
      'mail 127.0.1.1 open 2 mails 0 messages 0',
      'mail 127.0.1.1 open 2 mails 1 messages 1',
      'mail 127.0.1.2 open 1 mails 0 messages 0',
      'close 127.0.1.2',
    ]);
  });
});

describe('the end of a connection', () => {
  it('can come from the receiver, with a reply or without', async () => {
    await start();
    const [idle, cut] = [await greeted(), await greeted()];
    await cut.dialogue('MAIL FROM:<a@x.test>', 'RCPT TO:<b@x.test>');
    receiver.cut();
    expect(await cut.reply()).toBe('closed');
    expect(await idle.reply()).toBe('closed');
    const other = await greeted();
    receiver.hangUp('421 4.3.2 going down');
    expect(await other.replies(2)).toEqual(['421 4.3.2 going down', 'closed']);
    expect(seen()).toEqual([[1, 0, 'abandoned']]);
  });
});

describe('STARTTLS', () => {
  it('is offered with a certificate of its own, and forgets what was said before', async () => {
    await start({ onMail: peer => ({ reply: `250 2.1.0 tls ${peer.tls}` }) }, { tls: selfSignedContext('mx.example.test', Date.now()) });
    const client = await greeted();
    client.write('STARTTLS\r\nMAIL FROM:<injected@x.test>\r\n');
    expect(await client.reply()).toMatch(/^220/);
    expect(await client.tls('mx.example.test')).toEqual({ subject: 'mx.example.test', altName: 'DNS:mx.example.test' });
    expect(await client.say('MAIL FROM:<a@x.test>')).toMatch(/^503/);
    expect(await client.say('EHLO again')).not.toContain('STARTTLS');
    expect(await client.say('MAIL FROM:<a@x.test>')).toBe('250 2.1.0 tls true');
    expect(receiver.ledger.attempts).toBe(1);
  });

  it('uses a certificate that is what it says', async () => {
    await start();
    const now = Date.UTC(2030, 0, 1);
    const { cert, key } = makeSelfSigned('mx.example.test', now);
    const certificate = new X509Certificate(cert);
    expect(certificate.verify(certificate.publicKey)).toBe(true);
    expect(certificate.checkHost('mx.example.test')).toBe('mx.example.test');
    expect(certificate.checkPrivateKey((await import('node:crypto')).createPrivateKey(key))).toBe(true);
    expect(new Date(certificate.validFrom).getTime()).toBe(now - 365 * 86_400_000);
    expect(makeSelfSigned('mx.example.test', now).cert).not.toBe(cert);
  });
});

describe('nodemailer', () => {
  it('delivers over TLS, pipelined', async () => {
    await start({}, { tls: selfSignedContext('mx.example.test', Date.now()) });
    const connection = new SMTPConnection({
      host: receiver.host,
      port: receiver.port,
      tls: { rejectUnauthorized: false },
      requireTLS: true,
    });
    await new Promise<void>((resolve, reject) => connection.once('error', reject).connect(error => (error ? reject(error) : resolve())));
    for (let i = 0; i < 3; i++) {
      const info = await new Promise<{ accepted: string[] }>((resolve, reject) =>
        connection.send({ from: 'a@x.test', to: ['b@x.test', 'c@x.test'] }, '.a\n..b\r\n', (error, result) =>
          error || !result ? reject(error ?? new Error()) : resolve(result),
        ),
      );
      expect(info.accepted).toHaveLength(2);
    }
    connection.close();
    expect(contents).toEqual(['.a\r\n..b\r\n', '.a\r\n..b\r\n', '.a\r\n..b\r\n']);
    expect(receiver.ledger.totals().get('127.0.0.1')).toMatchObject({ attempts: 3, recipients: 6, accepted: 6 });
  });
});

describe('reading a message', () => {
  it('finds the end however the network cuts it', async () => {
    await start();
    const piece = fc.constantFrom('\r\n', '.', '\r', '\n', 'x', '\r\n..', '\r\n.x', 'text');
    fc.assert(
      fc.property(fc.array(piece, { maxLength: 30 }), fc.array(fc.nat(5), { minLength: 1, maxLength: 10 }), (pieces, cuts) => {
        // A client stuffs its lines' dots; what is in front of the final dot ends in CRLF.
        const plain = pieces.length === 0 ? '' : `${pieces.join('')}\r\n`;
        const sent = Buffer.from(`${plain.replace(/(^|\r\n)\./g, '$1..')}.\r\nNEXT`);
        const reader = new BodyReader(1_000);
        let rest = Buffer.alloc(0);
        let done = false;
        for (let at = 0, i = 0; at < sent.length; i++) {
          const size = 1 + (cuts[i % cuts.length] ?? 0);
          rest = Buffer.concat([rest, sent.subarray(at, at + size)]);
          at += size;
          if (!done) ({ done, rest } = reader.take(rest) as { done: boolean; rest: Buffer<ArrayBuffer> });
        }
        expect(done).toBe(true);
        expect(rest.toString()).toBe('NEXT');
        expect(reader.end().content.toString('latin1')).toBe(plain);
      }),
    );
  });

  it('keeps no more than it was told to', async () => {
    await start();
    const reader = new BodyReader(10);
    const { done } = reader.take(Buffer.from(`${'x'.repeat(50)}\r\n.\r\n`));
    expect(done).toBe(true);
    const { bytes, content } = reader.end();
    expect([bytes, content.length]).toEqual([52, 10]);
  });
});
