/** Every command that talks to the daemon, against a real socket with fake operations behind it. */
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { run } from '../../src/commands/program.js';
import { Refusal } from '../../src/control/operations.js';
import { startControl, type Control } from '../../src/control/server.js';
import { FaultError } from '../../src/kernel/fault.js';
import type { JournalRecord } from '../../src/kernel/journal.js';
import { FakeOperations, feedLine, forecast, NOW, queue, source, status, why } from '../control/fake-operations.js';
import { fakeIo } from './fake-io.js';

let dir: string;
let socket: string;
let operations: FakeOperations;
let control: Control | undefined;

beforeEach(async () => {
  dir = mkdtempSync(join(tmpdir(), 'rampd-commands-'));
  socket = join(dir, 'rampd.sock');
  operations = new FakeOperations();
  control = await startControl({ socket, operations, log: { info: () => {}, error: () => {} }, wall: () => Date.parse(NOW) });
  writeFileSync(join(dir, 'rampd.yaml'), 'state-dir: .\n');
});
afterEach(async () => {
  await control?.close();
  rmSync(dir, { recursive: true, force: true });
});

async function rampd(words: string[], options: Parameters<typeof fakeIo>[0] = {}) {
  const io = fakeIo({ cwd: dir, ...options });
  await run(words, io, '0.1.0');
  return io.written;
}
const args = (name: string) => operations.asked.filter(a => a.name === name).map(a => a.args);
const ann = { author: 'ann' };

describe('a file', () => {
  it.each([
    [['suppress', 'import', 'none.csv'], 'rampd: none.csv cannot be read: there is no such file or folder\n'],
    [['import', 'snds', 'none.csv'], 'rampd: none.csv cannot be read: there is no such file or folder\n'],
    [['suppress', 'import', '.'], 'rampd: . cannot be read: it is a folder\n'],
    [['suppress', 'export', 'none/list.csv'], 'rampd: none/list.csv cannot be written: there is no such file or folder\n'],
  ])('that cannot be used is a sentence: %j', async (words, err) => {
    expect(await rampd(words)).toMatchObject({ err, code: 1 });
  });
});

describe('looking', () => {
  it('status prints a page, or the contract as JSON', async () => {
    const text = await rampd(['status']);
    expect(text.out).toContain('cold-1  203.0.113.21  warming');
    expect(text.err).toBe('');
    expect(text.code).toBeUndefined();
    expect(JSON.parse((await rampd(['status', '--json'])).out)).toEqual(status());
  });

  it('fits the terminal when there is one', async () => {
    const { out } = await rampd(['status'], { tty: true, columns: 60 });
    expect(Math.max(...out.split('\n').map(line => line.length))).toBeLessThanOrEqual(60);
    expect(Math.max(...(await rampd(['status'])).out.split('\n').map(line => line.length))).toBeGreaterThan(100);
  });

  it.each([
    ['sources', 'SOURCE'],
    ['vmtas', 'SOURCE'],
    ['lanes', 'LANE'],
    ['queues', 'QUEUE'],
    ['jobs', 'JOB'],
    ['windows', 'WINDOW'],
    ['messages', '00-000000001f from'],
    ['schedules', 'SCHEDULE'],
    ['providers', 'PROVIDER'],
    ['settings', '"hostName"'],
  ])('show %s', async (kind, start) => {
    expect((await rampd(['show', kind])).out).toContain(start);
    const { out, code } = await rampd(['show', kind, '--json']);
    expect(JSON.parse(out)).toBeTruthy();
    expect(code).toBeUndefined();
  });

  it('show vmtas is show sources', async () => {
    expect(JSON.parse((await rampd(['show', 'vmtas', '--json'])).out)).toEqual([source()]);
  });

  it('show narrows queues and messages, and limits every list', async () => {
    operations.queueList = [queue(), queue({ domain: 'gmail.com' })];
    expect(JSON.parse((await rampd(['show', 'queues', '--queue', 'gmail*', '--json'])).out)).toHaveLength(1);
    expect(JSON.parse((await rampd(['show', 'queues', '--limit', '1', '--json'])).out)).toHaveLength(1);
    await rampd(['show', 'messages', '--queue', 'gmail.com@marketing', '--limit', '5']);
    expect(args('messages')).toEqual([[{ queue: 'gmail.com@marketing', limit: 5 }]]);
  });

  it.each([
    [['show', 'nothing'], 'Allowed choices are sources'],
    [['show', 'lanes', '--queue', 'x@y'], '--queue does not apply to lanes'],
    [['show', 'queues', '--limit', '0'], 'whole number from 1 up'],
    [['show'], "missing required argument 'kind'"],
  ])('%j is a usage error', async (words, text) => {
    const { err, out, code } = await rampd(words);
    expect(err).toContain(text);
    expect(out).toBe('');
    expect(code).toBe(2);
  });

  it('why prints the binding reason, or JSON', async () => {
    expect((await rampd(['why', 'cold-1/microsoft'])).out).toContain('1. window w17');
    expect(JSON.parse((await rampd(['why', 'cold-1', '--json'])).out)).toEqual(why({ name: 'cold-1' }));
  });
});

