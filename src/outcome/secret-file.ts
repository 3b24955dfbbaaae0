/**
 * What the configuration names by its file: a secret, as HMACs use it, of at least 16 bytes and without the white space around
 * them; the CAs of somebody's own.
 */
import { X509Certificate } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { FaultError, type Place } from '../kernel/fault.js';
import { certificatesIn } from '../kernel/pem.js';

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
function readNamedFile(file: string, noun: string, place: Place): Buffer {
  try {
    return readFileSync(file);
  } catch (error) {
    const what = `the ${noun} ${file} cannot be read: ${(error as Error).message}`;
    const code = (error as NodeJS.ErrnoException).code === 'EACCES' ? 'forbidden-file' : 'unreadable-file';
    throw new FaultError([{ code, place, what }]);
  }
}

/** The text of a file of CAs to trust. Throws FaultError, also when it holds none: then nobody would be trusted. */
export function readRootsFile(file: string, place: Place): string {
  const text = readNamedFile(file, 'file of CAs', place).toString();
  const roots = certificatesIn(text);
  if (roots.length > 0 && roots.every(isCertificate)) return text;
  const what = `the file of CAs ${file} holds ${roots.length === 0 ? 'no' : 'a broken'} certificate`;
  throw new FaultError([{ code: 'bad-certificates', place, what, allowed: 'certificates in PEM' }]);
}

function isCertificate(pem: string): boolean {
  try {
    return new X509Certificate(pem).raw.length > 0;
  } catch {
    return false;
  }
}
