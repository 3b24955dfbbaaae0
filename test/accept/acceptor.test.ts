/** Acceptance around the dialogue: when 250 is said, what a full disk or a stop does, what a reload changes. */
import { afterEach, describe, expect, it } from 'vitest';
import { hashPassword } from '../../src/accept/password.js';
import { FaultError } from '../../src/kernel/fault.js';
import { Wire } from './dialogue.js';
import { bench, client, listener, settings, tlsOf, type Bench } from './kit.js';

let servers: Bench[] = [];
let wires: Wire[] = [];

async function start(...args: Parameters<typeof bench>): Promise<Bench> {
  const server = await bench(...args);
  servers.push(server);
  return server;
}

async function hello(port: number, options: Parameters<typeof Wire.open>[1] = {}): Promise<Wire> {
  const wire = await Wire.open(port, options);
  wires.push(wire);
  await wire.reply();
  await wire.ask('EHLO app.example.com');
  return wire;
}

afterEach(async () => {
  wires.forEach(wire => wire.destroy());
  await Promise.all(servers.map(server => server.stop()));
  wires = [];
  servers = [];
});

const ENVELOPE = ['MAIL FROM:<a@example.com>', 'RCPT TO:<b@example.net>', 'DATA'] as const;
const MESSAGE = 'Subject: x\r\n\r\nbody\r\n.';

async function deliver(wire: Wire, message = MESSAGE): Promise<string> {
  await wire.say(...ENVELOPE);
  return wire.ask(message);
}

describe('250', () => {
  it('is said only after the store has promised', async () => {
    const server = await start();
    let promise = () => {};
    const asked = new Promise<void>(seen => {
      server.beforeStore = () => {
        seen();
        return new Promise(resolve => (promise = resolve));
      };
    });
    const wire = await hello(server.port);
    await wire.say(...ENVELOPE);
    wire.send(`${MESSAGE}\r\n`);
    await asked;
    let answered = false;
    const reply = wire.reply().then(text => {
      answered = true;
      return text;
    });
    // Another connection's round trip takes longer than an answer that waits for nobody.
    await hello(server.port);
    expect(answered).toBe(false);
    promise();
    expect(await reply).toBe('250 2.0.0 Ok: queued as 00-0000000001');
  });

  it('is never said when the store fails', async () => {
    const server = await start();
    server.beforeStore = () => Promise.reject(new Error('fdatasync: EIO'));
    const wire = await hello(server.port);
    expect(await deliver(wire)).toBe('451 4.3.0 The message could not be stored, try again later');
    server.beforeStore = () => Promise.resolve();
    expect(await deliver(wire)).toMatch(/^250 /);
    expect(server.log).toEqual(['a message could not be stored and was answered 4xx']);
  });

  it('says 452 when the store fails because the disk is full', async () => {
    const server = await start();
    server.beforeStore = () => {
      server.room = 'full';
      return Promise.reject(new Error('write: ENOSPC'));
    };
    expect(await deliver(await hello(server.port))).toMatch(/^452 4\.3\.1 /);
  });

  it('tells of it in an event, and of refusals', async () => {
    const server = await start();
    const accepted = server.events.once('accepted');
    const refused = server.events.once('refused');
    const wire = await hello(server.port);
    await deliver(wire);
    expect(await accepted).toEqual({ message: 1, sender: 'a@example.com', recipients: 1, bytes: 'Subject: x\r\n\r\nbody\r\n'.length });
    await wire.ask('MAIL FROM:<a,b@example.com>');
    expect(await refused).toEqual({
      client: '127.0.0.1',
      address: '127.0.0.1',
      at: 'mail',
      code: 553,
      reply: expect.stringMatching(/^553 5\.1\.7 /) as string,
      sender: 'a,b@example.com',
    });
  });
});

describe('room', () => {
  it('is asked for at MAIL FROM and again at the end of the data', async () => {
    const server = await start({ maxBacklog: 10 });
    const wire = await hello(server.port);
    server.room = 'full';
    expect(await wire.ask(ENVELOPE[0])).toMatch(/^452 4\.3\.1 Insufficient/);
    server.room = 'ok';
    server.waiting = 10;
    expect(await wire.ask(ENVELOPE[0])).toMatch(/^452 4\.3\.1 Too many/);
    server.waiting = 9;
    await wire.say(...ENVELOPE);
    server.waiting = 10;
    expect(await wire.ask(MESSAGE)).toMatch(/^452 4\.3\.1 Too many/);
    await wire.say('MAIL FROM:<a@example.com>').then(reply => expect(reply).toMatch(/^452/));
    server.waiting = 0;
    await wire.say(...ENVELOPE);
    server.room = 'full';
    expect(await wire.ask(MESSAGE)).toMatch(/^452 4\.3\.1 Insufficient/);
    expect(server.stored).toEqual([]);
    server.room = 'ok';
    expect(await deliver(wire)).toMatch(/^250/);
  });
});

