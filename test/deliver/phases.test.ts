/**
 * Every phase in which a receiver may fail, as a transcript: what each recipient is told, whether the attempt is uncertain,
 * whether the connection can go on.
 */
import { afterEach, describe, expect, it } from 'vitest';
import type { Envelope, NewRecipient } from '../../src/kernel/message.js';
import type { TransactionResult } from '../../src/deliver/transaction.js';
import { converse, type Conversation, type Script } from './scripted.js';

const ENVELOPE: Envelope = { sender: 'a@b.example', pool: 'main', warmUp: 'allow', accepted: 0, client: 'test' };
const CONTENT = [Buffer.from('Subject: x\r\n\r\nbody\r\n')];
const X = { address: 'x@y.example' };
const Z = { address: 'z@y.example' };

const open: Conversation[] = [];
afterEach(() => open.splice(0).forEach(c => c.stop()));

async function send(
  script: Script,
  words: {
    to?: readonly NewRecipient[];
    envelope?: Partial<Envelope>;
    content?: Buffer[];
    socketTimeout?: number;
    maxResponseSize?: number;
  } = {},
): Promise<{ result: TransactionResult; told: string[]; heard: string[]; c: Conversation }> {
  const { to = [X], envelope = {}, content = CONTENT, ...options } = words;
  const c = await converse(script, options);
  open.push(c);
  const whole = { ...ENVELOPE, ...envelope };
  const result = await c.session.send(whole, whole.sender, to, content);
  return { result, told: result.answers.map(a => `${a.phase} ${a.reply.line}`), heard: c.heard, c };
}

const PIPE = ['PIPELINING'];
const go = '354 go';

