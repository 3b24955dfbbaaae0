/** HTTP over a real socket: who is heard, what may be asked, and mail handed in by the same door as SMTP. */
import { request as httpRequest, type IncomingHttpHeaders } from 'node:http';
import { request as httpsRequest } from 'node:https';
import { connect, type Socket } from 'node:net';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { hashPassword } from '../../src/accept/password.js';
import { createHttp, type Http } from '../../src/control/http.js';
import { HTTP_BOUNDS, HttpListener } from '../../src/control/http-listener.js';
import type { RampdEvents } from '../../src/kernel/events.js';
import { FaultError } from '../../src/kernel/fault.js';
import type { Client, HttpSettings, HttpToken, Settings } from '../../src/kernel/settings.js';
import { DAY, SECOND } from '../../src/kernel/units.js';
import { bench, pem, settings as plainSettings, type Bench } from '../accept/kit.js';
import { FakeOperations, message as shownMessage } from './fake-operations.js';

const place = { file: 'rampd.yaml', line: 9, col: 3 };
const client = (more: Partial<Client> = {}): Client => ({ from: [], pool: 'marketing', allowHeaders: false, place, ...more });
let hashes: Record<'app' | 'steer' | 'read' | 'ops', string>;
let world: Bench;
let http: Http;
let operations: FakeOperations;
let refusals: RampdEvents['refused'][] = [];

function httpSettings(more: Partial<HttpSettings> = {}): HttpSettings {
  const token = (name: keyof typeof hashes, role: HttpToken['role'], own?: Client): HttpToken => ({
    name,
    token: hashes[name],
    role,
    ...(own ? { client: own } : {}),
  });
  return {
    address: '127.0.0.1',
    port: 0,
    allow: ['127.0.0.1'],
    tokens: [
      token('app', 'inject', client()),
      token('steer', 'inject', client({ allowHeaders: true })),
      token('read', 'read'),
      token('ops', 'operator'),
    ],
    from: place,
    ...more,
  };
}

/** Beside the one all tests use. */
const another = (): Http =>
  createHttp({
    settings: () => world.settings,
    door: world.acceptor,
    clock: world.clock,
    events: world.events,
    log: { info: () => undefined, error: () => undefined },
    version: '1',
    figures: () => ({ resident: 1, heap: 2, cpu: 3 }),
  });

const withHttp = (more: Partial<HttpSettings> = {}, others: Partial<Settings> = {}): Settings =>
  plainSettings({ ...others, control: { socket: 'x', http: httpSettings(more) } });

beforeAll(async () => {
  const [app, steer, read, ops] = await Promise.all(['app', 'steer', 'read', 'ops'].map(name => hashPassword(`${name}-secret`)));
  hashes = { app: app!, steer: steer!, read: read!, ops: ops! };
  world = await bench();
  world.settings = withHttp();
  operations = new FakeOperations();
  http = createHttp({
    settings: () => world.settings,
    door: world.acceptor,
    clock: world.clock,
    events: world.events,
    log: { info: () => undefined, error: text => void world.log.push(text) },
    version: '1.2.3',
    figures: () => ({ resident: 1, heap: 2, cpu: 3.5 }),
  });
  await http.apply(world.settings);
  world.events.on('refused', event => refusals.push(event));
});
afterAll(async () => {
  await http.close();
  await world.stop();
});
afterEach(() => {
  world.settings = withHttp();
  world.room = 'ok';
  world.stored.length = 0;
  world.beforeStore = () => Promise.resolve();
});

interface Answer {
  status: number;
  headers: IncomingHttpHeaders;
  body: any; // eslint-disable-line @typescript-eslint/no-explicit-any -- whatever JSON came
  text: string;
}

interface Asked {
  token?: string | null;
  body?: unknown;
  headers?: Record<string, string>;
  tls?: boolean;
  from?: string;
  port?: number;
}

function ask(method: string, path: string, { token = 'app-secret', body, headers = {}, tls, from, port }: Asked = {}): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const sent = (tls ? httpsRequest : httpRequest)(
      {
        host: '127.0.0.1',
        port: port ?? http.bound!.port,
        method,
        path,
        agent: false,
        rejectUnauthorized: false,
        ...(from ? { localAddress: from } : {}),
        headers: {
          ...(token === null ? {} : { authorization: `Bearer ${token}` }),
          ...(body === undefined ? {} : { 'content-type': 'application/json' }),
          ...headers,
        },
      },
      response => {
        let text = '';
        response.setEncoding('utf8');
        response.on('data', chunk => (text += String(chunk)));
        response.on('end', () => {
          const isJson = String(response.headers['content-type']).includes('json');
          resolve({ status: response.statusCode ?? 0, headers: response.headers, text, body: isJson ? JSON.parse(text) : undefined });
        });
      },
    );
    sent.on('error', reject);
    sent.end(body === undefined ? undefined : typeof body === 'string' ? body : JSON.stringify(body));
  });
}

