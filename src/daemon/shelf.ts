/**
 * Things of one kind that write, each under the settings it was made with: what a reload keeps, adds, changes and takes away.
 *
 * What is new is opened before anything changes. What changes is finished under its old settings before it is opened under
 * the new ones, and takes records meanwhile; so no record is lost and no two write the same file.
 */

/** How one of them stands. */
export interface BookState {
  /** Path of a file, name of a webhook. */
  readonly name: string;
  /** Records not on the disk, and given up since the start. */
  readonly waiting: number;
  readonly lost: number;
  /** Of a webhook: bytes on disk that were not answered for. */
  readonly bytes?: number;
  /** Why it cannot be written at the moment, or what the webhook answered. */
  readonly error?: string;
}

export interface Book {
  /** Rejects when it cannot be used at all. */
  open(): Promise<void>;
  flush(): Promise<void>;
  close(): Promise<void>;
  /** Records not on the disk, and given up since the start. */
  readonly waiting: number;
  readonly lost: number;
  readonly error: unknown;
  readonly bytes?: number;
}

export interface Planned<T> {
  readonly name: string;
  /** Equal while its settings are. */
  readonly key: string;
  /** `after`: its predecessor has closed. */
  readonly make: (after: Promise<unknown> | undefined) => T;
  /** Rejects when it could not be used under changed settings. */
  readonly assertFit?: () => Promise<void>;
}

export class Shelf<T extends Book> {
  readonly #books = new Map<string, { readonly key: string; readonly book: T }>();
  /** By name, the last to leave. */
  readonly #leaving = new Map<string, Promise<void>>();

  /** `onLost`: it was closed with so many records that could not be written. */
  constructor(
    private readonly onTrouble: (error: unknown) => void,
    private readonly onLost: (name: string, records: number, error: unknown) => void,
  ) {}

  get all(): T[] {
    return [...this.#books.values()].map(({ book }) => book);
  }

  #named(): [name: string, book: T][] {
    return [...this.#books].map(([name, { book }]) => [name, book]);
  }

  state(): BookState[] {
    return this.#named().map(([name, { waiting, lost, bytes, error }]) => ({
      name,
      waiting,
      lost,
      ...(bytes === undefined ? {} : { bytes }),
      ...(error === undefined ? {} : { error: error instanceof Error ? error.message : String(error) }),
    }));
  }

  get(name: string): T | undefined {
    return this.#books.get(name)?.book;
  }

  has(name: string): boolean {
    return this.#books.has(name);
  }

  /** Opens those whose name is new. Rejects when one cannot be, or what changed is not fit, and then none is open. */
  async open(planned: readonly Planned<T>[]): Promise<Map<string, T>> {
    const opened = new Map<string, T>();
    try {
      for (const { name, key, make, assertFit } of planned) {
        const there = this.#books.get(name);
        if (there && there.key !== key) await assertFit?.();
        if (there) continue;
        const book = make(this.#leaving.get(name));
        await book.open();
        opened.set(name, book);
      }
    } catch (error) {
      await this.drop(opened);
      throw error;
    }
    return opened;
  }

  async drop(opened: ReadonlyMap<string, T>): Promise<void> {
    await Promise.all([...opened].map(([name, book]) => this.#leave(name, book)));
  }

  /** In one turn: from here on these and no others. */
  adopt(planned: readonly Planned<T>[], opened: ReadonlyMap<string, T>): void {
    for (const [name, { book }] of [...this.#books]) {
      if (planned.some(p => p.name === name)) continue;
      this.#books.delete(name);
      void this.#leave(name, book);
    }
    for (const { name, key, make } of planned) {
      const old = this.#books.get(name);
      if (old?.key === key) continue;
      const book = opened.get(name) ?? make(old && this.#leave(name, old.book));
      this.#books.set(name, { key, book });
      if (old) void book.flush();
    }
  }

  async close(): Promise<void> {
    await Promise.all(this.#named().map(([name, book]) => this.#end(name, book)));
    await Promise.all(this.#leaving.values());
  }

  #leave(name: string, book: T): Promise<void> {
    const before = this.#leaving.get(name);
    const left: Promise<void> = Promise.all([before, this.#end(name, book).catch(this.onTrouble)]).then(() => {
      if (this.#leaving.get(name) === left) this.#leaving.delete(name);
    });
    this.#leaving.set(name, left);
    return left;
  }

  async #end(name: string, book: T): Promise<void> {
    const before = book.lost;
    try {
      await book.close();
    } finally {
      if (book.lost > before) this.onLost(name, book.lost - before, book.error);
    }
  }
}

/** Settings as a key: where they stand in the file makes no difference. */
export function keyOf(settings: object): string {
  return JSON.stringify(settings, (name, value: unknown) => (name === 'from' ? undefined : value === Infinity ? 'unlimited' : value));
}