describe.each([
  ['pipelined', PIPE],
  ['command by command', []],
])('%s', (_how, offers) => {
  const both = { to: [X, Z] };

  it('MAIL FROM refused for now', async () => {
    const { told, result } = await send({ offers, replies: ['451 4.3.0 later', '503 x', '503 x'] });
    expect(told).toEqual(['mail 451 4.3.0 later']);
    expect(result).toMatchObject({ seen: true, uncertain: false, needsReset: true });
  });

  it('MAIL FROM refused for good', async () => {
    const { told } = await send({ offers, replies: ['550 5.7.1 not from you', '503 x', '503 x'] });
    expect(told).toEqual(['mail 550 5.7.1 not from you']);
  });

  it('421 to MAIL FROM closes', async () => {
    const { told, c } = await send({ offers, replies: ['421 4.3.2 closing'] });
    expect(told).toEqual(['mail 421 4.3.2 closing']);
    expect(c.session.state).toBe('closed');
  });

  it('the connection drops at MAIL FROM', async () => {
    const { told, result } = await send({ offers, replies: ['DROP'] });
    expect(told).toHaveLength(1);
    expect(result.answers[0]?.reply.code).toBe(0);
    expect(result).toMatchObject({ seen: true, uncertain: false });
  });

  it('nothing is answered to MAIL FROM', async () => {
    const { result } = await send({ offers, replies: ['SILENCE'] }, { socketTimeout: 50 });
    expect(result.answers[0]?.reply).toMatchObject({ code: 0 });
    expect(result).toMatchObject({ seen: true, uncertain: false });
  });

  it('recipients answered each in its own way', async () => {
    const to = [X, Z, { address: 'w@y.example' }];
    const { told, result } = await send(
      { offers, replies: ['250 ok', '550 5.1.1 none', '250 ok', '452 4.2.2 full', go], end: '250 2.0.0 in' },
      { to },
    );
    expect(told).toEqual(['rcpt 550 5.1.1 none', 'end 250 2.0.0 in', 'rcpt 452 4.2.2 full']);
    expect(result.needsReset).toBe(false);
  });

  it('all recipients refused, and the next transaction goes through', async () => {
    const { told, c } = await send(
      { offers, replies: ['250 ok', '450 4.2.1 slow', '550 5.1.1 none', ...(offers.length ? ['503 no'] : []), '250 ok', '250 ok', go] },
      both,
    );
    expect(told).toEqual(['rcpt 450 4.2.1 slow', 'rcpt 550 5.1.1 none']);
    expect(await c.session.reset()).toBe(true);
    const again = await c.session.send(ENVELOPE, ENVELOPE.sender, [X], CONTENT);
    expect(again.answers.map(a => a.reply.code)).toEqual([250]);
  });

  it('all recipients refused, and DATA taken all the same: an empty message to nobody, and no answer but theirs', async () => {
    if (offers.length === 0) return;
    const { told } = await send({ offers, replies: ['250 ok', '550 5.1.1 none', go], end: '250 ok' });
    expect(told).toEqual(['rcpt 550 5.1.1 none']);
  });

  it('421 to a recipient: told to the rest too', async () => {
    const { told, c } = await send({ offers, replies: ['250 ok', '250 ok', '421 4.7.0 enough'] }, both);
    expect(told).toEqual(['rcpt 421 4.7.0 enough', 'rcpt 421 4.7.0 enough']);
    expect(c.session.state).toBe('closed');
  });

  it('a recipient refused, and DATA too: each keeps its own answer', async () => {
    const { told } = await send({ offers, replies: ['250 ok', '550 5.1.1 none', '250 ok', '451 4.3.0 no disk'] }, both);
    expect(told).toEqual(['rcpt 550 5.1.1 none', 'data 451 4.3.0 no disk']);
  });

  it('a recipient put off, and the message refused: it is not bounced for what it never was part of', async () => {
    const { told } = await send({ offers, replies: ['250 ok', '450 4.2.0 greylisted', '250 ok', go], end: '554 5.7.1 spam' }, both);
    expect(told).toEqual(['rcpt 450 4.2.0 greylisted', 'end 554 5.7.1 spam']);
  });

  it('421 to DATA', async () => {
    const { told, result } = await send({ offers, replies: ['250 ok', '250 ok', '421 4.3.2 bye'] });
    expect(told).toEqual(['data 421 4.3.2 bye']);
    expect(result.uncertain).toBe(false);
  });

  it('the connection drops after 354, in the middle of the body: not uncertain', async () => {
    const content = [Buffer.from('Subject: x\r\n\r\n'), Buffer.alloc(8 * 1024 * 1024, 'x'.repeat(76) + '\r\n')];
    const { result } = await send({ offers, replies: ['250 ok', '250 ok', go], within: { bytes: 1_000, step: 'DROP' } }, { content });
    expect(result.answers[0]?.reply.code).toBe(0);
    expect(result).toMatchObject({ seen: true, uncertain: false });
  });

  it('the connection drops after the final dot: uncertain', async () => {
    const { result } = await send({ offers, replies: ['250 ok', '250 ok', go], end: 'DROP' });
    expect(result.answers[0]?.reply.code).toBe(0);
    expect(result).toMatchObject({ seen: true, uncertain: true });
  });

  it('nothing is answered to the final dot: uncertain', async () => {
    const { result } = await send({ offers, replies: ['250 ok', '250 ok', go], end: 'SILENCE' }, { socketTimeout: 50 });
    expect(result).toMatchObject({ seen: true, uncertain: true });
  });

  it('421 to the final dot: an answer, so nothing is uncertain', async () => {
    const { told, result } = await send({ offers, replies: ['250 ok', '250 ok', go], end: '421 4.3.2 too late' });
    expect(told).toEqual(['end 421 4.3.2 too late']);
    expect(result.uncertain).toBe(false);
  });

  it.each([
    ['refused', '552 5.3.4 too big', 'end 552 5.3.4 too big', false],
    ['accepted', '250 2.0.0 fine', 'end answered before the message had ended: 250 2.0.0 fine', true],
  ])('%s before the body has ended: the connection is closed, nothing else is sent into it', async (_what, step, line, uncertain) => {
    const content = [Buffer.from('Subject: x\r\n\r\n'), Buffer.alloc(8 * 1024 * 1024, 'x'.repeat(76) + '\r\n')];
    const { told, result, c } = await send({ offers, replies: ['250 ok', '250 ok', go], within: { bytes: 1_000, step } }, { content });
    expect(told).toEqual([line]);
    expect(result).toMatchObject({ uncertain });
    expect(c.session.state).toBe('closed');
    await c.gone;
    expect(c.heard).not.toContain('RSET');
  });

  it('a reply in single bytes, over several lines', async () => {
    const { told } = await send({
      offers,
      replies: ['250 ok', { bytes: '550-5.1.1 no\r\n550 5.1.1 such user\r\n' }, { bytes: '503 no\r\n' }],
    });
    expect(told).toEqual(['rcpt 550 5.1.1 no such user']);
  });

  it('garbage for a reply: no code, so nothing is decided by it', async () => {
    const { result } = await send({ offers, replies: ['\u0000\u0007 what?', '503 x', '503 x'] });
    expect(result.answers[0]?.reply.code).toBe(0);
    expect(result.answers[0]?.reply.line).not.toMatch(/[\0-\x1f]/);
  });

  it('a reply that never ends is cut off at the limit', async () => {
    const raw = '250-more and more\r\n'.repeat(1_000);
    const { result, c } = await send({ offers, replies: [{ raw }] }, { maxResponseSize: 4_096 });
    expect(result.answers[0]?.reply.code).toBe(0);
    expect(result.answers[0]?.reply.text).toContain('exceeds maximum');
    expect(c.session.state).toBe('closed');
  });

  it('a line that never ends is cut off at the limit', async () => {
    const { result } = await send({ offers, replies: [{ raw: `250 ${'x'.repeat(10_000)}` }] }, { maxResponseSize: 4_096 });
    expect(result.answers[0]?.reply.code).toBe(0);
  });

  it('a failure without its line end, and gone: it is the answer', async () => {
    const { told } = await send({ offers, replies: [{ raw: '554 5.7.1 blocked', drop: true }] });
    expect(told[0]).toContain('554 5.7.1 blocked');
  });
});

