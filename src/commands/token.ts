/**
 * `rampd token`: makes a token for HTTP and the hash of it that stands in the configuration. `rampd password`: the hash of a
 * client's password, read from standard input so that no shell remembers it. Nothing is written anywhere.
 */
import { randomBytes } from 'node:crypto';
import type { Command } from 'commander';
import { hashPassword } from '../accept/password.js';
import { NAME } from '../config/words.js';
import type { Io } from './io.js';
import { UsageError } from './usage.js';

const LONGEST = 1_000;

export function register(program: Command, io: Io): void {
  program
    .command('token')
    .description('make a token for the HTTP API, and its hash for the configuration')
    .argument('[name]', 'what the token is called in the configuration', 'app1')
    .action(async (name: string) => {
      if (!NAME.test(name)) throw new UsageError('a name is letters, digits, dot, hyphen and underscore');
      const token = randomBytes(32).toString('base64url');
      const hash = await hashPassword(token);
      io.out(`${token}\n`);
      io.err(`The line above is the token: give it to who is to have it, it is not kept. In rampd.yaml, under control: http: tokens:\n`);
      io.err(`  - { name: ${name}, token: "${hash}", role: inject, pool: NAME }\n`);
    });
  program
    .command('password')
    .description('print the hash of the password on standard input, for a client in the configuration')
    .action(async () => {
      const password = await lineOf(io.stdin);
      if (password === '') throw new UsageError('give the password on standard input, such as: rampd password < FILE');
      io.out(`${await hashPassword(password)}\n`);
    });
}

/** The first line, without its end. */
async function lineOf(stream: NodeJS.ReadableStream): Promise<string> {
  let text = '';
  for await (const chunk of stream) {
    text += String(chunk);
    if (text.includes('\n') || text.length > LONGEST) break;
  }
  const [line = ''] = text.split(/\r?\n/);
  if (line.length > LONGEST) throw new UsageError(`a password has at most ${LONGEST} characters`);
  return line;
}
