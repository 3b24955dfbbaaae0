/**
 * Log lines on their way to a descriptor that fails, comes back, is slow or is exchanged.
 */
import { mkdtempSync, openSync, readFileSync, renameSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { LogSink, openLogFile } from '../../src/daemon/log-sink.js';

let dir: string;
beforeEach(() => void (dir = mkdtempSync(join(tmpdir(), 'rampd-log-'))));
afterEach(() => rmSync(dir, { recursive: true, force: true }));

const read = (name: string): string => readFileSync(join(dir, name), 'utf8');

describe('a log whose disk is full', () => {
  it('is told once and stops nothing; what waited is written when there is room, in order', async () => {
    const told: string[] = [];
    const failed = new Promise<void>(resolve => {
      const sink = new LogSink(openSync('/dev/full', 'a'), error => {
        told.push((error as NodeJS.ErrnoException).code ?? '');
        for (let i = 2; i < 50; i++) sink.write(`line ${i}\n`);
        sink.follow(join(dir, 'log'));
        resolve();
      });
      sink.write('line 0\n');
      sink.write('line 1\n');
    });
    await failed;
    await vi.waitFor(() => expect(read('log')).toBe(Array.from({ length: 50 }, (_, i) => `line ${i}\n`).join('')), { timeout: 10_000 });
    expect(told).toEqual(['ENOSPC']);
  });

  it('holds a bounded number of lines and says how many are missing', async () => {
    const line = `${'x'.repeat(1024 * 1024 - 1)}\n`;
    const failed = new Promise<LogSink>(resolve => {
      const sink = new LogSink(openSync('/dev/full', 'a'), () => resolve(sink));
      sink.write('first\n');
    });
    const sink = await failed;
    for (let i = 0; i < 20; i++) sink.write(line);
    sink.follow(join(dir, 'log'));
    await vi.waitFor(() => expect(read('log').length).toBeGreaterThan(7 * 1024 * 1024), { timeout: 10_000 });
    sink.write('last\n');
    await vi.waitFor(() => expect(read('log')).toMatch(/last\n$/));
    const lines = read('log').split('\n');
    expect(lines.filter(l => l.startsWith('xxx'))).toHaveLength(8);
    expect(JSON.parse(lines.at(-3) ?? '')).toMatchObject({ level: 'error', lost: 12 });
  });
});

describe('a log file that is moved away', () => {
  it('is begun anew, and nothing is lost or doubled between the two', async () => {
    const file = join(dir, 'log');
    const sink = new LogSink(openLogFile(file), () => undefined);
    for (let i = 0; i < 100; i++) {
      sink.write(`${i}\n`);
      if (i === 50) {
        renameSync(file, join(dir, 'log.1'));
        sink.follow(file);
      }
    }
    const all = Array.from({ length: 100 }, (_, i) => `${i}\n`).join('');
    await vi.waitFor(() => expect(read('log.1') + read('log')).toBe(all));
    expect(read('log')).toMatch(/99\n$/);
  });

  it('goes on where it was while its name is still its own, and where the new one cannot be made', async () => {
    const file = join(dir, 'log');
    const sink = new LogSink(openLogFile(file), () => undefined);
    sink.follow(file);
    expect(() => sink.follow(dir)).toThrow(/EISDIR/);
    sink.write('here\n');
    await vi.waitFor(() => expect(read('log')).toBe('here\n'));
  });
});

describe('the end of the process', () => {
  it('writes what is left at once', () => {
    const sink = new LogSink(openLogFile(join(dir, 'log')), () => undefined);
    for (let i = 0; i < 1_000; i++) sink.write(`${i}\n`);
    sink.finish();
    // The first line is with the thread pool.
    expect(read('log')).toMatch(/^(0\n)?1\n2\n/);
    expect(read('log')).toMatch(/\n999\n(0\n)?$/);
  });
});