const post = (body: unknown, more: Asked = {}) => ask('POST', '/v1/messages', { body, ...more });
const HELLO = { from: 'Ann <ann@example.com>', to: 'bob@example.net', subject: 'Hello', text: 'Hi\nBob' };

describe('before the daemon is ready', () => {
  it('says so', async () => {
    expect(await ask('GET', '/v1/status')).toMatchObject({ status: 503, headers: { 'retry-after': '5' } });
    await http.serve(operations);
    expect((await ask('GET', '/v1/status', { token: 'read-secret' })).status).toBe(200);
  });
});

describe('who is heard', () => {
  beforeAll(() => (refusals = []));

  it('is who comes from an allowed address with a token', async () => {
    expect(await ask('GET', '/v1/status', { from: '127.0.0.2', token: 'ops-secret' })).toMatchObject({ status: 403 });
    expect(await ask('GET', '/v1/status', { token: null })).toMatchObject({
      status: 401,
      headers: { 'www-authenticate': 'Bearer realm="rampd"' },
    });
    expect(await ask('GET', '/v1/status', { token: 'ops-secreT' })).toMatchObject({
      status: 401,
      body: { error: 'the token is not known' },
    });
    expect(await ask('GET', '/nowhere', { token: null })).toMatchObject({ status: 401 });
    expect(await ask('GET', '/nowhere', { token: 'read-secret' })).toMatchObject({ status: 404 });
    expect(refusals.map(r => [r.at, r.code, r.address])).toEqual([
      ['http', 403, '127.0.0.2'],
      ['http', 401, '127.0.0.1'],
      ['http', 401, '127.0.0.1'],
      ['http', 401, '127.0.0.1'],
    ]);
  });

  it('may do what the role of the token says', async () => {
    const tried = async (method: string, path: string) =>
      Promise.all(
        ['app', 'read', 'ops'].map(
          async name => (await ask(method, path, { token: `${name}-secret`, ...(method === 'POST' ? { body: {} } : {}) })).status,
        ),
      );
    expect(await tried('GET', '/v1/status')).toEqual([403, 200, 200]);
    expect(await tried('GET', '/metrics')).toEqual([403, 200, 200]);
    expect(await tried('GET', '/v1/openapi.json')).toEqual([200, 200, 200]);
    expect(await tried('GET', '/v1/messages/00-0000000009')).toEqual([404, 404, 404]);
    expect(await tried('GET', '/v1/show/sources')).toEqual([403, 403, 200]);
    expect(await tried('POST', '/v1/pause')).toEqual([403, 403, 400]);
    // An operator without a pool hands nothing in.
    expect(await tried('POST', '/v1/messages')).toEqual([422, 403, 403]);
  });

  it('is no longer who was taken out by a reload', async () => {
    expect((await ask('GET', '/v1/openapi.json')).status).toBe(200);
    world.settings = withHttp({ tokens: [] });
    expect((await ask('GET', '/v1/openapi.json')).status).toBe(401);
  });

  it('acts under the name of the token, whatever the request says', async () => {
    operations.asked.length = 0;
    await ask('POST', '/v1/pause', { token: 'ops-secret', body: { target: 'hot-1', author: 'somebody', why: 'x' } });
    expect(JSON.stringify(operations.asked)).toContain('"author":"ops"');
    expect(JSON.stringify(operations.asked)).not.toContain('somebody');
  });

  it('acts by the name of its token where the request names nobody, too', async () => {
    operations.asked.length = 0;
    expect(await ask('POST', '/v1/reload', { token: 'ops-secret' })).toMatchObject({ status: 200 });
    const csv = { token: 'ops-secret', headers: { 'content-type': 'text/csv' }, body: 'ann@example.com' };
    expect(await ask('POST', '/v1/suppression/import', csv)).toMatchObject({ status: 200 });
    expect(await ask('POST', '/v1/import/snds?author=somebody', csv)).toMatchObject({ status: 200 });
    expect(operations.asked.map(({ args }) => args.at(-1))).toEqual(Array(3).fill({ author: 'ops' }));
  });

  it('says which media type is wanted', async () => {
    const csv = { token: 'ops-secret', headers: { 'content-type': 'text/csv' }, body: 'x' };
    expect(await ask('POST', '/v1/pause', csv)).toMatchObject({ status: 415, body: { error: 'this takes application/json' } });
    for (const path of ['/v1/suppression/import', '/v1/import/snds'])
      for (const body of [undefined, {}])
        expect(await ask('POST', path, { token: 'ops-secret', body })).toMatchObject({
          status: 415,
          body: { error: 'this takes text/csv' },
        });
    expect(await ask('POST', '/v1/pause', { token: 'ops-secret', body: ['x'] })).toMatchObject({ status: 400 });
  });
});

