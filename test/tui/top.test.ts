/** `rampd top` as a command: against a real control socket with fake operations behind it. */
import { EventEmitter } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { overClient, overOperations } from '../../src/commands/feedable.js';
import { run } from '../../src/commands/program.js';
import { register, type Surroundings } from '../../src/commands/top.js';
import { connectControl } from '../../src/control/client.js';
import { Refusal } from '../../src/control/operations.js';
import { startControl, type Control } from '../../src/control/server.js';
import type { FeedView } from '../../src/control/view.js';
import { fakeIo } from '../commands/fake-io.js';
import { FakeOperations, feedLine, NOW, status } from '../control/fake-operations.js';

let dir: string;
let operations: FakeOperations;
let control: Control;

beforeEach(async () => {
  dir = mkdtempSync(join(tmpdir(), 'rampd-top-'));
  operations = new FakeOperations();
  control = await startControl({
    socket: join(dir, 'rampd.sock'),
    operations,
    log: { info: () => {}, error: () => {} },
    wall: () => Date.parse(NOW),
  });
  writeFileSync(join(dir, 'rampd.yaml'), 'state-dir: .\n');
});
afterEach(async () => {
  await control.close();
  rmSync(dir, { recursive: true, force: true });
});

type Ui = Surroundings['run'];

async function top(words: string[], options: Parameters<typeof fakeIo>[0] = {}, ui: Ui = async () => {}) {
  const io = fakeIo({ cwd: dir, ...options });
  const events = new EventEmitter();
  const given: Parameters<Ui>[0][] = [];
  const surroundings: Surroundings = { run: async o => (given.push(o), await ui(o)), process: events };
  const done = run(['top', ...words], io, '1', [
    { names: ['top'], load: async () => ({ register: (p, i) => register(p, i, surroundings) }) },
  ]);
  return { io, events, given, done, written: io.written };
}

describe('without a terminal', () => {
  it('prints one plain snapshot', async () => {
    const { done, written, given } = await top([]);
    await done;
    expect(written.err).toBe('');
    expect(written.code).toBeUndefined();
    expect(given).toEqual([]);
    const lines = written.out.split('\n');
    expect(lines[0]).toMatch(/^rampd 0\.1\.0, up 3d2h, 2026-03-02 /);
    expect(lines[3]).toMatch(
      /SOURCE +ADDRESS +SCHEDULE +STATE +STAGE +CAP\/H +THIS HOUR +DELIVERED +DEFERRED +BOUNCED +WAITING +NEXT TICK/,
    );
    expect(lines[4]).toMatch(/cold-1 +203\.0\.113\.21 +four-weeks +warming +8\/28 █+░+ +412 +387 █+░* +2,281 +25 +4 +12,345 +14h9m/);
    expect(written.out).toContain('“451 4.7.650 The mail server');

    expect(written.out).not.toMatch(/[\u0000-\u0009\u000b-\u001f]/);
  });

  it('also when only the input is none, or the terminal is dumb', async () => {
    for (const options of [{ tty: false }, { tty: true, env: { TERM: 'dumb' } }]) {
      const { done, written, given } = await top([], options);
      await done;
      expect(given).toEqual([]);
      expect(written.out).toContain('cold-1');
    }
  });

  it('fails with a sentence when the daemon is away', async () => {
    await control.close();
    const { done, written } = await top([]);
    await done;
    expect(written.err).toContain('no daemon answers at');
    expect(written.code).toBe(1);
  });
});

