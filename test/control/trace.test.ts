/** The SMTP dialogue over the control socket: lines as they come, a slow reader that is told what it misses, refusals. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { connectControl } from '../../src/control/client.js';
import { Refusal } from '../../src/control/operations.js';
import { renderTraceLine } from '../../src/control/render-trace.js';
import { startControl, type Control } from '../../src/control/server.js';
import { TraceFollower, traceStream } from '../../src/control/trace-stream.js';
import type { TraceLine } from '../../src/control/trace-view.js';
import { FakeOperations } from './fake-operations.js';

const line = (text: string): TraceLine => ({
  at: '2026-03-02T13:51:00.123Z',
  source: 'cold-1',
  provider: 'microsoft',
  host: 'mx.example',
  address: '192.0.2.1',
  connection: 3,
  phase: 'mail',
  side: 'client',
  text,
});

describe('GET /v1/trace', () => {
  let dir: string;
  let control: Control;
  let operations: FakeOperations;
  beforeEach(async () => {
    dir = mkdtempSync(join(tmpdir(), 'rampd-trace-'));
    operations = new FakeOperations();
    control = await startControl({ socket: join(dir, 's'), operations, log: { info: () => undefined, error: () => undefined } });
  });
  afterEach(async () => {
    await control.close();
    rmSync(dir, { recursive: true, force: true });
  });
  const client = () => connectControl(join(dir, 's'));

  it('hands on lines until the reader goes, and then stops listening', async () => {
    const abort = new AbortController();
    const told: unknown[] = [];
    for await (const got of await client().trace('cold-1/microsoft', abort.signal)) {
      told.push(got);
      if (told.length === 3) abort.abort();
      else for (const hear of operations.tracers) hear(line(`more ${told.length}`));
      if (told.length === 3) break;
    }
    expect(told).toEqual([line('first'), line('more 1'), line('more 2')]);
    expect(operations.asked).toEqual([{ name: 'trace', args: ['cold-1/microsoft'] }]);
    await expect.poll(() => operations.tracers.size).toBe(0);
  });

  beforeEach(() => {
    // The first line comes when somebody begins to listen.
    const add = operations.tracers.add.bind(operations.tracers);
    operations.tracers.add = hear => {
      queueMicrotask(() => hear(line('first')));
      return add(hear);
    };
  });

  it('refuses what nobody knows', async () => {
    operations.trouble = new Refusal('there is no message, lane or source called x');
    const read = async () => {
      for await (const _ of await client().trace('x')) break;
    };
    await expect(read()).rejects.toThrow('there is no message, lane or source called x');
  });

  it('leaves nobody listening for a reader who went before it began', async () => {
    const begin = operations.trace.bind(operations);
    let asked: () => void = () => undefined;
    let found: () => void = () => undefined;
    const was = new Promise<void>(resolve => (asked = resolve));
    const searched = new Promise<void>(resolve => (found = resolve));
    let began = 0;
    operations.trace = async (target, hear) => {
      asked();
      await searched;
      const off = await begin(target, hear);
      began++;
      return off;
    };
    const abort = new AbortController();
    const reader = client().trace('00-0000000001', abort.signal);
    reader.catch(() => undefined);
    await was;
    abort.abort();
    await expect(reader).rejects.toThrow();
    // The server has seen it go, too: what comes next on its loop is behind that.
    expect(await client().status()).toBeDefined();
    found();
    await expect.poll(() => began).toBe(1);
    await expect.poll(() => operations.tracers.size).toBe(0);
  });

  it('ends with the daemon', async () => {
    const read = async () => {
      let n = 0;
      for await (const _ of await client().trace('x')) if (n++ === 0) void control.close();
      return n;
    };
    expect(await read()).toBe(1);
    expect(operations.tracers.size).toBe(0);
  });
});

describe('a follower', () => {
  it('keeps so many lines and no more, and says where how many are missing', () => {
    const follower = new TraceFollower(3);
    for (let i = 0; i < 10; i++) follower.hear(line(String(i)));
    expect(follower.take()).toEqual([line('0'), line('1'), line('2'), { dropped: 7 }]);
    expect(follower.take()).toEqual([]);
    follower.hear(line('10'));
    expect(follower.take()).toEqual([line('10')]);
  });

  it('of a reader that never reads holds what it may hold', async () => {
    const follower = new TraceFollower();
    const abort = new AbortController();
    let offs = 0;
    const stream = traceStream(follower, () => void offs++, { heartbeat: 60_000, signal: abort.signal });
    for (let i = 0; i < 100_000; i++) follower.hear(line(String(i)));
    await stream.next();
    const lines: unknown[] = [];
    while (lines.length < 1_001) {
      const { value } = await stream.next();
      lines.push(
        ...String(value)
          .trim()
          .split('\n')
          .map(text => JSON.parse(text) as unknown),
      );
    }
    expect(lines.at(-1)).toEqual({ dropped: 99_000 });
    abort.abort();
    expect((await stream.next()).done).toBe(true);
    expect(offs).toBeGreaterThan(0);
  });

  it('beats when nothing is said', async () => {
    const abort = new AbortController();
    const stream = traceStream(new TraceFollower(), () => undefined, { heartbeat: 1, signal: abort.signal });
    expect([(await stream.next()).value, (await stream.next()).value]).toEqual(['\n', '\n']);
    abort.abort();
  });
});

it('a line on a terminal', () => {
  expect(renderTraceLine(line('MAIL FROM:<a@b>\u001b[2J'), { zone: 'UTC' })).toBe(
    '13:51:00.123 cold-1/microsoft mx.example[192.0.2.1] #3 mail     → MAIL FROM:<a@b> [2J\n',
  );
  expect(renderTraceLine({ dropped: 12 })).toContain('12 lines are missing here');
});
