/**
 * Groups on their way to the disk: what is handed in collects in one, and a loop writes one after the other.
 *
 * A commit begins when the turn that asked for it is over, or the commit under way has ended. After one that failed nothing is
 * taken any more: what waits is refused, and the owner is told once.
 */
import { Group } from './group.js';

export interface WriterParts {
  /** Recipients in a commit that is not over, shared by all groups. */
  readonly settling: Set<number>;
  /** Resolves when what of the group found room is durable; the rest is left in it. */
  write(group: Group): Promise<void>;
  onFailure(error: Error): void;
}

export class Writer {
  readonly #parts: WriterParts;
  #pending: Group | undefined;
  #loop: Promise<void> | undefined;
  #failure: Error | undefined;
  #closed = false;

  constructor(parts: WriterParts) {
    this.#parts = parts;
  }

  /** Why nothing is taken any more. */
  get refusal(): Error | undefined {
    if (this.#failure) return new Error(`the spool has failed: ${this.#failure.message}`, { cause: this.#failure });
    return this.#closed ? new Error('the spool is closed') : undefined;
  }

  /** The group the next commit writes. */
  get next(): Group {
    if (!this.#pending) this.#pending = new Group(this.#parts.settling);
    this.#loop ??= new Promise<void>(resolve => setImmediate(resolve)).then(() => this.#run());
    return this.#pending;
  }

  /** Takes nothing more; resolves when what was taken is written. */
  async close(): Promise<void> {
    this.#closed = true;
    await this.#loop;
  }

  async #run(): Promise<void> {
    for (let group = this.#pending; group && !this.#failure; group = this.#pending) {
      this.#pending = undefined;
      try {
        while (!group.isEmpty) await this.#parts.write(group);
      } catch (error) {
        this.#fail(error as Error, group);
      }
    }
    this.#loop = undefined;
  }

  #fail(error: Error, group: Group): void {
    this.#failure = error;
    const refusal = this.refusal!;
    group.refuse(refusal);
    this.#pending?.refuse(refusal);
    this.#pending = undefined;
    this.#parts.onFailure(error);
  }
}
