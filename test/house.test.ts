/**
 * The house: imports go one way and in no circle, siblings do not know each other, govern/ and whatever says it is pure have no
 * I/O, the real clock is read at named edges, rooms have names.
 */
import { readFileSync, readdirSync } from 'node:fs';
import { dirname, join, relative, resolve } from 'node:path';
import { describe, expect, it } from 'vitest';

const SRC = resolve(import.meta.dirname, '../src');

/** Who may import whom; a folder may always import itself. */
const MAY: Readonly<Record<string, readonly string[]>> = {
  kernel: [],
  config: ['kernel'],
  route: ['kernel'],
  outcome: ['kernel'],
  govern: ['kernel'],
  accept: ['kernel', 'config', 'route', 'outcome', 'govern'],
  spool: ['kernel', 'config', 'route', 'outcome', 'govern'],
  deliver: ['kernel', 'config', 'route', 'outcome', 'govern'],
  rehearse: ['kernel', 'config', 'route', 'outcome', 'govern'],
  control: ['kernel', 'config', 'route', 'outcome', 'govern', 'accept', 'spool', 'deliver', 'rehearse'],
  daemon: ['kernel', 'config', 'route', 'outcome', 'govern', 'accept', 'spool', 'deliver', 'control'],
  tui: ['kernel', 'control/view.ts', 'control/reason-text.ts'],
  commands: ['kernel', 'config', 'route', 'outcome', 'govern', 'accept', 'spool', 'deliver', 'rehearse', 'control', 'daemon', 'tui'],
  main: ['kernel', 'commands'],
};

interface Import {
  readonly from: string;
  readonly to: string;
}

function sources(dir: string): string[] {
  return readdirSync(dir, { withFileTypes: true }).flatMap(entry => {
    const path = join(dir, entry.name);
    return entry.isDirectory() ? sources(path) : /\.tsx?$/.test(entry.name) ? [path] : [];
  });
}