describe('forecast', () => {
  it('prints days, or JSON', async () => {
    expect((await rampd(['forecast', 'bulk'])).out).toContain('pool bulk: 5,000 wait, 3,800 will leave');
    expect(JSON.parse((await rampd(['forecast', 'bulk', '--json'])).out)).toEqual(forecast({ pool: 'bulk' }));
    operations.trouble = new Refusal('there is no pool x');
    expect(await rampd(['forecast', 'x'])).toEqual({ out: '', err: 'rampd: there is no pool x\n', code: 1 });
  });
});

describe('acting', () => {
  it('pauses and resumes, and names what was meant', async () => {
    expect((await rampd(['pause', 'cold-*', '--why', 'looking into it'])).out).toBe('paused cold-*\n');
    expect((await rampd(['resume', 'cold-*'])).out).toBe('resumed cold-*\n');
    expect(args('pause')).toEqual([['cold-*', { ...ann, why: 'looking into it' }]]);
    expect(args('resume')).toEqual([['cold-*', ann]]);
  });

  it('undoes an act', async () => {
    expect((await rampd(['undo', '41', '--why', 'wrong one'])).out).toBe('record 41 is undone: cold-1 is at stage 8/28, 412/h\n');
    expect(args('undo')).toEqual([[41, { ...ann, why: 'wrong one' }]]);
    expect(await rampd(['undo', 'x'])).toMatchObject({ out: '', code: 2 });
  });

  it('lifts a window', async () => {
    expect((await rampd(['lift', 'w17'])).out).toBe('window w17 is lifted\n');
    expect(args('lift')).toEqual([['w17', ann]]);
  });

  it.each([
    [
      ['hold', 'cold-1', '--why', 'x'],
      ['hold', 'cold-1', {}],
    ],
    [
      ['release', 'cold-1', '--why', 'x', '--provider', 'microsoft'],
      ['release', 'cold-1', { provider: 'microsoft' }],
    ],
    [
      ['advance', 'cold-1', '--why', 'x'],
      ['advance', 'cold-1', {}],
    ],
    [
      ['step-back', 'cold-1', '--why', 'x', '--stage', '3'],
      ['step-back', 'cold-1', { stage: 3 }],
    ],
    [
      ['graduate', 'cold-1', '--why', 'x'],
      ['graduate', 'cold-1', {}],
    ],
    [
      ['restart', 'cold-1', '--why', 'x', '--stage', '2'],
      ['restart', 'cold-1', { stage: 2 }],
    ],
  ])('%j', async (words, expected) => {
    expect((await rampd(words)).out).toBe('cold-1 is held at stage 8 of 28\n');
    expect(args('stage')).toEqual([[...expected, { ...ann, why: 'x' }]]);
  });

  it.each([
    [['hold', 'cold-1'], "required option '--why <text>' not specified"],
    [['hold', 'cold-1', '--why', 'x', '--stage', '3'], "unknown option '--stage'"],
    [['advance', 'cold-1', '--why', 'x', '--stage', 'three'], 'whole number from 1 up'],
  ])('%j is a usage error', async (words, text) => {
    const { err, code } = await rampd(words);
    expect(err).toContain(text);
    expect(code).toBe(2);
    expect(operations.asked).toEqual([]);
  });

  it('retries', async () => {
    expect((await rampd(['retry', 'outlook.com@marketing'])).out).toBe('7 recipients are due now; limits still hold\n');
    expect(args('retry')).toEqual([['outlook.com@marketing', ann]]);
  });

  it('reloads, with warnings on stderr', async () => {
    const { out, err } = await rampd(['reload']);
    expect([out, err]).toEqual(['reloaded\n', 'rampd.yaml:3:1: warning: something\n']);
  });

  it('stops, and waits until nobody answers', async () => {
    operations.onStop = async () => control?.close();
    expect(await rampd(['stop'])).toMatchObject({ out: 'stopped\n', code: undefined });
    control = undefined;
  });

  it('stops without waiting, or says that it waited too long', async () => {
    expect((await rampd(['stop', '--no-wait'])).out).toBe('stopping\n');
    const late = await rampd(['stop', '--timeout', '1ms']);
    expect(late).toMatchObject({ out: '', code: 1 });
    expect(late.err).toContain('still stopping');
  });

  it.each([
    [{ SUDO_USER: 'bob', USER: 'root' }, 'bob'],
    [{ LOGNAME: 'eve' }, 'eve'],
    [{}, 'operator'],
    [{ USER: '\x1b[2Jmallory' }, '[2Jmallory'],
  ])('signs with the operator of %j', async (env, author) => {
    await rampd(['lift', 'w17'], { env });
    expect(args('lift')).toEqual([['w17', { author }]]);
  });
});

