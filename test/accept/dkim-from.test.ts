/** Whose mail it is, by its From field: what people really write, what is malformed, and what is meant to mislead. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { keyPath } from '../../src/accept/dkim-choice.js';
import { fromDomain } from '../../src/accept/dkim-from.js';
import { fieldsOf } from '../../src/accept/dkim-header.js';
import { entry } from './dkim-kit.js';

const of = (...values: string[]) => fromDomain(fieldsOf(values.map(v => `From: ${Buffer.from(v).toString('latin1')}\r\n`).join('')));

describe('the domain of', () => {
  it.each([
    ['a@example.com', 'example.com'],
    ['Ann <a@Example.COM>', 'example.com'],
    ['"Ann, (x) <b@evil.example>" <a@example.com>', 'example.com'],
    ['"a\\"@evil.example" <a@example.com>', 'example.com'],
    ['Dr. Ann Example, Inc. <a@example.com>', 'example.com'],
    ['b@evil.example <a@example.com>', 'example.com'],
    ['a@example.com (Ann (inner) b@evil.example)', 'example.com'],
    ['(b@evil.example) a@example.com', 'example.com'],
    ['=?utf-8?q?J=C3=BCrgen?=\r\n\t<a@example.com>', 'example.com'],
    ['Jürgen <a@example.com>', 'example.com'],
    ['a@exämple.com', 'xn--exmple-cua.com'],
    ['<"a@b"@example.com>', 'example.com'],
    ['<@relay.example,@two.example:a@example.com>', 'example.com'],
    ['a@example.com, Ben <b@example.com>', 'example.com'],
    ['Team: a@example.com, b@example.com;', 'example.com'],
    ['a@ example . com', 'example.com'],
  ])('%s', (text, domain) => {
    expect(of(text)).toEqual({ ok: true, domain });
  });

  it.each([
    [[], 'there is no From field'],
    [['a@example.com', 'b@example.com'], 'there are 2 From fields'],
    [['a@example.com, b@example.org'], 'the From field has addresses of several domains'],
    [['Ann'], 'there is no address in the From field'],
    [[''], 'there is no address in the From field'],
    [['a@[192.0.2.1]'], 'the address in the From field has no valid domain'],
    [['a@../../etc/passwd'], 'the address in the From field has no valid domain'],
    [['a@..'], 'the address in the From field has no valid domain'],
    [['a@example.com/../../x'], 'the address in the From field has no valid domain'],
    [['a@exa\0mple.com'], 'the address in the From field has no valid domain'],
    [['x'.repeat(20_000) + '@example.com'], 'the From field is too long'],
  ])('nobody: %j', (values, why) => {
    expect(of(...values)).toEqual({ ok: false, why });
  });

  it('never throws, and a domain never leads out of its folder', () => {
    const strange = fc.string({
      unit: fc.constantFrom('a', '@', '<', '>', '"', '\\', '(', ')', ',', ';', ':', '.', '/', ' ', '\0', 'ä', '%'),
    });
    fc.assert(
      fc.property(fc.oneof(strange, fc.string({ unit: 'binary' })), text => {
        const from = of(text.replace(/[\r\n]/g, ''));
        if (!from.ok) return;
        expect(keyPath(entry({ key: '/keys/{domain}/{selector}.pem' }), from.domain)).toMatch(
          /^\/keys\/[a-z0-9-]+(\.[a-z0-9-]+)*\/s1\.pem$/,
        );
      }),
      { numRuns: 700 },
    );
  });
});
