/**
 * A binary heap of things by the instant at which they want attention; each thing stands in it once and can be moved.
 */
import type { Instant } from '../kernel/units.js';

export interface Scheduled {
  /** Position in the heap, -1 outside; belongs to the heap. */
  heapIndex: number;
  heapAt: Instant;
}

export class TimeHeap<T extends Scheduled> {
  readonly #items: T[] = [];

  get size(): number {
    return this.#items.length;
  }

  first(): T | undefined {
    return this.#items[0];
  }

  /** Puts the thing at `at`, moving it when it is already here. */
  set(item: T, at: Instant): void {
    const known = item.heapIndex >= 0;
    const before = item.heapAt;
    item.heapAt = at;
    if (!known) {
      item.heapIndex = this.#items.length;
      this.#items.push(item);
      this.#up(item);
    } else if (at < before) this.#up(item);
    else if (at > before) this.#down(item);
  }

  remove(item: T): void {
    const index = item.heapIndex;
    if (index < 0) return;
    item.heapIndex = -1;
    const last = this.#items.pop();
    if (!last || last === item) return;
    this.#items[index] = last;
    last.heapIndex = index;
    this.#up(last);
    this.#down(last);
  }

  /** Takes the first thing when its instant has come. */
  popDue(now: Instant): T | undefined {
    const first = this.#items[0];
    if (!first || first.heapAt > now) return undefined;
    this.remove(first);
    return first;
  }

  #up(item: T): void {
    let i = item.heapIndex;
    while (i > 0) {
      const p = (i - 1) >> 1;
      const parent = this.#items[p] as T;
      if (parent.heapAt <= item.heapAt) break;
      this.#place(parent, i);
      i = p;
    }
    this.#place(item, i);
  }

  #down(item: T): void {
    const n = this.#items.length;
    let i = item.heapIndex;
    for (;;) {
      let c = 2 * i + 1;
      if (c >= n) break;
      if (c + 1 < n && (this.#items[c + 1] as T).heapAt < (this.#items[c] as T).heapAt) c++;
      const child = this.#items[c] as T;
      if (child.heapAt >= item.heapAt) break;
      this.#place(child, i);
      i = c;
    }
    this.#place(item, i);
  }

  #place(item: T, i: number): void {
    this.#items[i] = item;
    item.heapIndex = i;
  }
}
