/**
 * kill -9 at any moment: every recipient that was reported durable is there with its body, or was being settled; none that
 * was reported settled comes back; totals are those of the rows.
 */
import { spawn } from 'node:child_process';
import { mkdirSync, readdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import ts from 'typescript';
import { beforeAll, describe, expect, it } from 'vitest';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { afterAll } from 'vitest';
import { close, folder, open } from './ground.js';

const ROOT = resolve(import.meta.dirname, '../..');
let build: string;

beforeAll(() => {
  build = mkdtempSync(join(tmpdir(), 'rampd-spool-build-'));
  for (const part of ['spool', 'kernel']) transpile(join(ROOT, 'src', part), join(build, part));
  writeFileSync(join(build, 'package.json'), '{"type":"module"}');
  symlinkSync(join(ROOT, 'node_modules'), join(build, 'node_modules'));
});
afterAll(() => rmSync(build, { recursive: true, force: true }));

function transpile(from: string, to: string): void {
  if (!from.endsWith('.ts')) {
    for (const name of readdirSync(from)) transpile(join(from, name), join(to, name));
    return;
  }
  mkdirSync(dirname(to), { recursive: true });
  const { outputText } = ts.transpileModule(readFileSync(from, 'utf8'), {
    compilerOptions: { target: ts.ScriptTarget.ES2023, module: ts.ModuleKind.ESNext, verbatimModuleSyntax: true },
  });
  writeFileSync(to.replace(/\.ts$/, '.js'), outputText);
}

/** Runs the child until it has said `lines` lines, kills it, and returns all it said. */
function runAndKill(dir: string, when: 'late' | 'early', lines: number): Promise<string[]> {
  return new Promise((resolveLines, reject) => {
    const child = spawn(process.execPath, [join(import.meta.dirname, 'crash-child.mjs'), build, dir, when], {
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    let out = '';
    let err = '';
    let said = 0;
    child.stdout.on('data', (chunk: Buffer) => {
      out += String(chunk);
      for (const byte of chunk) if (byte === 10) said++;
      if (said >= lines) child.kill('SIGKILL');
    });
    child.stderr.on('data', (chunk: Buffer) => (err += String(chunk)));
    child.once('error', reject);
    child.once('close', (_, signal) => {
      if (signal === 'SIGKILL') resolveLines(out.split('\n').slice(0, -1));
      else reject(new Error(`the child ended by itself: ${err}`));
    });
  });
}

class Witness {
  readonly accepted = new Map<string, number>();
  readonly begun = new Set<string>();
  readonly settled = new Set<string>();

  hear(lines: readonly string[]): void {
    for (const line of lines) {
      const [what, number = '', n = ''] = line.split(' ');
      if (what === 'A') this.accepted.set(number, Number(n));
      else if (what === 's') this.begun.add(`${number} ${n}`);
      else this.settled.add(`${number} ${n}`);
    }
  }

  /** What the spool in `dir` lost, brought back, or has only half of. */
  async complaints(dir: string): Promise<string[]> {
    const complaints: string[] = [];
    const store = await open(dir, { cacheBytes: 0 });
    const waiting = new Set<string>();
    const messages = new Set<number>();
    for (const queue of store.queues()) {
      const rows = await store.scan(queue, 1_000_000);
      if (rows.length !== queue.waiting) complaints.push(`${queue.domain} says ${queue.waiting}, has ${rows.length}`);
      for (const row of rows) {
        waiting.add(`${row.message} ${row.index}`);
        messages.add(row.message);
        const { envelope, content } = await store.body(row.body);
        const fill = Number(/^fill (\d+)$/.exec(envelope.job ?? '')?.[1]);
        if (content.length !== row.size || !content.every(byte => byte === fill)) complaints.push(`body of ${row.message}`);
      }
    }
    for (const [number, recipients] of this.accepted) {
      for (let i = 0; i < recipients; i++) {
        const id = `${number} ${i}`;
        if (!waiting.has(id) && !this.begun.has(id)) complaints.push(`lost ${id}`);
      }
    }
    for (const id of this.settled) if (waiting.has(id)) complaints.push(`came back ${id}`);
    const totals = store.totals();
    if (totals.accepted !== totals.delivered + waiting.size) complaints.push(`${totals.accepted} accepted, ${totals.delivered} delivered`);
    if (totals.waiting !== waiting.size || totals.messages !== messages.size)
      complaints.push(`${waiting.size} wait, not ${totals.waiting}`);
    if (totals.delivered < this.settled.size) complaints.push('outcomes were forgotten');
    await close(store);
    return complaints;
  }
}

describe('kill -9', () => {
  it('loses nothing that was durable and leaves nothing half', async () => {
    const dir = folder();
    const witness = new Witness();
    for (const lines of [1, 150, 37, 900, 411, 2_000]) {
      witness.hear(await runAndKill(dir, 'late', lines));
      expect(await witness.complaints(dir)).toEqual([]);
    }
    expect(witness.accepted.size).toBeGreaterThan(100);
    expect(witness.settled.size).toBeGreaterThan(100);
  });

  it('shows a process that answers before it is durable', async () => {
    const dir = folder();
    const witness = new Witness();
    witness.hear(await runAndKill(dir, 'early', Infinity));
    const kept = (await open(dir)).totals().accepted;
    let said = 0;
    for (const recipients of witness.accepted.values()) said += recipients;
    expect(said).toBeGreaterThan(kept);
  });
});
