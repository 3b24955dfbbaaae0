/**
 * The real program in its own process: exit codes, pipes that close, and what must not be loaded.
 *
 * The sources are transpiled into a folder in which only commander and yaml can be found: a command that talks to the
 * daemon and needs more would fail here.
 */
import { spawn } from 'node:child_process';
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import ts from 'typescript';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { startControl, type Control } from '../../src/control/server.js';
import { FakeOperations, queue } from '../control/fake-operations.js';

const ROOT = resolve(import.meta.dirname, '../..');
let dir: string;
let control: Control;
const operations = new FakeOperations();

beforeAll(async () => {
  dir = mkdtempSync(join(tmpdir(), 'rampd-main-'));
  for (const part of ['main.ts', 'commands', 'control', 'kernel']) transpile(join(ROOT, 'src', part), join(dir, 'dist', part));
  writeFileSync(join(dir, 'package.json'), readFileSync(join(ROOT, 'package.json')));
  mkdirSync(join(dir, 'node_modules'));
  for (const name of ['commander', 'yaml']) symlinkSync(join(ROOT, 'node_modules', name), join(dir, 'node_modules', name));
  writeFileSync(join(dir, 'rampd.yaml'), 'state-dir: .\n');
  control = await startControl({ socket: join(dir, 'rampd.sock'), operations, log: { info: () => {}, error: () => {} } });
});
afterAll(async () => {
  await control.close();
  rmSync(dir, { recursive: true, force: true });
});

function transpile(from: string, to: string): void {
  if (!/\.tsx?$/.test(from)) {
    for (const name of readdirSync(from)) transpile(join(from, name), join(to, name));
    return;
  }
  mkdirSync(dirname(to), { recursive: true });
  const { outputText } = ts.transpileModule(readFileSync(from, 'utf8'), {
    compilerOptions: { target: ts.ScriptTarget.ES2023, module: ts.ModuleKind.ESNext, verbatimModuleSyntax: true },
  });
  writeFileSync(to.replace(/\.tsx?$/, '.js'), outputText);
}

function rampd(
  words: string[],
  onOut?: (child: ReturnType<typeof spawn>) => void,
): Promise<{ out: string; err: string; code: number | null }> {
  return new Promise((resolve, reject) => {
    const child = spawn(process.execPath, [join(dir, 'dist', 'main.js'), ...words], { cwd: dir, stdio: ['ignore', 'pipe', 'pipe'] });
    let out = '';
    let err = '';
    child.stdout.on('data', chunk => {
      out += String(chunk);
      onOut?.(child);
    });
    child.stderr.on('data', chunk => (err += String(chunk)));
    child.once('error', reject);
    child.once('close', code => resolve({ out, err, code }));
  });
}

describe('the process', () => {
  it('asks the daemon with nothing but commander, yaml and node', async () => {
    const { out, err, code } = await rampd(['status']);
    expect(err).toBe('');
    expect(code).toBe(0);
    expect(out).toContain('cold-1');
  });

  it('would notice a heavy import: the server is not to be found there', async () => {
    const { err } = await new Promise<{ err: string }>(resolve => {
      const child = spawn(
        process.execPath,
        ['--input-type=module', '-e', `await import(${JSON.stringify(join(dir, 'dist/control/server.js'))})`],
        { cwd: dir },
      );
      let text = '';
      child.stderr.on('data', chunk => (text += String(chunk)));
      child.once('close', () => resolve({ err: text }));
    });
    expect(err).toContain("Cannot find package 'fastify'");
  });

  it('tells the version of its package', async () => {
    const { version } = JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8')) as { version: string };
    expect(await rampd(['--version'])).toEqual({ out: `${version}\n`, err: '', code: 0 });
  });

  it('ends with 1 when it failed and with 2 when it was asked wrongly, in a sentence', async () => {
    const away = await rampd(['status', '--socket', 'nothing.sock']);
    expect(away).toMatchObject({ out: '', code: 1 });
    expect(away.err).toMatch(/^rampd: no daemon answers at .*\n$/);
    expect(await rampd(['why'])).toEqual({ out: '', err: "rampd: missing required argument 'target'\n", code: 2 });
    expect((await rampd(['status', '-c', 'missing.yaml'])).code).toBe(2);
  });

  it('writes all of a long answer into a pipe', async () => {
    operations.queueList = Array.from({ length: 20_000 }, (_, i) => queue({ domain: `d${i}.example` }));
    const { out, code } = await rampd(['show', 'queues', '--json']);
    expect(JSON.parse(out)).toHaveLength(20_000);
    expect(code).toBe(0);
  });

  it('ends quietly when the reader has gone', async () => {
    operations.queueList = Array.from({ length: 20_000 }, (_, i) => queue({ domain: `d${i}.example` }));
    const { err, code } = await rampd(['show', 'queues'], child => child.stdout?.destroy());
    expect(err).toBe('');
    expect(code).toBe(0);
  });
});
