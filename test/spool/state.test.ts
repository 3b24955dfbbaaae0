/** state.json and the lock of its folder: nothing half, nothing fresh beside something old, one daemon at a time. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { FaultError } from '../../src/kernel/fault.js';
import { lockStateDir } from '../../src/spool/lock.js';
import { openState, type State } from '../../src/spool/state-file.js';
import { folder } from './ground.js';

const state = (lastRecord: number, more: Partial<State> = {}): State => ({
  version: 1,
  governor: { lastRecord, nextWindow: 3, state: { 'progress:192.0.2.1': { stage: lastRecord } } },
  ...more,
});

async function code(opening: Promise<unknown>): Promise<string> {
  const error = await opening.then(
    () => undefined,
    (why: unknown) => why,
  );
  expect(error).toBeInstanceOf(FaultError);
  const [fault] = (error as FaultError).faults;
  expect(fault!.hint).toBeTruthy();
  return fault!.code;
}

describe('the state file', () => {
  it('is read back as it was written, and people can read it', async () => {
    const file = join(folder(), 'state.json');
    const first = await openState(file, { existing: false });
    expect(first.read()).toBeUndefined();
    await first.write(state(7));
    expect(first.read()).toEqual(state(7));
    expect((await openState(file, { existing: true })).read()).toEqual(state(7));
    expect(readFileSync(file, 'utf8')).toContain('\n    "lastRecord": 7,\n');
    expect(existsSync(`${file}.new`)).toBe(false);
  });

  it('holds the last of many writes, each whole, however they overlap', async () => {
    const file = join(folder(), 'state.json');
    const handle = await openState(file, { existing: false });
    const sized = (i: number) =>
      state(i, { governor: { lastRecord: i, nextWindow: 1, state: { fill: 'x'.repeat(((i * 7_919) % 13) * 20_000) } } });
    await handle.write(sized(0));
    const writes: Promise<void>[] = [];
    let last = 0;
    let done = false;
    for (let i = 1; !done; i++) {
      // Some while another is under way, some while one waits already.
      if (i < 50) writes.push(handle.write(sized(i)));
      else if (i === 50) void Promise.all(writes).finally(() => (done = true));
      if (i % 3 === 0) await new Promise(resolve => setImmediate(resolve));
      const { governor } = JSON.parse(readFileSync(file, 'utf8')) as State;
      expect(governor.lastRecord).toBeGreaterThanOrEqual(last);
      last = governor.lastRecord;
    }
    await Promise.all(writes);
    expect((await openState(file, { existing: true })).read()).toEqual(sized(49));
  });

  it('is a fault when it is missing beside something, and a beginning when nothing is there', async () => {
    const file = join(folder(), 'state.json');
    expect(await code(openState(file, { existing: true }))).toBe('state-missing');
    expect((await openState(file, { existing: false })).read()).toBeUndefined();
  });

  it('is a fault when it is unreadable, and is left as it is', async () => {
    for (const text of ['', 'null', '{', '[]', '"x"', '{"version":1}', '{"version":1,"governor":{"lastRecord":"7"}}']) {
      const file = join(folder(), 'state.json');
      writeFileSync(file, text);
      for (const existing of [true, false]) expect(await code(openState(file, { existing })), text).toBe('state-unreadable');
      expect(readFileSync(file, 'utf8')).toBe(text);
    }
    const dir = folder();
    mkdirSync(join(dir, 'state.json'));
    expect(await code(openState(join(dir, 'state.json'), { existing: true }))).toBe('state-unreadable');
  });

  it('is a fault when it is not as it was written; one of an older version has no sum', async () => {
    const file = join(folder(), 'state.json');
    await (await openState(file, { existing: false })).write(state(7));
    const text = readFileSync(file, 'utf8');
    for (const [was, is] of [
      ['"lastRecord": 7', '"lastRecord": 6'],
      ['"sum": "', '"sum": "0'],
      ['"sum":', '"sun":'],
    ] as const) {
      expect(text).toContain(was);
      writeFileSync(file, text.replace(was, is));
      expect(await code(openState(file, { existing: true })), is).toBe('state-damaged');
    }
    writeFileSync(file, JSON.stringify(state(7)));
    expect((await openState(file, { existing: true })).read()).toEqual(state(7));
  });

  it('is a fault when it is newer, or of a virtual world', async () => {
    const file = join(folder(), 'state.json');
    writeFileSync(file, '{"version":2,"anything":true}');
    expect(await code(openState(file, { existing: true }))).toBe('state-newer');
    writeFileSync(file, JSON.stringify(state(1, { virtual: true })));
    expect(await code(openState(file, { existing: true }))).toBe('state-virtual');
    expect((await openState(file, { existing: true, virtual: true })).read()?.virtual).toBe(true);
    writeFileSync(file, JSON.stringify(state(1)));
    expect(await code(openState(file, { existing: true, virtual: true }))).toBe('state-virtual');
  });

  it('that cannot be written says so to whoever asked, and the next write works', async () => {
    const dir = join(folder(), 'later');
    const handle = await openState(join(dir, 'state.json'), { existing: false });
    await expect(handle.write(state(1))).rejects.toThrow('ENOENT');
    mkdirSync(dir);
    await handle.write(state(2));
    expect((await openState(join(dir, 'state.json'), { existing: true })).read()).toEqual(state(2));
  });
});

describe('the lock', () => {
  it('is of the folder, whatever path leads to it, and free again when released', async () => {
    const dir = folder();
    const alias = join(folder(), 'alias');
    symlinkSync(dir, alias);
    const lock = await lockStateDir(dir);
    const refused = lockStateDir(alias);
    expect(await code(refused)).toBe('state-dir-in-use');
    await expect(refused).rejects.toThrow(alias);
    await (await lockStateDir(folder())).release();
    await lock.release();
    await (await lockStateDir(alias)).release();
  });

  it('goes with the process that had it, however it ended', async () => {
    const dir = folder();
    const lock = await lockStateDir(dir);
    await lock.release();
    const { dev, ino } = (await import('node:fs')).statSync(dir, { bigint: true });
    const child = spawn(process.execPath, [
      '-e',
      `require('net').createServer().listen('\\0rampd-state-${dev}-${ino}', () => console.log('up'))`,
    ]);
    await once(child.stdout, 'data');
    expect(await code(lockStateDir(dir))).toBe('state-dir-in-use');
    child.kill('SIGKILL');
    await once(child, 'close');
    await (await lockStateDir(dir)).release();
  });
});
