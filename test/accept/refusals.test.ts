/** Each refusal is told once, whoever made it: our checks, or the SMTP library by itself. */
import { afterEach, describe, expect, it } from 'vitest';
import type { RampdEvents } from '../../src/kernel/events.js';
import type { Settings } from '../../src/kernel/settings.js';
import { Wire } from './dialogue.js';
import { bench, client, listener, tlsOf, type Bench } from './kit.js';

type Refused = RampdEvents['refused'];

let servers: Bench[] = [];
let wires: Wire[] = [];

async function start(more: Partial<Settings> = {}): Promise<{ server: Bench; told: Refused[] }> {
  const server = await bench(more);
  servers.push(server);
  const told: Refused[] = [];
  server.events.on('refused', event => void told.push(event));
  return { server, told };
}

async function open(server: Bench, tls = false): Promise<Wire> {
  const wire = await Wire.open(server.port, { tls });
  wires.push(wire);
  await wire.reply();
  return wire;
}

async function hello(server: Bench, tls = false): Promise<Wire> {
  const wire = await open(server, tls);
  await wire.ask('EHLO app.example.com');
  return wire;
}

afterEach(async () => {
  wires.forEach(wire => wire.destroy());
  await Promise.all(servers.map(server => server.stop()));
  wires = [];
  servers = [];
});

describe('refusals of the library', () => {
  it.each<[string, string[], Partial<Refused>]>([
    ['SIZE at MAIL', ['MAIL FROM:<a@example.com> SIZE=100001'], { at: 'mail', code: 552, sender: 'a@example.com' }],
    ['syntax of MAIL', ['MAIL FROM: a@@example.com'], { at: 'mail', code: 501, sender: 'a@@example.com' }],
    ['order', ['RCPT TO:<b@example.net>'], { at: 'rcpt', code: 503, recipient: 'b@example.net' }],
    ['syntax of RCPT', ['MAIL FROM:<a@example.com>', 'RCPT TO:<b@>'], { at: 'rcpt', code: 501, sender: 'a@example.com', recipient: 'b@' }],
    ['DATA without recipients', ['MAIL FROM:<a@example.com>', 'DATA'], { at: 'data', code: 503, sender: 'a@example.com' }],
    ['an unknown command', ['MAKE COFFEE:<now>'], { at: 'command', code: 500 }],
    ['an argument that is missing', ['VRFY'], { at: 'command', code: 501 }],
  ])('%s', async (_name, commands, expected) => {
    const { server, told } = await start();
    const wire = await hello(server);
    const reply = await wire.say(...commands);
    expect(told).toEqual([{ client: '127.0.0.1', address: '127.0.0.1', ...expected, reply }]);
  });

  it('names the recipient that was one too many', async () => {
    const { server, told } = await start({ maxRecipients: 1 });
    const wire = await hello(server);
    await wire.say('MAIL FROM:<a@example.com>', 'RCPT TO:<b@example.net>', 'RCPT TO:<c@example.net>');
    expect(told).toMatchObject([{ at: 'rcpt', code: 452, sender: 'a@example.com', recipient: 'c@example.net' }]);
  });

  it('has a message that is too large told once, though two of us refuse it', async () => {
    const { server, told } = await start({ maxMessageSize: 100 });
    const wire = await hello(server);
    await wire.say('MAIL FROM:<a@example.com>', 'RCPT TO:<b@example.net>', 'DATA');
    expect(await wire.ask(`Subject: x\r\n\r\n${'x'.repeat(200)}\r\n.`)).toMatch(/^552 /);
    expect(told).toMatchObject([{ at: 'data', code: 552, sender: 'a@example.com' }]);
  });

  it('tells of connections above the limit of the listener', async () => {
    const { server, told } = await start({ listeners: [listener({ maxConnections: 1 })] });
    await open(server);
    const wire = await Wire.open(server.port);
    wires.push(wire);
    const reply = await wire.reply();
    expect(told).toEqual([{ client: '127.0.0.1', address: '127.0.0.1', at: 'connect', code: 421, reply }]);
  });

  it('tells of the connection that ends for too many errors', async () => {
    const { server, told } = await start();
    const wire = await hello(server);
    for (let n = 0; n < 10; n++) await wire.ask('NONSENSE');
    expect(await wire.line()).toBeNull();
    expect(told.map(event => event.code)).toEqual([...Array<number>(9).fill(500), 421]);
  });

  it('tells of a line that never ends', async () => {
    const { server, told } = await start();
    const wire = await hello(server);
    wire.send('x'.repeat(200_000));
    expect(await wire.reply()).toMatch(/^421 /);
    expect(told).toMatchObject([{ at: 'command', code: 421 }]);
  });

  it('keeps what is said within AUTH to itself', async () => {
    const { server, told } = await start({
      clients: [client({ from: [], user: 'app', password: 'secret' })],
      listeners: [listener({ tls: tlsOf('a', 'implicit') })],
    });
    const wire = await hello(server, true);
    await wire.ask('AUTH LOGIN');
    await wire.ask('*');
    await wire.ask('AUTH PLAIN');
    expect(await wire.ask('MAIL FROM:<c2VjcmV0>')).toMatch(/^5/);
    expect(told.map(event => event.at)).toEqual(['auth', 'auth']);
    expect(JSON.stringify(told)).not.toContain('c2VjcmV0');
  });

  it('tells of no more than a hundred of one connection', async () => {
    const { server, told } = await start();
    const wire = await hello(server);
    await wire.say(...Array<string>(120).fill('RCPT TO:<b@example.net>'));
    expect(told).toHaveLength(100);
    const other = await hello(server);
    await other.ask('RCPT TO:<b@example.net>');
    expect(told).toHaveLength(101);
  });
});

describe('what is no refusal', () => {
  it('is mail that is taken, and the end of a connection that has nothing to say', async () => {
    const { server, told } = await start({ listeners: [listener({ idleTimeout: 1_000 })] });
    const wire = await hello(server);
    await wire.say('MAIL FROM:<a@example.com>', 'RCPT TO:<b@example.net>', 'DATA', 'Subject: x\r\n\r\nbody\r\n.');
    expect(await wire.line()).toMatch(/^421 Timeout/);
    expect(server.stored).toHaveLength(1);
    expect(told).toEqual([]);
  });
});

describe('refusals of ours', () => {
  it('are told once each, and the next one of the library too', async () => {
    const { server, told } = await start({ clients: [] });
    const wire = await hello(server);
    await wire.ask('MAIL FROM:<a@example.com>');
    await wire.ask('MAIL FROM:<a@example.com>');
    await wire.ask('RCPT TO:<b@example.net>');
    expect(told.map(({ at, code }) => [at, code])).toEqual([
      ['mail', 550],
      ['mail', 550],
      ['rcpt', 503],
    ]);
  });
});
