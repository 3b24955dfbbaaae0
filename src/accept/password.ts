/**
 * Passwords of clients: `scrypt:<salt>:<hash>`, both base64url, the salt 16 bytes, the hash 32.
 *
 * scrypt (RFC 7914) with N = 16384, r = 8, p = 1: 16 MB and some 50 ms a guess. The parameters are fixed, so that a
 * configuration file cannot name ruinous ones. Comparison takes the same time whatever differs. Runs on the thread pool.
 */
import { createHash, randomBytes, scrypt, timingSafeEqual } from 'node:crypto';

const PARAMETERS = { N: 16_384, r: 8, p: 1, maxmem: 64 * 1024 * 1024 };
const SALT_BYTES = 16;
const HASH_BYTES = 32;

const derive = (password: string, salt: Buffer): Promise<Buffer> =>
  new Promise((resolve, reject) =>
    scrypt(password.normalize('NFC'), salt, HASH_BYTES, PARAMETERS, (error, key) => (error ? reject(error) : resolve(key))),
  );

/** What to write in the configuration for this password. A new salt each time unless one is given. */
export async function hashPassword(password: string, salt: Buffer = randomBytes(SALT_BYTES)): Promise<string> {
  return `scrypt:${salt.toString('base64url')}:${(await derive(password, salt)).toString('base64url')}`;
}

/**
 * Is `password` the one that `stored` stands for? `stored` without the `scrypt:` prefix is plain text. A malformed or
 * missing `stored` answers false, after as much work as a wrong password costs.
 */
export async function verifyPassword(stored: string | undefined, password: string): Promise<boolean> {
  if (stored !== undefined && !stored.startsWith('scrypt:')) return sameText(stored, password);
  const [, salt, hash, ...rest] = (stored ?? '').split(':');
  const wanted = Buffer.from(hash ?? '', 'base64url');
  const got = await derive(password, Buffer.from(salt ?? '', 'base64url'));
  return rest.length === 0 && wanted.length === HASH_BYTES && timingSafeEqual(wanted, got);
}

function sameText(a: string, b: string): boolean {
  const digest = (text: string) => createHash('sha256').update(text.normalize('NFC')).digest();
  return timingSafeEqual(digest(a), digest(b)) && a !== '';
}