describe('parameters', () => {
  const dsn = { notify: ['SUCCESS', 'FAILURE'], orcpt: 'rfc822;Bob+x@y.example' };

  it('are said to a receiver that offers them, each recipient its own', async () => {
    const to = [{ ...X, ...dsn }, { ...Z, notify: ['NEVER'] }, { address: 'w@y.example' }];
    const { heard, result } = await send(
      { offers: ['PIPELINING', 'DSN', 'SIZE 100000', '8BITMIME'], replies: ['250 ok', '250 ok', '250 ok', '250 ok', go] },
      { to, envelope: { envid: 'q+1=2', ret: 'HDRS', eightBit: true } },
    );
    expect(heard.slice(0, 5)).toEqual([
      'MAIL FROM:<a@b.example> SIZE=20 BODY=8BITMIME RET=HDRS ENVID=q+2B1+3D2',
      'RCPT TO:<x@y.example> NOTIFY=SUCCESS,FAILURE ORCPT=rfc822;Bob+2Bx@y.example',
      'RCPT TO:<z@y.example> NOTIFY=NEVER',
      'RCPT TO:<w@y.example>',
      'DATA',
    ]);
    expect(result.relayed).toBe(false);
  });

  it('are not said to one that does not', async () => {
    const { heard, result } = await send(
      { offers: ['X-DSN 8BITMIME', 'HELP'], replies: ['250 ok', '250 ok', go] },
      { to: [{ ...X, ...dsn }], envelope: { envid: 'q1', ret: 'FULL', eightBit: true } },
    );
    expect(heard.slice(0, 3)).toEqual(['MAIL FROM:<a@b.example>', 'RCPT TO:<x@y.example>', 'DATA']);
    expect(result.relayed).toBe(true);
  });

  it('a name that sounds like an extension is none', async () => {
    const { heard } = await send({ offers: ['HELP my-DSN'], replies: ['250 ok', '250 ok', go] }, { to: [{ ...X, ...dsn }] });
    expect(heard[1]).toBe('RCPT TO:<x@y.example>');
  });

  it('SMTPUTF8 is said for a message that needs it, whose addresses are ASCII', async () => {
    const content = [Buffer.from('Subject: hé\r\n\r\nx\r\n')];
    const offers = ['PIPELINING', 'SMTPUTF8', '8BITMIME'];
    const { heard } = await send({ offers, replies: ['250 ok', '250 ok', go] }, { content, envelope: { utf8: true, eightBit: true } });
    expect(heard[0]).toBe('MAIL FROM:<a@b.example> SMTPUTF8 BODY=8BITMIME');
  });

  it('SMTPUTF8 is said once when an address needs it, and ORCPT of type utf-8 stays ASCII', async () => {
    const to = [{ address: 'jürgen@y.example', orcpt: 'utf-8;jürgen+1@y.example' }];
    const offers = ['PIPELINING', 'SMTPUTF8', '8BITMIME', 'DSN'];
    const { heard } = await send({ offers, replies: ['250 ok', '250 ok', go] }, { to, envelope: { utf8: true } });
    expect(heard.slice(0, 2)).toEqual([
      'MAIL FROM:<a@b.example> SMTPUTF8 BODY=8BITMIME',
      'RCPT TO:<jürgen@y.example> ORCPT=utf-8;j\\x{FC}rgen\\x{2B}1@y.example',
    ]);
  });

  it('what a receiver cannot take fails before MAIL FROM, and the connection goes on', async () => {
    const { result, heard, c } = await send(
      { offers: ['8BITMIME'], replies: ['250 ok', '250 ok', go] },
      { to: [{ address: 'jürgen@y.example' }], envelope: { utf8: true } },
    );
    expect(result).toMatchObject({
      seen: false,
      needsReset: false,
      answers: [{ own: { class: 'message' }, reply: { code: 0, enhanced: '5.6.7' } }],
    });
    expect(heard).toEqual([]);
    expect((await c.session.send(ENVELOPE, ENVELOPE.sender, [X], CONTENT)).answers[0]?.reply.code).toBe(250);
  });

  it('who cannot be named to this receiver keeps nobody else from it', async () => {
    const to = [X, { address: 'jürgen@y.example' }, { address: 'a>b@y.example' }, Z];
    const { told, heard } = await send(
      { offers: PIPE, replies: ['250 ok', '250 ok', '550 5.1.1 none', go] },
      { to, envelope: { utf8: true } },
    );
    expect(heard.slice(0, 3)).toEqual(['MAIL FROM:<a@b.example>', 'RCPT TO:<x@y.example>', 'RCPT TO:<z@y.example>']);
    expect(told).toEqual([
      'end 250 2.0.0 Ok',
      'rcpt the receiver does not take addresses outside ASCII (SMTPUTF8)',
      'rcpt the address cannot be written in SMTP',
      'rcpt 550 5.1.1 none',
    ]);
  });

  it('addresses are said as they are, and the same one twice has two answers', async () => {
    const to = ['"a<b"@y.example', '\u00a0ü@y.example', 'x@y.example', 'x@y.example'].map(address => ({ address }));
    const offers = ['PIPELINING', 'SMTPUTF8', '8BITMIME'];
    const { told, heard } = await send(
      { offers, replies: ['250 ok', '250 ok', '250 ok', '250 ok', '452 4.5.3 twice', go] },
      { to, envelope: { sender: '"s>t"@b.example', utf8: true } },
    );
    expect(heard.slice(0, 5)).toEqual([
      'MAIL FROM:<"s>t"@b.example> SMTPUTF8 BODY=8BITMIME',
      'RCPT TO:<"a<b"@y.example>',
      'RCPT TO:<\u00a0ü@y.example>',
      'RCPT TO:<x@y.example>',
      'RCPT TO:<x@y.example>',
    ]);
    expect(told).toEqual(['end 250 2.0.0 Ok', 'end 250 2.0.0 Ok', 'end 250 2.0.0 Ok', 'rcpt 452 4.5.3 twice']);
  });
});
