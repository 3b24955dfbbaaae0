/**
 * What a start finds: a commit whose bodies did not reach the disk, damage, newer formats, another node, a full disk. It
 * drops only what was never acknowledged, and never starts afresh.
 */
import {
  chmodSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  truncateSync,
  unlinkSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import * as lmdb from 'lmdb';
import { describe, expect, it } from 'vitest';
import { FaultError } from '../../src/kernel/fault.js';
import { createManualClock } from '../../src/rehearse/manual-clock.js';
import { close, copyOf, delivered, envelope, everybody, folder, open, queueOf, START, takeFirst, to } from './ground.js';

const segments = (dir: string) => readdirSync(join(dir, 'segments')).map(name => join(dir, 'segments', name));

async function faultOf(opening: Promise<unknown>): Promise<string> {
  const error = await opening.then(
    () => undefined,
    (why: unknown) => why,
  );
  expect(error).toBeInstanceOf(FaultError);
  const [fault] = (error as FaultError).faults;
  expect(fault!.hint).toBeTruthy();
  return fault!.code;
}

describe('a start after a crash', () => {
  it('drops the rows of the last commit whose bodies are not whole, and only those', async () => {
    const dir = folder();
    const store = await open(dir);
    await store.accept(envelope(), to('old@d', 'old@e'), Buffer.alloc(500, 1));
    const size = statSync(segments(dir)[0]!).size;
    const mark = readFileSync(join(dir, 'durable'));
    await Promise.all([
      store.accept(envelope(), to('first@d'), Buffer.alloc(500, 2)),
      store.accept(envelope(), to('half@d', 'half@e'), Buffer.alloc(500, 3)),
    ]);
    const whole = copyOf(dir);
    const acknowledged = copyOf(dir);
    truncateSync(segments(acknowledged)[0]!, size);
    // What follows died before anybody was told of the last commit.
    writeFileSync(join(dir, 'durable'), mark);
    const torn = copyOf(dir);
    // The power went while the last bodies were on their way: the file is shorter than the rows say.
    truncateSync(segments(torn)[0]!, statSync(segments(torn)[0]!).size - 10);
    const empty = copyOf(dir);
    truncateSync(segments(empty)[0]!, size);

    const same = await open(whole);
    expect(same.unfinished).toBe(0);
    expect(same.totals()).toMatchObject({ accepted: 5, waiting: 5, messages: 3, bytes: 1_500 });

    const spoilt = await open(acknowledged);
    expect(spoilt.unfinished).toBe(0);
    expect(spoilt.totals().waiting).toBe(5);

    const second = await open(torn, { cacheBytes: 0 });
    expect(second.unfinished).toBe(2);
    expect(await everybody(second)).toEqual([`first@d ${START} 0`, `old@d ${START} 0`, `old@e ${START} 0`]);
    expect(second.totals()).toMatchObject({ accepted: 3, waiting: 3, messages: 2, bytes: 1_000 });
    for (const queue of second.queues()) for (const row of queue.peek(9)) await second.body(row.body);

    const third = await open(empty);
    expect(third.unfinished).toBe(3);
    expect(third.totals()).toMatchObject({ accepted: 2, waiting: 2, messages: 1, bytes: 500 });
    const again = await open(copyOf(empty));
    expect(again.unfinished).toBe(0);
  });

  it('keeps mail of earlier commits whose body is damaged, and says so when it is read', async () => {
    const dir = folder();
    const store = await open(dir);
    await store.accept(envelope(), to('a@d'), Buffer.alloc(500, 1));
    await store.accept(envelope(), to('b@d'), Buffer.alloc(500, 2));
    const copy = copyOf(dir);
    const bytes = readFileSync(segments(copy)[0]!);
    bytes[300]! ^= 1;
    writeFileSync(segments(copy)[0]!, bytes);
    const again = await open(copy);
    expect(again.unfinished).toBe(0);
    const row = takeFirst(queueOf(again, 'd'));
    expect(row.state.address).toBe('a@d');
    await expect(again.body(row.body)).rejects.toThrow('checksum does not match');
  });

  it('begins a new segment and leaves none that nobody waits in', async () => {
    const dir = folder();
    const store = await open(dir);
    await store.accept(envelope(), to('a@d'), Buffer.alloc(500, 1));
    const copy = copyOf(dir);
    writeFileSync(join(copy, 'segments', '0000000077.seg'), 'left by a process that died before its first commit');
    await close(await open(copy));
    expect(segments(copy).map(path => path.slice(-8))).toEqual(['0001.seg', '0002.seg']);
  });
});

describe('a start that must not go on', () => {
  async function filled(): Promise<string> {
    const dir = folder();
    const store = await open(dir);
    await store.accept(envelope(), to('a@d'), Buffer.from('x'));
    await close(store);
    return dir;
  }

  it('refuses an index that is gone, empty or damaged beside bodies', async () => {
    for (const spoil of [
      (path: string) => unlinkSync(path),
      (path: string) => truncateSync(path, 0),
      (path: string) => truncateSync(path, 5_000),
      (path: string) => writeFileSync(path, Buffer.alloc(statSync(path).size, 7)),
    ]) {
      const dir = await filled();
      const before = segments(dir);
      spoil(join(dir, 'index.mdb'));
      expect(await faultOf(open(dir))).toBe('spool-damaged');
      expect(segments(dir)).toEqual(before);
    }
  });

  it('refuses to go on without bodies somebody waits for', async () => {
    const dir = await filled();
    unlinkSync(segments(dir)[0]!);
    expect(await faultOf(open(dir))).toBe('spool-damaged');
  });

  it('refuses a newer format, rows that make no sense, and mail of another node', async () => {
    const newer = await filled();
    const root = lmdb.open<Uint8Array, Uint8Array>({
      path: join(newer, 'index.mdb'),
      encoding: 'binary',
      keyEncoding: 'binary',
      overlappingSync: false,
    });
    await root
      .openDB<Uint8Array, Uint8Array>('meta', { encoding: 'binary', keyEncoding: 'binary' })
      .put(Buffer.from('format'), Buffer.from('{"format":2,"node":1}'));
    await root.close();
    expect(await faultOf(open(newer))).toBe('spool-newer');

    const garbled = await filled();
    const other = lmdb.open<Uint8Array, Uint8Array>({
      path: join(garbled, 'index.mdb'),
      encoding: 'binary',
      keyEncoding: 'binary',
      overlappingSync: false,
    });
    await other
      .openDB<Uint8Array, Uint8Array>('queues', { encoding: 'binary', keyEncoding: 'binary' })
      .put(Buffer.from([0, 0, 0, 1]), Buffer.from('nonsense'));
    await other.close();
    expect(await faultOf(open(garbled))).toBe('spool-damaged');

    const dir = await filled();
    expect(await faultOf(open(dir, { node: 2 }))).toBe('spool-node');
    const store = await open(dir);
    const queue = queueOf(store, 'd');
    await store.settle([delivered(queue, takeFirst(queue))], []);
    await close(store);
    const moved = await open(dir, { node: 2 });
    await moved.accept(envelope(), to('b@d'), Buffer.from('x'));
    expect(queueOf(moved, 'd').waiting).toBe(1);
  });

  it.skipIf(process.getuid?.() === 0)('refuses a folder it may not write', async () => {
    const dir = await filled();
    chmodSync(join(dir, 'index.mdb'), 0o400);
    expect(await faultOf(open(dir))).toBe('spool-damaged');
  });

  it('refuses a folder that is a file', async () => {
    const dir = join(folder(), 'spool');
    writeFileSync(dir, '');
    expect(await faultOf(open(dir))).toBe('spool-unusable');
  });
});

describe('a disk', () => {
  const BALLAST = 65_536;

  it('that others fill stops new mail, not outcomes: the ballast goes and comes back', async () => {
    const dir = folder();
    const clock = createManualClock(START);
    let free = 1_000_000_000;
    let asked = 0;
    const disk = {
      clock,
      minFree: 10_000_000,
      ballast: BALLAST,
      free: () => {
        asked++;
        return free;
      },
    };
    const store = await open(dir, disk);
    const ballast = () => existsSync(join(dir, 'ballast')) && statSync(join(dir, 'ballast')).blocks * 512 >= BALLAST;
    expect([store.room(), ballast()]).toEqual(['ok', true]);
    free = 5_000_000;
    const before = asked;
    expect(store.room()).toBe('ok');
    expect(asked).toBe(before);
    clock.advance(1_000);
    expect([store.room(), ballast()]).toEqual(['full', true]);
    await store.accept(envelope(), to('a@d'), Buffer.from('x'));
    free = BALLAST / 2 - 1;
    clock.advance(1_000);
    const queue = queueOf(store, 'd');
    await store.settle([delivered(queue, takeFirst(queue))], []);
    // The commit looked, nobody else did.
    expect(ballast()).toBe(false);
    expect(store.room()).toBe('full');
    free = 10_000_000 + 2 * BALLAST;
    clock.advance(1_000);
    expect([store.room(), ballast()]).toEqual(['ok', false]);
    free++;
    clock.advance(1_000);
    expect([store.room(), ballast()]).toEqual(['ok', true]);
  });

  it('that a person makes room on: without its ballast, or where there can be none, the store goes on', async () => {
    const dir = folder();
    const clock = createManualClock(START);
    let free = 1_000_000_000;
    const failures: string[] = [];
    const disk = {
      clock,
      minFree: 10_000_000,
      ballast: BALLAST,
      free: () => free,
      onFailure: (error: Error) => failures.push(error.message),
    };
    const store = await open(dir, disk);
    unlinkSync(join(dir, 'ballast'));
    free = 1;
    clock.advance(1_000);
    await store.accept(envelope(), to('a@d'), Buffer.from('x'));
    expect(store.room()).toBe('full');
    mkdirSync(join(dir, 'ballast'));
    free = 1_000_000_000;
    clock.advance(1_000);
    expect(store.room()).toBe('ok');
    await store.accept(envelope(), to('b@d'), Buffer.from('x'));
    expect(failures).toEqual([]);
  });

  it('that mail itself fills is looked at before its second is over', async () => {
    let left = 10_000_500;
    const disk = { clock: createManualClock(START), minFree: 10_000_000, ballast: BALLAST, free: () => left };
    const store = await open(folder(), disk);
    await store.accept(envelope(), to('a@d'), Buffer.alloc(400));
    left -= 400;
    expect(store.room()).toBe('ok');
    await store.accept(envelope(), to('b@d'), Buffer.alloc(200));
    left -= 200;
    expect(store.room()).toBe('full');
  });

  it('that refuses a body fails the store once: nothing is accepted any more, what was promised stays', async () => {
    for (const fail of ['writev', 'fdatasync', 'nothing'] as const) {
      const dir = folder();
      const failures: string[] = [];
      let broken = false;
      const enospc = Object.assign(new Error('ENOSPC: no space left on device'), { code: 'ENOSPC' });
      const fs = await import('node:fs');
      const store = await open(dir, {
        onFailure: error => failures.push(error.message),
        disk: {
          writev: (fd, buffers, at, done) =>
            broken && fail !== 'fdatasync' ? done(fail === 'nothing' ? null : enospc, 0) : fs.writev(fd, buffers, at, done),
          fdatasync: (fd, done) => (broken && fail === 'fdatasync' ? done(enospc) : fs.fdatasync(fd, done)),
        },
      });
      await store.accept(envelope(), to('kept@d'), Buffer.from('x'));
      const queue = queueOf(store, 'd');
      broken = true;
      const ends = await Promise.allSettled([
        store.accept(envelope(), to('a@d'), Buffer.from('x')),
        store.settle([delivered(queue, takeFirst(queue))], []),
      ]);
      expect(ends.map(end => end.status)).toEqual(['rejected', 'rejected']);
      broken = false;
      await expect(store.accept(envelope(), to('b@d'), Buffer.from('x'))).rejects.toThrow('the spool has failed');
      await expect(store.settle([], [])).rejects.toThrow('the spool has failed');
      expect(failures).toHaveLength(1);
      await close(store);
      const again = await open(dir);
      // Nobody was told anything of the last commit; its row may have been written, its body was not.
      expect((await everybody(again)).filter(one => !one.startsWith('kept@d') && fail !== 'fdatasync')).toEqual([]);
      expect(again.totals().accepted).toBe(again.totals().delivered + again.totals().waiting);
    }
  });

  it('that takes a write in pieces gets all of it', async () => {
    const dir = folder();
    const fs = await import('node:fs');
    const store = await open(dir, {
      cacheBytes: 0,
      disk: {
        writev: (fd, buffers, at, done) => fs.write(fd, Buffer.concat(buffers).subarray(0, 7), 0, 7, at, (error, n) => done(error, n)),
        fdatasync: fs.fdatasync,
      },
    });
    const content = Buffer.from('in many pieces');
    await store.accept(envelope(), to('a@d'), [content, content]);
    expect((await store.body(takeFirst(queueOf(store, 'd')).body)).content.toString()).toBe('in many piecesin many pieces');
  });
});

const canMount = process.getuid?.() === 0 && process.platform === 'linux';

describe.skipIf(!canMount)('a disk that is really full', () => {
  it('loses nothing that was accepted', async ({ skip }) => {
    const { spawnSync } = await import('node:child_process');
    const dir = folder();
    if (spawnSync('mount', ['-t', 'tmpfs', '-o', 'size=3m', 'tmpfs', dir]).status !== 0) skip();
    try {
      const failures: Error[] = [];
      const store = await open(join(dir, 'spool'), { onFailure: error => failures.push(error) });
      let accepted = 0;
      while (failures.length === 0) {
        const ends = await Promise.allSettled(
          Array.from({ length: 20 }, (_, i) => store.accept(envelope(), to(`a@d${i}`), Buffer.alloc(500, i))),
        );
        accepted += ends.filter(end => end.status === 'fulfilled').length;
      }
      await close(store);
      const copy = copyOf(join(dir, 'spool'));
      const again = await open(copy, { cacheBytes: 0 });
      expect(accepted).toBeGreaterThan(100);
      expect(again.totals().accepted).toBeGreaterThanOrEqual(accepted);
      for (const queue of again.queues()) for (const row of queue.peek(100_000)) await again.body(row.body);
    } finally {
      spawnSync('umount', [dir]);
      rmSync(dir, { recursive: true, force: true });
    }
  });
});