describe('delete', () => {
  it('passes every filter', async () => {
    const words = [
      '--queue',
      'a@b',
      '--from',
      '*@x',
      '--rcpt',
      '*@y',
      '--job',
      'j',
      '--older-than',
      '2d',
      '--message',
      'm',
      '--dsn',
      '--yes',
    ];
    expect((await rampd(['delete', ...words])).out).toBe('3 recipients were deleted\n');
    const filter = { queue: 'a@b', from: '*@x', rcpt: '*@y', job: 'j', olderThan: 172_800_000, message: 'm', dsn: true };
    expect(args('remove')).toEqual([[filter, ann]]);
  });

  it.each([[['delete', '--yes']], [['delete', '--dsn', '--yes']]])('refuses %j, which would delete all', async words => {
    const { err, code } = await rampd(words);
    expect(err).toContain('needs at least one of --queue');
    expect(code).toBe(2);
    expect(operations.asked).toEqual([]);
  });

  it('does not guess where nobody can be asked', async () => {
    const { err, code } = await rampd(['delete', '--job', 'j']);
    expect(err).toContain('say --yes');
    expect(code).toBe(2);
    expect(operations.asked).toEqual([]);
  });

  it.each([
    ['y\n', 1],
    ['YES\n', 1],
    ['n\n', 0],
    ['\n', 0],
    ['yesterday\n', 0],
    [undefined, 0],
  ])('asks a person, who answers %j', async (stdin, deletions) => {
    const { err, out } = await rampd(['delete', '--from', '', '--older-than', '90m'], {
      tty: true,
      ...(stdin === undefined ? {} : { stdin }),
    });
    expect(err).toBe('Delete all waiting mail from <>, older than 1h30m? [y/N] ');
    expect(args('remove')).toHaveLength(deletions);
    expect(out).toBe(deletions === 1 ? '3 recipients were deleted\n' : 'nothing was deleted\n');
  });
});