function importsOf(path: string): string[] {
  const text = readFileSync(path, 'utf8');
  return [...text.matchAll(/(?:from|import)\s*\(?\s*'([^']+)'/g)].map(m => m[1] ?? '');
}

/** `src/daemon.ts` and `src/daemon/x.ts` are both of the room `daemon`. */
const room = (path: string) =>
  relative(SRC, path)
    .split('/')[0]
    ?.replace(/\.tsx?$/, '') ?? '';

const files = sources(SRC);
const internal: Import[] = files.flatMap(from =>
  importsOf(from)
    .filter(name => name.startsWith('.'))
    .map(name => ({ from, to: fileOf(resolve(dirname(from), name)) })),
);

function fileOf(path: string): string {
  const stem = path.replace(/\.js$/, '');
  return files.find(file => file === `${stem}.ts` || file === `${stem}.tsx`) ?? `${stem}.ts`;
}

function againstTheDirection({ from, to }: Import): boolean {
  const [a, b] = [room(from), room(to)];
  const allowed = MAY[a];
  if (!allowed) return true;
  return a !== b && !allowed.includes(b) && !allowed.includes(relative(SRC, to));
}

const named = (paths: readonly string[]): string[] => paths.map(path => relative(SRC, path));

/** The comment a file begins with: what it is and what it promises. */
const headOf = (text: string): string => /^(?:#!.*\n)?\/\*\*[\s\S]*?\*\//.exec(text)?.[0] ?? '';
const code = (text: string): string => text.replace(/\/\*[\s\S]*?\*\/|(?<![:'"`])\/\/.*$/gm, '');

/** Modules of node that compute and do nothing else (of `net` only isIP). */
const COMPUTING = ['crypto', 'url', 'net', 'stream'];

/** What a pure file never asks for, by name. */
const WORLD = {
  'the real clock': /\bDate\.now\b|\bnew Date\(\)|\bperformance\.now\b/,
  dice: /\bMath\.random\b|\brandom(?:Bytes|Int|UUID)\b/,
  timers: /\bset(?:Timeout|Interval|Immediate)\b/,
  process: /\bprocess\./,
} as const;
const askedOfTheWorld = (text: string): string[] =>
  Object.entries(WORLD).flatMap(([what, pattern]) => (pattern.test(code(text)) ? [what] : []));

function impurities(text: string, computing: readonly string[]): string[] {
  const modules = [...code(text).matchAll(/'node:([a-z/_]+)'/g)].flatMap(([, name = '']) =>
    computing.includes(name) ? [] : [`node:${name}`],
  );
  const sockets = /import (?!\{ isIP(?:v[46])?(?:, isIPv[46])* \}|type )[^;]*'node:net'/.test(code(text)) ? ['node:net'] : [];
  return [...askedOfTheWorld(text), ...modules, ...sockets];
}

/** Where policy time comes from, and what has nothing to do with it: sockets and screens of people. Nobody else reads a clock. */
const CLOCK_READERS = [
  'commands/lab/run.ts',
  'commands/progress.ts',
  'commands/send.ts',
  'commands/sink.ts',
  'control/client.ts',
  'control/server.ts',
  'daemon/doctor/probe.ts',
  'daemon/system-clock.ts',
  'deliver/connect.ts',
  'rehearse/virtual-clock.ts',
  'rehearse/world.ts',
  'tui/run.tsx',
];

/** A way of imports that comes back to where it began; type-only imports are no way. */
function circle(): string[] | undefined {
  const next = new Map(files.map(file => [file, valueImports(file)]));
  const done = new Set<string>();
  const walk = (file: string, way: readonly string[]): string[] | undefined => {
    if (way.includes(file)) return [...way.slice(way.indexOf(file)), file];
    if (done.has(file)) return undefined;
    for (const to of next.get(file) ?? []) {
      const found = walk(to, [...way, file]);
      if (found) return found;
    }
    done.add(file);
    return undefined;
  };
  for (const file of files) {
    const found = walk(file, []);
    if (found) return named(found);
  }
  return undefined;
}

function valueImports(path: string): string[] {
  return [...readFileSync(path, 'utf8').matchAll(/^(?:import|export)\s+(?!type\s)([^;]*?)from\s+'(\.[^']+)'/gm)]
    .filter(([, names = '']) => !/^\{(?:\s*type\s+\w+,?)+\s*\}\s*$/.test(names))
    .map(([, , name = '']) => fileOf(resolve(dirname(path), name)));
}

describe('the house', () => {
  it('has imports that go one way', () => {
    expect(internal.length).toBeGreaterThan(1_000);
    expect(internal.filter(againstTheDirection).map(w => `${relative(SRC, w.from)} → ${relative(SRC, w.to)}`)).toEqual([]);
  });

  it.each([
    ['kernel/units.ts', 'govern/pace.ts'],
    ['govern/pace.ts', 'spool/store.ts'],
    ['config/load.ts', 'route/router.ts'],
    ['outcome/hook.ts', 'route/mta-sts-fetch.ts'],
    ['deliver/dispatcher.ts', 'spool/store.ts'],
    ['control/server.ts', 'daemon.ts'],
    ['daemon/books.ts', 'rehearse/world.ts'],
    ['tui/model.ts', 'control/client.ts'],
    ['main.ts', 'daemon.ts'],
    ['attic/thing.ts', 'kernel/units.ts'],
  ])('would notice %s importing %s', (from, to) => {
    expect(againstTheDirection({ from: join(SRC, from), to: join(SRC, to) })).toBe(true);
  });

  it('has no imports in a circle', () => {
    expect(circle()).toBeUndefined();
  });

  it('keeps govern/ and the kernel free of I/O, timers, dice and the real clock', () => {
    const pure = files.filter(f => ['govern', 'kernel'].includes(room(f)));
    expect(pure.flatMap(path => impurities(readFileSync(path, 'utf8'), []).map(what => `${relative(SRC, path)}: ${what}`))).toEqual([]);
  });

  it('takes a file at its word that says it is pure', () => {
    const pure = files.filter(f => /\bPure\b/.test(headOf(readFileSync(f, 'utf8'))));
    expect(pure.length).toBeGreaterThan(100);
    expect(pure.flatMap(path => impurities(readFileSync(path, 'utf8'), COMPUTING).map(what => `${relative(SRC, path)}: ${what}`))).toEqual(
      [],
    );
  });

  it.each([
    ['const at = Date.now();', ['the real clock']],
    ['const at = new Date();', ['the real clock']],
    ['const id = randomBytes(8), n = Math.random();', ['dice']],
    ['setTimeout(go, 5);', ['timers']],
    ['process.exit(1);', ['process']],
    ["import { readFileSync } from 'node:fs';", ['node:fs']],
    ["import net from 'node:net';", ['node:net']],
    ["import { connect } from 'node:net';", ['node:net']],
    ["import { isIP } from 'node:net';", []],
    ["import { createHash } from 'node:crypto'; // not Date.now()", []],
  ])('calls %s impure, or does not', (text, what) => {
    expect(impurities(text, COMPUTING)).toEqual(what);
  });

  it('reads the real clock at its edges alone, and throws dice in daemon.ts', () => {
    const asking = (pattern: RegExp) => named(files.filter(f => pattern.test(code(readFileSync(f, 'utf8')))));
    expect(asking(WORLD['the real clock']).sort()).toEqual(CLOCK_READERS);
    expect(asking(/\bMath\.random\b/)).toEqual(['daemon.ts']);
  });

  it('says in each file what it is', () => {
    expect(named(files.filter(f => headOf(readFileSync(f, 'utf8')) === ''))).toEqual([]);
  });

  it('has no utils, helpers or managers', () => {
    expect(named(files).filter(f => /util|helper|manager/i.test(f))).toEqual([]);
  });

  it('reads argv and the environment in main.ts alone', () => {
    const readers = files.filter(f => /process\.(argv|env)\b/.test(readFileSync(f, 'utf8')));
    expect(named(readers).filter(f => f !== 'main.ts')).toEqual([]);
  });
});
