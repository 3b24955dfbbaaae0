/** What passes of an SMTP dialogue, to whom, from when on; and what never does. */
import fc from 'fast-check';
import net from 'node:net';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { Connector } from '../../src/deliver/connect.js';
import { Dialogue, type DialogueLine } from '../../src/deliver/dialogue.js';
import { DialogueState } from '../../src/deliver/dialogue-state.js';
import { HostMemory } from '../../src/deliver/host-memory.js';
import { Session } from '../../src/deliver/session.js';
import { Events } from '../../src/kernel/events.js';
import type { Envelope } from '../../src/kernel/message.js';
import { TLS_DEFAULTS, type Settings, type SmtpHost } from '../../src/kernel/settings.js';
import { createManualClock } from '../../src/rehearse/manual-clock.js';
import { LIMITS, policyOf, SOURCE } from './scripted-host.js';

const WALL = Date.parse('2026-11-20T12:00:00Z');
const ENVELOPE: Envelope = { sender: 'a@example.com', pool: 'main', warmUp: 'allow', accepted: 0, client: 'test' };
const TO = [{ address: 'b@example.org' }, { address: 'no@example.org' }, { address: 'c@example.org' }];

let server: net.Server;
let dialogue: Dialogue;
/** Mechanisms the server offers. */
let mechanisms: string;
/** Every command the server got. */
let got: string[];

/** A server that takes everything, but for recipients that begin with `no`. */
function serve(socket: net.Socket): void {
  let inBody = false;
  let steps = 0;
  let pending = '';
  socket.setEncoding('latin1').on('error', () => undefined);
  socket.write('220 mx.example \u0007ESMTP\r\n');
  socket.on('data', (chunk: string) => {
    pending += chunk;
    for (let end = pending.indexOf('\r\n'); end >= 0; end = pending.indexOf('\r\n')) {
      const line = pending.slice(0, end);
      pending = pending.slice(end + 2);
      if (inBody) {
        if (line === '.') socket.write('250 2.0.0 taken\r\n');
        inBody = line !== '.';
        continue;
      }
      got.push(line);
      if (line.startsWith('EHLO')) socket.write(`250-mx.example\r\n250-AUTH ${mechanisms}\r\n250 PIPELINING\r\n`);
      else if (/^AUTH (LOGIN|CRAM)/.test(line)) socket.write('334 VXNlcm5hbWU6\r\n');
      else if (/^(MAIL|RSET|QUIT)/.test(line)) socket.write('250 2.1.0 fine\r\n');
      else if (line.startsWith('RCPT')) socket.write(line.includes('<no') ? '550 5.1.1 nobody\r\n' : '250 2.1.5 fine\r\n');
      else if (line === 'DATA') {
        socket.write('354 go on\r\n');
        inBody = true;
      } else if (mechanisms === 'LOGIN' && steps++ === 0) socket.write('334 UGFzc3dvcmQ6\r\n');
      else socket.write('235 2.7.0 welcome\r\n');
    }
  });
}

beforeEach(async () => {
  got = [];
  mechanisms = 'PLAIN';
  dialogue = new Dialogue({ wall: () => WALL });
  server = net.createServer(serve);
  await new Promise<void>(done => server.listen(0, '127.0.0.1', done));
});
afterEach(() => void server.close());

async function connect(auth?: SmtpHost['auth']): Promise<Session> {
  const clock = createManualClock(Date.now());
  const connector = new Connector({
    clock,
    events: new Events(),
    settings: () => ({ tls: TLS_DEFAULTS }) as Settings,
    router: {
      order: hosts => [...hosts],
      addresses: () => Promise.resolve({ addresses: ['127.0.0.1'] }),
      tls: host => Promise.resolve(policyOf('none', host.name)),
    },
    memory: new HostMemory(clock),
    log: { debug: () => undefined, info: () => undefined, warn: () => undefined, error: () => undefined },
    dialogue,
  });
  const { port } = server.address() as net.AddressInfo;
  const host = { name: 'mx.example', preference: 0, port, static: true, tls: 'none' as const, ...(auth && { auth }) };
  const opened = await connector.open({ source: SOURCE, provider: 'big' }, [host], LIMITS, { aboutUs: () => false, another: () => false });
  if (!('connection' in opened)) throw new Error(opened.reply.line);
  return new Session(1, 'site', opened, clock, { closed: () => undefined });
}

const send = (session: Session, message: number, body = 'Subject: x\r\n\r\nhello\r\n') =>
  session.send(
    ENVELOPE,
    ENVELOPE.sender,
    TO.map(to => ({ ...to, attempts: 0 })),
    [Buffer.from(body)],
    { message },
  );
const everything = (): boolean => true;
const shown = ({ phase, side, text, message }: DialogueLine): string =>
  `${phase} ${side === 'client' ? '>' : '<'} ${text}${message === undefined ? '' : ` [${message}]`}`;

