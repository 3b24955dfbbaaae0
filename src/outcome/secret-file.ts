/**
 * A secret in a file of its own, as HMACs use it: at least 16 bytes, without the white space around them.
 */
import { readFileSync } from 'node:fs';
import { FaultError, type Place } from '../kernel/fault.js';

const SHORTEST = 16;

/** The bytes that `whsec_` and base64 stand for, as Standard Webhooks writes secrets; else the text itself. Throws FaultError. */
export function readSecretFile(file: string, place: Place): Buffer {
  const word = readNamedFile(file, 'secret file', place)
    .toString('latin1')
    .replace(/^[ \t\r\n]+|[ \t\r\n]+$/g, '');
  const secret = word.startsWith('whsec_') ? Buffer.from(word.slice(6), 'base64') : Buffer.from(word, 'latin1');
  if (secret.length >= SHORTEST) return secret;
  const what = `the secret in ${file} has ${secret.length} bytes`;
  throw new FaultError([{ code: 'weak-secret', place, what, allowed: `at least ${SHORTEST}`, hint: 'openssl rand -base64 32 makes one' }]);
}

/** `noun`: what the file is to the settings. Throws FaultError: `forbidden-file` when this account may not read it. */
export function readNamedFile(file: string, noun: string, place: Place): Buffer {
  try {
    return readFileSync(file);
  } catch (error) {
    const what = `the ${noun} ${file} cannot be read: ${(error as Error).message}`;
    const code = (error as NodeJS.ErrnoException).code === 'EACCES' ? 'forbidden-file' : 'unreadable-file';
    throw new FaultError([{ code, place, what }]);
  }
}
