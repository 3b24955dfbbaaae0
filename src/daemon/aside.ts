/**
 * Reports that could not be believed or read, kept aside for people to look at: one file each, bounded in number and bytes,
 * the oldest go first. Nothing else is done with them. A disk that refuses them is none of the sender's business.
 */
import { mkdir, readdir, stat, unlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { printable } from '../kernel/text.js';

const MOST_FILES = 1_000;
const MOST_BYTES = 64 * 1024 * 1024;

export class Aside {
  readonly #dir: string;
  /** Oldest first; undefined before the folder was read. */
  #kept: { readonly name: string; readonly bytes: number }[] | undefined;
  #turn: Promise<void> = Promise.resolve();
  #count = 0;

  constructor(dir: string) {
    this.#dir = dir;
  }

  /** `wall`: epoch milliseconds. Resolves when it is written, or cannot be. */
  keep(content: Buffer, why: string, wall: number): Promise<void> {
    this.#turn = this.#turn.then(() => this.#keep(content, why, wall)).catch(() => undefined);
    return this.#turn;
  }

  async #keep(content: Buffer, why: string, wall: number): Promise<void> {
    const kept = (this.#kept ??= await this.#read());
    const name = `${new Date(wall).toISOString().replace(/[:.]/g, '-')}-${String(this.#count++ % 1_000).padStart(3, '0')}.eml`;
    const head = Buffer.from(`X-Rampd-Aside: ${printable(why, 200)}\r\n`);
    await writeFile(join(this.#dir, name), [head, content], { mode: 0o600 });
    kept.push({ name, bytes: head.length + content.length });
    let bytes = kept.reduce((sum, file) => sum + file.bytes, 0);
    while (kept.length > MOST_FILES || bytes > MOST_BYTES) {
      const oldest = kept.shift();
      if (!oldest) return;
      bytes -= oldest.bytes;
      await unlink(join(this.#dir, oldest.name)).catch(() => undefined);
    }
  }

  async #read(): Promise<{ name: string; bytes: number }[]> {
    await mkdir(this.#dir, { recursive: true, mode: 0o700 });
    const names = (await readdir(this.#dir)).filter(name => name.endsWith('.eml')).sort();
    return Promise.all(names.map(async name => ({ name, bytes: (await stat(join(this.#dir, name))).size })));
  }
}