describe('on a terminal', () => {
  it('runs the UI with colours, its interval and the daemon behind it', async () => {
    const { done, written, given } = await top(['--every', '500ms'], { tty: true });
    await done;
    expect(given[0]).toMatchObject({ every: 500, colours: true });
    expect(await given[0]?.backend.status()).toEqual(status());
    expect(await given[0]?.backend.act({ verb: 'pause', target: 'cold-1' })).toBe('paused cold-1');
    expect(operations.asked.at(-1)).toEqual({ name: 'pause', args: ['cold-1', { author: 'ann', why: 'rampd top' }] });
    expect(written).toEqual({ out: '', err: '', code: 0 });
  });

  it('starts without a daemon: the UI says that it is away', async () => {
    await control.close();
    const { done, given } = await top([], { tty: true });
    await done;
    await expect(given[0]?.backend.status()).rejects.toThrow('no daemon answers');
  });

  it.each([
    [{ NO_COLOR: '1' }, false],
    [{ NO_COLOR: '' }, true],
    [{}, true],
  ])('with %j shows colours: %s', async (env, colours) => {
    const { done, given } = await top([], { tty: true, env });
    await done;
    expect(given[0]?.colours).toBe(colours);
  });

  it.each(['SIGTERM', 'SIGINT', 'SIGHUP'])('ends in order on %s', async signal => {
    const { done, events, written } = await top(
      [],
      { tty: true },
      o => new Promise(resolve => o.signal?.addEventListener('abort', () => resolve())),
    );
    await expect.poll(() => events.listenerCount(signal)).toBe(1);
    events.emit(signal);
    await done;
    expect(written.code).toBe(0);
    expect(events.eventNames()).toEqual([]);
  });

  it('ends first, then reports an error from anywhere', async () => {
    let open = false;
    const { done, events, written } = await top([], { tty: true }, async o => {
      open = true;
      await new Promise<void>(resolve => o.signal?.addEventListener('abort', () => resolve()));
      expect(written.err).toBe('');
      open = false;
    });
    await expect.poll(() => open).toBe(true);
    events.emit('uncaughtException', new Error('something broke'));
    await done;
    expect(open).toBe(false);
    expect(written.err).toBe('rampd: something broke\n');
    expect(written.code).toBe(1);
  });

  it('refuses intervals nobody can see', async () => {
    const { done, written } = await top(['--every', '10ms'], { tty: true });
    await done;
    expect(written.err).toContain('100ms or more');
    expect(written.code).toBe(2);
  });
});

describe.each([
  ['over its socket', () => overClient(connectControl(join(dir, 'rampd.sock')), { author: 'ann' })],
  ['in the same process', () => overOperations(operations, { author: 'ann' })],
])('a daemon %s', (_, make) => {
  it('answers, does what it is asked, and refuses with its sentence', async () => {
    const backend = make();
    expect(await backend.status()).toEqual(status());
    expect(await backend.act({ verb: 'pause', target: 'cold-1' })).toBe('paused cold-1');
    expect(await backend.act({ verb: 'resume', target: 'cold-1' })).toBe('resumed cold-1');
    expect(await backend.act({ verb: 'hold', source: 'cold-1' })).toBe('cold-1 is held at stage 8 of 28');
    expect(await backend.act({ verb: 'release', source: 'cold-1' })).toBe('cold-1 is held at stage 8 of 28');
    expect(await backend.act({ verb: 'lift', window: 'w17' })).toBe('window w17 is lifted');
    expect(operations.asked.map(({ name, args }) => [name, args[0]])).toEqual([
      ['pause', 'cold-1'],
      ['resume', 'cold-1'],
      ['stage', 'hold'],
      ['stage', 'release'],
      ['lift', 'w17'],
    ]);
    operations.trouble = new Refusal('there is no window w9');
    await expect(backend.act({ verb: 'lift', window: 'w9' })).rejects.toThrow('there is no window w9');
  });

  it('gives what was missed, then what comes, until told to end', async () => {
    operations.lines = [feedLine(1), feedLine(2), feedLine(3)];
    const heard: FeedView[] = [];
    const ending = new AbortController();
    const ended = make().follow(1, line => heard.push(line), ending.signal);
    await expect.poll(() => heard.map(l => l.id)).toEqual([2, 3]);
    operations.say(feedLine(4));
    await expect.poll(() => heard.map(l => l.id)).toEqual([2, 3, 4]);
    ending.abort();
    await ended.catch(() => undefined);
    await expect.poll(() => operations.listeners).toBe(0);
  });
});
