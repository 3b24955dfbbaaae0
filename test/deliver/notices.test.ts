/** The notice of failure: what its envelope asks of the next host, and whom it is never sent to. */
import { describe, expect, it } from 'vitest';
import { conclude } from '../../src/deliver/conclude.js';
import { noticeOf } from '../../src/deliver/notices.js';
import type { Envelope, QueuedRecipient, RecipientState } from '../../src/kernel/message.js';
import type { Queue } from '../../src/kernel/queue.js';
import type { ReplyMatch } from '../../src/kernel/reply.js';
import { HOUR } from '../../src/kernel/units.js';
import type { DsnAction } from '../../src/outcome/dsn.js';
import { parseReply } from '../../src/outcome/reply.js';
import { createManualClock } from '../../src/rehearse/manual-clock.js';
import { settings } from '../govern/ground.js';

const START = Date.UTC(2026, 2, 2);
const clock = createManualClock(START);
const limits = {
  maxMsgPerConnection: 100,
  maxErrorsPerConnection: 10,
  maxRcptPerMessage: 100,
  retryAfter: [HOUR],
  bounceAfter: 12 * HOUR,
  maxAttempts: Infinity,
  useStarttls: true,
  requireStarttls: false,
  verifyStarttls: false,
  connectTimeout: 1000,
  idleTimeout: 1000,
};
const queue = { pool: 'main', domain: 'y.example', warmUp: 'allow' } as Queue;

function notice(
  words: { envelope?: Partial<Envelope>; state?: Partial<RecipientState>; content?: string; reply?: string; action?: DsnAction } = {},
) {
  const envelope: Envelope = {
    sender: 'news@b.example',
    pool: 'main',
    warmUp: 'allow',
    accepted: START,
    client: '127.0.0.1',
    ...words.envelope,
  };
  const row: QueuedRecipient = {
    message: 31,
    index: 0,
    due: START,
    accepted: START,
    size: 100,
    sender: envelope.sender,
    body: { segment: 0, offset: 0, length: 0 },
    state: { address: 'x@y.example', attempts: 0, ...words.state },
  };
  const match: ReplyMatch = {
    class: 'mailbox.unknown',
    scope: 'recipient',
    reply: parseReply(words.reply ?? '550 5.1.1 no such user'),
    phase: 'rcpt',
    fate: 'bounce',
  };
  const attempted = { row, match, counted: [], uncertain: false, source: 's1', host: 'mx.y.example' };
  const conclusion = conclude(attempted, limits, 0, START, () => 0.5);
  const content = Buffer.from(words.content ?? 'Subject: hello\r\n\r\nhello\r\n');
  return noticeOf(words.action ?? 'failed', [{ row, match, conclusion }], { envelope, content: [content] }, queue, settings(), clock);
}

describe('the envelope of a notice', () => {
  it('asks for nothing when all of it is ASCII', () => {
    const plain = notice();
    expect(plain?.envelope).toEqual({
      sender: '',
      pool: 'main',
      warmUp: 'never',
      accepted: START,
      client: 'rampd',
      isDsn: true,
    });
    expect(plain?.recipients).toEqual([{ address: 'news@b.example' }]);
  });

  it('asks for 8BITMIME when the returned header has other bytes', () => {
    const made = notice({ content: 'Subject: héllo\r\n\r\nhello\r\n' });
    expect(made?.content.some(byte => byte > 127)).toBe(true);
    expect(made?.envelope).toMatchObject({ eightBit: true });
    expect(made?.envelope).not.toHaveProperty('utf8');
  });

  it('does not for a body that is not returned, and does for one that is', () => {
    const content = 'Subject: hello\r\n\r\nhéllo\r\n';
    expect(notice({ content })?.envelope).not.toHaveProperty('eightBit');
    expect(notice({ content, envelope: { ret: 'FULL' } })?.envelope).toMatchObject({ eightBit: true });
  });

  it('asks for SMTPUTF8 when it names an address outside ASCII', () => {
    expect(notice({ state: { address: 'jürgen@y.example' } })?.envelope).toMatchObject({ utf8: true, eightBit: true });
    expect(notice({ envelope: { sender: 'nachrichten@bücher.example' } })?.envelope).toMatchObject({ utf8: true, eightBit: true });
  });
});

describe('a notice', () => {
  it('answers no null sender and none of our own, and honours NOTIFY', () => {
    expect(notice({ envelope: { sender: '' } })).toBeUndefined();
    expect(notice({ envelope: { isDsn: true } })).toBeUndefined();
    expect(notice({ state: { notify: ['NEVER'] } })).toBeUndefined();
    expect(notice({ state: { notify: ['SUCCESS', 'FAILURE'] } })).toBeDefined();
  });
});
