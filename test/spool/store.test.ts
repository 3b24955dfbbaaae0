/**
 * The store against a model: what is accepted waits, what is settled leaves or waits on, totals add up, and a spool opened
 * again says the same.
 */
import type { Count } from '../../src/kernel/queue.js';
import { fdatasync, readdirSync, writev } from 'node:fs';
import { join } from 'node:path';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { createManualClock } from '../../src/rehearse/manual-clock.js';
import type { Store } from '../../src/spool/store.js';
import { close, copyOf, deferred, delivered, envelope, everybody, folder, open, queueOf, START, takeFirst, to } from './ground.js';

const HOUR = 3_600_000;

describe('a store', () => {
  it('gives a message to each recipient in its queue, due now, and the body as it was', async () => {
    const store = await open(folder());
    const heads: string[] = [];
    store.onHead(queue => heads.push(`${queue.domain}@${queue.pool} ${queue.nextDue}`));
    const content = [Buffer.from('Subject: x\r\n\r\n'), Buffer.from('body\r\n')];
    const number = await store.accept(envelope({ job: 'j1' }), to('a@One.example', 'b@two.example'), content);
    expect(heads).toEqual([`one.example@marketing ${START}`, `two.example@marketing ${START}`]);
    const row = takeFirst(queueOf(store, 'one.example', 'marketing', 'j1'));
    expect(row).toMatchObject({ message: number, index: 0, due: START, accepted: START, size: 20, sender: 'bounce@sender.example' });
    expect(row.state).toEqual({ address: 'a@One.example', attempts: 0 });
    expect(await store.body(row.body)).toEqual({ envelope: envelope({ job: 'j1' }), content: Buffer.concat(content) });
    expect(store.totals()).toMatchObject({ accepted: 2, waiting: 2, messages: 1, bytes: 20 });
  });

  it('reads a body from its segment, checksum and all, when memory has none', async () => {
    const store = await open(folder(), { cacheBytes: 0 });
    await store.accept(envelope({ envid: 'e' }), to('a@d'), Buffer.from('content'));
    const { body } = takeFirst(queueOf(store, 'd'));
    expect(await store.body(body)).toEqual({ envelope: envelope({ envid: 'e' }), content: Buffer.from('content') });
    await expect(store.body({ ...body, offset: 1, length: body.length - 1 })).rejects.toThrow('no record begins here');
    await expect(store.body({ ...body, segment: 99 })).rejects.toThrow('segment 99');
  });

  it('keeps a deferred recipient with its attempts and its due time over a restart: the spool is not due at once', async () => {
    const dir = folder();
    let store = await open(dir);
    await store.accept(envelope(), to('a@d', 'b@d', 'c@d'), Buffer.from('x'));
    const queue = queueOf(store, 'd');
    for (const hours of [3, 1, 2]) await store.settle([deferred(queue, takeFirst(queue), START + hours * HOUR)], []);
    expect(queue.nextDue).toBe(START + HOUR);
    await close(store);
    store = await open(dir, { clock: createManualClock(START + 10) });
    expect(queueOf(store, 'd').nextDue).toBe(START + HOUR);
    expect(queueOf(store, 'd').dueCountUpTo(START + 10)).toBe(0);
    expect(
      queueOf(store, 'd')
        .peek(5)
        .map(r => `${r.state.address} ${r.due - START} ${r.state.attempts}`),
    ).toEqual([`b@d ${HOUR} 1`, `c@d ${2 * HOUR} 1`, `a@d ${3 * HOUR} 1`]);
  });

  it('refuses what would lose a recipient or count it twice', async () => {
    const store = await open(folder());
    await store.accept(envelope(), to('a@d', 'b@d'), Buffer.from('x'));
    const queue = queueOf(store, 'd');
    const [first] = queue.peek(1);
    expect(() => store.settle([delivered(queue, first!)], [])).toThrow('was not taken');
    const row = takeFirst(queue);
    expect(() => store.settle([{ row, queue, to: null }], [])).toThrow('nothing counts it');
    expect(() => store.settle([{ row, queue, to: null, count: 'deferred' }], [])).toThrow('nothing counts it');
    expect(() => store.settle([{ row, queue, to: { due: 1, state: row.state }, count: 'delivered' }], [])).toThrow('stays');
    const settled = store.settle([delivered(queue, row)], []);
    expect(() => store.settle([delivered(queue, row)], [])).toThrow('was not taken');
    await settled;
    expect(() => store.settle([delivered(queue, row)], [])).toThrow('was not taken');
    await expect(store.accept(envelope(), [], Buffer.from('x'))).rejects.toThrow(RangeError);
    await expect(store.accept(envelope(), to('b@d', 'a'.repeat(70_000)), Buffer.from('x'))).rejects.toThrow(RangeError);
    const words = Array.from({ length: 256 }, () => 'SUCCESS');
    await expect(store.accept(envelope(), [{ address: 'a@d', notify: words }], Buffer.from('x'))).rejects.toThrow(RangeError);
    expect(store.totals()).toMatchObject({ accepted: 2, delivered: 1, waiting: 1 });
  });

  it('commits what comes in one turn together, and in the order of turns', async () => {
    const dir = folder();
    const store = await open(dir);
    const ends: string[] = [];
    const one = store.accept(envelope(), to('a@d'), Buffer.from('x')).then(() => ends.push('one'));
    const two = store.accept(envelope(), to('b@d'), Buffer.from('x')).then(() => ends.push('two'));
    expect(store.totals().waiting).toBe(0);
    await Promise.all([one, two]);
    expect(ends).toEqual(['one', 'two']);
    expect(await everybody(await open(copyOf(dir)))).toHaveLength(2);
  });

  it('never gives a message number twice, whatever was answered before a crash', async () => {
    const dir = folder();
    const first = await open(dir);
    const numbers = [await first.accept(envelope(), to('a@d'), Buffer.from('x'))];
    const copy = copyOf(dir);
    numbers.push(await first.accept(envelope(), to('b@d'), Buffer.from('x')));
    const second = await open(copy);
    const after = await second.accept(envelope(), to('c@d'), Buffer.from('x'));
    expect(after).toBeGreaterThan(Math.max(...numbers));
  });

  it('finds a message, and scans a queue behind a row', async () => {
    const store = await open(folder());
    const numbers: number[] = [];
    for (let i = 0; i < 20; i++) numbers.push(await store.accept(envelope(), to(`a${i}@d`, `b${i}@e`), Buffer.from('x')));
    const found: string[] = [];
    for await (const { queue, row } of store.find(numbers[7]!)) found.push(`${row.state.address} ${queue.domain}`);
    expect(found).toEqual(['a7@d d', 'b7@e e']);
    const page = await store.scan(queueOf(store, 'd'), 5);
    const next = await store.scan(queueOf(store, 'd'), 100, page.at(-1));
    expect([...page, ...next].map(r => r.state.address)).toEqual(numbers.map((_, i) => `a${i}@d`));
  });

  it('lets an operator act on rows that memory does not hold', async () => {
    const dir = folder();
    await (async () => {
      const store = await open(dir);
      await store.accept(envelope(), to('a@d', 'b@d', 'c@d'), Buffer.from('x'));
      await close(store);
    })();
    const store = await open(dir);
    const queue = queueOf(store, 'd');
    const rows = await store.scan(queue, 10);
    expect(queue.take(rows[1]!)).toBe(true);
    expect(queue.peek(10).map(r => r.state.address)).toEqual(['a@d', 'c@d']);
    await store.settle([{ row: rows[1]!, queue, to: null, count: 'deleted' }], []);
    expect(queue.take(rows[1]!)).toBe(false);
    expect(store.totals()).toMatchObject({ deleted: 1, waiting: 2, messages: 1 });
  });

  it('keeps day counters, the last word of each, until they are pruned', async () => {
    const dir = folder();
    const store = await open(dir);
    const day = (address: string, at: number, attempts: number) => ({
      address,
      provider: 'google',
      day: at,
      attempts,
      recipients: { delivered: attempts },
    });
    void store.settle([], [day('192.0.2.1', START, 1), day('192.0.2.2', START, 7)]);
    await store.settle([], [day('192.0.2.1', START, 2), day('192.0.2.1', START + 24 * HOUR, 1)]);
    const again = await open(copyOf(dir));
    expect([...again.days()].map(d => `${d.address} ${(d.day - START) / HOUR} ${d.attempts}`)).toEqual([
      '192.0.2.1 0 2',
      '192.0.2.2 0 7',
      '192.0.2.1 24 1',
    ]);
    await again.pruneDays((address, day) => address === '192.0.2.1' && day <= START);
    expect([...again.days()].map(d => `${d.address} ${(d.day - START) / HOUR}`)).toEqual(['192.0.2.2 0', '192.0.2.1 24']);
    await again.pruneDays((_, day) => day <= START);
    expect([...again.days()].map(d => d.day)).toEqual([START + 24 * HOUR]);
  });

  it('drops queues that have been empty for a while, in memory and on the disk, and never one with mail', async () => {
    const dir = folder();
    const clock = createManualClock(START);
    const store = await open(dir, { clock });
    await store.accept(envelope(), to('a@gone', 'b@stays'), Buffer.from('x'));
    const gone = queueOf(store, 'gone');
    const stays = queueOf(store, 'stays');
    await store.settle([delivered(gone, takeFirst(gone)), delivered(stays, takeFirst(stays))], []);
    await store.accept(envelope(), to('b@stays'), Buffer.from('x'));
    clock.advance(9 * 60_000);
    await store.settle([], []);
    expect(store.queue(gone.id)).toBe(gone);
    clock.advance(2 * 60_000);
    await store.settle([], []);
    expect(store.queue(gone.id)).toBeUndefined();
    expect([...store.queues()].map(q => q.domain)).toEqual(['stays']);
    await store.accept(envelope(), to('c@gone'), Buffer.from('x'));
    expect(queueOf(store, 'gone').id).not.toBe(gone.id);
  });

  it('says whether it ever had mail', async () => {
    const dir = folder();
    const store = await open(dir);
    expect(store.hasMail()).toBe(false);
    await store.accept(envelope(), to('a@d'), Buffer.from('x'));
    const queue = queueOf(store, 'd');
    await store.settle([delivered(queue, takeFirst(queue))], []);
    await close(store);
    expect((await open(dir)).hasMail()).toBe(true);
  });
});

