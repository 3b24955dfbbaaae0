import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { witnesses } from '../../src/outcome/witness.js';
import { shipped } from './shipped.js';

const of = (source: string, flags = '') => witnesses({ source, flags });

describe('witnesses', () => {
  it.each([
    ['slow down', 'slow down'],
    ['^421 (slow|late)$', '421 slow'],
    ['^421 (slow|late)$', '421 late'],
    ['\\[TS0[1-4]\\]', '[TS01]'],
    ['gr[ae]y[ -]?list', 'graylist'],
    ['x{3}y{2,}', 'xxxyy'],
    ['a\\d+b', 'a0b'],
    ['(?:ab)?c', 'c'],
    ['(?<word>ab)c', 'abc'],
    ['[^ -~]', '\t'],
    ['\\x41\\u0042', 'AB'],
  ])('/%s/ has "%s"', (source, text) => {
    expect(of(source)).toContain(text);
  });

  it.each([['a$b'], ['a^b'], ['x\\by'], ['(?:a$b|c^d)']])('/%s/ has none', source => {
    expect(of(source)).toEqual([]);
  });

  it('finds a way around a word boundary', () => {
    expect(of('\\bspf\\b.*\\bfail')).not.toEqual([]);
  });

  it('exist for every shipped expression, and match it', () => {
    const expressions = [...shipped.providers.values()].flatMap(({ rules }) => rules.flatMap(({ match }) => match.regex ?? []));
    expect(expressions.length).toBeGreaterThan(50);
    for (const { source, flags } of expressions) {
      expect(of(source, flags), source).not.toEqual([]);
      for (const text of of(source, flags)) expect(text).toMatch(new RegExp(source, flags));
    }
  });

  it('match whatever the expression, and never throw', () => {
    const atom = fc.oneof(
      fc.constantFrom('a', 'B', ' ', '.', '\\d', '\\s', '\\W', '[a-c]', '[^x]', '\\.', '\\b', '^', '$', '\\[', '\\u0041'),
      fc.constantFrom('(?:a|b)', '(x|\\d)', '(?:)'),
    );
    const piece = fc
      .tuple(atom, fc.constantFrom('', '', '', '?', '*', '+', '{2}', '{1,3}', '*?'))
      .map(([a, times]) => (/^[\^$]$|^\\b$/.test(a) ? a : a + times));
    const row = fc.array(piece, { maxLength: 6 }).map(pieces => pieces.join(''));
    const source = fc.array(row, { minLength: 1, maxLength: 3 }).map(rows => rows.join('|'));
    fc.assert(
      fc.property(source, fc.constantFrom('', 'i', 's'), (text, flags) => {
        for (const found of of(text, flags)) expect(new RegExp(text, flags).test(found)).toBe(true);
      }),
    );
  });
});