describe('a message', () => {
  it('is built, kept, and then promised', async () => {
    const answer = await post({
      ...HELLO,
      cc: [{ name: 'Jörg, "J"', address: 'j@Bücher.example' }],
      bcc: ['hidden@example.net'],
      html: '<p>Hi <img src="cid:logo"></p>',
      headers: { 'List-Unsubscribe': '<https://example.com/u?x=1>', 'X-Two': ['a', 'b'] },
      attachments: [
        { filename: 'ü.txt', content: Buffer.from('attached').toString('base64'), contentType: 'text/plain' },
        { filename: 'l.png', content: 'iVBORw0=', cid: 'logo' },
      ],
      job: 'spring',
      envid: 'order 7',
      notify: ['failure', 'delay'],
      ret: 'hdrs',
    });
    expect(answer).toMatchObject({ status: 202, body: { id: '00-0000000001' } });
    const [stored] = world.stored;
    expect(stored?.envelope).toEqual({
      sender: 'ann@example.com',
      pool: 'marketing',
      warmUp: 'allow',
      accepted: world.clock.now(),
      client: 'app',
      job: 'spring',
      envid: 'order 7',
      ret: 'HDRS',
      via: 'api',
    });
    expect(stored?.recipients).toEqual(
      ['bob@example.net', 'j@xn--bcher-kva.example', 'hidden@example.net'].map(address => ({ address, notify: ['FAILURE', 'DELAY'] })),
    );
    const content = stored?.content ?? '';
    expect(content).toMatch(/^Received: from app \(\[127\.0\.0\.1\]\)\r\n\tby mta\.example\.com with HTTP id 00-0000000001;\r\n/);
    expect(content.replace(/\r\n/g, '')).not.toMatch(/[\r\n]/);
    expect(content).toContain('From: Ann <ann@example.com>\r\n');
    expect(content).toContain('List-Unsubscribe: <https://example.com/u?x=1>\r\n');
    expect(content).toContain('Date: Mon, 20 Nov 2023 12:00:00 +0000\r\n');
    expect(content.match(/^X-Two: [ab]\r$/gm)).toHaveLength(2);
    expect(content).not.toContain('hidden@');
    expect(content).toContain(Buffer.from('attached').toString('base64'));
    expect(content.match(/^Message-ID: <.+>\r$/gim)).toHaveLength(1);
  });

  it('is taken raw, byte for byte, with LF where there is no CR', async () => {
    const envelope = { from: '', to: ['b@example.net'] };
    expect((await post({ raw: 'Subject: x\n\nline\n.\n', envelope })).status).toBe(202);
    expect(world.stored[0]?.content).toMatch(/Subject: x\r\n\r\nline\r\n\.\r\n$/);
    expect(world.stored[0]?.envelope.sender).toBe('');
    const bytes = Buffer.from('Subject: \xff\r\n\r\n8-bit: \xe4\r\n', 'latin1');
    expect((await post({ raw: { base64: bytes.toString('base64') }, envelope })).status).toBe(202);
    expect(world.stored[1]?.envelope.eightBit).toBe(true);
    expect(await post({ raw: 'Subject: x\r\n\r\nbare\nlf\r\n', envelope })).toMatchObject({
      status: 422,
      body: { error: expect.stringContaining('Bare') as string },
    });
    expect(await post({ raw: 'Subject: \0\n\n', envelope })).toMatchObject({ status: 422, body: { error: 'NUL in the message' } });
  });

  it('has lines that end as lines of mail do, however its text wrote them', async () => {
    expect((await post({ ...HELLO, text: 'a\rb\nc\r\nd', html: '<p>\r</p>\n' })).status).toBe(202);
    expect(world.stored[0]?.content).toContain('\r\n\r\na\r\nb\r\nc\r\nd\r\n');
    expect(world.stored[0]?.content.replaceAll('\r\n', '')).not.toMatch(/[\r\n]/);
  });

  it('goes through the same rules as over SMTP', async () => {
    const envelope = { from: 'a@example.com', to: ['b@example.net'] };
    const raw = `X-Job: own\nBcc: x@example.net\nX-Virtual-MTA: alerts\n${'Received: by mta.example.com\n'.repeat(6)}\n`;
    expect(await post({ raw, envelope })).toMatchObject({ status: 422, body: { error: expect.stringContaining('looping') as string } });
    const plain = 'X-Job: own\nBcc: x@example.net\nX-Pool: alerts\nSubject: s\n\n';
    await post({ raw: plain, envelope });
    await post({ raw: plain, envelope }, { token: 'steer-secret' });
    expect(world.stored.map(m => [m.envelope.pool, m.envelope.job])).toEqual([
      ['marketing', 'app'],
      ['alerts', 'own'],
    ]);
    for (const { content } of world.stored) expect(content).not.toMatch(/^(x-job|x-pool|bcc)/im);
  });

  it('has a job that can be shown, and named', async () => {
    await post({ ...HELLO, job: ' spring\u202e\u009b2J ' });
    await post({ ...HELLO, job: ' \t ' });
    expect(world.stored.map(m => m.envelope.job)).toEqual(['spring 2J', 'app']);
  });

  it('is steered by who may', async () => {
    expect(await post({ ...HELLO, pool: 'alerts', warmUp: 'never' })).toMatchObject({
      status: 403,
      body: { faults: [{ path: 'pool' }, { path: 'warmUp' }] },
    });
    expect((await post({ ...HELLO, pool: 'alerts', warmUp: 'prefer' }, { token: 'steer-secret' })).status).toBe(202);
    expect(world.stored[0]?.envelope).toMatchObject({ pool: 'alerts', warmUp: 'prefer' });
    expect(await post({ ...HELLO, pool: 'nowhere' }, { token: 'steer-secret' })).toMatchObject({ status: 422 });
  });

  it.each([
    [{}, 'from'],
    [{ ...HELLO, to: undefined }, 'to'],
    [{ ...HELLO, text: undefined }, 'text'],
    [{ ...HELLO, to: ['ok@example.net', 'not an address'] }, 'to.1'],
    [{ ...HELLO, to: [{ name: 'x', address: 'a..b@example.net' }] }, 'to.0.address'],
    [{ ...HELLO, to: 'Friends: a@example.net, b@example.net;' }, 'to'],
    [{ ...HELLO, from: 'a@example.com, b@example.com' }, 'from'],
    [{ ...HELLO, subject: 'a\r\nBcc: evil@example.net' }, 'subject'],
    [{ ...HELLO, subjct: 'x' }, 'subjct'],
    [{ ...HELLO, headers: { 'X-A\r\nEvil': 'x' } }, 'headers.X-A\r\nEvil'],
    [{ ...HELLO, headers: { 'X-A': 'x\r\nEvil: y' } }, 'headers.X-A'],
    [{ ...HELLO, headers: { Bcc: 'x@example.net' } }, 'headers.Bcc'],
    [{ ...HELLO, headers: { 'Content-Type': 'text/evil' } }, 'headers.Content-Type'],
    [{ ...HELLO, attachments: [{ path: '/etc/passwd' }] }, 'attachments.0.content'],
    [{ ...HELLO, attachments: [{ content: 'eA==', href: 'http://127.0.0.1/' }] }, 'attachments.0.href'],
    [{ ...HELLO, attachments: [{ content: 'not base64!' }] }, 'attachments.0.content'],
    [{ ...HELLO, attachments: [{ content: 'eA==', contentType: 'text/plain\r\nEvil: x' }] }, 'attachments.0.contentType'],
    [{ ...HELLO, text: { path: '/etc/passwd' } }, 'text'],
    [{ ...HELLO, raw: 'x' }, 'from'],
    [{ raw: 'Subject: x\n\n' }, 'envelope.to'],
    [{ ...HELLO, envelope: { to: ['bad'] } }, 'envelope.to.0'],
    [{ ...HELLO, notify: ['never', 'success'] }, 'notify.0'],
    [{ ...HELLO, job: 'a\nb' }, 'job'],
    [[], ''],
    ['"text"', ''],
  ])('is refused with the place of the fault: %j', async (message, path) => {
    const answer = await post(message);
    expect(answer.status).toBe(422);
    expect((answer.body.faults as { path: string }[]).map(f => f.path)).toContain(path);
    expect(world.stored).toEqual([]);
  });

  it('is kept for all its recipients or for none, and says who is in the way', async () => {
    const told: RampdEvents['refused'][] = [];
    const off = world.events.on('refused', event => void told.push(event));
    const listed = new Set(['b@example.net', 'd@example.net']);
    const own = await bench(withHttp(), {
      suppressed: address => (listed.has(address) ? { address, scope: '', reason: 'complaint', since: 0 } : undefined),
    });
    const { inject } = world.acceptor;
    world.acceptor.inject = own.acceptor.inject;
    own.events.on('refused', event => void told.push(event));
    try {
      const answer = await post({ ...HELLO, to: ['a@example.net', 'b@example.net', 'c@example.net', 'd@example.net'] });
      expect(answer).toMatchObject({
        status: 422,
        body: { error: expect.stringMatching(/^<b@example\.net>: The recipient .*complaint.*; <d@example\.net>: [^;]*$/) as string },
      });
      expect(told.map(t => [t.code, t.recipient])).toEqual([
        [550, 'b@example.net'],
        [550, 'd@example.net'],
      ]);
      expect(own.stored).toEqual([]);
      expect((await post({ ...HELLO, to: 'd@example.net' })).body).toEqual({
        error: 'The recipient is on the suppression list (complaint)',
      });
    } finally {
      world.acceptor.inject = inject;
      off();
      await own.stop();
    }
  });

  it('is told of in the reject log, whatever it was refused for', async () => {
    refusals = [];
    await post({ ...HELLO, subject: 'a\r\nb' });
    await post({ ...HELLO, to: ['ok@example.net', 'bad'] });
    await post({ ...HELLO, pool: 'alerts' });
    await post('{ not json');
    await post({ messages: [] });
    await post({ raw: 'Subject: \0\n\n', envelope: { from: 'a@example.com', to: ['b@example.net'] } });
    await post(HELLO, { headers: { 'idempotency-key': 'two words' } });
    world.room = 'full';
    await post(HELLO);
    expect(refusals.map(r => [r.client, r.at, r.reply])).toEqual([
      ['app', 'http', '422 the message cannot be read: subject must not hold control characters or line breaks'],
      ['app', 'http', '422 the message cannot be read: to.1 an address is local-part@domain'],
      ['app', 'http', '403 this token may not steer mail: pool is for tokens with allow-headers: true'],
      ['app', 'http', expect.stringMatching(/^400 the body is no JSON: /)],
      ['app', 'http', expect.stringMatching(/^422 the batch cannot be read: messages /)],
      ['app', 'http', '550 5.6.0 NUL in the message'],
      ['app', 'http', expect.stringMatching(/^400 Idempotency-Key is/)],
      ['app', 'http', '503 Insufficient storage, try again later'],
    ]);
  });

  it('has no more recipients than the spool can number, and no more names than recipients', async () => {
    world.settings = withHttp({}, { maxRecipients: Infinity, maxMessageSize: 10_000_000 });
    const to = Array.from({ length: 65_537 }, (_, i) => `${i}@b.example`);
    const raw = 'Subject: x\n\n';
    expect((await post({ raw, envelope: { from: '', to } })).status).toBe(422);
    const lists = Array.from({ length: 7_000 }, (_, i) => to.slice(i % 9, (i % 9) + 10).join(','));
    expect(await post({ ...HELLO, to: lists })).toMatchObject({
      status: 422,
      body: { faults: [{ path: 'to.6553', message: 'is beyond 65536 addresses' }] },
    });
    const identity = { client: client(), name: 'app' };
    const trace = { helo: 'app', address: '127.0.0.1', protocol: 'HTTP' };
    const recipients = to.map(address => ({ address }));
    await expect(
      world.acceptor.inject({ identity, sender: '', recipients, content: Buffer.from('Subject: x\r\n\r\n'), trace, unique: 'u' }),
    ).rejects.toMatchObject({ responseCode: 550, text: 'More than 65536 recipients' });
  });

  it('is no JSON, too large, or of another kind', async () => {
    expect(await post('{ not json')).toMatchObject({
      status: 400,
      body: { error: expect.stringContaining('the body is no JSON') as string },
    });
    expect(
      (await ask('POST', '/v1/messages', { body: 'x=1', headers: { 'content-type': 'application/x-www-form-urlencoded' } })).status,
    ).toBe(415);
    // The limit is 100,000 bytes: of the message, and with room for base64 of the request.
    expect((await post({ ...HELLO, text: 'x'.repeat(120_000) })).status).toBe(413);
    expect((await post({ ...HELLO, text: 'x'.repeat(300_000) })).status).toBe(413);
    expect((await post({ ...HELLO, text: 'x'.repeat(80_000) })).status).toBe(202);
    expect((await post({ ...HELLO, to: Array.from({ length: 6 }, (_, i) => `b${i}@example.net`) })).body).toEqual({
      error: 'More than 5 recipients',
    });
    expect(world.acceptor.budget.used).toBe(0);
  });

  it('is told to come back when there is no room, no memory, or no will', async () => {
    world.room = 'full';
    expect(await post(HELLO)).toMatchObject({
      status: 503,
      headers: { 'retry-after': '30' },
      body: { error: expect.stringContaining('storage') as string },
    });
    world.room = 'ok';
    world.acceptor.refuse('4.3.2 the mail system is stopping');
    expect(await post(HELLO)).toMatchObject({ status: 503, headers: { 'retry-after': '30' } });
    world.acceptor.refuse(null);
    world.beforeStore = () => Promise.reject(new Error('EIO'));
    expect(await post(HELLO)).toMatchObject({ status: 503, headers: { 'retry-after': '30' } });
    world.acceptor.budget.used = world.acceptor.budget.most;
    expect((await post(HELLO)).status).toBe(503);
    world.acceptor.budget.used = 0;
    expect(world.stored).toEqual([]);
  });

  it('is promised only after the store has', async () => {
    let promise = () => {};
    const asked = new Promise<void>(seen => {
      world.beforeStore = () => {
        seen();
        return new Promise(resolve => (promise = resolve));
      };
    });
    let answered = false;
    const answer = post(HELLO).then(got => {
      answered = true;
      return got;
    });
    await asked;
    await ask('GET', '/v1/openapi.json');
    expect(answered).toBe(false);
    promise();
    expect((await answer).status).toBe(202);
  });
});

