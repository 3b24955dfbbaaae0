/** Addresses in the one form in which they travel. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { canonicalAddress, canonicalDomain } from '../../src/accept/address.js';
import { readSuppressed } from '../../src/accept/suppressed.js';
import { suppressedForm } from '../../src/kernel/suppression.js';

describe('addresses', () => {
  const of = (address: string) => {
    const canonical = canonicalAddress(address);
    return canonical.ok ? canonical.address : undefined;
  };

  it('get lower-case A-label domains and keep their local part', () => {
    expect(of('Ann+X@Example.NET')).toBe('Ann+X@example.net');
    expect(of('x@Bücher.example')).toBe('x@xn--bcher-kva.example');
    expect(of('用户@例え.jp')).toBe('用户@xn--r8jz45g.jp');
    expect(of('a@[192.0.2.1]')).toBe('a@[192.0.2.1]');
    expect(of('a@[IPv6:2001:db8::1]')).toBe('a@[IPv6:2001:db8::1]');
    expect(of('"a@b"@example.net')).toBe('"a@b"@example.net');
    expect(of("o'neil=x/y@localhost")).toBe("o'neil=x/y@localhost");
  });

  it('are refused when they are none', () => {
    for (const bad of [
      '',
      '@',
      'a@',
      '@b',
      'a',
      'a b@c.example',
      'a..b@c.example',
      'a.@c.example',
      '"a@c.example',
      'a@b..c',
      'a@b_c.example',
    ]) {
      expect([bad, of(bad)]).toEqual([bad, undefined]);
    }
    for (const bad of [
      'a@-b.example',
      'a@b-.example',
      'a@1.2.3.4',
      'a@0',
      `a@${'x'.repeat(64)}.example`,
      'a\u0000@c.example',
      '"\r"@c.example',
      // Digits of other scripts are digits once they are mapped.
      'a@１２７.０.０.１',
      'a@x.１',
      'a@[]',
      'a@[mx.example]',
      'a@[1.2.3]',
      'a@[2001:db8::1]',
    ]) {
      expect([bad, of(bad)]).toEqual([bad, undefined]);
    }
    expect(of(`${'x'.repeat(245)}@b.example`)).toBeUndefined();
    expect(canonicalDomain(`${'abcdefg.'.repeat(32)}example`)).toBeUndefined();
  });

  it('have one form, in which they can stand on the suppression list', () => {
    const local = fc.string({ unit: 'grapheme', minLength: 1, maxLength: 70 });
    const domain = fc.oneof(
      fc.domain(),
      fc.constantFrom('Bücher.example', 'xn--bcher-kva.example', 'EXAMPLE.com', '[192.0.2.1]', 'İ.example'),
    );
    fc.assert(
      fc.property(local, domain, (before, behind) => {
        const written = `${before}@${behind}`;
        const canonical = canonicalAddress(written);
        if (canonical.ok) expect(canonicalAddress(canonical.address)).toEqual(canonical);
        expect(readSuppressed(written)).toBe(canonical.ok ? suppressedForm(canonical.address) : undefined);
      }),
    );
  });
});