interface Waiting {
  due: number;
  attempts: number;
  message: number;
}
const FATES: readonly Count[] = ['delivered', 'bounced', 'suppressed', 'deleted'];
const moves = fc.array(
  fc.oneof(
    {
      weight: 6,
      arbitrary: fc.record({
        what: fc.constant('accept' as const),
        recipients: fc.integer({ min: 1, max: 6 }),
        size: fc.nat({ max: 3_000 }),
      }),
    },
    {
      weight: 8,
      arbitrary: fc.record({ what: fc.constant('settle' as const), n: fc.integer({ min: 1, max: 8 }), fate: fc.nat({ max: 7 }) }),
    },
    { weight: 1, arbitrary: fc.record({ what: fc.constantFrom('crash' as const, 'close' as const, 'compact' as const) }) },
  ),
  { minLength: 5, maxLength: 60 },
);

describe('a store and its model', () => {
  it('agree after every accept, settle, crash and restart', async () => {
    await fc.assert(
      fc.asyncProperty(moves, async plan => {
        let dir = folder();
        // Segments of 4 KB: they fill, empty, go and are compacted all the time.
        const again = (where: string) => open(where, { segmentBytes: 4_096, cacheBytes: 8_192, residentRows: 20 });
        let store = await again(dir);
        const model = new Map<string, Waiting>();
        const bodies = new Map<number, Buffer>();
        const counted: Record<Count | 'accepted', number> = {
          accepted: 0,
          delivered: 0,
          deferred: 0,
          bounced: 0,
          suppressed: 0,
          deleted: 0,
        };
        let serial = 0;
        for (const move of plan) {
          if (move.what === 'accept') {
            const addresses = Array.from({ length: move.recipients }, () => `r${serial++}@d${serial % 4}`);
            const content = Buffer.alloc(move.size, serial);
            const message = await store.accept(envelope(), to(...addresses), content);
            bodies.set(message, content);
            for (const address of addresses) model.set(address, { due: START, attempts: 0, message });
            counted.accepted += addresses.length;
          } else if (move.what === 'settle') await settleSome(store, move.n, move.fate, model, counted);
          else if (move.what === 'compact') await store.compact();
          else {
            if (move.what === 'crash') dir = copyOf(dir);
            await close(store);
            store = await again(dir);
          }
          await agree(store, model, counted, bodies);
        }
        await close(store);
      }),
      { numRuns: 25 },
    );
  });
});

