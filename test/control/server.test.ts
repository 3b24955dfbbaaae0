import { chmodSync, existsSync, mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { request } from 'node:http';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { tmpdir } from 'node:os';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { connectControl, DaemonAway } from '../../src/control/client.js';
import { Refusal } from '../../src/control/operations.js';
import { startControl, type Control } from '../../src/control/server.js';
import { bindPrivately } from '../../src/control/socket-file.js';
import type { FeedView } from '../../src/control/view.js';
import { FaultError } from '../../src/kernel/fault.js';
import { FakeOperations, feedLine, forecast, lane, NOW, source, status, why, window } from './fake-operations.js';

let dir: string;
let socket: string;
let operations: FakeOperations;
let control: Control | undefined;
let logged: string[];

beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'rampd-control-'));
  socket = join(dir, 'rampd.sock');
  operations = new FakeOperations();
  logged = [];
});
afterEach(async () => {
  await control?.close();
  control = undefined;
  rmSync(dir, { recursive: true, force: true });
});

const log = { info: (text: string) => void logged.push(text), error: (text: string) => void logged.push(text) };
const start = async (heartbeat = 15_000) => {
  control = await startControl({ socket, operations, log, wall: () => Date.parse(NOW), heartbeat });
  return connectControl(socket);
};
const ann = { author: 'ann', why: 'a reason' };

function raw(method: string, path: string, body?: string, type = 'application/json'): Promise<{ status: number; body: string }> {
  return new Promise((resolve, reject) => {
    const headers = body === undefined ? {} : { 'content-type': type };
    const sent = request({ socketPath: socket, method, path, agent: false, headers }, response => {
      let text = '';
      response.on('data', chunk => (text += String(chunk)));
      response.on('end', () => resolve({ status: response.statusCode ?? 0, body: text }));
    });
    sent.on('error', reject);
    sent.end(body);
  });
}

