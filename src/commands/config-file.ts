/**
 * Where the configuration is when nobody says: ./rampd.yaml, then /etc/rampd/rampd.yaml.
 *
 * Looks, reads nothing.
 */
import { existsSync } from 'node:fs';
import { resolve } from 'node:path';
import type { Io } from './io.js';

export const CONFIG_FILES = ['rampd.yaml', '/etc/rampd/rampd.yaml'] as const;

/** The path of the first that exists; undefined when none does. */
export function findConfig(io: Pick<Io, 'cwd'>, exists: (path: string) => boolean = existsSync): string | undefined {
  return CONFIG_FILES.find(file => exists(resolve(io.cwd, file)));
}
