/**
 * `rampd dkim-key DOMAIN SELECTOR`: makes a private key to sign with, and prints the DNS record that makes it known.
 *
 * What it prints is a piece of a zone file, with everything else as comments. The private key goes to its file and nowhere
 * else; a file that is there is never overwritten.
 */
import { generateKeyPairSync, type KeyObject } from 'node:crypto';
import { writeFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { Argument, InvalidArgumentError, Option, type Command } from 'commander';
import { recordName, recordText, zoneLines } from '../accept/dkim-record.js';
import { hostName, readDomain } from '../config/address.js';
import { page } from '../control/page.js';
import { printable } from '../kernel/text.js';
import type { Io } from './io.js';
import { UsageError } from './usage.js';

/** RFC 8301 §3.2: signers should use 2048 bits. Longer keys do not fit everywhere, and receivers gain little by them. */
const BITS = 2048;

interface Options {
  readonly type: 'rsa' | 'ed25519';
  readonly out?: string;
}

export function register(program: Command, io: Io): void {
  program
    .command('dkim-key')
    .description('make a key to sign with, and print the DNS record for it')
    .addArgument(new Argument('<domain>', 'the domain that signs').argParser(domain))
    .addArgument(new Argument('<selector>', 'a name for the key, such as s1').argParser(selector))
    .addOption(
      new Option('--type <type>', 'rsa: for every receiver; ed25519: for those who know it').choices(['rsa', 'ed25519']).default('rsa'),
    )
    .option('--out <file>', 'where the private key goes (default: SELECTOR.DOMAIN.pem)')
    .action((name: string, selected: string, { type, out }: Options) => {
      const file = out ?? `${selected}.${name}.pem`;
      const key =
        type === 'rsa' ? generateKeyPairSync('rsa', { modulusLength: BITS }).privateKey : generateKeyPairSync('ed25519').privateKey;
      store(resolve(io.cwd, file), file, key);
      io.out(
        page([
          `; ${type === 'rsa' ? `RSA ${BITS}` : 'Ed25519'}, private key in ${printable(file)}, mode 0600: give it to the account rampd runs as.`,
          '; Publish this, and add to rampd.yaml under dkim:',
          `;   - { domain: ${name}, selector: ${selected}, key: ${printable(resolve(io.cwd, file))} }`,
          ...zoneLines(recordName(selected, name), recordText(key)),
        ]),
      );
    });
}

function store(path: string, shown: string, key: KeyObject): void {
  try {
    // wx: refuses a file that is there already, without a moment between looking and writing.
    writeFileSync(path, key.export({ type: 'pkcs8', format: 'pem' }), { flag: 'wx', mode: 0o600 });
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    if (code === 'EEXIST')
      throw new UsageError(`${printable(shown)} is there already: mail may be signed with it; name another file with --out`);
    throw new Error(`cannot write ${printable(shown)}: ${message}`, { cause: error });
  }
}

function domain(text: string): string {
  const read = readDomain(text);
  if (!read.ok) throw new InvalidArgumentError(`It must be ${read.allowed}.`);
  return read.value;
}

function selector(text: string): string {
  const value = hostName(text);
  if (value === undefined) throw new InvalidArgumentError('It must be letters, digits and hyphens, with dots between, such as s1.');
  return value;
}
