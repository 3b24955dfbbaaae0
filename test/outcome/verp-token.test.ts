/** Tokens: what is written is read, in any case; a changed one is nobody's. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { bounceAddress, findToken, readToken, type Token } from '../../src/outcome/verp-token.js';

const secret = Buffer.from('a secret of thirty-two bytes or so');
const tokens: fc.Arbitrary<Token> = fc.record({
  node: fc.integer({ min: 0, max: 255 }),
  day: fc.integer({ min: 0, max: 65_535 }),
  offset: fc.integer({ min: 0, max: 2 ** 40 - 1 }),
  message: fc.integer({ min: 1, max: 2 ** 37 - 1 }),
  index: fc.integer({ min: 0, max: 65_535 }),
});
const localOf = (address: string): string => address.slice(0, address.indexOf('@'));

describe('a token', () => {
  it('says what was put in, whatever happened to its case, in a local part of at most 64 letters', () => {
    fc.assert(
      fc.property(tokens, fc.func(fc.boolean()), (token, upper) => {
        const address = bounceAddress(token, 'bounce.example.com', secret);
        const local = localOf(address);
        expect(local.length).toBe(52);
        const mixed = [...local].map(c => (upper(c) ? c.toUpperCase() : c)).join('');
        expect(readToken(mixed, secret)).toEqual(token);
        expect(findToken(`Return-Path: <${mixed}@Bounce.example.com>`, ['bounce.example.com'], secret)).toEqual(token);
        expect(findToken(`<${mixed}@other.example>`, ['bounce.example.com'], secret)).toBeUndefined();
      }),
    );
  });

  it('is nobody’s when a letter of it is another, or the secret is', () => {
    fc.assert(
      fc.property(tokens, fc.integer({ min: 7, max: 50 }), fc.constantFrom(...'abcdefghijklmnopqrstuvwxyz234567'), (token, at, letter) => {
        const local = localOf(bounceAddress(token, 'b.example', secret));
        const changed = local.slice(0, at) + letter + local.slice(at + 1);
        expect(readToken(changed, secret)).toEqual(changed === local ? token : undefined);
        expect(readToken(local, Buffer.from('another secret'))).toBeUndefined();
      }),
    );
  });

  it('never throws, and nothing but a token is one', () => {
    fc.assert(fc.property(fc.string(), text => void expect(readToken(text, secret)).toBeUndefined()));
    fc.assert(
      fc.property(
        fc.string({ unit: fc.constantFrom(...'abcdefghijklmnopqrstuvwxyz234567'), minLength: 45, maxLength: 45 }),
        text => void expect(readToken(`bounce+${text}`, secret)).toBeUndefined(),
      ),
    );
  });
});
