/** What is stored: trace header, missing fields, our own X- fields, loops, long headers. */
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { MESSAGE_RULES } from '../../src/kernel/message-rules.js';
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
  it('has each word of NOTIFY once', async () => {
    await wire.say(
      'MAIL FROM:<a@example.com>',
      `RCPT TO:<b@example.net> NOTIFY=${'SUCCESS,'.repeat(300)}DELAY`,
      'DATA',
      'Subject: x\r\n\r\n.',
    );
    expect(server.stored[0]?.recipients).toEqual([{ address: 'b@example.net', notify: ['SUCCESS', 'DELAY'] }]);
  });

  it('has nothing of a MAIL that was refused', async () => {
    expect(await wire.ask('MAIL FROM:<a..b@example.com> SMTPUTF8 BODY=8BITMIME RET=FULL ENVID=old')).toMatch(/^501 /);
    server.room = 'full';
    expect(await wire.ask('MAIL FROM:<a@example.com> SMTPUTF8 BODY=8BITMIME RET=FULL ENVID=old')).toMatch(/^452 /);
    server.room = 'ok';
    const { envelope } = await stored('Subject: x\n\nplain');
    expect(Object.keys(envelope).filter(key => ['utf8', 'eightBit', 'ret', 'envid'].includes(key))).toEqual([]);
  });

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

  it('take the priority from the header, else the client, else the pool; normal is not said', async () => {
    const priority = async (clients: Partial<Parameters<typeof client>[0]>, message: string) => {
      server.stored.length = 0;
      server.settings = settings({ clients: [client({ allowHeaders: true, ...clients })] });
      return (await stored(message)).envelope.priority;
    };
    expect(await priority({}, 'S: x\n\n')).toBeUndefined();
    expect(await priority({ priority: 'low' }, 'S: x\n\n')).toBe('low');
    expect(await priority({ priority: 'low' }, 'X-Queue-Priority: HIGH\n\n')).toBe('high');
    expect(await priority({ priority: 'low' }, 'X-Queue-Priority: normal\n\n')).toBeUndefined();
    expect(await priority({ allowHeaders: false, priority: 'low' }, 'X-Queue-Priority: high\n\n')).toBe('low');
    expect(await send('X-Queue-Priority: urgent\n\n')).not.toMatch(/^550/);
    server.settings = settings({ clients: [client({ allowHeaders: true })] });
    expect(await send('X-Queue-Priority: urgent\n\n')).toMatch(/^550 5\.6\.0 /);
  });

  it('are not needed for the choice of who is told', async () => {
    server.settings = settings({ clients: [client({ notices: 'none' })] });
    expect((await stored('S: x\n\n')).envelope.notices).toBe('none');
    server.stored.length = 0;
    server.settings = settings({ clients: [client({ notices: 'sender' })] });
    expect((await stored('S: x\n\n')).envelope).not.toHaveProperty('notices');
  });

  it('are refused when they name what does not exist', async () => {
    server.settings = settings({ clients: [client({ allowHeaders: true })] });
    expect(await send('X-Pool: nowhere\n\n')).toBe('550 5.7.1 No pool is called "nowhere" (named by X-Pool)');
    expect(await send('X-Virtual-MTA: cold-1\n\n')).toBe('550 5.7.1 No pool is called "cold-1" (named by X-Virtual-MTA)');
    expect(await send('X-Warm-Up: sometimes\n\n')).toMatch(/^550 5\.6\.0 /);
    expect(server.stored).toEqual([]);
  });
});

describe('X-Envid', () => {
  it('counts for clients that may use it, when MAIL FROM said nothing', async () => {
    server.settings = settings({ clients: [client({ allowHeaders: true })] });
    const { envelope, content } = await stored('X-Envid: order 17\n\n');
    expect(envelope.envid).toBe('order 17');
    expect(content).not.toMatch(/x-envid/i);
    server.stored.length = 0;
    expect((await stored('X-Envid: header\n\n', undefined, 'MAIL FROM:<a@example.com> ENVID=protocol')).envelope.envid).toBe('protocol');
    expect(await send('X-Envid: grün\n\n')).toMatch(/^550 5\.6\.0 X-Envid/);
    server.settings = settings();
    server.stored.length = 0;
    expect((await stored('X-Envid: header\n\n')).envelope.envid).toBeUndefined();
  });
});

