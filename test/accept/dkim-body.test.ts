/**
 * The canonical body, piece by piece, is what the obvious way over the whole text gives, however the body is cut.
 */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { CanonicalBody } from '../../src/accept/dkim-body.js';
import { slowBody } from './dkim-kit.js';

const FORMS = ['relaxed', 'simple'] as const;

function canonical(chunks: readonly Buffer[], form: 'relaxed' | 'simple'): string {
  const parts: Buffer[] = [];
  const canon = new CanonicalBody(form, bytes => parts.push(Buffer.from(bytes)));
  for (const chunk of chunks) canon.push(chunk);
  canon.end();
  return Buffer.concat(parts).toString('latin1');
}

/** Cuts `text` at these places. */
function cut(text: string, places: readonly number[]): Buffer[] {
  const bytes = Buffer.from(text, 'latin1');
  const at = [0, ...places.map(p => p % (bytes.length + 1)).sort((a, b) => a - b), bytes.length];
  return at.slice(1).map((end, i) => bytes.subarray(at[i], end));
}

const word = fc.constantFrom(' ', '\t', '  ', 'x', 'word', '\u00e9', '\0', '.', '\r\n', '\r\n\r\n', '');
/** Line ends are CRLF and nothing else, as acceptance leaves them. */
const body = fc.array(word, { maxLength: 40 }).map(words => words.join(''));

describe('the canonical body', () => {
  it.each(FORMS)('is right whatever the body and its cuts: %s', form => {
    fc.assert(
      fc.property(body, fc.array(fc.nat(), { maxLength: 6 }), (text, places) => {
        expect(canonical(cut(text, places), form)).toBe(slowBody(text, form));
      }),
      { numRuns: 2_000 },
    );
  });

  it.each(FORMS)('is right cut into single bytes: %s', form => {
    const text = ' \r\n\t a \t b  \r\n\r\n  \r\nc\r\nd\t\r\n \r\n\r\n';
    expect(
      canonical(
        [...Buffer.from(text)].map(byte => Buffer.of(byte)),
        form,
      ),
    ).toBe(slowBody(text, form));
  });

  it.each(FORMS)('is right for bodies larger than what is held of them: %s', form => {
    const long = `${'word  and\tword \r\n'.repeat(5_000)}${'x'.repeat(100_000)}\r\n${'\r\n'.repeat(50_000)}end\r\n \r\n\r\n`;
    expect(canonical(cut(long, [7, 8, 65_536, 131_073]), form)).toBe(slowBody(long, form));
  });

  it.each([
    ['', '', '\r\n'],
    ['\r\n', '', '\r\n'],
    [' \t\r\n\r\n', '', ' \t\r\n'],
    ['x', 'x\r\n', 'x\r\n'],
    ['x\r\n\r\n', 'x\r\n', 'x\r\n'],
    ['a  b ', 'a b\r\n', 'a  b \r\n'],
  ])('of %j', (text, relaxed, simple) => {
    expect(canonical([Buffer.from(text)], 'relaxed')).toBe(relaxed);
    expect(canonical([Buffer.from(text)], 'simple')).toBe(simple);
  });

  it('copies nothing of a chunk that needs no change', () => {
    const chunk = Buffer.from(`${'x'.repeat(76)}\r\n`.repeat(100));
    const seen: Uint8Array[] = [];
    const canon = new CanonicalBody('relaxed', bytes => seen.push(bytes));
    canon.push(chunk);
    expect(seen.map(bytes => [bytes.buffer === chunk.buffer, bytes.length])).toEqual([[true, chunk.length - 2]]);
  });
});
