/** Reading the journal while the daemon works: everything, a bounded piece a turn. */
import { describe, expect, it } from 'vitest';
import { past } from '../../src/daemon/past.js';
import type { JournalRecord } from '../../src/kernel/journal.js';

const record = (id: number): JournalRecord => ({ id, at: id, time: '', type: 'paused', author: 'operator:ann', text: '' });

class Book {
  lastId = 0;
  read = 0;
  *after(id: number): Generator<JournalRecord> {
    for (let next = id + 1; next <= this.lastId; next++) {
      this.read++;
      yield record(next);
    }
  }
}

describe('the past', () => {
  it('is read a bounded piece a turn, however long it is', async () => {
    const book = new Book();
    book.lastId = 5_000;
    let most = 0;
    let turns = 0;
    let running = true;
    const others = (async () => {
      for (let before = 0; running; before = book.read, turns++) {
        await new Promise(resolve => setImmediate(resolve));
        most = Math.max(most, book.read - before);
      }
    })();
    const seen: number[] = [];
    for await (const page of past(book, 0)) seen.push(...page.records.map(r => r.id));
    running = false;
    await others;
    expect(seen).toEqual(Array.from({ length: 5_000 }, (_, i) => i + 1));
    expect(turns).toBeGreaterThan(20);
    expect(most).toBeLessThanOrEqual(201);
  });

  it('includes what is written meanwhile, and says how far it has looked', async () => {
    const book = new Book();
    book.lastId = 150;
    let through = 0;
    let count = 0;
    for await (const page of past(book, 10)) {
      if (count === 0) book.lastId = 250;
      count += page.records.length;
      through = page.through;
    }
    expect([count, through]).toEqual([240, 250]);
    // Passed over unread counts as looked at.
    const skipping = { lastId: 9, after: () => [][Symbol.iterator]() as unknown as Generator<JournalRecord> };
    const pages = [];
    for await (const page of past(skipping, 3)) pages.push(page);
    expect(pages).toEqual([{ through: 9, records: [] }]);
  });
});
