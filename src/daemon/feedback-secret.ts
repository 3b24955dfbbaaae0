/**
 * The secret that signs reverse paths: a file of the operator's, or one in the state folder, made when it is missing.
 * Whoever has it can make tokens; losing it makes reports about mail that has left unbelievable, and nothing else.
 */
import { randomBytes } from 'node:crypto';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { FaultError } from '../kernel/fault.js';
import type { Settings } from '../kernel/settings.js';

const SHORTEST = 16;

/** Throws FaultError naming the file when it cannot be read or is too short to be a secret. */
export function feedbackSecret({ feedback, stateDir }: Settings): Buffer {
  const own = join(stateDir, 'feedback', 'secret');
  const file = feedback?.secretFile ?? own;
  const fault = (what: string): FaultError =>
    new FaultError([
      {
        code: 'bad-secret',
        place: feedback?.from ?? { file, line: 0, col: 0 },
        what,
        hint: 'any 32 random bytes will do: head -c 32 /dev/urandom | base64',
      },
    ]);
  let text: Buffer;
  try {
    text = readFileSync(file);
  } catch (error) {
    if (file !== own || (error as NodeJS.ErrnoException).code !== 'ENOENT')
      throw fault(`secret-file cannot be read: ${(error as Error).message}`);
    text = Buffer.from(`${randomBytes(32).toString('base64')}\n`);
    mkdirSync(dirname(own), { recursive: true, mode: 0o700 });
    writeFileSync(own, text, { mode: 0o600, flush: true });
  }
  const secret = Buffer.from(text.toString('latin1').trim(), 'latin1');
  if (secret.length < SHORTEST) throw fault(`the secret in ${file} has ${secret.length} bytes: at least ${SHORTEST} are needed`);
  return secret;
}
