/** The memory of recent bodies: bounded, oldest out first, and never keeping more than it counts. */
import { describe, expect, it } from 'vitest';
import { BodyCache } from '../../src/spool/body-cache.js';
import { envelope } from './ground.js';

const ref = (offset: number, length = 1_000) => ({ segment: 1, offset, length });

describe('the body cache', () => {
  it('keeps what fits, the youngest', () => {
    const cache = new BodyCache(3_000);
    for (let i = 0; i < 5; i++) cache.add(ref(i), { envelope: envelope(), content: [Buffer.alloc(600, i), Buffer.alloc(400, i)] });
    expect([0, 1, 2, 3, 4].map(i => cache.get(ref(i))?.content[1]?.[399])).toEqual([undefined, undefined, 2, 3, 4]);
    expect(cache.bytes).toBe(3_000);
    cache.drop(ref(3));
    cache.drop(ref(3));
    expect(cache.bytes).toBe(2_000);
    cache.add(ref(9, 4_000), { envelope: envelope(), content: [Buffer.alloc(4_000)] });
    expect(cache.get(ref(9, 4_000))).toBeUndefined();
    expect(cache.bytes).toBe(2_000);
  });

  it('does not keep a block alive for a small part of it', () => {
    const cache = new BodyCache(100_000);
    const block = Buffer.alloc(1_000_000, 7);
    cache.add(ref(1), { envelope: envelope(), content: [block.subarray(10, 1_010)] });
    const [kept] = cache.get(ref(1))!.content;
    expect(kept?.equals(Buffer.alloc(1_000, 7))).toBe(true);
    // A copy may stand in one of node's pools: 64 KB from version 24 on.
    expect(kept?.buffer.byteLength).toBeLessThan(100_000);
  });
});
