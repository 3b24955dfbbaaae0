/**
 * The house: imports go one way, govern/ has no I/O, siblings do not know each other, rooms have names.
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
    .map(name => ({ from, to: resolve(dirname(from), name.replace(/\.js$/, '.ts')) })),
);

describe('the house', () => {
  it('has imports that go one way', () => {
    const wrong = internal.filter(({ from, to }) => {
      const [a, b] = [room(from), room(to)];
      const allowed = MAY[a];
      if (!allowed) return true;
      return a !== b && !allowed.includes(b) && !allowed.includes(relative(SRC, to));
    });
    expect(wrong.map(w => `${relative(SRC, w.from)} → ${relative(SRC, w.to)}`)).toEqual([]);
  });

  it('notices an import against the direction', () => {
    expect(MAY.kernel).not.toContain('govern');
    expect(MAY.govern).not.toContain('deliver');
    expect(internal.length).toBeGreaterThan(0);
  });

  it('keeps govern/ and the kernel free of I/O, timers, dice and the real clock', () => {
    const pure = files.filter(f => ['govern', 'kernel'].includes(room(f)));
    const offences = pure.flatMap(path => {
      const code = readFileSync(path, 'utf8').replace(/\/\*[\s\S]*?\*\/|\/\/.*$/gm, '');
      const found = [/Date\.now/, /Math\.random/, /'node:/, /setTimeout|setInterval|setImmediate/, /process\./, /performance\./].filter(p =>
        p.test(code),
      );
      return found.map(p => `${relative(SRC, path)}: ${p.source}`);
    });
    expect(offences).toEqual([]);
  });

  it('has no utils, helpers or managers', () => {
    expect(files.map(f => relative(SRC, f)).filter(f => /util|helper|manager/i.test(f))).toEqual([]);
  });

  it('reads argv and the environment in main.ts alone', () => {
    const readers = files.filter(f => /process\.(argv|env)\b/.test(readFileSync(f, 'utf8')));
    expect(readers.map(f => relative(SRC, f)).filter(f => f !== 'main.ts')).toEqual([]);
  });
});