describe('the control API', () => {
  it('shows what the operations show', async () => {
    const client = await start();
    expect(await client.status()).toEqual(status());
    expect(await client.sources()).toEqual([source()]);
    expect(await client.lanes()).toEqual([lane()]);
    expect(await client.windows()).toEqual([window()]);
    expect(await client.why('cold-1/microsoft')).toEqual(why());
    expect(await client.forecast('marketing')).toEqual(forecast());
    expect((await client.providers())[0]?.name).toBe('microsoft');
    expect((await client.schedules())[0]?.name).toBe('four-weeks');
    expect(await client.settings()).toEqual({ hostName: 'mta.example.com' });
    expect(JSON.parse((await raw('GET', '/v1/show/vmtas')).body)).toEqual([source()]);
  });

  it('tells the time of the daemon', async () => {
    const client = await start();
    await client.status();
    expect(Math.abs(client.now() - Date.parse(NOW))).toBeLessThan(10_000);
  });

  it('filters queues by glob and limits lists', async () => {
    const client = await start();
    expect((await client.queues({ queue: 'gmail*@marketing' })).map(q => q.domain)).toEqual(['gmail.com']);
    expect(await client.queues({ limit: 1 })).toHaveLength(1);
    expect(await client.queues()).toHaveLength(2);
    await client.messages({ queue: 'gmail.com@marketing', limit: 5 });
    await client.messages();
    expect(operations.asked.map(a => a.args[0])).toEqual([{ queue: 'gmail.com@marketing', limit: 5 }, { limit: 100 }]);
  });

  it('passes every act with its author and reason', async () => {
    const client = await start();
    expect(await client.pause('cold-*', ann)).toEqual(['cold-*']);
    expect(await client.resume('cold-*', { author: 'ann' })).toEqual(['cold-*']);
    await client.lift('w17', ann);
    expect(await client.undo(41, ann)).toContain('is undone');
    expect(await client.stage('hold', 'cold-1', { provider: 'microsoft' }, ann)).toContain('held');
    await client.stage('restart', 'cold-1', { stage: 3 }, ann);
    expect(await client.retry('outlook.com@marketing', ann)).toBe(7);
    expect(await client.remove({ from: '*@example.com', dsn: true }, ann)).toBe(3);
    expect(await client.remove({ from: '', olderThan: 60_000, dsn: false }, ann)).toBe(3);
    expect((await client.reload(ann)).warnings).toHaveLength(1);
    await client.stop(ann);
    expect(operations.asked).toEqual([
      { name: 'pause', args: ['cold-*', ann] },
      { name: 'resume', args: ['cold-*', { author: 'ann' }] },
      { name: 'lift', args: ['w17', ann] },
      { name: 'undo', args: [41, ann] },
      { name: 'stage', args: ['hold', 'cold-1', { provider: 'microsoft' }, ann] },
      { name: 'stage', args: ['restart', 'cold-1', { stage: 3 }, ann] },
      { name: 'retry', args: ['outlook.com@marketing', ann] },
      { name: 'remove', args: [{ from: '*@example.com', dsn: true }, ann] },
      { name: 'remove', args: [{ from: '', olderThan: 60_000, dsn: false }, ann] },
      { name: 'reload', args: [ann] },
      { name: 'stop', args: [ann] },
    ]);
  });

  it('carries refusals and faults across', async () => {
    const client = await start();
    operations.trouble = new Refusal('no window w99');
    await expect(client.lift('w99', ann)).rejects.toThrow(new Refusal('no window w99'));
    await expect(client.stop(ann)).rejects.toBeInstanceOf(Refusal);
    const fault = { code: 'bad-rate', place: { file: 'rampd.yaml', line: 7, col: 3 }, what: 'a bare 0 is no rate', hint: 'say none' };
    operations.trouble = new FaultError([fault]);
    const caught = await client.reload(ann).catch((error: unknown) => error);
    expect(caught).toBeInstanceOf(FaultError);
    expect((caught as FaultError).faults).toEqual([fault]);
    expect(logged).toEqual([]);
  });

  it('answers 500 with a sentence for a bug, and logs it', async () => {
    const client = await start();
    operations.trouble = new TypeError('x is undefined');
    await expect(client.why('cold-1')).rejects.toThrow('x is undefined');
    expect((await raw('GET', '/v1/why?target=a')).body).not.toContain('at ');
    expect(logged.join()).toContain('x is undefined');
  });

  it.each([
    ['GET', '/v1/nothing', undefined, 404],
    ['GET', '/v1/show/everything', undefined, 404],
    ['POST', '/v1/status', '{}', 404],
    ['GET', '/v1/why', undefined, 400],
    ['GET', '/v1/show/queues?limit=0', undefined, 400],
    ['GET', '/v1/show/queues?limt=3', undefined, 400],
    ['GET', '/v1/events?after=-1', undefined, 400],
    ['POST', '/v1/pause', undefined, 400],
    ['POST', '/v1/pause', '{"target":"cold-1"}', 400],
    ['POST', '/v1/pause', '{"target":"","author":"ann"}', 400],
    ['POST', '/v1/pause', 'not json', 400],
    ['POST', '/v1/stage', '{"verb":"jump","source":"cold-1","author":"ann"}', 400],
    ['POST', '/v1/stage', '{"verb":"hold","source":"cold-1","stage":0,"author":"ann"}', 400],
    ['POST', '/v1/delete', '{"filter":{"dsn":true},"author":"ann"}', 400],
    ['POST', '/v1/delete', '{"filter":{"dsn":false,"form":"*@example.com"},"author":"ann"}', 400],
    ['POST', '/v1/delete', '{"filter":{"dsn":false,"job":"x","form":"*@example.com"},"author":"ann"}', 400],
  ])('refuses %s %s %s with %i', async (method, path, body, expected) => {
    await start();
    const answer = await raw(method, path, body);
    expect(answer.status).toBe(expected);
    expect(typeof (JSON.parse(answer.body) as { error: unknown }).error).toBe('string');
    expect(operations.asked).toEqual([]);
  });

  it('answers a stop before the daemon has stopped, so that stopping may close the server', async () => {
    const client = await start();
    let closed: Promise<void> | undefined;
    operations.onStop = () => (closed = control?.close() ?? Promise.reject(new Error('not started')));
    await client.stop(ann);
    await closed;
    control = undefined;
    await expect(client.status()).rejects.toBeInstanceOf(DaemonAway);
  });
});

