/** A stranger that keeps talking and brings no mail is hung up on; nobody else is. */
import { afterEach, expect, it } from 'vitest';
import { MOST_COMMANDS } from '../../src/accept/patience.js';
import type { RampdEvents } from '../../src/kernel/events.js';
import { DAY } from '../../src/kernel/units.js';
import { Wire } from './dialogue.js';
import { bench, client, place, type Bench } from './kit.js';

let server: Bench;
let wire: Wire;
afterEach(async () => {
  wire.destroy();
  await server.stop();
});

/** Replies to so many commands, until the connection is closed. */
async function say(command: string, times: number): Promise<string[]> {
  wire.send(`${command}\r\n`.repeat(times));
  const replies: string[] = [];
  for (let line = await wire.line(); line !== null; line = await wire.line()) {
    replies.push(line.slice(0, 3));
    if (replies.length === times) break;
  }
  return replies;
}

const hello = async (): Promise<void> => {
  wire = await Wire.open(server.port);
  await wire.reply();
  await wire.ask('EHLO x.example');
};

it.each(['NOOP', 'MAIL FROM:<a@example.com>', 'RSET'])('a stranger that says %s for ever is told so once', async command => {
  server = await bench({ clients: [] });
  const told: RampdEvents['refused'][] = [];
  server.events.on('refused', event => void told.push(event));
  await hello();
  const replies = await say(command, 2 * MOST_COMMANDS);
  expect(replies).toHaveLength(MOST_COMMANDS);
  expect(replies.at(-1)).toBe('421');
  expect(await wire.line()).toBeNull();
  expect(told.filter(t => t.code === 421)).toMatchObject([{ reply: '421 4.7.0 Too many commands and no mail' }]);
});

it('a client is listened to', async () => {
  server = await bench({ clients: [client()] });
  await hello();
  expect(await say('NOOP', 2 * MOST_COMMANDS)).toHaveLength(2 * MOST_COMMANDS);
  expect(await wire.ask('NOOP')).toMatch(/^250/);
});

it('a stranger that brings reports is, for as long as it brings them', async () => {
  const feedback = { bounceDomains: [], fbl: ['fbl@s.example'], keepFor: DAY, maxMsgRate: 600, from: place };
  const reports = {
    addressee: (address: string) => (address === 'fbl@s.example' ? { kind: 'fbl' } : undefined),
    receive: () => Promise.resolve(),
  };
  server = await bench({ clients: [], feedback }, { reports });
  await hello();
  for (let n = 0; n < MOST_COMMANDS / 2; n++)
    expect(await wire.say('MAIL FROM:<>', 'RCPT TO:<fbl@s.example>', 'DATA', 'Subject: x\r\n\r\n.')).toMatch(/^250/);
});
