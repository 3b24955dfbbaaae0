/**
 * Tokens of reverse paths (variable envelope return paths): `bounce+TOKEN@bounce.example.com` names the one recipient whose
 * mail left with it, and cannot be made without the secret.
 *
 * 16 bytes say where the mail is written down (node, day, offset) and which it was (message, recipient); 12 bytes of
 * HMAC-SHA256 (RFC 2104, truncated to 96 bits) sign them. Base32 (RFC 4648 §6) survives systems that change the case: 45
 * letters, 52 with `bounce+`, below the 64 of RFC 5321 §4.5.3.1.1. Pure.
 */
import { createHmac, timingSafeEqual } from 'node:crypto';
import type { MessageNumber } from '../kernel/message.js';

export interface Token {
  readonly node: number;
  /** Of the departure: days since the epoch, policy time. */
  readonly day: number;
  /** In that day's file of the sent log. */
  readonly offset: number;
  readonly message: MessageNumber;
  readonly index: number;
}

const PREFIX = 'bounce+';
const VERSION = 1;
const SAID = 16;
const SIGNATURE = 12;
const LETTERS = 'abcdefghijklmnopqrstuvwxyz234567';
const LENGTH = Math.ceil(((SAID + SIGNATURE) * 8) / 5);
const LOCAL_PART = new RegExp(`^${PREFIX.replace('+', '\\+')}([a-z2-7]{${LENGTH}})$`, 'i');
/** Candidates looked at in one text. */
const MOST = 20;

export function bounceAddress(token: Token, domain: string, secret: Buffer): string {
  const said = Buffer.alloc(SAID);
  said[0] = VERSION;
  said[1] = token.node;
  said.writeUInt16BE(token.day, 2);
  said.writeUIntBE(token.offset, 4, 5);
  said.writeUIntBE(token.message, 9, 5);
  said.writeUInt16BE(token.index, 14);
  return `${PREFIX}${base32(Buffer.concat([said, signatureOf(said, secret)]))}@${domain}`;
}

/** The token of `bounce+…`, the part before the @; undefined when it is none, or nobody with the secret made it. */
export function readToken(localPart: string, secret: Buffer): Token | undefined {
  const letters = LOCAL_PART.exec(localPart)?.[1];
  if (letters === undefined) return undefined;
  const bytes = fromBase32(letters.toLowerCase());
  const said = bytes.subarray(0, SAID);
  if (!timingSafeEqual(bytes.subarray(SAID, SAID + SIGNATURE), signatureOf(said, secret)) || said[0] !== VERSION) return undefined;
  return {
    node: said.readUInt8(1),
    day: said.readUInt16BE(2),
    offset: said.readUIntBE(4, 5),
    message: said.readUIntBE(9, 5),
    index: said.readUInt16BE(14),
  };
}

/** The first token in a text that somebody with the secret made, for one of these domains. */
export function findToken(text: string, domains: readonly string[], secret: Buffer): Token | undefined {
  let looked = 0;
  for (const [, local = '', domain = ''] of text.matchAll(/(bounce\+[a-z2-7]{45})@([a-z0-9.-]{1,253})/gi)) {
    if (++looked > MOST) return undefined;
    const token = domains.includes(domain.toLowerCase()) ? readToken(local, secret) : undefined;
    if (token) return token;
  }
  return undefined;
}

function signatureOf(said: Buffer, secret: Buffer): Buffer {
  return createHmac('sha256', secret).update('rampd reverse path\0').update(said).digest().subarray(0, SIGNATURE);
}

function base32(bytes: Buffer): string {
  let text = '';
  let bits = 0;
  let value = 0;
  for (const byte of bytes) {
    value = ((value << 8) | byte) & 0xfff;
    bits += 8;
    while (bits >= 5) {
      bits -= 5;
      text += LETTERS[(value >>> bits) & 31];
    }
  }
  return bits > 0 ? text + (LETTERS[(value << (5 - bits)) & 31] ?? '') : text;
}

function fromBase32(text: string): Buffer {
  const bytes = Buffer.alloc(SAID + SIGNATURE);
  let at = 0;
  let bits = 0;
  let value = 0;
  for (const letter of text) {
    value = ((value << 5) | LETTERS.indexOf(letter)) & 0xfff;
    bits += 5;
    if (bits < 8) continue;
    bits -= 8;
    if (at < bytes.length) bytes[at++] = (value >>> bits) & 255;
  }
  return bytes;
}
