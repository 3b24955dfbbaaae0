import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { COMMANDS, run } from '../../src/commands/program.js';
import { socketPath } from '../../src/commands/socket-path.js';
import { register, type Running } from '../../src/commands/start.js';
import { loadSettings } from '../../src/config/load.js';
import { FaultError } from '../../src/kernel/fault.js';
import { fakeIo } from './fake-io.js';

let dir: string;
beforeEach(() => void (dir = mkdtempSync(join(tmpdir(), 'rampd-program-'))));
afterEach(() => rmSync(dir, { recursive: true, force: true }));

async function rampd(words: string[]) {
  const io = fakeIo({ cwd: dir });
  await run(words, io, '1.2.3');
  return io.written;
}

describe('the program', () => {
  it('tells its version and helps, with exit code 0', async () => {
    expect(await rampd(['--version'])).toEqual({ out: '1.2.3\n', err: '', code: 0 });
    const help = await rampd(['--help']);
    expect(help.code).toBe(0);
    for (const name of COMMANDS.flatMap(entry => entry.names)) expect(help.out).toMatch(new RegExp(`^  ${name} `, 'm'));
    expect((await rampd(['why', '--help'])).out).toContain('rampd why [options] <target>');
    expect((await rampd(['help', 'why'])).out).toContain('rampd why [options] <target>');
  });

  it.each([
    [[], 'Usage: rampd'],
    [['stauts'], "rampd: unknown command 'stauts'\n(Did you mean status?)\n"],
    [['status', '--jsn'], "rampd: unknown option '--jsn'\n(Did you mean --json?)\n"],
    [['status', 'now'], 'too many arguments'],
    [['why'], "missing required argument 'target'"],
  ])('%j is a usage error', async (words, text) => {
    const { out, err, code } = await rampd(words);
    expect(err).toContain(text);
    expect(out).toBe('');
    expect(code).toBe(2);
  });

  it('loads only what the command needs, and everything for help and slips', async () => {
    const loaded: string[] = [];
    const entries = COMMANDS.map(entry => ({ ...entry, load: () => (loaded.push(...entry.names), entry.load()) }));
    await run(['resume', '--help'], fakeIo(), '1', entries);
    expect(loaded).toEqual(['pause', 'resume']);
    loaded.length = 0;
    await run(['--debug', 'lift', '--help'], fakeIo(), '1', entries);
    expect(loaded).toEqual(['lift']);
    loaded.length = 0;
    await run(['lfit'], fakeIo(), '1', entries);
    expect(loaded).toHaveLength(COMMANDS.flatMap(entry => entry.names).length);
  });

  it('holds every command there is', async () => {
    const folder = resolve(import.meta.dirname, '../../src/commands');
    const files = readdirSync(folder).filter(file => file.endsWith('.ts'));
    const modules = files.filter(file => /^export function register\(/m.test(readFileSync(join(folder, file), 'utf8')));
    const text = readFileSync(join(folder, 'program.ts'), 'utf8');
    expect(modules.filter(file => !text.includes(`import('./${file.replace(/\.tsx?$/, '.js')}')`))).toEqual([]);
    for (const entry of COMMANDS) {
      const module = await entry.load();
      expect(typeof module.register).toBe('function');
    }
  });
});

describe('the socket', () => {
  const at = (yaml: string) => {
    mkdirSync(join(dir, 'etc'), { recursive: true });
    writeFileSync(join(dir, 'etc', 'r.yaml'), yaml);
    return socketPath({ config: 'etc/r.yaml' }, fakeIo({ cwd: dir }));
  };

  it('is the one named, relative to where one stands', async () => {
    expect(await socketPath({ socket: 'x.sock', config: 'missing.yaml' }, fakeIo({ cwd: dir }))).toBe(join(dir, 'x.sock'));
  });

  it.each([
    ['control: { socket: /run/rampd/rampd.sock }', '/run/rampd/rampd.sock'],
    ['control: { socket: run/r.sock }\nstate-dir: /var', 'etc/run/r.sock'],
    ['state-dir: ../state', 'state/rampd.sock'],
    ['state-dir: /var/lib/rampd', '/var/lib/rampd/rampd.sock'],
    ['x: &d /var/lib/rampd\nstate-dir: *d', '/var/lib/rampd/rampd.sock'],
    ['state-dir: /var/lib/rampd\nsources: [broken\n', '/var/lib/rampd/rampd.sock'],
    ['state-dir: /var/lib/rampd\nmax-recipients: 0\nnonsense: 1', '/var/lib/rampd/rampd.sock'],
  ])('of %j is %s, faults or not', async (yaml, expected) => {
    expect(await at(yaml)).toBe(resolve(dir, expected));
  });

  it.each([
    ['', 'neither control.socket nor state-dir'],
    ['[]', 'neither control.socket nor state-dir'],
    ['control: 3\nstate-dir: 4', 'neither control.socket nor state-dir'],
    ['a: *nowhere', 'neither control.socket nor state-dir'],
  ])('of %j is not known', async (yaml, text) => {
    await expect(at(yaml)).rejects.toThrow(text);
  });

  it('needs a configuration that can be read', async () => {
    await expect(socketPath({ config: 'missing.yaml' }, fakeIo({ cwd: dir }))).rejects.toThrow(
      'cannot read missing.yaml: there is no such file',
    );
    await expect(socketPath({ config: '.' }, fakeIo({ cwd: dir }))).rejects.toThrow('it is a folder');
  });

  it.each(['control: { socket: run/r.sock }', '', 'control: { socket: /run/rampd/rampd.sock }'])(
    'is where the daemon listens: %j',
    async control => {
      const yaml = [
        'host-name: mta.example.com',
        'state-dir: ../state',
        'listeners: [{ address: "127.0.0.1:2525" }]',
        'clients: [{ from: ["127.0.0.0/8"], pool: all }]',
        'sources: { hot: { address: 192.0.2.10, host-name: mta1.example.com, warm-up: none } }',
        'pools: { all: { sources: [hot] } }',
        control,
      ].join('\n');
      const file = 'etc/r.yaml';
      const reader = { cwd: dir, text: (path: string) => (path === file ? yaml : undefined), list: () => [] };
      const { settings, faults } = loadSettings(file, reader);
      expect(faults).toEqual([]);
      expect(await at(yaml)).toBe(settings?.control.socket);
    },
  );
});

describe('start', () => {
  function started() {
    const calls: unknown[] = [];
    let end: (code: 0 | 1) => void = () => {};
    const handlers = new Map<string, () => void>();
    const daemon: Running = {
      done: new Promise(resolve => (end = resolve)),
      reload: async author => {
        calls.push(['reload', author]);
        if (calls.length > 1) throw new FaultError([{ code: 'x', place: { file: 'rampd.yaml', line: 1, col: 2 }, what: 'no' }]);
        return { warnings: ['a warning'] };
      },
      stop: async author => void calls.push(['stop', author]),
    };
    const io = fakeIo({ cwd: dir });
    const surroundings = {
      start: async (options: unknown) => (calls.push(['start', options]), calls.pop(), daemon),
      signals: { on: (signal: string, listener: () => void) => void handlers.set(signal, listener) },
    };
    const entry = {
      names: ['start'],
      load: async () => ({ register: (program: Parameters<typeof register>[0], to: typeof io) => register(program, to, surroundings) }),
    };
    return { calls, end: (code: 0 | 1) => end(code), handlers, io, entry, surroundings };
  }

  it('runs until the daemon is done, and ends with its code', async () => {
    const { io, entry, end, handlers, calls } = started();
    const running = run(['start', '-c', 'r.yaml'], io, '1', [entry]);
    await expect.poll(() => handlers.size).toBe(3);
    expect(io.written.code).toBeUndefined();
    handlers.get('SIGTERM')?.();
    expect(calls).toEqual([['stop', 'signal:SIGTERM']]);
    end(1);
    await running;
    expect(io.written.code).toBe(1);
  });

  it('gives the daemon its file, its folder and --debug wherever it stands', async () => {
    for (const words of [
      ['--debug', 'start', '-c', 'r.yaml'],
      ['start', '-c', 'r.yaml', '--debug'],
    ]) {
      const { io, entry, end, surroundings } = started();
      let given: unknown;
      const inner = surroundings.start;
      surroundings.start = options => ((given = options), inner(options));
      end(0);
      await run(words, io, '1', [entry]);
      expect(given).toEqual({ settingsFile: 'r.yaml', cwd: dir, debug: true });
    }
  });

  it('ends at once on a second SIGINT', async () => {
    const { io, entry, handlers, calls } = started();
    void run(['start', '-c', 'r.yaml'], io, '1', [entry]);
    await expect.poll(() => handlers.size).toBe(3);
    handlers.get('SIGINT')?.();
    expect(io.written.code).toBeUndefined();
    handlers.get('SIGINT')?.();
    expect(io.written.code).toBe(1);
    expect(calls).toEqual([['stop', 'signal:SIGINT']]);
  });

  it('reloads on SIGHUP, and survives a faulty configuration', async () => {
    const { io, entry, handlers, calls } = started();
    void run(['start', '-c', 'r.yaml'], io, '1', [entry]);
    await expect.poll(() => handlers.size).toBe(3);
    handlers.get('SIGHUP')?.();
    await expect.poll(() => io.written.err).toBe('a warning\n');
    handlers.get('SIGHUP')?.();
    await expect.poll(() => io.written.err).toBe('a warning\nrampd.yaml:1:2: no\n');
    expect(calls).toEqual([
      ['reload', 'signal:SIGHUP'],
      ['reload', 'signal:SIGHUP'],
    ]);
    expect(io.written.code).toBeUndefined();
  });

  it('reports faults of the configuration with exit code 2', async () => {
    const { io, entry, surroundings } = started();
    surroundings.start = () => Promise.reject(new FaultError([{ code: 'x', place: { file: 'r.yaml', line: 3, col: 1 }, what: 'no' }]));
    await run(['start', '-c', 'r.yaml'], io, '1', [entry]);
    expect(io.written).toEqual({ out: '', err: 'r.yaml:3:1: no\n', code: 2 });
  });
});
