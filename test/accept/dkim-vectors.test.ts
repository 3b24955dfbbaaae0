/**
 * Examples of the RFCs: the forms of RFC 6376 §3.4.5, and the two signatures of RFC 8463 §A.3, which come out byte for byte
 * (both algorithms give the same signature every time).
 */
import { createPrivateKey } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { bodyHash, CanonicalBody } from '../../src/accept/dkim-body.js';
import { fieldsOf, relaxedField, signedText } from '../../src/accept/dkim-header.js';
import { signWith } from '../../src/accept/dkim-signature.js';
import { ed25519Of, holds, RFC_RSA, RFC_SEED } from './dkim-kit.js';

const canonical = (body: string, form: 'relaxed' | 'simple'): string => {
  let out = '';
  const canon = new CanonicalBody(form, bytes => (out += Buffer.from(bytes).toString('latin1')));
  canon.push(Buffer.from(body, 'latin1'));
  canon.end();
  return out;
};

describe('RFC 6376 §3.4.5', () => {
  const body = ' C \r\nD \t E\r\n\r\n\r\n';

  it('has a relaxed and a simple form of its example', () => {
    expect(relaxedField('A: X')).toBe('a:X');
    expect(relaxedField('B : Y\t\r\n\tZ  ')).toBe('b:Y Z');
    expect(canonical(body, 'relaxed')).toBe(' C\r\nD E\r\n');
    expect(canonical(body, 'simple')).toBe(' C \r\nD \t E\r\n');
  });

  it('has the hashes it gives for an empty body (§3.4.3, §3.4.4)', () => {
    expect(bodyHash([], 'simple')).toBe('frcCV1k9oG9oKj3dpUqdJg1PxRT2RSN/XKdLCPjaYaY=');
    expect(bodyHash([], 'relaxed')).toBe('47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=');
  });
});

const MESSAGE = `From: Joe SixPack <joe@football.example.com>
To: Suzie Q <suzie@shopping.example.net>
Subject: Is dinner ready?
Date: Fri, 11 Jul 2003 21:00:37 -0700 (PDT)
Message-ID: <20030712040037.46341.5F8J@football.example.com>

Hi.

We lost the game.  Are you hungry yet?

Joe.
`.replaceAll('\n', '\r\n');

const EDWARDS = `DKIM-Signature: v=1; a=ed25519-sha256; c=relaxed/relaxed;
 d=football.example.com; i=@football.example.com;
 q=dns/txt; s=brisbane; t=1528637909; h=from : to :
 subject : date : message-id : from : subject : date;
 bh=2jUSOH9NhtVGCQWNr9BrIAPreKQjO6Sn7XIkfJVOzv8=;
 b=/gCrinpcQOoIfuHNQIbq4pgh9kyIK3AQUdt9OdqQehSwhEIug4D11Bus
 Fa3bT3FY5OsU7ZbnKELq+eXdp1Q1Dw==`.replaceAll('\n', '\r\n');

const RSA = `DKIM-Signature: v=1; a=rsa-sha256; c=relaxed/relaxed;
 d=football.example.com; i=@football.example.com;
 q=dns/txt; s=test; t=1528637909; h=from : to : subject :
 date : message-id : from : subject : date;
 bh=2jUSOH9NhtVGCQWNr9BrIAPreKQjO6Sn7XIkfJVOzv8=;
 b=F45dVWDfMbQDGHJFlXUNB2HKfbCeLRyhDXgFpEL8GwpsRe0IeIixNTe3
 DhCVlUrSjV4BwcVcOF6+FF3Zo9Rpo1tFOeS9mPYQTnGdaSGsgeefOsk2Jz
 dA+L10TeYt9BgDfQNZtKdN1WO//KgIqXP7OdEFE4LjFYNcUxZQ4FADY+8=`.replaceAll('\n', '\r\n');

describe('RFC 8463 §A.3', () => {
  const cut = MESSAGE.indexOf('\r\n\r\n');
  const names = ['from', 'to', 'subject', 'date', 'message-id', 'from', 'subject', 'date'];
  const cases = [
    { field: EDWARDS, algorithm: 'ed25519-sha256', object: ed25519Of(RFC_SEED) },
    { field: RSA, algorithm: 'rsa-sha256', object: createPrivateKey(RFC_RSA) },
  ] as const;

  it('has the hash of its body', () => {
    expect(bodyHash([Buffer.from(MESSAGE.slice(cut + 4))], 'relaxed')).toBe('2jUSOH9NhtVGCQWNr9BrIAPreKQjO6Sn7XIkfJVOzv8=');
  });

  it.each(cases)('has its signature with $algorithm', async ({ field, algorithm, object }) => {
    const unsigned = field.slice(0, field.indexOf('b=', field.indexOf('bh=') + 3) + 2);
    const text = signedText(fieldsOf(MESSAGE.slice(0, cut)), names, unsigned, 'relaxed');
    const said = field.slice(unsigned.length).replace(/\s/g, '');
    expect(await signWith(object, algorithm)(Buffer.from(text, 'latin1'))).toBe(said);
  });

  it.each(cases)('holds for the verifier of these tests with $algorithm', ({ field, object }) => {
    expect(holds(field, MESSAGE, object)).toBe(true);
    expect(holds(field, MESSAGE.replace('hungry', 'angry'), object)).toBe(false);
    expect(holds(field, MESSAGE.replace('dinner', 'supper'), object)).toBe(false);
  });
});
