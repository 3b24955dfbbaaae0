/**
 * Work that nobody waits for until a stop does: transactions, recipients being given up, notices being stored.
 */
export class Underway {
  readonly #works = new Set<Promise<unknown>>();

  /** How the work ends is the business of whoever began it. */
  add<T>(work: Promise<T>): Promise<T> {
    this.#works.add(work);
    const over = (): void => void this.#works.delete(work);
    work.then(over, over);
    return work;
  }

  /** Resolves once nothing is under way, what began meanwhile included. */
  async settled(): Promise<void> {
    while (this.#works.size > 0) await Promise.allSettled(this.#works);
  }
}