describe('a batch', () => {
  it('takes each message by itself', async () => {
    const answer = await post({ messages: [HELLO, { ...HELLO, to: 'bad' }, { ...HELLO, subject: 'third' }, 7] });
    expect(answer).toMatchObject({
      status: 200,
      body: {
        results: [
          { id: expect.stringMatching(/^00-000000000[12]$/) as string },
          { status: 422, faults: [{ path: 'to' }] },
          { id: expect.stringMatching(/^00-000000000[12]$/) as string },
          { status: 422, faults: [{ path: '' }] },
        ],
      },
    });
    expect(world.stored).toHaveLength(2);
    expect((await post({ messages: [] })).body.faults).toMatchObject([{ path: 'messages' }]);
    expect((await post({ messages: [HELLO], more: 1 })).body.faults).toMatchObject([{ path: 'more' }]);
  });
});

it('says what of a batch it has taken when it closes', async () => {
  const other = another();
  await other.apply(withHttp());
  await other.serve(operations);
  const waiting: (() => void)[] = [];
  const full = new Promise<void>(seen => {
    world.beforeStore = () =>
      new Promise(stored => {
        if (waiting.push(stored) === 16) seen();
      });
  });
  const answer = ask('POST', '/v1/messages', { body: { messages: Array.from({ length: 40 }, () => HELLO) }, port: other.bound!.port });
  await full;
  const closed = other.close();
  for (const stored of waiting) stored();
  const results = (await answer).body.results as { id?: string; status?: number }[];
  expect([results.filter(r => r.id).length, results.filter(r => r.status === 503).length]).toEqual([16, 24]);
  expect(world.stored).toHaveLength(16);
  await closed;
});

