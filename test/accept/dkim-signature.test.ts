/** Signatures: by handles as many as are wanted at once and no more than allowed, and each over its own text. */
import { createHash, createPublicKey, generateKeyPairSync, verify } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { RsaHandles, signWith } from '../../src/accept/dkim-signature.js';
import { rsaKey } from './dkim-kit.js';

const key = rsaKey();
const texts = (count: number): Buffer[] => Array.from({ length: count }, (_, i) => Buffer.from(`text ${i}`));

describe('handles on an RSA key', () => {
  it('are one while one signature at a time is wanted', async () => {
    const handles = new RsaHandles(key);
    for (const text of texts(3)) await handles.sign(text);
    expect(handles.made).toBe(1);
  });

  it('are as many as signatures are under way at once, and are used again', async () => {
    const handles = new RsaHandles(key);
    await Promise.all(texts(5).map(text => handles.sign(text)));
    expect(handles.made).toBe(5);
    await Promise.all(texts(5).map(text => handles.sign(text)));
    expect(handles.made).toBe(5);
  });

  it('are never more than allowed; what comes beyond gets its turn', async () => {
    const handles = new RsaHandles(key, 2);
    const signed = await Promise.all(texts(9).map(async text => ({ text, signature: await handles.sign(text) })));
    expect(handles.made).toBe(2);
    for (const { text, signature } of signed) expect(verify('sha256', text, createPublicKey(key), signature)).toBe(true);
  });

  it('give up on nobody when a signature fails: each is told, and those behind get their turn', async () => {
    // A key that takes no digest but its own.
    const handles = new RsaHandles(generateKeyPairSync('ed25519').privateKey, 1);
    const outcomes = await Promise.allSettled(texts(3).map(text => handles.sign(text)));
    expect(outcomes.map(({ status }) => status)).toEqual(['rejected', 'rejected', 'rejected']);
  });
});

describe('signWith', () => {
  it('signs with RSA over the text, with Ed25519 over its SHA-256', async () => {
    const { privateKey, publicKey } = generateKeyPairSync('ed25519');
    const [rsa, edwards] = [signWith(key, 'rsa-sha256'), signWith(privateKey, 'ed25519-sha256')];
    for (const text of texts(3)) {
      expect(verify('sha256', text, createPublicKey(key), Buffer.from(await rsa(text), 'base64'))).toBe(true);
      const digest = createHash('sha256').update(text).digest();
      expect(verify(null, digest, publicKey, Buffer.from(await edwards(text), 'base64'))).toBe(true);
    }
  });
});
