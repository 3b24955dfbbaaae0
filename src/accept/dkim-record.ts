/**
 * What must be published in the DNS for a key to be of use (RFC 6376 §3.6, RFC 8463 §4). Pure.
 */
import { createPublicKey, type KeyObject } from 'node:crypto';

/** RFC 1035 §3.3: a character string has at most 255 octets; a longer text is written as several. */
const LONGEST_STRING = 255;

/** Where the key's TXT record stands: `s1._domainkey.example.com`. */
export const recordName = (selector: string, domain: string): string => `${selector}._domainkey.${domain}`;

/** The text of the record for a private (or public) RSA or Ed25519 key. Ed25519 is published bare, RSA with its algorithm. */
export function recordText(key: KeyObject): string {
  const open = key.type === 'private' ? createPublicKey(key) : key;
  const edwards = open.asymmetricKeyType === 'ed25519';
  const der = open.export({ type: 'spki', format: 'der' });
  // The bare key is the end of its SubjectPublicKeyInfo (RFC 8410 §4).
  return `v=DKIM1; k=${edwards ? 'ed25519' : 'rsa'}; p=${(edwards ? der.subarray(-32) : der).toString('base64')}`;
}

/** The record as it is written into a zone file. */
export function zoneLines(name: string, text: string): string[] {
  const strings = (text.match(new RegExp(`.{1,${LONGEST_STRING}}`, 'g')) ?? []).map(part => `"${part}"`);
  if (strings.length === 1) return [`${name}. IN TXT ${strings[0] ?? ''}`];
  return [`${name}. IN TXT (`, ...strings.map(part => `  ${part}`), ')'];
}
