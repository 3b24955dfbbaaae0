/**
 * The last journal records as the event feed shows them, newest last; bounded.
 */
import type { FeedView } from '../control/view.js';
import { feedView } from '../control/views.js';
import type { JournalRecord } from '../kernel/journal.js';

const KEPT = 2_000;

export class Feed {
  readonly #lines: FeedView[] = [];
  readonly #listeners = new Set<(line: FeedView) => void>();

  add(record: JournalRecord): void {
    const line = feedView(record);
    this.#lines.push(line);
    if (this.#lines.length > KEPT) this.#lines.splice(0, this.#lines.length - KEPT);
    for (const listener of this.#listeners) listener(line);
  }

  after(id: number, limit: number): FeedView[] {
    return this.#lines.filter(l => l.id > id).slice(-limit);
  }

  follow(listener: (line: FeedView) => void): () => void {
    this.#listeners.add(listener);
    return () => void this.#listeners.delete(listener);
  }
}
