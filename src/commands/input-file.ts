/**
 * A file that a command takes in or writes out, and why it cannot: one sentence that names the file as it was typed.
 */
import { once } from 'node:events';
import { open } from 'node:fs/promises';
import { resolve } from 'node:path';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import type { Io } from './io.js';

const WHY: Readonly<Record<string, string>> = {
  ENOENT: 'there is no such file or folder',
  EACCES: 'this account may not',
  EISDIR: 'it is a folder',
};

const because = (error: unknown): string => {
  const { code = '', message } = error as NodeJS.ErrnoException;
  return WHY[code] ?? message;
};

/** `-` is standard input. Rejects with a sentence. */
export async function inputFile(file: string, io: Pick<Io, 'cwd' | 'stdin'>): Promise<Readable> {
  if (file === '-') return Readable.from(io.stdin);
  try {
    const handle = await open(resolve(io.cwd, file));
    if (!(await handle.stat()).isDirectory()) return handle.createReadStream();
    await handle.close();
  } catch (error) {
    throw new Error(`${file} cannot be read: ${because(error)}`, { cause: error });
  }
  throw new Error(`${file} cannot be read: ${WHY.EISDIR}`);
}

/** UTF-8 in pieces that may part a character, as fast as stdout takes it. */
export async function outputText(pieces: AsyncIterable<Buffer>, { out, stdout }: Pick<Io, 'out' | 'stdout'>): Promise<void> {
  const decoder = new TextDecoder();
  for await (const piece of pieces) {
    out(decoder.decode(piece, { stream: true }));
    if (stdout.writableNeedDrain) await once(stdout, 'drain');
  }
}

/** Readable by its owner alone. Rejects with a sentence where the file cannot be written, else with what the pieces reject with. */
export async function outputFile(pieces: AsyncIterable<Buffer> | Readable, file: string, { cwd }: Pick<Io, 'cwd'>): Promise<void> {
  const handle = await open(resolve(cwd, file), 'w', 0o600).catch((error: unknown) => {
    throw new Error(`${file} cannot be written: ${because(error)}`, { cause: error });
  });
  await pipeline(pieces, handle.createWriteStream());
}