describe('what a message loses', () => {
  const fields = 'Return-Path: <old@example.com>\nBcc: hidden@example.net,\n other@example.net\nX-Keep: 1\nSubject: x\n\nBcc: body';

  it('is Return-Path and Bcc, unless the configuration says otherwise', async () => {
    expect((await stored(fields)).content).toMatch(/Date: [^\r]*\r\nX-Keep: 1\r\nSubject: x\r\n\r\nBcc: body\r\n$/);
    server.stored.length = 0;
    server.settings = settings({ messageRules: { ...MESSAGE_RULES, stripHeaders: ['x-keep'] } });
    expect((await stored(fields)).content).toMatch(
      /Date: [^\r]*\r\nReturn-Path: <old@example.com>\r\nBcc: hidden@example.net,\r\n other@example.net\r\nSubject: x\r\n/,
    );
  });

  it('is nothing else: List-Unsubscribe and all that is signed pass byte for byte', async () => {
    const untouched = [
      'DKIM-Signature: v=1; a=rsa-sha256;  h=from:list-unsubscribe;\n\tb=AbC=',
      'List-Unsubscribe: <https://example.com/u?x=1&y=%20>,\n\t <mailto:u@example.com?subject=a%20b>',
      'List-Unsubscribe-Post: List-Unsubscribe=One-Click',
      'list-ID:  odd   blanks <l.example.com>  ',
      'Subject: =?utf-8?q?x?=\n  folded \t',
      'Date: then',
      'Message-ID: <m@x>',
    ].join('\n');
    const { content } = await stored(`${untouched}\n\nbody  \n`);
    expect(content.slice(content.indexOf('DKIM-Signature'))).toBe(`${untouched}\n\nbody  \n\n`.replaceAll('\n', '\r\n'));
  });
});

describe('a loop', () => {
  const traces = (n: number, by = 'mta.example.com') => `Received: from x\n\tby ${by} with ESMTP id 1;\n\tnow\n`.repeat(n);
  const delivered = (n: number, to: string) => `Delivered-To: ${to}\n`.repeat(n);

  it('is seen by our own traces', async () => {
    expect(await send(`${traces(6)}\nbody`)).toBe('554 5.4.6 The message is looping: it passed through here 6 times already');
    expect(await send(`${traces(5)}\nbody`)).toMatch(/^250/);
    expect(await send(`${traces(6, 'other.example.com')}\nbody`)).toMatch(/^250/);
    server.settings = settings({ messageRules: { ...MESSAGE_RULES, maxLoopCount: Infinity } });
    expect(await send(`${traces(6)}\nbody`)).toMatch(/^250/);
  });

  it('is seen by Delivered-To, of a recipient of this message only', async () => {
    server.settings = settings({ messageRules: { ...MESSAGE_RULES, maxLoopCount: 1 } });
    const to = ['b@example.net', 'C@example.net'];
    expect(await send(`${delivered(2, 'c@Example.net')}\nbody`, to)).toMatch(/^554 5\.4\.6 .*<C@example\.net> 2 times already$/);
    expect(await send(`${delivered(1, 'c@example.net')}${delivered(1, 'b@example.net')}\nbody`, to)).toMatch(/^250/);
    expect(await send(`${delivered(5, 'else@example.net')}\nbody`, to)).toMatch(/^250/);
  });

  it('is seen in what we wrote ourselves', async () => {
    server.settings = settings({ messageRules: { ...MESSAGE_RULES, maxLoopCount: 1 } });
    let message = 'Subject: x\n\nround';
    const rounds: string[] = [];
    for (let i = 0; i < 3; i++) {
      rounds.push((await send(message)).slice(0, 3));
      message = server.stored.at(-1)?.content.replace(/\r\n$/, '').replaceAll('\r\n', '\n') ?? '';
    }
    expect(rounds).toEqual(['250', '250', '554']);
  });
});

describe('what no message may hold', () => {
  it('is NUL, in header and body', async () => {
    expect(await send('Subject: a\0b\n\n')).toBe('550 5.6.0 NUL in the message');
    expect(await send('Subject: a\n\nb\0')).toBe('550 5.6.0 NUL in the message');
    expect(await send('Subject: a\n\nb')).toMatch(/^250/);
  });

  it('is a line above the limit, when there is one', async () => {
    const long = `Subject: a\n\n${'x'.repeat(999)}`;
    expect(await send(long)).toMatch(/^250/);
    server.settings = settings({ messageRules: { ...MESSAGE_RULES, maxLineLength: 998 } });
    expect(await send(long)).toMatch(/^550 5\.6\.0 A line/);
    expect(await send(long.slice(0, -1))).toMatch(/^250/);
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