describe('refuse', () => {
  it('answers 421 to new connections and 451 to transactions, also one under way', async () => {
    const server = await start();
    const wire = await hello(server.port);
    const under = await hello(server.port);
    await under.say(...ENVELOPE);
    server.acceptor.refuse('4.3.2 the spool failed\r\n250 ok');
    expect(await wire.ask(ENVELOPE[0])).toBe('451 4.3.2 Not accepting mail: the spool failed 250 ok');
    expect(await under.ask(MESSAGE)).toMatch(/^451 4\.3\.2 /);
    const late = await Wire.open(server.port);
    wires.push(late);
    expect(await late.reply()).toMatch(/^421 4\.3\.2 /);
    expect(await late.line()).toBeNull();
    expect(server.stored).toEqual([]);
    server.acceptor.refuse(null);
    expect(await deliver(wire)).toMatch(/^250/);
  });
});

describe('a client that goes away', () => {
  it('in the middle of the data leaves nothing behind', async () => {
    const server = await start();
    const wire = await hello(server.port);
    await wire.say(...ENVELOPE);
    wire.send('Subject: half\r\n\r\nhal');
    wire.destroy();
    expect(await deliver(await hello(server.port))).toMatch(/^250/);
    expect(server.stored.map(m => m.content.includes('half'))).toEqual([false]);
  });
});

