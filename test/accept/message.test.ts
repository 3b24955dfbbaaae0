/** What is stored: trace header, missing fields, our own X- fields, loops, long headers. */
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { Wire } from './dialogue.js';
import { bench, client, settings, type Bench, type Stored } from './kit.js';

let server: Bench;
let wire: Wire;

beforeAll(async () => {
  server = await bench({ maxMessageSize: 10_000_000 });
  wire = await Wire.open(server.port);
  await wire.reply();
  await wire.ask('EHLO App.example.com');
});

afterAll(async () => {
  wire.destroy();
  await server.stop();
});

beforeEach(() => {
  server.stored.length = 0;
  server.settings = settings({ maxMessageSize: 10_000_000 });
});

async function send(message: string, recipients = ['b@example.net'], mail = 'MAIL FROM:<a@example.com>'): Promise<string> {
  await wire.say(mail, ...recipients.map(r => `RCPT TO:<${r}>`), 'DATA');
  return wire.ask(`${message.replaceAll('\n', '\r\n')}\r\n.`);
}

async function stored(...args: Parameters<typeof send>): Promise<Stored> {
  expect(await send(...args)).toMatch(/^250 2\.0\.0 Ok: queued as 00-0000000001$/);
  const [message] = server.stored;
  if (!message) throw new Error('nothing was stored');
  return message;
}

describe('the trace header', () => {
  it('stands in front, with what is missing behind it', async () => {
    const { content } = await stored('Subject: x\n\nbody');
    expect(content).toMatch(
      new RegExp(
        '^Received: from app\\.example\\.com \\(\\[127\\.0\\.0\\.1\\]\\)\r\n' +
          '\tby mta\\.example\\.com with ESMTP id 00-0000000001\r\n' +
          '\tfor <b@example\\.net>;\r\n' +
          '\tMon, 20 Nov 2023 12:00:00 \\+0000\r\n' +
          'Message-ID: <[a-z0-9.]+@mta\\.example\\.com>\r\n' +
          'Date: Mon, 20 Nov 2023 12:00:00 \\+0000\r\n' +
          'Subject: x\r\n\r\nbody\r\n$',
      ),
    );
  });

  it('leaves Date and Message-ID alone where they are, and never names one of several recipients', async () => {
    const { content } = await stored('Date: then\nMessage-ID: <mine@x>\n\nbody', ['b@example.net', 'c@example.net']);
    expect(content.match(/^(date|message-id):/gim)).toEqual(['Date:', 'Message-ID:']);
    expect(content).not.toContain('for <');
  });

  it('gives two messages two ids', async () => {
    await send('Subject: x\n\n');
    await send('Subject: x\n\n');
    expect(new Set(server.stored.map(m => /Message-ID: (.*)/.exec(m.content)?.[1])).size).toBe(2);
  });
});

describe('the envelope', () => {
  it('says null sender, SMTPUTF8 and 8-bit', async () => {
    const { envelope, recipients } = await stored('Subject: x\n\nplain', ['jörg@bücher.example'], 'MAIL FROM:<> SMTPUTF8 BODY=8BITMIME');
    expect(envelope).toEqual({
      sender: '',
      pool: 'marketing',
      warmUp: 'allow',
      accepted: server.clock.now(),
      client: '127.0.0.1',
      utf8: true,
      eightBit: true,
    });
    expect(recipients).toEqual([{ address: 'jörg@xn--bcher-kva.example' }]);
  });

  it('says 8-bit when the body is, whatever was declared', async () => {
    expect((await stored('Subject: x\n\ngrün')).envelope.eightBit).toBe(true);
    server.stored.length = 0;
    expect((await stored('Subject: x\n\nplain')).envelope.eightBit).toBeUndefined();
  });

  it('says what RET and ENVID said', async () => {
    const { envelope } = await stored('Subject: x\n\n', undefined, 'MAIL FROM:<a@example.com> RET=FULL ENVID=q1');
    expect(envelope).toMatchObject({ ret: 'FULL', envid: 'q1' });
  });
});

describe('our own fields', () => {
  const fields = 'X-Pool: alerts\nX-Job: spring\nX-Warm-Up: Prefer\nX-Virtual-MTA: nobody\nSubject: x\n\nbody';

  it('count for clients that may use them, and are removed', async () => {
    server.settings = settings({ clients: [client({ allowHeaders: true })] });
    const { envelope, content } = await stored(fields);
    expect(envelope).toMatchObject({ pool: 'alerts', job: 'spring', warmUp: 'prefer' });
    expect(content).not.toMatch(/^x-/im);
  });

  it('count for nobody else, and are removed all the same', async () => {
    const { envelope, content } = await stored(fields);
    expect(envelope).toMatchObject({ pool: 'marketing', warmUp: 'allow' });
    expect(envelope.job).toBeUndefined();
    expect(content).not.toMatch(/^x-/im);
  });

  it('take the warm-up wish from the header, else the client, else the pool', async () => {
    const wish = async (clients: Partial<Parameters<typeof client>[0]>, message: string) => {
      server.stored.length = 0;
      server.settings = settings({ clients: [client({ allowHeaders: true, ...clients })] });
      return (await stored(message)).envelope.warmUp;
    };
    expect(await wish({ pool: 'alerts' }, 'S: x\n\n')).toBe('never');
    expect(await wish({ pool: 'alerts', warmUp: 'allow' }, 'S: x\n\n')).toBe('allow');
    expect(await wish({ pool: 'alerts', warmUp: 'allow' }, 'X-Warm-Up: prefer\n\n')).toBe('prefer');
    expect(await wish({}, 'X-Virtual-MTA: alerts\n\n')).toBe('never');
  });

  it('are refused when they name what does not exist', async () => {
    server.settings = settings({ clients: [client({ allowHeaders: true })] });
    expect(await send('X-Pool: nowhere\n\n')).toBe('550 5.7.1 No pool is called "nowhere" (named by X-Pool)');
    expect(await send('X-Virtual-MTA: cold-1\n\n')).toBe('550 5.7.1 No pool is called "cold-1" (named by X-Virtual-MTA)');
    expect(await send('X-Warm-Up: sometimes\n\n')).toMatch(/^550 5\.6\.0 /);
    expect(server.stored).toEqual([]);
  });
});

describe('limits of the header', () => {
  it('more than 100 hops are a loop', async () => {
    const hops = (n: number) => `${'Received: by somewhere\n'.repeat(n)}\nbody`;
    expect(await send(hops(101))).toBe('554 5.4.6 Too many hops: the message is looping');
    expect(await send(hops(100))).toMatch(/^250/);
  });

  it('a header may be long, not endless', async () => {
    expect(await send(`${'X-Filler: 0123456789012345678901234567890123456789\n'.repeat(20_000)}\nbody`)).toMatch(/^552 5\.3\.4 Header/);
    expect(await send(`${'X-Filler: 0123456789012345678901234567890123456789\n'.repeat(2_000)}\nbody`)).toMatch(/^250/);
  });

  it('a large body is no header', async () => {
    const body = 'some line of text that is no field\n'.repeat(100_000);
    const { content } = await stored(`Subject: x\n\n${body}`);
    expect(content.endsWith(`Subject: x\r\n\r\n${body.replaceAll('\n', '\r\n')}\r\n`)).toBe(true);
  });
});