describe('the event stream', () => {
  const take = async (lines: AsyncIterable<FeedView>, n: number): Promise<number[]> => {
    const ids: number[] = [];
    for await (const line of lines) if (ids.push(line.id) === n) break;
    return ids;
  };

  it('gives what is there, across pages, and ends without follow', async () => {
    const client = await start();
    for (let id = 1; id <= 1_234; id++) operations.say(feedLine(id));
    expect(await take(client.events({ follow: false }), 9_999)).toHaveLength(1_234);
    expect(await take(client.events({ after: 1_230, follow: false }), 9_999)).toEqual([1_231, 1_232, 1_233, 1_234]);
  });

  it('follows new lines once each, in order, and lets go when the reader does', async () => {
    const client = await start();
    operations.say(feedLine(1));
    const seen: number[] = [];
    for await (const line of client.events({ follow: true })) {
      seen.push(line.id);
      if (line.id === 20) break;
      operations.say(feedLine(line.id + 1));
    }
    expect(seen).toEqual(Array.from({ length: 20 }, (_, i) => i + 1));
    await expect.poll(() => operations.listeners).toBe(0);
  });

  it('beats when nothing happens', async () => {
    await start(5);
    const beats = await new Promise<string>((resolve, reject) => {
      const sent = request({ socketPath: socket, path: '/v1/events', agent: false }, response => {
        let text = '';
        response.on('data', chunk => {
          text += String(chunk);
          if (text.length < 4) return;
          sent.destroy();
          resolve(text);
        });
      });
      sent.on('error', reject);
      sent.end();
    });
    expect(beats).toMatch(/^\n{4,}$/);
  });

  it('of the journal gives all of it that matches, then follows', async () => {
    const client = await start();
    operations.old = [1, 2, 3].map(id => feedLine(id, { type: id === 2 ? 'paused' : 'window-opened' }));
    operations.say(feedLine(4));
    expect(await take(client.journal({ type: 'window-*', follow: false }), 99)).toEqual([1, 3, 4]);
    const seen: number[] = [];
    for await (const line of client.journal({ type: 'window-*', follow: true })) {
      seen.push(line.id);
      if (line.id === 6) break;
      if (line.id < 4) continue;
      operations.say(feedLine(5, { type: 'paused' }));
      operations.say(feedLine(6));
    }
    expect(seen).toEqual([1, 3, 4, 6]);
    await expect.poll(() => operations.listeners).toBe(0);
  });

  it('of the journal reads again what memory has forgotten meanwhile; counter-test: the event feed does not', async () => {
    const client = await start();
    operations.say(feedLine(1));
    const read = async (lines: AsyncIterable<FeedView>): Promise<number[]> => {
      const seen: number[] = [];
      for await (const line of lines) {
        seen.push(line.id);
        if (line.id === 4) break;
        if (line.id !== 1) continue;
        operations.old = [feedLine(1), feedLine(2), feedLine(3)];
        operations.lines = [];
        operations.say(feedLine(4));
      }
      operations.lines = [feedLine(1)];
      return seen;
    };
    expect(await read(client.journal({ follow: true }))).toEqual([1, 2, 3, 4]);
    expect(await read(client.events({ follow: true }))).toEqual([1, 4]);
  });

  it('ends for every reader when the server closes', async () => {
    const client = await start();
    operations.say(feedLine(1));
    const reading = take(client.events({ follow: true }), 2);
    await expect.poll(() => operations.listeners).toBe(1);
    await control?.close();
    control = undefined;
    expect(await reading).toEqual([1]);
  });

  it('stops quietly when the reader aborts', async () => {
    const client = await start();
    operations.say(feedLine(1));
    const abort = new AbortController();
    const seen: number[] = [];
    for await (const line of client.events({ follow: true, signal: abort.signal })) {
      seen.push(line.id);
      abort.abort();
    }
    expect(seen).toEqual([1]);
    await expect.poll(() => operations.listeners).toBe(0);
  });

  it('does not pile up lines for a reader that does not read', async () => {
    await start();
    let taken = 0;
    // 100,000 lines, each counted when it is made into text.
    const line = { ...feedLine(1), toJSON: () => (taken++, feedLine(taken)) };
    operations.feed = after => (after < 100_000 ? Array.from({ length: 100_000 }, (_, i) => ({ ...line, id: i + 1 })) : []);
    const sent = request({ socketPath: socket, path: '/v1/events', agent: false });
    await new Promise<void>(resolve => {
      sent.on('response', response => {
        response.pause();
        resolve();
      });
      sent.end();
    });
    let before = -1;
    await expect.poll(() => taken > 0 && before === (before = taken), { interval: 50 }).toBe(true);
    // What the kernel's and the stream's buffers take is a few pages.
    expect(taken).toBeLessThan(25_000);
    sent.destroy();
  });
});

