/** Webhooks against real HTTP receivers: batches, signatures, retries, what stays on disk and what is given up. */
import { createHmac } from 'node:crypto';
import { mkdtempSync, readdirSync, readFileSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import http from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { HookTarget } from '../../src/kernel/telling.js';
import { DAY, HOUR, MINUTE, SECOND } from '../../src/kernel/units.js';
import { Hook, type HookOptions } from '../../src/outcome/hook.js';
import { createPost, credentialsOf, hookSignature } from '../../src/outcome/hook-request.js';
import { HookSpool } from '../../src/outcome/hook-spool.js';
import { createManualClock, type ManualClock } from '../../src/rehearse/manual-clock.js';

const START = Date.parse('2023-11-20T12:00:00Z');

interface Got {
  readonly headers: http.IncomingHttpHeaders;
  readonly body: string;
  readonly ids: string[];
  readonly values: number[];
}

/** A receiver that answers what the test says, and remembers what came. */
class Receiver {
  readonly got: Got[] = [];
  answer: (got: Got) => { status: number; headers?: Record<string, string>; body?: string; hang?: boolean } = () => ({ status: 204 });
  readonly #server = http.createServer((request, response) => {
    const chunks: Buffer[] = [];
    request.on('data', (chunk: Buffer) => chunks.push(chunk));
    request.on('end', () => {
      const body = Buffer.concat(chunks).toString();
      const lines = body.startsWith('[')
        ? (JSON.parse(body) as Item[])
        : body
            .trim()
            .split('\n')
            .map(l => JSON.parse(l) as Item);
      const got = { headers: request.headers, body, ids: lines.map(l => l.id), values: lines.map(l => l.n) };
      this.got.push(got);
      const { status, headers, body: text, hang } = this.answer(got);
      if (!hang) response.writeHead(status, headers).end(text);
      for (const wake of this.#waiting.splice(0)) wake();
    });
  });
  #waiting: (() => void)[] = [];

  async start(): Promise<string> {
    await new Promise<void>(done => this.#server.listen(0, '127.0.0.1', done));
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}/hook`;
  }

  /** Resolves once so many requests have come. */
  async requests(n: number): Promise<void> {
    while (this.got.length < n) await new Promise<void>(done => this.#waiting.push(done));
  }

  async stop(): Promise<void> {
    this.#server.closeAllConnections();
    await new Promise(done => this.#server.close(done));
  }
}
interface Item {
  readonly id: string;
  readonly n: number;
}

let dir: string;
let clock: ManualClock;
let receiver: Receiver;
let url: string;
let troubles: string[];
const open: Hook[] = [];

beforeEach(async () => {
  dir = mkdtempSync(join(tmpdir(), 'rampd-hook-'));
  clock = createManualClock(START);
  receiver = new Receiver();
  url = await receiver.start();
  troubles = [];
});
afterEach(async () => {
  for (const hook of open.splice(0)) await hook.close();
  await receiver.stop();
  rmSync(dir, { recursive: true });
});

const target = (more: Partial<HookTarget> = {}): HookTarget => ({
  url,
  headers: {},
  timeout: 5 * SECOND,
  giveUpAfter: 3 * DAY,
  maxSpool: 1024 ** 2,
  ...more,
});
async function hookOf(more: Partial<HookOptions> = {}): Promise<Hook> {
  const quiet = { info: () => undefined, warn: () => undefined, error: () => undefined };
  const hook = new Hook({
    name: 'test',
    dir: join(dir, 'spool'),
    target: target(),
    format: 'ndjson',
    batch: 10,
    every: 5 * SECOND,
    credentials: {},
    clock,
    random: () => 0.5,
    log: quiet,
    onTrouble: text => troubles.push(text),
    ...more,
  });
  open.push(hook);
  await hook.open();
  return hook;
}
const close = async (hook: Hook) => {
  open.splice(open.indexOf(hook), 1);
  await hook.close();
};
async function put(hook: Hook, from: number, to: number): Promise<void> {
  for (let n = from; n < to; n++) hook.put({ n });
  await hook.flush();
}
const numbers = (from: number, to: number) => Array.from({ length: to - from }, (_, i) => from + i);
/** Time passes in steps, and what a step begins is over before the next, until it holds. */
async function until(what: () => boolean, step = 0): Promise<void> {
  for (let i = 0; i < 20_000 && !what(); i++) {
    await clock.run(step);
    for (const hook of open) await hook.settled();
  }
  expect(what()).toBe(true);
}
const spooled = (hook: Hook) => hook.bytes;

describe('batches', () => {
  it('leave when they are full, and the rest when its time has come', async () => {
    const hook = await hookOf();
    await put(hook, 0, 9);
    await clock.run(5 * SECOND - 1);
    expect(receiver.got).toEqual([]);
    await put(hook, 9, 13);
    await receiver.requests(1);
    await until(() => spooled(hook) < 200);
    expect(receiver.got.map(g => g.values)).toEqual([numbers(0, 10)]);
    await clock.run(5 * SECOND);
    await receiver.requests(2);
    expect(receiver.got.map(g => g.values)).toEqual([numbers(0, 10), numbers(10, 13)]);
    await until(() => spooled(hook) === 0);
  });

  it('carry ids that differ, JSON lists or single objects when asked, and the headers said', async () => {
    const hook = await hookOf({ format: 'json', target: target({ headers: { Authorization: 'Bearer x' } }) });
    await put(hook, 0, 10);
    await receiver.requests(1);
    expect(receiver.got[0]?.headers).toMatchObject({ 'content-type': 'application/json', authorization: 'Bearer x' });
    expect(JSON.parse(receiver.got[0]?.body ?? '')).toHaveLength(10);
    expect(new Set(receiver.got[0]?.ids).size).toBe(10);
    const single = await hookOf({ format: 'single', batch: 1, every: 0, dir: join(dir, 'single') });
    await put(single, 1, 3);
    await receiver.requests(3);
    expect(receiver.got.slice(1).map(g => g.values)).toEqual([[1], [2]]);
  });

  it('are signed so that another implementation of Standard Webhooks verifies them', async () => {
    const key = Buffer.from('0123456789abcdef0123456789abcdef');
    writeFileSync(join(dir, 'secret'), `whsec_${key.toString('base64')}\n`);
    const place = { file: 'rampd.yaml', line: 1, col: 1 };
    const credentials = credentialsOf(target({ secretFile: join(dir, 'secret') }), place);
    const hook = await hookOf({ credentials });
    await put(hook, 0, 10);
    await receiver.requests(1);
    const { headers, body } = receiver.got[0] as Got;
    const signed = `${headers['webhook-id'] as string}.${headers['webhook-timestamp'] as string}.${body}`;
    expect(headers['webhook-timestamp']).toBe(String(START / 1000));
    expect(headers['webhook-signature']).toBe(`v1,${createHmac('sha256', key).update(signed).digest('base64')}`);
    // The example of the specification's own text of what is signed: another body, another signature.
    const other = { id: 'msg', timestamp: 1, body: Buffer.from('x') };
    expect(hookSignature(key, other)).not.toBe(hookSignature(key, { ...other, body: Buffer.from('y') }));
    expect(() => credentialsOf(target({ secretFile: join(dir, 'none') }), place)).toThrow(
      /rampd\.yaml:1:1: the secret file .* cannot be read/,
    );
    writeFileSync(join(dir, 'short'), 'abc');
    expect(() => credentialsOf(target({ secretFile: join(dir, 'short') }), place)).toThrow(/has 3 bytes; allowed: at least 16/);
  });
});

describe('failures', () => {
  it('are tried again with growing pauses, the same request each time, and nothing is missing or out of order', async () => {
    const hook = await hookOf();
    let failing = true;
    receiver.answer = () => (failing ? { status: 503, body: 'not now\u001b[31m' } : { status: 200 });
    await put(hook, 0, 10);
    await receiver.requests(1);
    await until(() => hook.error !== undefined);
    expect(hook.error).toBe('503 not now [31m');
    await put(hook, 10, 20);
    const at = () => receiver.got.length;
    for (const [pause, n] of [
      [1, 2],
      [2, 3],
      [4, 4],
    ] as const) {
      await clock.run(pause * SECOND - 1);
      expect(at()).toBe(n - 1);
      await clock.run(1);
      await receiver.requests(n);
      await until(() => clock.pending > 0);
    }
    expect(new Set(receiver.got.map(g => g.headers['webhook-id'])).size).toBe(1);
    expect(new Set(receiver.got.map(g => g.body)).size).toBe(1);
    failing = false;
    await clock.run(8 * SECOND);
    await receiver.requests(6);
    await until(() => spooled(hook) === 0);
    expect(receiver.got.slice(-2).map(g => g.values)).toEqual([numbers(0, 10), numbers(10, 20)]);
    expect([hook.error, hook.lost]).toEqual([undefined, 0]);
  });

  it('a receiver that finds requests too large gets smaller ones at once, and all records in order', async () => {
    const hook = await hookOf();
    receiver.answer = ({ ids }) => ({ status: ids.length > 3 ? 413 : 200 });
    await put(hook, 0, 20);
    await until(() => spooled(hook) === 0, SECOND);
    const taken = receiver.got.filter(({ ids }) => ids.length <= 3).flatMap(({ values }) => values);
    expect(taken).toEqual(numbers(0, 20));
    // 10, 5 and 2; from then on it is known.
    expect(receiver.got.filter(({ ids }) => ids.length > 3).map(({ ids }) => ids.length)).toEqual([10, 5]);
    expect([hook.error, hook.lost, troubles]).toEqual([undefined, 0, []]);
    receiver.answer = () => ({ status: 413 });
    await put(hook, 20, 22);
    await until(() => hook.error !== undefined, SECOND);
    expect(receiver.got.slice(-2).map(({ values }) => values)).toEqual([[20, 21], [20]]);
  });

  it.each([
    ['60', 60],
    // By the receiver's own clock, which is wrong by years.
    ['Wed, 21 Oct 2015 07:29:00 GMT', 60],
    ['99999999', 3_600],
    ['Wed, 21 Oct 2015 07:27:00 GMT', 1],
    ['soon', 1],
  ])('pause as long as Retry-After asks: %s', async (asked, seconds) => {
    const hook = await hookOf();
    receiver.answer = () => ({ status: 429, headers: { 'retry-after': asked, date: 'Wed, 21 Oct 2015 07:28:00 GMT' } });
    await put(hook, 0, 10);
    await receiver.requests(1);
    await until(() => clock.pending > 0);
    await clock.run((seconds - 1) * SECOND);
    expect(receiver.got).toHaveLength(1);
    await clock.run(SECOND);
    await receiver.requests(2);
  });

  it('that last are told to people after some tries and then each hour', async () => {
    const hook = await hookOf();
    receiver.answer = () => ({ status: 500 });
    await put(hook, 0, 10);
    await until(() => receiver.got.length === 4, SECOND);
    expect(troubles).toEqual([]);
    await until(() => troubles.length > 0, SECOND);
    expect(troubles[0]).toMatch(/webhook test has failed 5 times: 500; \d+ bytes of records wait/);
    const told = clock.now();
    await until(() => troubles.length > 1, MINUTE);
    expect(clock.now() - told).toBeGreaterThanOrEqual(HOUR);
  });

  it('redirects are not followed: they are failures', async () => {
    const elsewhere = new Receiver();
    const other = await elsewhere.start();
    const hook = await hookOf();
    receiver.answer = () => ({ status: 302, headers: { location: other } });
    await put(hook, 0, 10);
    await until(() => hook.error !== undefined);
    expect(elsewhere.got).toEqual([]);
    expect(spooled(hook)).toBeGreaterThan(0);
    await elsewhere.stop();
  });

  it('410 stops it, said once, until it is made anew', async () => {
    const hook = await hookOf();
    receiver.answer = () => ({ status: 410, body: 'gone' });
    await put(hook, 0, 10);
    await until(() => hook.error !== undefined);
    await put(hook, 10, 30);
    await clock.run(DAY);
    expect(receiver.got).toHaveLength(1);
    expect(hook.lost).toBe(20);
    expect(troubles).toEqual(['webhook test answered 410 gone and is stopped; its records are no longer kept']);
    await close(hook);
    receiver.answer = () => ({ status: 200 });
    const again = await hookOf();
    await clock.run(5 * SECOND);
    await receiver.requests(2);
    expect(receiver.got[1]?.values).toEqual(numbers(0, 10));
    await until(() => spooled(again) === 0);
  });

  it('a receiver that never answers is left after the timeout, one that never stops answering has answered', async () => {
    const { post, close: end } = createPost(target({ timeout: 50 }), {});
    const request = { id: 'a', timestamp: 1, contentType: 'application/x-ndjson', body: Buffer.from('{"id":"a","n":1}\n') };
    receiver.answer = () => ({ status: 200, hang: true });
    await expect(post(request, new AbortController().signal)).rejects.toThrow('no answer within 50ms');
    receiver.answer = () => ({ status: 200, body: 'x'.repeat(5_000_000) });
    const { post: patient, close: endToo } = createPost(target(), {});
    const answer = await patient(request, new AbortController().signal);
    expect(answer.status).toBe(200);
    expect(answer.text.length).toBeLessThanOrEqual(200);
    end();
    endToo();
  });

  it('a record too old is given up, counted and said; younger ones leave', async () => {
    const hook = await hookOf({ target: target({ giveUpAfter: HOUR }) });
    receiver.answer = () => ({ status: 500 });
    await put(hook, 0, 10);
    const begun = clock.now();
    await until(() => clock.now() - begun >= 40 * MINUTE, MINUTE);
    await put(hook, 10, 20);
    receiver.answer = () => ({ status: 200 });
    clock.jumpWall(25 * MINUTE);
    await until(() => spooled(hook) === 0, MINUTE);
    expect(hook.lost).toBe(10);
    expect(troubles.at(-1)).toBe('10 records for webhook test are given up: they are older than 1h');
    expect(receiver.got.at(-1)?.values).toEqual(numbers(10, 20));
  });
});

describe('the spool', () => {
  it('survives the end of the process: every record arrives, some perhaps twice and then with the same id', async () => {
    const first = await hookOf();
    receiver.answer = () => ({ status: 500 });
    await put(first, 0, 25);
    await receiver.requests(1);
    await close(first);
    receiver.answer = () => ({ status: 200 });
    const second = await hookOf();
    await until(() => spooled(second) === 0, SECOND);
    const taken = receiver.got.slice(-3);
    expect(taken.flatMap(g => g.values)).toEqual(numbers(0, 25));
    expect(taken[0]?.ids).toEqual(receiver.got[0]?.ids);
  });

  it('after a crash a torn line is no line, and what was answered for stays so', async () => {
    const spool = new HookSpool({ dir, most: 1024 ** 2, onDropped: () => undefined });
    await spool.append('{"id":"a"}\n{"id":"b"}\n');
    const [first] = await spool.read(1);
    await spool.take(first?.end ?? { segment: 0, offset: 0 });
    await spool.append('{"id":"c"}\n{"id":"torn"}\n');
    await spool.close();
    const [name = ''] = readdirSync(dir).filter(n => n.endsWith('.ndjson'));
    truncateSync(join(dir, name), readFileSync(join(dir, name)).length - 5);
    const again = new HookSpool({ dir, most: 1024 ** 2, onDropped: () => undefined });
    await again.append('{"id":"d"}\n');
    const seen: string[] = [];
    for (let lines = await again.read(10); lines.length > 0; lines = await again.read(10)) {
      seen.push(...lines.map(l => (JSON.parse(l.text) as Item).id));
      await again.take((lines.at(-1) as { end: { segment: number; offset: number } }).end);
    }
    expect(seen).toEqual(['b', 'c', 'd']);
    expect(again.bytes).toBe(0);
    await again.close();
  });

  it('a stretch that a power cut left as zeros takes no records behind it along', async () => {
    const line = (id: number) => `{"id":"${id}"}\n`;
    writeFileSync(
      join(dir, '0000000001.ndjson'),
      Buffer.concat([Buffer.from(line(1)), Buffer.alloc(1_500_000), Buffer.from(`\n${line(2)}`)]),
    );
    const spool = new HookSpool({ dir, most: 16 * 1024 ** 2, onDropped: () => undefined });
    await spool.append(line(3));
    const seen: string[] = [];
    for (let lines = await spool.read(10); lines.length > 0; lines = await spool.read(10)) {
      seen.push(...lines.map(l => (JSON.parse(l.text) as Item).id));
      await spool.take((lines.at(-1) as { end: { segment: number; offset: number } }).end);
    }
    expect([seen, spool.bytes]).toEqual([['1', '2', '3'], 0]);
    await spool.close();
  });

  it('is bounded: the oldest go, counted, and what is left is whole', async () => {
    const hook = await hookOf({ target: target({ maxSpool: 4_000 }) });
    receiver.answer = () => ({ status: 500 });
    for (let n = 0; n < 400; n += 10) await put(hook, n, n + 10);
    expect(hook.bytes).toBeLessThanOrEqual(4_000);
    expect(hook.lost).toBeGreaterThan(200);
    expect(troubles.join()).toMatch(/records for webhook test are given up: its spool is full/);
    receiver.got.splice(0);
    receiver.answer = () => ({ status: 200 });
    await until(() => spooled(hook) === 0, SECOND);
    const values = receiver.got.flatMap(g => g.values);
    expect(values.slice(-50)).toEqual(numbers(350, 400));
    expect(new Set(values).size + hook.lost).toBeGreaterThanOrEqual(400);
  });

  it('a slow receiver keeps nobody: records go into the spool at once', async () => {
    const hook = await hookOf();
    receiver.answer = () => ({ status: 200, hang: true });
    await put(hook, 0, 10);
    await receiver.requests(1);
    await put(hook, 10, 5_000);
    expect(hook.waiting).toBe(0);
    expect(hook.bytes).toBeGreaterThan(100_000);
  });
});