async function settleSome(
  store: Store,
  n: number,
  fate: number,
  model: Map<string, Waiting>,
  counted: Record<Count, number>,
): Promise<void> {
  const work: Promise<void>[] = [];
  for (const queue of store.queues()) {
    for (const row of queue.peek(n)) {
      expect(queue.take(row)).toBe(true);
      const count = FATES[fate];
      if (count) {
        model.delete(row.state.address);
        counted[count]++;
        work.push(store.settle([{ row, queue, to: null, count }], []));
      } else if (fate === 7) queue.giveBack(row);
      else {
        const due = START + ((row.message * 7_919) % 1_000);
        model.set(row.state.address, { due, attempts: row.state.attempts + 1, message: row.message });
        counted.deferred++;
        work.push(store.settle([deferred(queue, row, due)], []));
      }
    }
  }
  await Promise.all(work);
}

async function agree(store: Store, model: Map<string, Waiting>, counted: Record<Count | 'accepted', number>, bodies: Map<number, Buffer>) {
  expect(await everybody(store)).toEqual([...model].map(([address, w]) => `${address} ${w.due} ${w.attempts}`).sort());
  const messages = new Set([...model.values()].map(w => w.message));
  let bytes = 0;
  for (const message of messages) bytes += bodies.get(message)!.length;
  expect(store.totals()).toEqual({ ...counted, uncertain: 0, waiting: model.size, messages: messages.size, bytes });
  let waiting = 0;
  for (const queue of store.queues()) {
    waiting += queue.waiting;
    const rows = await store.scan(queue, 1_000);
    expect(queue.peek(3).map(r => r.state.address)).toEqual(rows.slice(0, 3).map(r => r.state.address));
    const row = rows[0];
    if (row) expect((await store.body(row.body)).content.equals(bodies.get(row.message)!)).toBe(true);
  }
  expect(waiting).toBe(model.size);
}

