/** rampd token and rampd password: what they print is what the configuration takes, and it fits the secret. */
import { describe, expect, it } from 'vitest';
import { verifyPassword } from '../../src/accept/password.js';
import { run } from '../../src/commands/program.js';
import { fakeIo } from './fake-io.js';

describe('rampd token', () => {
  it('makes a new token each time, alone on standard output, and its hash', async () => {
    const io = fakeIo();
    await run(['token', 'shop'], io, '1');
    const token = io.written.out.trim();
    expect(token).toMatch(/^[A-Za-z0-9_-]{43}$/);
    const hash = /name: shop, token: "(scrypt:[^"]+)"/.exec(io.written.err)?.[1];
    expect(await verifyPassword(hash, token)).toBe(true);
    const again = fakeIo();
    await run(['token'], again, '1');
    expect(again.written.out.trim()).not.toBe(token);
  });

  it('refuses a name the configuration would refuse', async () => {
    const io = fakeIo();
    await run(['token', 'a b'], io, '1');
    expect(io.written).toMatchObject({ code: 2, out: '' });
  });
});

describe('rampd password', () => {
  it('hashes the first line of standard input', async () => {
    const io = fakeIo({ stdin: 'pass word\r\nmore\n' });
    await run(['password'], io, '1');
    expect(await verifyPassword(io.written.out.trim(), 'pass word')).toBe(true);
    const none = fakeIo();
    await run(['password'], none, '1');
    expect(none.written).toMatchObject({ code: 2, out: '' });
  });
});
