/** The dialogues of test/transcripts/accept against a real listener on loopback. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { hashPassword } from '../../src/accept/password.js';
import type { Settings } from '../../src/kernel/settings.js';
import { play } from './dialogue.js';
import { bench, client, listener, tlsOf, type Stored } from './kit.js';

const script = (name: string) => readFileSync(join(import.meta.dirname, '../transcripts/accept', `${name}.txt`), 'utf8');

async function run(name: string, settings: Partial<Settings> = {}, options: { tls?: boolean } = {}): Promise<Stored[]> {
  const server = await bench(settings);
  try {
    expect(await play(script(name), server.port, options)).toBe('');
    return server.stored;
  } finally {
    await server.stop();
  }
}

describe('transcripts', () => {
  it('plain: a message, its envelope, its recipients', async () => {
    const [message, ...others] = await run('plain');
    expect(others).toEqual([]);
    expect(message?.envelope).toMatchObject({
      sender: 'news@example.com',
      pool: 'marketing',
      envid: 'camp+7',
      ret: 'HDRS',
      client: '127.0.0.1',
    });
    expect(message?.recipients).toEqual([
      { address: 'ann@example.net', orcpt: 'rfc822;ann@example.net', notify: ['FAILURE', 'DELAY'] },
      { address: 'bob@example.org', notify: ['NEVER'] },
    ]);
    expect(message?.content.endsWith('Subject: hello\r\n\r\n.one dot\r\n')).toBe(true);
  });

  it('extensions: offered when honoured, and only then', async () => {
    const [message, ...others] = await run('extensions');
    expect(others).toEqual([]);
    expect(message?.content).toContain('Subject: pipelined body\r\n\r\nx\r\n');
  });

  it('addresses', async () => {
    expect(await run('addresses')).toEqual([]);
  });

  it('smuggling: refused whole, never split', async () => {
    const stored = await run('smuggling');
    expect(stored).toHaveLength(1);
    expect(stored.filter(m => m.content.includes('evil'))).toEqual([]);
  });

  it('limits: size and recipients', async () => {
    expect(await run('limits', { maxMessageSize: 100, maxRecipients: 2 })).toHaveLength(1);
  });

  it('limits: the same dialogue fails when the limits are away', async () => {
    const server = await bench({ maxMessageSize: 100_000, maxRecipients: 1_000 });
    expect(await play(script('limits').replace('SIZE 100\n', 'SIZE *\n'), server.port)).toMatch(/expected S: 552/);
    await server.stop();
  });

  it('stranger: may do nothing', async () => {
    expect(await run('stranger', { clients: [client({ from: ['192.0.2.0/24'] })] })).toEqual([]);
  });

  it('stranger: the same dialogue fails for a listed client', async () => {
    const server = await bench();
    expect(await play(script('stranger'), server.port)).toMatch(/expected S: 550 5\.7\.1/);
    await server.stop();
  });

  it('auth: over TLS only', async () => {
    const password = await hashPassword('secret');
    const [message] = await run('auth', {
      listeners: [listener({ tls: tlsOf('a') })],
      clients: [client({ from: [], user: 'app1', password })],
    });
    expect(message?.envelope).toMatchObject({ client: 'app1', job: 'app1' });
    expect(message?.content).toMatch(/ with ESMTPSA id /);
  });

  it('guessing: ends after three', async () => {
    const clients = [client({ from: [], user: 'app1', password: await hashPassword('secret') })];
    await run('guessing', { listeners: [listener({ tls: tlsOf('a', 'implicit') })], clients }, { tls: true });
  });
});
