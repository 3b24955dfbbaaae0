/** Io for tests: collects what is written, and how the program ended. */
import { Readable } from 'node:stream';
import type { Io } from '../../src/commands/io.js';

export interface FakeIo extends Io {
  readonly written: { out: string; err: string; code: 0 | 1 | 2 | undefined };
}

export function fakeIo(
  options: { cwd?: string; stdin?: string; tty?: boolean; columns?: number; env?: Record<string, string | undefined> } = {},
): FakeIo {
  const written: FakeIo['written'] = { out: '', err: '', code: undefined };
  const stdin = Object.assign(Readable.from(options.stdin === undefined ? [] : [options.stdin]), { isTTY: options.tty === true });
  return {
    written,
    out: text => void (written.out += text),
    err: text => void (written.err += text),
    stdin,
    // Commands ask a terminal for nothing but these two.
    stdout: { isTTY: options.tty === true, columns: options.columns ?? 80 } as NodeJS.WriteStream,
    cwd: options.cwd ?? '/nowhere',
    env: options.env ?? { USER: 'ann' },
    exit: code => void (written.code = code),
  };
}