it('answers every message of a batch, also when one of them finds a bug', async () => {
  let n = 0;
  const own = await bench(withHttp(), { signer: { sign: () => (n++ === 0 ? Promise.reject(new Error('a bug')) : Promise.resolve([])) } });
  const { inject } = world.acceptor;
  world.acceptor.inject = own.acceptor.inject;
  try {
    const { status, body } = await post({ messages: [HELLO, HELLO] });
    expect([status, (body.results as { status?: number }[]).map(r => r.status)]).toEqual([200, [503, undefined]]);
    expect(own.stored).toHaveLength(1);
    expect(own.log).toContain('a message was answered 451 because of an internal error');
  } finally {
    world.acceptor.inject = inject;
    await own.stop();
  }
});

describe('an Idempotency-Key', () => {
  const keyed = (key: string, body: unknown, more: Asked = {}) => post(body, { headers: { 'idempotency-key': key }, ...more });

  it('makes the same request store once, for its own token', async () => {
    const first = await keyed('k1', HELLO);
    const again = await keyed('"k1"', HELLO);
    expect([first.status, again.status, again.body]).toEqual([202, 202, first.body]);
    expect(world.stored).toHaveLength(1);
    await keyed('k1', HELLO, { token: 'steer-secret' });
    await keyed('k2', HELLO);
    await post(HELLO);
    expect(world.stored).toHaveLength(4);
    expect(await keyed('k1', { ...HELLO, text: 'other' })).toMatchObject({
      status: 422,
      body: { error: expect.stringContaining('another body') as string },
    });
    expect((await keyed('has blanks', HELLO)).status).toBe(400);
    const deep = `${'['.repeat(90_000)}${']'.repeat(90_000)}`;
    expect((await keyed('k9', `{"messages":${deep}}`)).status).toBe(400);
    expect((await post(`{"text":${deep}}`)).status).toBe(422);
  });

  it('answers what it knows even when nothing new is taken', async () => {
    const first = await keyed('k3', HELLO);
    world.room = 'full';
    expect((await keyed('k3', HELLO)).body).toEqual(first.body);
  });

  it('is refused while the first request is under way, and free again when it failed', async () => {
    let fail = (_: Error) => {};
    const asked = new Promise<void>(seen => {
      world.beforeStore = () => {
        seen();
        return new Promise((_resolve, reject) => (fail = reject));
      };
    });
    const first = keyed('k4', HELLO);
    await asked;
    expect(await keyed('k4', HELLO)).toMatchObject({ status: 409, headers: { 'retry-after': '1' } });
    fail(new Error('EIO'));
    expect((await first).status).toBe(503);
    world.beforeStore = () => Promise.resolve();
    expect((await keyed('k4', HELLO)).status).toBe(202);
  });

  it('of a batch stores what is missing, and nothing twice', async () => {
    const batch = { messages: [HELLO, HELLO, HELLO] };
    let n = 0;
    world.beforeStore = () => (++n === 2 ? Promise.reject(new Error('EIO')) : Promise.resolve());
    const first = (await keyed('k5', batch)).body.results as { id?: string; status?: number }[];
    expect(first.map(r => r.status).filter(Boolean)).toEqual([503]);
    const again = (await keyed('k5', batch)).body.results as { id: string }[];
    expect(again.map((r, i) => first[i]?.id ?? r.id)).toEqual(again.map(r => r.id));
    expect(new Set(again.map(r => r.id)).size).toBe(3);
    expect(world.stored).toHaveLength(3);
    expect((await keyed('k5', { messages: [HELLO] })).status).toBe(422);
  });

  it('is kept a day', async () => {
    const kept: number[] = [];
    const { inject } = world.acceptor;
    world.acceptor.inject = injection => {
      kept.push((injection.receipt?.until ?? 0) - world.clock.now());
      return inject(injection);
    };
    await keyed('k6', HELLO);
    world.acceptor.inject = inject;
    expect(kept).toEqual([DAY]);
  });
});

