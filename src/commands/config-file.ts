/**
 * Which configuration file a command reads: the one given, else ./rampd.yaml, else /etc/rampd/rampd.yaml.
 */
import { existsSync } from 'node:fs';
import { resolve } from 'node:path';
import { FaultError } from '../kernel/fault.js';
import type { Io } from './io.js';

export const DEFAULT_FILES = ['rampd.yaml', '/etc/rampd/rampd.yaml'] as const;

/** A path as it is shown in faults; relative ones start at `io.cwd`. Throws FaultError when nothing was given and none exists. */
export function findConfig(io: Io, given?: string): string {
  if (given !== undefined) return given;
  const found = DEFAULT_FILES.find(file => existsSync(resolve(io.cwd, file)));
  if (found !== undefined) return found;
  throw new FaultError([
    {
      code: 'no-config',
      place: { file: 'rampd.yaml', line: 0, col: 0 },
      what: `no configuration found: looked for ${DEFAULT_FILES.map(file => resolve(io.cwd, file)).join(' and ')}`,
      hint: 'name one with -c FILE, or write a first one with rampd init',
    },
  ]);
}