describe('journal', () => {
  beforeEach(() => {
    operations.lines = [
      feedLine(1, { time: '2026-03-01T04:00:00.000Z', type: 'stage-advanced' }),
      feedLine(2, { time: '2026-03-02T13:00:00.000Z' }),
      feedLine(3, { time: '2026-03-02T13:30:00.000Z', type: 'window-closed', source: 'cold-2' }),
      feedLine(4, { time: '2026-03-02T13:40:00.000Z', type: 'reloaded', author: 'operator:ann' }),
    ];
    const { source: _, provider: __, window: ___, ...daemonWide } = feedLine(4, { type: 'reloaded', time: '2026-03-02T13:40:00.000Z' });
    operations.lines[3] = daemonWide;
  });
  const ids = (out: string) =>
    out
      .split('\n')
      .filter(line => line !== '')
      .map(line => (JSON.parse(line) as { id: number }).id);

  it.each([
    [[], [1, 2, 3, 4]],
    [
      ['--since', '2h'],
      [2, 3, 4],
    ],
    [
      ['--type', 'window-*'],
      [2, 3],
    ],
    [
      ['--source', 'cold-*'],
      [1, 2, 3],
    ],
    [['--source', 'cold-2', '--since', '2h'], [3]],
    [
      ['--provider', 'micro*'],
      [1, 2, 3],
    ],
  ])('%j', async (words, expected) => {
    expect(ids((await rampd(['journal', '--json', ...words])).out)).toEqual(expected);
  });

  it('has what the daemon’s memory has not, and filters in the daemon', async () => {
    operations.old = operations.lines.splice(0, 2);
    expect(ids((await rampd(['journal', '--json'])).out)).toEqual([1, 2, 3, 4]);
    await rampd(['journal', '--since', '2h', '--type', 'window-*', '--source', 'cold-1', '--provider', 'x']);
    const [, [filter, after] = []] = args('journal');
    expect(filter).toEqual({ since: Date.parse(NOW) - 7_200_000, type: 'window-*', source: 'cold-1', provider: 'x' });
    expect(after).toBe(0);
  });

  describe('without a daemon', () => {
    const record = (id: number, minutesAgo: number, more: Partial<JournalRecord> = {}): string =>
      JSON.stringify({
        id,
        at: id,
        time: new Date(Date.now() - minutesAgo * 60_000).toISOString(),
        type: 'window-opened',
        author: 'rule:x/y',
        text: `no ${id}`,
        source: 'cold-1',
        ...more,
      });
    beforeEach(async () => {
      await control?.close();
      control = undefined;
      writeFileSync(join(dir, 'journal.ndjson.2'), `${record(1, 300)}\n${record(2, 200, { type: 'paused', provider: 'microsoft' })}\n`);
      // The last line is torn: the daemon died in it.
      writeFileSync(join(dir, 'journal.ndjson'), `${record(3, 60)}\n${record(4, 1, { source: 'cold-2' })}\n${record(5, 0).slice(0, 30)}`);
    });

    it.each([
      [[], [1, 2, 3, 4]],
      [
        ['--since', '2h'],
        [3, 4],
      ],
      [['--source', 'cold-1', '--type', 'paused', '--provider', 'm*'], [2]],
    ])('%j reads the files, changes nothing and says so', async (words, expected) => {
      const before = readdirSync(dir).map(name => [name, readFileSync(join(dir, name), 'utf8')]);
      const { out, err, code } = await rampd(['journal', '--json', ...words]);
      expect(ids(out)).toEqual(expected);
      expect(err).toBe(`rampd: no daemon answers; this is ${join(dir, 'journal.ndjson')}\n`);
      expect(code).toBeUndefined();
      expect(readdirSync(dir).map(name => [name, readFileSync(join(dir, name), 'utf8')])).toEqual(before);
    });

    it('has nobody to follow, and no files when only a socket is named', async () => {
      const { out, err, code } = await rampd(['journal', '-f', '--json']);
      expect(ids(out)).toEqual([1, 2, 3, 4]);
      expect(err).toContain('rampd: no daemon answers at ');
      expect(code).toBe(1);
      expect(await rampd(['journal', '--socket', socket])).toMatchObject({ out: '', code: 1 });
    });

    it('names the place where the files are damaged', async () => {
      writeFileSync(join(dir, 'journal.ndjson'), `garbage\n${record(4, 1)}\n`);
      const { err, code } = await rampd(['journal']);
      expect(err).toContain('journal.ndjson:1:1: the journal is damaged here: not JSON');
      expect(code).toBe(2);
    });
  });

  it('prints lines for people', async () => {
    const { out } = await rampd(['journal', '--type', 'window-closed']);
    expect(out).toMatch(/^ {5}3 {2}.* window-closed {4}cold-2\/microsoft {2}cold-1\/microsoft slowed to 60\/h for 90m \[rule:microsoft/);
  });

  it('follows until the daemon ends, and says so', async () => {
    const io = fakeIo({ cwd: dir });
    const running = run(['journal', '-f', '--json'], io, '0.1.0');
    await expect.poll(() => operations.listeners).toBe(1);
    operations.say(feedLine(5));
    await expect.poll(() => ids(io.written.out)).toEqual([1, 2, 3, 4, 5]);
    await control?.close();
    control = undefined;
    await running;
    expect(io.written).toMatchObject({ err: 'rampd: the daemon has ended\n', code: 1 });
  });
});

describe('trouble', () => {
  it('of a refusal is one sentence and exit code 1', async () => {
    operations.trouble = new Refusal('there is no window w99');
    expect(await rampd(['lift', 'w99'])).toEqual({ out: '', err: 'rampd: there is no window w99\n', code: 1 });
  });

  it('of faults names their places and is exit code 2', async () => {
    operations.trouble = new FaultError([
      { code: 'a', place: { file: 'rampd.yaml', line: 7, col: 3 }, what: 'a bare 0 is no rate', hint: 'say none' },
      { code: 'b', place: { file: 'rampd.yaml', line: 9, col: 1 }, what: 'unknown key' },
    ]);
    expect(await rampd(['reload'])).toEqual({
      out: '',
      err: 'rampd.yaml:7:3: a bare 0 is no rate; say none\nrampd.yaml:9:1: unknown key\n',
      code: 2,
    });
  });

  it('shows a stack to those who ask for it only', async () => {
    operations.trouble = new Error('broken');
    expect((await rampd(['why', 'x'])).err).toBe('rampd: broken\n');
    expect((await rampd(['--debug', 'why', 'x'])).err).toContain('\n    at ');
    expect((await rampd(['why', 'x', '--debug'])).err).toContain('\n    at ');
  });

  it('of a daemon that is away says what to do', async () => {
    const { err, code } = await rampd(['status', '--socket', 'other.sock']);
    expect(err).toBe(
      `rampd: no daemon answers at ${join(dir, 'other.sock')}: is it running? start it with \`rampd start\`, or name its socket with --socket\n`,
    );
    expect(code).toBe(1);
  });
});