describe('a file of an operator', () => {
  it('is taken as text/csv, under the name of the token', async () => {
    operations.asked.length = 0;
    const csv = (body: unknown, headers: Record<string, string>, query = '') =>
      ask('POST', `/v1/suppression/import${query}`, { token: 'ops-secret', body, headers });
    expect((await csv('a@b.example\n', { 'content-type': 'text/csv' })).status).toBe(200);
    expect((await csv('a@b.example\n', { 'content-type': 'text/csv' }, '?author=somebody')).status).toBe(200);
    expect(JSON.stringify(operations.asked)).not.toContain('somebody');
    expect(JSON.stringify(operations.asked).match(/"author":"ops"/g)).toHaveLength(2);
    for (const answer of [await csv({ addresses: [] }, {}), await csv(undefined, {})])
      expect(answer).toMatchObject({ status: 415, body: { error: expect.stringContaining('text/csv') as string } });
    expect((await ask('POST', '/v1/import/snds', { token: 'ops-secret' })).status).toBe(415);
  });
});

describe('what is shown', () => {
  it('is a message that waits', async () => {
    expect((await ask('GET', `/v1/messages/${shownMessage().id}`)).body).toEqual(shownMessage());
    // To who handed it in, and to who may see everything.
    const seen = async (token: string) => (await ask('GET', `/v1/messages/${shownMessage().id}`, { token })).status;
    expect(await Promise.all(['steer-secret', 'read-secret', 'ops-secret'].map(seen))).toEqual([404, 200, 200]);
  });

  it('is figures, and a description with the shapes', async () => {
    const metrics = await ask('GET', '/metrics', { token: 'read-secret' });
    expect(metrics.headers['content-type']).toBe('text/plain; version=0.0.4; charset=utf-8');
    expect(metrics.text).toContain('rampd_info{version="');
    const { body } = await ask('GET', '/v1/openapi.json');
    expect(body).toMatchObject({ openapi: '3.1.0', info: { version: '1.2.3' } });
    expect(Object.keys(body.components.schemas.Message.properties as object)).toEqual(
      expect.arrayContaining(['from', 'to', 'raw', 'attachments']),
    );
  });
});

