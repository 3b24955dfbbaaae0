/** The suppression list in the spool: kept, found, ended, committed with what it stands beside. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Suppression } from '../../src/kernel/suppression.js';
import { removalRow, suppressionRow } from '../../src/spool/suppression-rows.js';
import { close, copyOf, envelope, folder, open, queueOf, START, takeFirst, to } from './ground.js';

const entry = (more: Partial<Suppression> = {}): Suppression => ({
  address: 'a@one.example',
  scope: '',
  reason: 'mailbox.unknown',
  since: START,
  ...more,
});

describe('the suppression list', () => {
  it('finds an entry however the address is spelt, and over a restart', async () => {
    const dir = folder();
    let store = await open(dir);
    await store.settle([], [], [suppressionRow(entry({ note: '550 5.1.1 no such user' }))]);
    await close(store);
    store = await open(dir);
    const found = { ...entry(), note: '550 5.1.1 no such user' };
    expect(store.suppression.find('A@One.Example', 'x@sender.example', START)).toEqual(found);
    expect(store.suppression.find('b@one.example', 'x@sender.example', START)).toBeUndefined();
    expect(store.suppression.count()).toBe(1);
  });

  it('keeps an entry of a sender domain from its mail alone', async () => {
    const store = await open(folder());
    await store.settle([], [], [suppressionRow(entry({ scope: 'shop.example', reason: 'complaint' }))]);
    expect(store.suppression.find('a@one.example', 'news@Shop.example', START)?.reason).toBe('complaint');
    expect(store.suppression.find('a@one.example', 'news@other.example', START)).toBeUndefined();
    expect(store.suppression.find('a@one.example', '', START)).toBeUndefined();
  });

  it('holds until its time is over, and goes when it is removed', async () => {
    const store = await open(folder());
    await store.settle([], [], [suppressionRow(entry({ until: START + 10 })), suppressionRow(entry({ address: 'b@one.example' }))]);
    expect(store.suppression.find('a@one.example', '', START + 9)).toBeDefined();
    expect(store.suppression.find('a@one.example', '', START + 10)).toBeUndefined();
    await store.settle([], [], [removalRow('', 'B@one.example')]);
    expect(store.suppression.find('b@one.example', '', START)).toBeUndefined();
  });

  it('takes an end beyond all dates', async () => {
    const store = await open(folder());
    await store.settle([], [], [suppressionRow(entry({ until: 1e18 }))]);
    expect(store.suppression.find('a@one.example', '', START)?.until).toBe(2 ** 48 - 1);
  });

  it('commits with the outcome that made it: both or neither', async () => {
    const dir = folder();
    const store = await open(dir);
    await store.accept(envelope(), to('a@one.example'), Buffer.from('x'));
    const queue = queueOf(store, 'one.example');
    const settled = store.settle([{ row: takeFirst(queue), queue, to: null, count: 'bounced' }], [], [suppressionRow(entry())]);
    const before = await open(copyOf(dir));
    expect(before.totals()).toMatchObject({ waiting: 1, bounced: 0 });
    expect(before.suppression.count()).toBe(0);
    await settled;
    const after = await open(copyOf(dir));
    expect(after.totals()).toMatchObject({ waiting: 0, bounced: 1 });
    expect(after.suppression.count()).toBe(1);
  });

  it('reads any list page by page as it was written', async () => {
    const scope = fc.constantFrom('', 'a.example', 'b.example');
    const local = fc.string({ unit: 'grapheme', minLength: 1, maxLength: 12 }).map(s => s.replace(/[\s\p{Cc}@]/gu, 'x').toLowerCase());
    const one = fc.record({
      scope,
      address: local.map(l => `${l}@d.example`),
      reason: fc.constantFrom('complaint' as const, 'manual' as const),
    });
    await fc.assert(
      fc.asyncProperty(fc.uniqueArray(one, { maxLength: 30, selector: e => `${e.scope} ${e.address}` }), async list => {
        const store = await open(folder());
        await store.settle(
          [],
          [],
          list.map(e => suppressionRow({ ...e, since: START })),
        );
        const read: Suppression[] = [];
        for (;;) {
          const page = store.suppression.page(7, read.at(-1));
          read.push(...page);
          if (page.length < 7) break;
        }
        const place = (e: { scope: string; address: string }): string => `${e.scope} ${e.address}`;
        expect(read.map(place).sort()).toEqual(list.map(place).sort());
        await close(store);
      }),
      { numRuns: 15 },
    );
  });
});
