/** How many connections a client and a listener take at once, and how long a silent one is kept. */
import { afterEach, describe, expect, it } from 'vitest';
import { hashPassword } from '../../src/accept/password.js';
import { STRANGERS_OF_ADDRESS } from '../../src/accept/crowd.js';
import { Wire } from './dialogue.js';
import { bench, client, listener, settings, tlsOf, type Bench } from './kit.js';

let servers: Bench[] = [];
let wires: Wire[] = [];

async function start(...args: Parameters<typeof bench>): Promise<Bench> {
  const server = await bench(...args);
  servers.push(server);
  return server;
}

/** A new connection and the first thing it is told. */
async function knock(port: number, options: Parameters<typeof Wire.open>[1] = {}): Promise<{ wire: Wire; said: string }> {
  const wire = await Wire.open(port, options);
  wires.push(wire);
  return { wire, said: await wire.reply() };
}

afterEach(async () => {
  wires.forEach(wire => wire.destroy());
  await Promise.all(servers.map(server => server.stop()));
  wires = [];
  servers = [];
});

const FULL = /^421 4\.7\.0 Too many connections: this client may have 2 at once$/;

it('a stranger leaves room for clients, and may come again when it has gone', async () => {
  const server = await start({
    clients: [client({ from: ['127.0.0.7'] })],
    listeners: [listener({ maxConnections: STRANGERS_OF_ADDRESS + 5 })],
  });
  const crowd = await Promise.all(Array.from({ length: STRANGERS_OF_ADDRESS + 1 }, () => knock(server.port)));
  expect(crowd.filter(one => one.said.startsWith('220 '))).toHaveLength(STRANGERS_OF_ADDRESS);
  expect(crowd.find(one => !one.said.startsWith('220 '))?.said).toBe('421 4.7.0 Too many connections from your address');
  expect((await knock(server.port, { localAddress: '127.0.0.7' })).said).toMatch(/^220 /);
  expect((await knock(server.port, { localAddress: '127.0.0.8' })).said).toMatch(/^220 /);
  await crowd.find(one => one.said.startsWith('220 '))?.wire.ask('QUIT');
  expect((await knock(server.port)).said).toMatch(/^220 /);
});

describe('max-connections of a client', () => {
  it('counts all of its addresses, and says 421 to the next one', async () => {
    const server = await start({ clients: [client({ maxConnections: 2 })] });
    const first = await knock(server.port);
    expect(first.said).toMatch(/^220 /);
    expect((await knock(server.port, { localAddress: '127.0.0.7' })).said).toMatch(/^220 /);
    const third = await knock(server.port);
    expect(third.said).toMatch(FULL);
    expect(await third.wire.line()).toBeNull();
    // One that says QUIT makes room before its socket is gone.
    expect(await first.wire.ask('QUIT')).toMatch(/^221 /);
    expect((await knock(server.port)).said).toMatch(/^220 /);
  });

  it('is none of another entry, and none where nothing is said', async () => {
    const server = await start({ clients: [client({ from: ['127.0.0.7'], maxConnections: 1 }), client()] });
    expect((await knock(server.port, { localAddress: '127.0.0.7' })).said).toMatch(/^220 /);
    expect((await knock(server.port, { localAddress: '127.0.0.7' })).said).toMatch(/^421 /);
    for (let n = 0; n < 5; n++) expect((await knock(server.port)).said).toMatch(/^220 /);
  });

  it('is of the user from the login on', async () => {
    const app = client({ from: [], user: 'app', password: await hashPassword('secret'), maxConnections: 2 });
    const server = await start({ clients: [app, client({ maxConnections: 1 })], listeners: [listener({ tls: tlsOf('a', 'implicit') })] });
    const login = `AUTH PLAIN ${Buffer.from('\0app\0secret').toString('base64')}`;
    const enter = async (): Promise<{ wire: Wire; said: string }> => {
      const { wire, said } = await knock(server.port, { tls: true });
      expect(said).toMatch(/^220 /);
      await wire.ask('EHLO app.example.com');
      return { wire, said: await wire.ask(login) };
    };
    // Each leaves the place of its address when it logs in: otherwise the second could not even connect.
    expect((await enter()).said).toMatch(/^235 /);
    expect((await enter()).said).toMatch(/^235 /);
    const third = await enter();
    expect(third.said).toMatch(FULL);
    expect(await third.wire.line()).toBeNull();
  });

  it('is what a reload says, for those who come after it', async () => {
    const server = await start({ clients: [client({ maxConnections: 1 })] });
    expect((await knock(server.port)).said).toMatch(/^220 /);
    expect((await knock(server.port)).said).toMatch(/^421 /);
    server.settings = settings({ clients: [client({ maxConnections: 2 })] });
    const second = await knock(server.port);
    expect(second.said).toMatch(/^220 /);
    server.settings = settings({ clients: [client({ maxConnections: 1 })] });
    expect((await knock(server.port)).said).toMatch(/^421 /);
    expect(await second.wire.ask('NOOP')).toMatch(/^250 /);
  });
});

describe('a listener', () => {
  it('takes max-connections in total, whoever they are', async () => {
    const server = await start({ listeners: [listener({ maxConnections: 2 }), listener()] });
    expect((await knock(server.port)).said).toMatch(/^220 /);
    expect((await knock(server.port, { localAddress: '127.0.0.7' })).said).toMatch(/^220 /);
    expect((await knock(server.port)).said).toMatch(/^421 mta\.example\.com Too many connected clients/);
    expect((await knock(server.ports[1] ?? 0)).said).toMatch(/^220 /);
  });

  it('takes another number after a reload', async () => {
    const server = await start({ listeners: [listener({ maxConnections: 1 })] });
    expect((await knock(server.port)).said).toMatch(/^220 /);
    expect((await knock(server.port)).said).toMatch(/^421 /);
    await server.acceptor.applySettings(settings({ listeners: [listener({ maxConnections: 2 })] }));
    expect((await knock(server.port)).said).toMatch(/^220 /);
  });

  it('cuts off who is silent for idle-timeout; a reload changes that for new connections', async () => {
    const server = await start({ listeners: [listener({ idleTimeout: 200 }), listener()] });
    const silent = await knock(server.port);
    const patient = await knock(server.ports[1] ?? 0);
    expect(await silent.wire.line()).toBe('421 Timeout - closing connection');
    expect(await silent.wire.line()).toBeNull();
    expect(await patient.wire.ask('NOOP')).toMatch(/^250 /);
    await server.acceptor.applySettings(settings({ listeners: [listener({ idleTimeout: 60_000 }), listener({ idleTimeout: 200 })] }));
    const [kept, cut] = [await knock(server.port), await knock(server.ports[1] ?? 0)];
    expect(await cut.wire.line()).toBe('421 Timeout - closing connection');
    expect(await kept.wire.ask('NOOP')).toMatch(/^250 /);
  });
});