describe('the listener', () => {
  /** Half a request, and when somebody hung up. */
  function halfAsked(port: number): { socket: Socket; ended: Promise<unknown> } {
    const socket = connect({ host: '127.0.0.1', port, localAddress: '127.0.0.1' });
    socket.write('GET /v1/status HTTP/1.1\r\nhost: x\r\n');
    return {
      socket,
      ended: new Promise(resolve =>
        socket
          .resume()
          .on('error', () => undefined)
          .on('close', resolve),
      ),
    };
  }

  it('leaves room for others, whatever one address opens', async () => {
    const listener = new HttpListener({ info: () => undefined, error: () => undefined });
    listener.serve((_request, response) => void response.end());
    await listener.apply(httpSettings());
    const { port } = listener.bound!;
    const crowd = Array.from({ length: HTTP_BOUNDS.connectionsOfAddress + 100 }, () => halfAsked(port));
    try {
      let gone = 0;
      await new Promise<void>(resolve => {
        for (const { ended } of crowd) void ended.then(() => ++gone === 100 && resolve());
      });
      expect((await ask('GET', '/', { port, from: '127.0.0.2' })).status).toBe(200);
      await expect(ask('GET', '/', { port, from: '127.0.0.1' })).rejects.toThrow();
      for (const { socket } of crowd) socket.destroy();
      // The server sees the ends a moment later.
      for (let heard = false; !heard;)
        heard = await ask('GET', '/', { port, from: '127.0.0.1' }).then(
          () => true,
          () => false,
        );
    } finally {
      for (const { socket } of crowd) socket.destroy();
      await listener.close();
    }
  });

  it.each(['clear', 'tls'])('drops who does not say the head of a request in time (%s)', async how => {
    expect(HTTP_BOUNDS.headPatience).toBe(10 * SECOND);
    const listener = new HttpListener({ info: () => undefined, error: () => undefined }, { ...HTTP_BOUNDS, headPatience: 100 });
    const tls = { cert: pem('a.cert.pem'), key: pem('a.key.pem') };
    await listener.apply(httpSettings(how === 'tls' ? { tls } : {}));
    const silent = connect({ host: '127.0.0.1', port: listener.bound!.port });
    const half = halfAsked(listener.bound!.port);
    try {
      await Promise.all([
        half.ended,
        new Promise(resolve =>
          silent
            .resume()
            .on('error', () => undefined)
            .on('close', resolve),
        ),
      ]);
    } finally {
      silent.destroy();
      half.socket.destroy();
      await listener.close();
    }
  });

  it('speaks TLS, changes certificates, and goes back to what it was when a change cannot be made', async () => {
    const other = another();
    try {
      const tls = (name: string) => ({ cert: pem(`${name}.cert.pem`), key: pem(`${name}.key.pem`) });
      await other.apply(withHttp({ tls: tls('a') }));
      await other.serve(operations);
      const port = other.bound!.port;
      const alive = (secure: boolean) => ask('GET', '/v1/openapi.json', { port, tls: secure }).then(a => a.status);
      expect(await alive(true)).toBe(200);
      await expect(alive(false)).rejects.toThrow();
      await other.apply(withHttp({ tls: tls('b') }));
      expect(other.bound!.port).toBe(port);
      await expect(other.apply(withHttp({ tls: { cert: 'no.pem', key: 'no.pem' } }))).rejects.toThrow(FaultError);
      await expect(other.apply(withHttp({ port: http.bound!.port, tls: tls('a') }))).rejects.toThrow(/rampd\.yaml:9:3: HTTP cannot listen/);
      expect(await alive(true)).toBe(200);
      await other.apply(plainSettings());
      expect(other.bound).toBeUndefined();
    } finally {
      await other.close();
    }
  });
});