describe('segments', () => {
  const files = (dir: string) => readdirSync(join(dir, 'segments'));

  it('go when nobody waits in them, and not before', async () => {
    const dir = folder();
    const store = await open(dir, { segmentBytes: 1_000 });
    for (let i = 0; i < 10; i++) await store.accept(envelope(), to(`a${i}@d`), Buffer.alloc(900));
    expect(files(dir)).toHaveLength(10);
    const queue = queueOf(store, 'd');
    for (let i = 0; i < 9; i++) await store.settle([delivered(queue, takeFirst(queue))], []);
    await close(store);
    expect(files(dir)).toHaveLength(1);
    const again = await open(dir);
    expect((await again.body(takeFirst(queueOf(again, 'd')).body)).content).toHaveLength(900);
  });

  it('go when they are full and everybody has left already', async () => {
    const dir = folder();
    const store = await open(dir, { segmentBytes: 1_000 });
    await store.accept(envelope(), to('a@d'), Buffer.alloc(900));
    const queue = queueOf(store, 'd');
    await store.settle([delivered(queue, takeFirst(queue))], []);
    await store.accept(envelope(), to('b@d'), Buffer.alloc(100));
    await close(store);
    expect(files(dir)).toEqual(['0000000002.seg']);
  });

  it('that hold a few stragglers among the dead give them to a new one', async () => {
    const dir = folder();
    const store = await open(dir, { segmentBytes: 10_000, cacheBytes: 0 });
    for (let i = 0; i < 200; i++) await store.accept(envelope(), to(`a${i}@d${i % 10}`, `b${i}@e`), Buffer.alloc(900, i));
    for (const queue of store.queues()) {
      for (const row of queue.peek(1_000)) {
        if (row.message % 20 === 0 || !queue.take(row)) continue;
        await store.settle([delivered(queue, row)], []);
      }
    }
    const before = files(dir).length;
    const held = takeFirst(queueOf(store, 'e'));
    expect(await store.compact()).toBe(17);
    await store.settle([], []);
    expect(files(dir).length).toBeLessThan(before);
    const left: number[] = [];
    queueOf(store, 'e').giveBack(held);
    const copy = await open(copyOf(dir), { cacheBytes: 0 });
    for (const queue of copy.queues()) {
      for (const row of queue.peek(100)) {
        left.push(row.message);
        expect((await copy.body(row.body)).content.equals(Buffer.alloc(900, row.message - 1))).toBe(true);
      }
    }
    expect(left).toHaveLength(20);
  });

  it.each(['in memory', 'on the disk'])('move no row from under whoever has looked at it before: %s', async where => {
    const dir = folder();
    const more = { segmentBytes: 10_000, cacheBytes: 0 };
    const first = await open(dir, more);
    for (let i = 0; i < 200; i++) await first.accept(envelope(), to(`a${i}@d`), Buffer.alloc(900, i));
    for (const row of queueOf(first, 'd').peek(1_000)) {
      if (row.message % 20 !== 0 && queueOf(first, 'd').take(row)) await first.settle([delivered(queueOf(first, 'd'), row)], []);
    }
    await close(first);
    const store = await open(dir, more);
    const queue = queueOf(store, 'd');
    const seen = await store.scan(queue, 100);
    // With nothing read yet, rows are looked up on the disk.
    if (where === 'in memory') queue.peek(100);
    expect(await store.compact()).toBe(10);
    const work = seen.filter(row => queue.take(row)).map(row => ({ row, queue, to: { due: START + 1, state: row.state } }));
    await store.settle(work, []);
    const again = await open(copyOf(dir), more);
    const left = await again.scan(queueOf(again, 'd'), 100);
    expect(left).toHaveLength(10);
    for (const row of left) expect((await again.body(row.body)).content).toHaveLength(900);
    for (const row of await store.scan(queue, 100)) expect(queue.take(row)).toBe(true);
  });

  it('keep a straggler whose copy did not reach the disk', async () => {
    const dir = folder();
    let broken = false;
    const store = await open(dir, {
      segmentBytes: 10_000,
      onFailure: () => undefined,
      disk: { writev: (fd, buffers, at, done) => (broken ? done(new Error('EIO'), 0) : writev(fd, buffers, at, done)), fdatasync },
    });
    for (let i = 0; i < 200; i++) await store.accept(envelope(), to(`a${i}@d`), Buffer.alloc(900, i));
    const queue = queueOf(store, 'd');
    for (const row of queue.peek(1_000)) {
      if (row.message % 20 !== 0 && queue.take(row)) await store.settle([delivered(queue, row)], []);
    }
    broken = true;
    await expect(store.compact()).rejects.toThrow('EIO');
    await close(store);
    const again = await open(dir, { cacheBytes: 0 });
    const rows = queueOf(again, 'd').peek(100);
    expect(rows.map(row => row.message)).toEqual([20, 40, 60, 80, 100, 120, 140, 160, 180, 200]);
    for (const row of rows) expect((await again.body(row.body)).content).toHaveLength(900);
  });
});
