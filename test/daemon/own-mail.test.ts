/** Mail of our own is stored with its signatures in front, and without them when signing fails: never not at all. */
import { expect, it } from 'vitest';
import { ownMail } from '../../src/daemon/own-mail.js';
import type { Envelope } from '../../src/kernel/message.js';

const envelope: Envelope = { sender: '', pool: 'main', warmUp: 'never', accepted: 0, client: 'rampd', isDsn: true };

async function stored(sign: () => Promise<Buffer[]>): Promise<{ content: string; signed: number | undefined; log: string[] }> {
  let content = '';
  let signed: number | undefined;
  const log: string[] = [];
  const store = {
    accept(stored: Envelope, _recipients: unknown, whole: unknown) {
      signed = stored.signed;
      content = Buffer.concat(whole as Buffer[]).toString();
      return Promise.resolve(7);
    },
  };
  const own = ownMail(store, { sign }, { error: (_fields: object, text: string) => void log.push(text) } as never);
  expect(await own(envelope, [{ address: 'a@example.com' }], Buffer.from('From: x\r\n\r\n'))).toBe(7);
  return { content, signed, log };
}

it('has its signatures in front', async () => {
  expect(await stored(() => Promise.resolve([Buffer.from('S1\r\n'), Buffer.from('S2\r\n')]))).toEqual({
    content: 'S1\r\nS2\r\nFrom: x\r\n\r\n',
    signed: 2,
    log: [],
  });
});

it('is stored when it cannot be signed, and that is said', async () => {
  expect(await stored(() => Promise.reject(new Error('no')))).toEqual({
    content: 'From: x\r\n\r\n',
    signed: undefined,
    log: ['a message of our own is not signed'],
  });
});
