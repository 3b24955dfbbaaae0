/** The suppression list as CSV: what is written is read again, and what cannot be read is said. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { readScope, readSuppressed } from '../../src/accept/suppressed.js';
import { suppressedForm, SUPPRESSION_REASONS, type Suppression } from '../../src/kernel/suppression.js';
import { csvCells } from '../../src/outcome/csv-read.js';
import { suppressionLine, SuppressionReader } from '../../src/outcome/suppression-csv.js';

const reader = (scope = '') =>
  new SuppressionReader({ scope, reason: 'manual', now: 5_000, offset: 1_000 }, { address: readSuppressed, scope: readScope });

describe('a list of addresses', () => {
  it('takes bare addresses, with or without a header, comments and blank lines', () => {
    const r = reader('shop.example');
    expect(['email', '', '# old ones', 'A@One.example'].map(line => r.read(line).kind)).toEqual(['nothing', 'nothing', 'nothing', 'entry']);
    expect(r.read('"b@one.example"\r')).toEqual({
      kind: 'entry',
      entry: { address: 'b@one.example', scope: 'shop.example', reason: 'manual', since: 5_000 },
    });
  });

  it('takes columns in the order the header names', () => {
    const r = reader();
    r.read('note,since,address,scope,reason,whatever');
    expect(r.read('"said ""stop""",2026-01-01T00:00:00Z,x@one.example,news.example,complaint,1')).toEqual({
      kind: 'entry',
      entry: {
        address: 'x@one.example',
        scope: 'news.example',
        reason: 'complaint',
        since: Date.parse('2026-01-01T00:00:00Z') - 1_000,
        note: 'said "stop"',
      },
    });
  });

  it('has addresses and scopes in the form in which mail has them', () => {
    const r = reader();
    r.read('address,scope');
    expect(r.read('Ann@Bücher.example,例え.jp')).toMatchObject({
      entry: { address: 'ann@xn--bcher-kva.example', scope: 'xn--r8jz45g.jp' },
    });
  });

  it.each([
    ['not an address', 'is no address'],
    ['a@b.example,-', 'is no domain'],
    ['a@b.example,,because', 'is none of'],
    ['a@b.example,,,yesterday', 'a time'],
    ['"a@b.example', 'quotes'],
    ['two words@b.example', 'is no address'],
    ['a@b.example;2026-01-01', 'is no address'],
    ['a@b.example.', 'is no address'],
    ["'a@b.example'", 'is no address'],
    ['a@b.example,,manual,45000', 'a time'],
    ['a@b.example,,manual,,12', 'a time'],
  ])('says what is wrong with %s', (line, what) => {
    const r = reader();
    r.read('z@z.example');
    expect(r.read(line)).toMatchObject({ kind: 'fault', what: expect.stringContaining(what) as string });
  });

  it('reads what it writes', () => {
    const text = fc.string({ maxLength: 20 }).map(s => s.replace(/[^ -~]/g, '').trim());
    const entry = fc.record({
      address: fc.constantFrom('a@b.example', 'x+y@b.example', '"q"@b.example').map(suppressedForm),
      scope: fc.constantFrom('', 'shop.example'),
      reason: fc.constantFrom(...SUPPRESSION_REASONS),
      since: fc.integer({ min: 0, max: 4e12 }),
      until: fc.option(fc.integer({ min: 1, max: 4e12 }), { nil: undefined }),
      note: text,
    });
    fc.assert(
      fc.property(entry, ({ until, note, ...rest }) => {
        const whole: Suppression = { ...rest, ...(until === undefined ? {} : { until }), ...(note === '' ? {} : { note }) };
        expect(reader().read(suppressionLine(whole, 1_000))).toEqual({ kind: 'entry', entry: whole });
      }),
    );
  });

  it('never throws', () => {
    fc.assert(fc.property(fc.string(), line => void reader().read(line)));
    fc.assert(fc.property(fc.string(), line => void csvCells(line)));
  });
});