const TRANSACTION = (n: number): string[] => [
  `mail > MAIL FROM:<a@example.com> [${n}]`,
  ...TO.map(({ address }) => `rcpt > RCPT TO:<${address}> [${n}]`),
  `data > DATA [${n}]`,
  `mail < 250 2.1.0 fine [${n}]`,
  `rcpt < 250 2.1.5 fine [${n}]`,
  `rcpt < 550 5.1.1 nobody [${n}]`,
  `rcpt < 250 2.1.5 fine [${n}]`,
  `data < 354 go on [${n}]`,
  `end > <1,019 bytes> [${n}]`,
  `end < 250 2.0.0 taken [${n}]`,
];
const BODY = `Subject: x\r\n\r\n${'x'.repeat(1_003)}\r\n`;

describe('the dialogue', () => {
  it('is heard from the greeting on, each reply with the step it answers', async () => {
    const lines: DialogueLine[] = [];
    dialogue.follow(everything, line => lines.push(line));
    const session = await connect();
    await send(session, 7, BODY);
    session.quit();
    expect(lines.map(shown)).toEqual([
      'greeting < 220 mx.example  ESMTP',
      'helo > EHLO mta.example',
      'helo < 250-mx.example',
      'helo < 250-AUTH PLAIN',
      'helo < 250 PIPELINING',
      ...TRANSACTION(7),
      'quit > QUIT',
    ]);
    expect(lines[0]).toMatchObject({ source: 'hot', provider: 'big', host: 'mx.example', address: '127.0.0.1', connection: 1, at: WALL });
  });

  it('of an open connection is heard from the next transaction on', async () => {
    const session = await connect();
    await send(session, 1);
    const lines: string[] = [];
    const off = dialogue.follow(everything, line => lines.push(shown(line)));
    await session.reset();
    expect(lines).toEqual([]);
    await send(session, 2, BODY);
    expect(lines).toEqual(TRANSACTION(2));
    off();
    await send(session, 3);
    expect(lines).toHaveLength(TRANSACTION(2).length);
    session.quit();
  });

  it('in the middle of a transaction begins with the one behind it', async () => {
    const session = await connect();
    const first: string[] = [];
    const late: string[] = [];
    dialogue.follow(everything, line => {
      if (first.push(shown(line)) === 3) dialogue.follow(everything, l => late.push(shown(l)));
    });
    await send(session, 1, BODY);
    expect([first.length, late.length]).toEqual([TRANSACTION(1).length, 0]);
    await send(session, 2, BODY);
    expect(late).toEqual(TRANSACTION(2));
    session.quit();
  });

  it('costs a question when nobody listens: no line is made', async () => {
    const session = await connect();
    let asked = 0;
    const tell = dialogue.tap.bind(dialogue);
    expect(dialogue.wanted).toBe(false);
    const tap = tell({ source: 's', provider: 'p', host: 'h', address: 'a' });
    tap.heard = () => void asked++;
    await send(session, 1);
    expect(asked).toBe(0);
    session.quit();
  });

  it('never has a password, whatever the mechanism, nor a body', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.constantFrom('PLAIN', 'LOGIN', 'CRAM-MD5'),
        fc.stringMatching(/^[A-Za-z0-9]{12,20}$/),
        fc.stringMatching(/^[A-Za-z0-9]{12,20}$/),
        fc.stringMatching(/^[A-Za-z0-9 ]{12,60}$/),
        async (mechanism, user, password, words) => {
          mechanisms = mechanism;
          got = [];
          const lines: string[] = [];
          const off = dialogue.follow(everything, line => lines.push(line.text));
          const session = await connect({ user, password });
          await send(session, 1, `Subject: ${words}\r\n\r\n.${words}\r\nMAIL FROM:<${words}>\r\n`);
          session.quit();
          off();
          const all = lines.join('\n');
          // What the server got besides the handshake's first words is credentials.
          const secrets = got
            .slice(
              got.findIndex(line => line.startsWith('EHLO')) + 1,
              got.findIndex(line => line.startsWith('MAIL')),
            )
            .flatMap(line => line.split(' ').slice(line.startsWith('AUTH') ? 2 : 0));
          expect(secrets.length).toBeGreaterThan(0);
          for (const secret of [user, password, words.trim(), ...secrets, Buffer.from(user).toString('base64')])
            expect(all).not.toContain(secret);
          expect(all).toContain(`AUTH ${mechanism}`);
          expect(all).toContain('235 2.7.0 welcome');
          expect(all).toContain('bytes>');
        },
      ),
      { numRuns: 15 },
    );
  });
});

describe('the steps of a dialogue', () => {
  it('a message without a body, when every recipient was refused and DATA was not', () => {
    const state = new DialogueState();
    state.heard('220 x');
    for (const command of ['MAIL FROM:<>', 'RCPT TO:<x@y>', 'DATA']) state.said(command);
    expect(['250 a', '550 b', '354 c'].map(reply => state.heard(reply))).toEqual([
      { phase: 'mail', text: '250 a', body: false },
      { phase: 'rcpt', text: '550 b', body: false },
      { phase: 'data', text: '354 c', body: false },
    ]);
    expect(state.said('.')).toEqual({ phase: 'end', text: '.' });
    expect(state.heard('554 nothing')).toMatchObject({ phase: 'end' });
    expect(state.heard('421 idle')).toMatchObject({ phase: 'idle' });
  });

  it('what is no command is left out', () => {
    expect(new DialogueState().said('aHVudGVyMg==')).toEqual({ phase: 'idle', text: '<left out>' });
  });
});