describe('a reload', () => {
  it('takes clients away from connections that are open', async () => {
    const server = await start();
    const wire = await hello(server.port);
    await wire.say(ENVELOPE[0], ENVELOPE[1]);
    server.settings = settings({ clients: [client({ from: ['192.0.2.0/24'] })] });
    expect(await wire.ask('RCPT TO:<c@example.net>')).toMatch(/^550 5\.7\.1 Relaying denied/);
    await wire.ask('DATA');
    expect(await wire.ask(MESSAGE)).toMatch(/^550 5\.7\.1 Relaying denied/);
    expect(await wire.ask(ENVELOPE[0])).toMatch(/^550 5\.7\.1/);
    expect(server.stored).toEqual([]);
  });

  it('logs out users whose password changed', async () => {
    const user = (password: string) => [client({ from: [], user: 'app1', password })];
    const [old, fresh] = [await hashPassword('old'), await hashPassword('new')];
    const server = await start({ listeners: [listener({ tls: tlsOf('a', 'implicit') })], clients: user(old) });
    const wire = await hello(server.port, { tls: true });
    const login = (password: string) => `AUTH PLAIN ${Buffer.from(`\0app1\0${password}`).toString('base64')}`;
    expect(await wire.ask(login('old'))).toMatch(/^235/);
    expect(await wire.ask(ENVELOPE[0])).toMatch(/^250/);
    server.settings = { ...server.settings, clients: user(fresh) };
    expect(await wire.ask(ENVELOPE[1])).toBe('421 4.7.0 The password has changed: log in again');
    expect(await wire.line()).toBeNull();
    const again = await hello(server.port, { tls: true });
    expect(await again.ask(login('old'))).toMatch(/^535/);
    expect(await again.ask(login('new'))).toMatch(/^235/);
    // Who is no user any more is refused for good.
    server.settings = { ...server.settings, clients: [] };
    expect(await again.ask(ENVELOPE[0])).toMatch(/^550 5\.7\.1/);
  });

  it('refuses recipients whose pool is gone', async () => {
    const server = await start();
    const wire = await hello(server.port);
    await wire.ask(ENVELOPE[0]);
    server.settings = settings({ pools: new Map() });
    expect(await wire.ask(ENVELOPE[1])).toBe('550 5.7.1 No pool is called "marketing" (named by the client)');
  });

  it('opens and closes listeners and leaves the others alone', async () => {
    const server = await start({ listeners: [listener(), listener({ address: '127.0.0.2' })] });
    const kept = await hello(server.ports[0] ?? 0);
    server.settings = settings({ listeners: [listener(), listener({ address: '127.0.0.3' })] });
    await server.acceptor.applySettings();
    expect(await deliver(kept)).toMatch(/^250/);
    await expect(Wire.open(server.ports[1] ?? 0, { host: '127.0.0.2' })).rejects.toThrow(/ECONNREFUSED/);
    const bound = await server.acceptor.listen();
    expect(bound.map(b => b.address)).toEqual(['127.0.0.1', '127.0.0.3']);
    expect(bound[0]?.port).toBe(server.port);
    await hello(bound[1]?.port ?? 0, { host: '127.0.0.3' });
  });

  it('uses new certificates for new connections', async () => {
    const on = (name: 'a' | 'b') => [listener({ tls: tlsOf(name, 'implicit') })];
    const server = await start({ listeners: on('a') });
    expect((await hello(server.port, { tls: true })).subject).toBe('a.test.invalid');
    server.settings = settings({ listeners: on('b') });
    await server.acceptor.applySettings();
    expect((await hello(server.port, { tls: true })).subject).toBe('b.test.invalid');
  });

  it('changes sizes of open listeners', async () => {
    const server = await start();
    server.settings = settings({ maxMessageSize: 20 });
    await server.acceptor.applySettings();
    const wire = await hello(server.port);
    expect(await deliver(wire)).toMatch(/^250/);
    expect(await deliver(wire, 'Subject: x\r\n\r\na body that is longer\r\n.')).toMatch(/^552/);
  });

  it('that cannot be made leaves everything as it was, and names the place', async () => {
    const taken = await start();
    const server = await start();
    const from = { file: 'rampd.yaml', line: 8, col: 3 };
    server.settings = settings({ listeners: [listener({ address: '127.0.0.4' }), listener({ port: taken.port, from })] });
    const fault: unknown = await server.acceptor.applySettings().catch((error: unknown) => error);
    expect(fault).toBeInstanceOf(FaultError);
    expect((fault as FaultError).message).toMatch(
      new RegExp(`^rampd\\.yaml:8:3: cannot listen on 127\\.0\\.0\\.1:${taken.port}: another program listens there; find it`),
    );
    expect(await deliver(await hello(server.port))).toMatch(/^250/);
    server.settings = settings({ listeners: [listener({ tls: { cert: 'no.pem', key: 'no.pem', mode: 'implicit' }, from })] });
    await expect(server.acceptor.applySettings()).rejects.toThrow(/^rampd\.yaml:8:3: the certificate of 127\.0\.0\.1:0 cannot be used/);
    expect(await deliver(await hello(server.port))).toMatch(/^250/);
  });

  it('rebinds an address whose TLS mode changed, and puts it back when another cannot be bound', async () => {
    const address = '127.0.0.5';
    const probe = await bench({ listeners: [listener({ address })] });
    await probe.stop();
    const fixed = { address, port: probe.port };
    const taken = await start();
    const server = await start({ listeners: [listener(fixed)] });
    const secure = listener({ ...fixed, tls: tlsOf('a', 'implicit') });
    server.settings = settings({ listeners: [secure, listener({ port: taken.port })] });
    await expect(server.acceptor.applySettings()).rejects.toThrow(/another program listens there/);
    expect(await deliver(await hello(fixed.port, { host: address }))).toMatch(/^250/);
    server.settings = settings({ listeners: [secure] });
    await server.acceptor.applySettings();
    expect((await hello(fixed.port, { host: address, tls: true })).subject).toBe('a.test.invalid');
    // What is put back has the certificate of the reload before, whose paths are those there are.
    const renewed = listener({ ...fixed, tls: tlsOf('b', 'implicit') });
    server.settings = settings({ listeners: [renewed] });
    await server.acceptor.applySettings();
    server.settings = settings({ listeners: [listener(fixed), listener({ port: taken.port })] });
    await expect(server.acceptor.applySettings()).rejects.toThrow(/another program listens there/);
    expect((await hello(fixed.port, { host: address, tls: true })).subject).toBe('b.test.invalid');
  });
});

describe('stop', () => {
  it('cuts idle connections at once and lets a transaction finish', async () => {
    const server = await start();
    const idle = await hello(server.port);
    const busy = await hello(server.port);
    await busy.say(...ENVELOPE);
    const stopped = server.acceptor.stop(20_000);
    expect(await idle.reply()).toMatch(/^421 4\.3\.2 /);
    expect(await idle.line()).toBeNull();
    expect(await busy.ask(MESSAGE)).toMatch(/^250/);
    expect(await busy.ask(ENVELOPE[0])).toMatch(/^421/);
    idle.destroy();
    busy.destroy();
    await stopped;
    await expect(Wire.open(server.port)).rejects.toThrow(/ECONNREFUSED/);
    expect(server.stored).toHaveLength(1);
  });
});
