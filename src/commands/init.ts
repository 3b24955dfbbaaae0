/**
 * `rampd init [FILE]`: writes a commented configuration to begin with. Never overwrites a file unless told to.
 */
import { mkdirSync, writeFileSync } from 'node:fs';
import { dirname, resolve } from 'node:path';
import type { Command } from 'commander';
import { starterFile } from '../config/starter.js';
import { printable } from '../kernel/text.js';
import { DEFAULT_FILES } from './config-file.js';
import type { Io } from './io.js';
import { UsageError } from './usage.js';

export function register(program: Command, io: Io): void {
  program
    .command('init')
    .description('write a commented configuration to begin with')
    .argument('[file]', 'where to', DEFAULT_FILES[0])
    .option('--force', 'replace a file that is there')
    .action((file: string, options: { readonly force?: true }) => {
      write(resolve(io.cwd, file), file, options.force === true);
      io.out(`${printable(file)} is written: change names and addresses, then rampd check ${printable(file)}\n`);
    });
}

function write(path: string, shown: string, force: boolean): void {
  try {
    mkdirSync(dirname(path), { recursive: true });
    // wx: refuses a file that is there already, without a moment between looking and writing.
    writeFileSync(path, starterFile(), { flag: force ? 'w' : 'wx', mode: 0o640 });
  } catch (error) {
    const { code, syscall, message } = error as NodeJS.ErrnoException;
    if (code === 'EEXIST' && syscall === 'open')
      throw new UsageError(`${shown} is there already: name another file, or say --force to replace it`);
    throw new Error(`cannot write ${shown}: ${message}`, { cause: error });
  }
}
