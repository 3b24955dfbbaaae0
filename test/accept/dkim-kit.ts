/**
 * Keys for tests, and a verifier that shares no line with the signer: canonical forms written the obvious way, by regular
 * expression over the whole text.
 */
import { createHash, createPrivateKey, createPublicKey, generateKeyPairSync, verify, type KeyObject } from 'node:crypto';
import type { DkimKey } from '../../src/kernel/settings.js';

/** RFC 8463 §A.2, and its RSA key (1024 bits). */
export const RFC_SEED = 'nWGxne/9WmC6hEr0kuwsxERJxWl7MmkZcDusAxyuf2A=';
export const RFC_RSA = `-----BEGIN RSA PRIVATE KEY-----
MIICXQIBAAKBgQDkHlOQoBTzWRiGs5V6NpP3idY6Wk08a5qhdR6wy5bdOKb2jLQi
Y/J16JYi0Qvx/byYzCNb3W91y3FutACDfzwQ/BC/e/8uBsCR+yz1Lxj+PL6lHvqM
KrM3rG4hstT5QjvHO9PzoxZyVYLzBfO2EeC3Ip3G+2kryOTIKT+l/K4w3QIDAQAB
AoGAH0cxOhFZDgzXWhDhnAJDw5s4roOXN4OhjiXa8W7Y3rhX3FJqmJSPuC8N9vQm
6SVbaLAE4SG5mLMueHlh4KXffEpuLEiNp9Ss3O4YfLiQpbRqE7Tm5SxKjvvQoZZe
zHorimOaChRL2it47iuWxzxSiRMv4c+j70GiWdxXnxe4UoECQQDzJB/0U58W7RZy
6enGVj2kWF732CoWFZWzi1FicudrBFoy63QwcowpoCazKtvZGMNlPWnC7x/6o8Gc
uSe0ga2xAkEA8C7PipPm1/1fTRQvj1o/dDmZp243044ZNyxjg+/OPN0oWCbXIGxy
WvmZbXriOWoSALJTjExEgraHEgnXssuk7QJBALl5ICsYMu6hMxO73gnfNayNgPxd
WFV6Z7ULnKyV7HSVYF0hgYOHjeYe9gaMtiJYoo0zGN+L3AAtNP9huqkWlzECQE1a
licIeVlo1e+qJ6Mgqr0Q7Aa7falZ448ccbSFYEPD6oFxiOl9Y9se9iYHZKKfIcst
o7DUw1/hz2Ck4N5JrgUCQQCyKveNvjzkkd8HjYs0SwM0fPjK16//5qDZ2UiDGnOe
uEzxBDAr518Z8VFbR41in3W4Y3yCDgQlLlcETrS+zYcL
-----END RSA PRIVATE KEY-----
`;

/** A raw Ed25519 seed in its PKCS #8 clothes (RFC 8410 §7). */
export const ed25519Of = (seed: string): KeyObject =>
  createPrivateKey({
    key: Buffer.concat([Buffer.from('302e020100300506032b657004220420', 'hex'), Buffer.from(seed, 'base64')]),
    format: 'der',
    type: 'pkcs8',
  });

export const pemOf = (key: KeyObject): string => key.export({ type: 'pkcs8', format: 'pem' }) as string;
export const rsaKey = (bits = 2048): KeyObject => generateKeyPairSync('rsa', { modulusLength: bits }).privateKey;

export const entry = (more: Partial<DkimKey> = {}): DkimKey => ({
  domain: 'example.com',
  selector: 's1',
  key: '/nowhere',
  canonicalization: { header: 'relaxed', body: 'relaxed' },
  from: { file: 'rampd.yaml', line: 9, col: 3 },
  ...more,
});

/** RFC 6376 §3.4.3 and §3.4.4, step by step. */
export function slowBody(body: string, form: 'relaxed' | 'simple'): string {
  if (form === 'relaxed') {
    body = body
      .split('\r\n')
      .map(line => line.replace(/[ \t]+/g, ' ').replace(/ $/, ''))
      .join('\r\n');
  }
  while (body.endsWith('\r\n')) body = body.slice(0, -2);
  if (body === '') return form === 'simple' ? '\r\n' : '';
  return `${body}\r\n`;
}

export const tagsOf = (field: string): Record<string, string> =>
  Object.fromEntries(
    field
      .slice(field.indexOf(':') + 1)
      .replace(/\r\n/g, '')
      .split(';')
      .map(tag => tag.trim())
      .filter(tag => tag !== '')
      .map(tag => [tag.slice(0, tag.indexOf('=')).trim(), tag.slice(tag.indexOf('=') + 1).replace(/[ \t]+/g, '')]),
  );

/** Does the signature in `field` hold for this message (latin1, without that field)? */
export function holds(field: string, message: string, key: KeyObject): boolean {
  const tags = tagsOf(field);
  const [headerForm, bodyForm] = (tags.c ?? 'simple/simple').split('/') as ['relaxed' | 'simple', 'relaxed' | 'simple'];
  const cut = message.indexOf('\r\n\r\n');
  const body = slowBody(message.slice(cut + 4), bodyForm);
  if (createHash('sha256').update(body, 'latin1').digest('base64') !== tags.bh) return false;
  const left = message
    .slice(0, cut)
    .split(/\r\n(?![ \t])/)
    .reverse();
  const relaxed = (text: string) => {
    const [, name = '', value = ''] = /^([^:]*):([^]*)$/.exec(text) ?? [];
    return `${name.trim().toLowerCase()}:${value
      .replace(/\r\n/g, '')
      .replace(/[\t ]+/g, ' ')
      .replace(/^ +| +$/g, '')}`;
  };
  const canonical = headerForm === 'relaxed' ? relaxed : (text: string) => text;
  let data = '';
  for (const name of (tags.h ?? '').split(':')) {
    const at = left.findIndex(text => text.slice(0, text.indexOf(':')).trim().toLowerCase() === name.toLowerCase());
    if (at >= 0) data += `${canonical(left.splice(at, 1)[0] ?? '')}\r\n`;
  }
  data += canonical(field.replace(/\r\n$/, '').replace(/(;\s*b=)[^;]*/, '$1'));
  const bytes = Buffer.from(data, 'latin1');
  const signature = Buffer.from(tags.b ?? '', 'base64');
  const open = createPublicKey(key);
  if (tags.a === 'rsa-sha256') return verify('sha256', bytes, open, signature);
  return verify(null, createHash('sha256').update(bytes).digest(), open, signature);
}
