/** Receipts: there exactly when their message is, whatever crash came between; forgotten in time. */
import { readFileSync, readdirSync, statSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { createManualClock } from '../../src/rehearse/manual-clock.js';
import type { Receipt } from '../../src/kernel/message.js';
import { copyOf, envelope, folder, open, START, to } from './ground.js';

const key = (n: number) => Buffer.alloc(32, n);
const receipt = (n: number, until = START + 1_000): Receipt => ({ key: key(n), digest: Buffer.alloc(32, 100 + n), until });
const segment = (dir: string) => join(dir, 'segments', readdirSync(join(dir, 'segments')).sort().at(-1) ?? '');

describe('a receipt', () => {
  it('is as durable as its message and names it', async () => {
    const dir = folder();
    const store = await open(dir);
    expect(store.receipt(key(1))).toBeUndefined();
    const number = await store.accept(envelope(), to('a@d'), Buffer.from('x'), receipt(1));
    const after = await open(copyOf(dir));
    for (const one of [store, after]) {
      expect(one.receipt(key(1))).toEqual({ number, digest: Buffer.alloc(32, 101), until: START + 1_000 });
      expect(one.receipt(key(2))).toBeUndefined();
    }
  });

  it('goes with a message whose body never reached the disk, and only then', async () => {
    const dir = folder();
    const store = await open(dir);
    const old = await store.accept(envelope(), to('old@d'), Buffer.alloc(500, 1), receipt(1));
    const mark = readFileSync(join(dir, 'durable'));
    const [whole] = await Promise.all([
      store.accept(envelope(), to('whole@d'), Buffer.alloc(500, 2), receipt(2)),
      store.accept(envelope(), to('torn@d', 'torn@e'), Buffer.alloc(500, 3), receipt(3)),
    ]);
    // Died before anybody was told of the last commit, and with the last body on its way.
    writeFileSync(join(dir, 'durable'), mark);
    const torn = copyOf(dir);
    truncateSync(segment(torn), statSync(segment(torn)).size - 10);
    const after = await open(torn);
    expect(after.unfinished).toBe(2);
    expect([1, 2, 3].map(n => after.receipt(key(n))?.number)).toEqual([old, whole, undefined]);
    // Asked again, it is stored again, and has a receipt.
    const again = await after.accept(envelope(), to('torn@d', 'torn@e'), Buffer.alloc(500, 3), receipt(3));
    expect(after.receipt(key(3))?.number).toBe(again);
  });

  it('is not there when the message was refused', async () => {
    const store = await open(folder());
    await expect(store.accept(envelope(), to('a'.repeat(70_000)), Buffer.from('x'), receipt(1))).rejects.toThrow(RangeError);
    await expect(store.accept(envelope(), to('a@d'), Buffer.from('x'), { ...receipt(1), key: Buffer.alloc(3) })).rejects.toThrow(
      RangeError,
    );
    await expect(store.accept(envelope(), to('a@d'), Buffer.from('x'), { ...receipt(1), until: NaN })).rejects.toThrow(RangeError);
    expect(store.receipt(key(1))).toBeUndefined();
    expect(store.totals().accepted).toBe(0);
  });

  it('ends in time, and is removed when it has', async () => {
    const clock = createManualClock(START);
    const dir = folder();
    const store = await open(dir, { clock });
    for (let n = 1; n <= 3; n++) await store.accept(envelope(), to('a@d'), Buffer.from('x'), receipt(n, START + n * 1_000));
    clock.advance(2_000);
    expect([1, 2, 3].map(n => store.receipt(key(n)) !== undefined)).toEqual([false, false, true]);
    store.pruneReceipts();
    await store.accept(envelope(), to('a@d'), Buffer.from('x'));
    // By an earlier clock, what is still there would be found.
    const before = await open(copyOf(dir), { clock: createManualClock(START) });
    expect([1, 2, 3].map(n => before.receipt(key(n)) !== undefined)).toEqual([false, true, true]);
  });

  it('under a key that is used again is not removed when the old one would be', async () => {
    const clock = createManualClock(START);
    const store = await open(folder(), { clock });
    await store.accept(envelope(), to('a@d'), Buffer.from('x'), receipt(1, START + 1_000));
    clock.advance(2_000);
    expect(store.receipt(key(1))).toBeUndefined();
    const again = await store.accept(envelope(), to('a@d'), Buffer.from('x'), receipt(1, START + 9_000));
    store.pruneReceipts();
    await store.accept(envelope(), to('a@d'), Buffer.from('x'));
    expect(store.receipt(key(1))?.number).toBe(again);
    clock.advance(8_000);
    store.pruneReceipts();
    await store.accept(envelope(), to('a@d'), Buffer.from('x'));
    expect(store.receipt(key(1))).toBeUndefined();
  });
});
