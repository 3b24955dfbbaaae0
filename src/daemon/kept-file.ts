/**
 * A small JSON file that makes a restart cheaper and is no promise: what is missing or broken is started anew, with a warning.
 *
 * Whoever reads it sees the old text or the new one, whole. Writes follow one another; of those that wait only the last is
 * written. A write that fails is told and forgotten: the next one tries again.
 */
import { readFileSync } from 'node:fs';
import { rename, writeFile } from 'node:fs/promises';

export class KeptFile {
  readonly #file: string;
  readonly #trouble: (text: string) => void;
  #writing: Promise<void> = Promise.resolve();
  #waiting: Promise<void> | undefined;

  constructor(file: string, trouble: (text: string) => void) {
    this.#file = file;
    this.#trouble = trouble;
  }

  /** undefined when there is none that can be read. */
  read(): unknown {
    try {
      return JSON.parse(readFileSync(this.#file, 'utf8')) as unknown;
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'ENOENT') this.#trouble(`${this.#file} cannot be read: ${(error as Error).message}`);
      return undefined;
    }
  }

  /** `data` is asked when its turn comes. Never rejects. */
  write(data: () => unknown): Promise<void> {
    this.#waiting ??= this.#writing.then(async () => {
      this.#waiting = undefined;
      try {
        await writeFile(`${this.#file}.new`, `${JSON.stringify(data(), null, 1)}\n`, { mode: 0o600 });
        await rename(`${this.#file}.new`, this.#file);
      } catch (error) {
        this.#trouble(`${this.#file} cannot be written: ${(error as Error).message}`);
      }
    });
    this.#writing = this.#waiting;
    return this.#waiting;
  }
}
