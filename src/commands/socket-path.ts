/**
 * Which socket the daemon answers at: `--socket`, else control.socket of the configuration, else rampd.sock in its state-dir.
 *
 * Reads these two keys and nothing else, and takes what it can from a file with faults: a broken configuration never
 * keeps anybody from talking to the daemon that runs.
 */
import { readFileSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { findConfig } from './config-file.js';
import type { Io } from './io.js';
import { UsageError } from './usage.js';

export interface Where {
  readonly config?: string;
  readonly socket?: string;
}

/** Throws FaultError when no configuration is found, UsageError when it cannot be read or does not say. */
export async function socketPath(where: Where, io: Io): Promise<string> {
  if (where.socket !== undefined) return resolve(io.cwd, where.socket);
  const named = findConfig(io, where.config);
  const file = resolve(io.cwd, named);
  const { socket, stateDir } = await keysOf(textOf(file, named));
  if (socket !== undefined) return resolve(dirname(file), socket);
  if (stateDir !== undefined) return join(resolve(dirname(file), stateDir), 'rampd.sock');
  throw new UsageError(`${named} says neither control.socket nor state-dir: name the daemon's socket with --socket`);
}

/** Where the daemon keeps its state; undefined when only a socket was named, or the configuration does not say. */
export async function stateDir(where: Where, io: Io): Promise<string | undefined> {
  if (where.socket !== undefined && where.config === undefined) return undefined;
  const named = findConfig(io, where.config);
  const file = resolve(io.cwd, named);
  const { stateDir: dir } = await keysOf(textOf(file, named));
  return dir === undefined ? undefined : resolve(dirname(file), dir);
}

function textOf(file: string, named: string): string {
  try {
    return readFileSync(file, 'utf8');
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    const why =
      code === 'ENOENT'
        ? 'there is no such file'
        : code === 'EACCES'
          ? 'you may not read it'
          : code === 'EISDIR'
            ? 'it is a folder'
            : String(code);
    throw new UsageError(`cannot read ${named}: ${why}`);
  }
}

async function keysOf(text: string): Promise<{ socket?: string; stateDir?: string }> {
  const { parseDocument } = await import('yaml');
  let read: unknown;
  try {
    read = parseDocument(text, { logLevel: 'silent', uniqueKeys: false }).toJS();
  } catch {
    // An alias to nothing, or too many of them: the file says nothing usable.
    return {};
  }
  const top = entries(read);
  const socket = entries(top.control).socket;
  const stateDir = top['state-dir'];
  return {
    ...(typeof socket === 'string' && socket !== '' ? { socket } : {}),
    ...(typeof stateDir === 'string' && stateDir !== '' ? { stateDir } : {}),
  };
}

const entries = (value: unknown): Record<string, unknown> =>
  typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : {};