describe('the socket', () => {
  it('is its owner’s alone, also under a wide umask', async () => {
    const before = process.umask(0);
    try {
      await start();
      expect(process.umask()).toBe(0);
    } finally {
      process.umask(before);
    }
    expect(statSync(socket).mode & 0o777).toBe(0o600);
  });

  it('is never open to others, not even between bind and chmod', async () => {
    const server = createServer();
    const listen = server.listen.bind(server) as (options: { path: string }, done: () => void) => typeof server;
    let modeWhenBound: number | undefined;
    server.listen = ((options: { path: string }, done: () => void) => {
      listen(options, done);
      modeWhenBound = statSync(socket).mode & 0o777;
      return server;
    }) as typeof server.listen;
    await bindPrivately(server, socket);
    server.close();
    expect(modeWhenBound).toBe(0o600);
  });

  it('goes when the server closes', async () => {
    await start();
    expect(existsSync(socket)).toBe(true);
    await control?.close();
    control = undefined;
    expect(existsSync(socket)).toBe(false);
  });

  it('replaces a socket left behind by a process that died', async () => {
    await leaveStale(socket);
    expect(statSync(socket).isSocket()).toBe(true);
    const client = await start();
    expect((await client.status()).version).toBe('0.1.0');
  });

  it('refuses to take a socket somebody answers at', async () => {
    const client = await start();
    await expect(startControl({ socket, operations, log })).rejects.toThrow(/another daemon answers at/);
    expect((await client.status()).version).toBe('0.1.0');
  });

  it('never removes a file that is not a socket', async () => {
    writeFileSync(socket, 'precious');
    await expect(startControl({ socket, operations, log })).rejects.toThrow(/is not a socket/);
    expect(statSync(socket).size).toBe(8);
  });

  it('takes a path of 107 bytes and refuses one of 108', async () => {
    socket = join(dir, 'x'.repeat(106 - dir.length));
    expect(Buffer.byteLength(socket)).toBe(107);
    await start();
    await expect(startControl({ socket: `${socket}x`, operations, log })).rejects.toThrow(/108 bytes.*107 at most/);
  });

  it('makes its folder', async () => {
    socket = join(dir, 'run', 'rampd.sock');
    const client = await start();
    expect((await client.status()).version).toBe('0.1.0');
  });
});

describe('a daemon that is away', () => {
  it.each([
    ['nothing there', () => {}],
    ['a stale socket', () => leaveStale(socket)],
  ] as const)('is told as such: %s', async (_, prepare) => {
    await prepare();
    await expect(connectControl(socket).status()).rejects.toThrow(/no daemon answers at .*rampd\.sock: is it running\? start it with/);
  });

  it.skipIf(process.getuid?.() === 0)('says whose the socket is when it may not be opened', async () => {
    await start();
    chmodSync(socket, 0);
    await expect(connectControl(socket).status()).rejects.toThrow(/by its owner only/);
  });

  it('is told when it ends in the middle of an answer', async () => {
    const server = createServer(connection => connection.once('data', () => connection.destroy()));
    await new Promise<void>(resolve => server.listen(socket, resolve));
    await expect(connectControl(socket).status()).rejects.toBeInstanceOf(DaemonAway);
    server.close();
  });

  it('is not taken for something else that answers there', async () => {
    const server = createServer(connection =>
      connection.once('data', () => connection.end('HTTP/1.1 418 Teapot\r\ncontent-length: 2\r\n\r\nhi')),
    );
    await new Promise<void>(resolve => server.listen(socket, resolve));
    await expect(connectControl(socket).status()).rejects.toThrow('status 418');
    server.close();
  });
});

/** A socket file nobody listens on: bound in another process that was killed. */
async function leaveStale(path: string): Promise<void> {
  const { spawn } = await import('node:child_process');
  const child = spawn(process.execPath, ['-e', `require('net').createServer().listen(${JSON.stringify(path)}, () => console.log('up'))`]);
  await new Promise(resolve => child.stdout.once('data', resolve));
  child.kill('SIGKILL');
  await new Promise(resolve => child.once('exit', resolve));
}
