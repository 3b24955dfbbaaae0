/**
 * The secret that signs reverse paths: a file of the operator's, or one in the state folder, made when it is missing.
 * Whoever has it can make tokens; losing it makes reports about mail that has left unbelievable, and nothing else.
 */
import { randomBytes } from 'node:crypto';
import { existsSync, mkdirSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { FaultError, type Place } from '../kernel/fault.js';
import type { Settings } from '../kernel/settings.js';
import { readSecretFile } from '../outcome/secret-file.js';

/** Throws FaultError naming the file when it cannot be read or is too short to be a secret. */
export function feedbackSecret({ feedback, stateDir }: Settings): Buffer {
  const own = join(stateDir, 'feedback', 'secret');
  const file = feedback?.secretFile ?? own;
  const place = feedback?.from ?? { file, line: 0, col: 0 };
  if (file === own && !existsSync(own)) makeSecret(own, place);
  return readSecretFile(file, place);
}

function makeSecret(file: string, place: Place): void {
  try {
    mkdirSync(dirname(file), { recursive: true, mode: 0o700 });
    writeFileSync(file, `${randomBytes(32).toString('base64')}\n`, { mode: 0o600, flush: true });
  } catch (error) {
    const what = `the secret file ${file} cannot be made: ${(error as Error).message}`;
    throw new FaultError([{ code: 'unwritable-file', place, what }]);
  }
}
