/** Whole lines, wherever chunks end, as a regular expression sees them. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { hasWholeLines } from '../../src/kernel/lines.js';

/** Short lines and long ones, with a few faults. */
const text = fc
  .array(
    fc.oneof(
      { weight: 8, arbitrary: fc.constantFrom('\r\n', 'a\r\n', `${'x'.repeat(40)}\r\n`) },
      { weight: 1, arbitrary: fc.constantFrom('\r', '\n', '.', 'ab', '\n\r', '\r\r\n') },
    ),
    { maxLength: 300 },
  )
  .map(parts => parts.join(''));

const whole = (chunks: readonly Buffer[]): boolean => {
  let before = 0;
  for (const chunk of chunks) {
    if (!hasWholeLines(chunk, before)) return false;
    before = chunk[chunk.length - 1] ?? before;
  }
  return before !== 13;
};

describe('hasWholeLines', () => {
  it('finds every bare CR and LF, however the text is cut', () => {
    fc.assert(
      fc.property(text, fc.array(fc.nat(400), { maxLength: 4 }), (t, cuts) => {
        const bytes = Buffer.from(t);
        const at = [0, ...cuts.map(c => Math.min(c, bytes.length)).sort((a, b) => a - b), bytes.length];
        const chunks = at.slice(1).map((end, i) => bytes.subarray(at[i], end));
        expect(whole(chunks)).toBe(!/\r(?!\n)|(?<!\r)\n/.test(t));
      }),
      { numRuns: 2_000 },
    );
  });

  it('finds a fault behind many short lines', () => {
    const lines = '\r\n'.repeat(1_000);
    expect(hasWholeLines(Buffer.from(lines), 0)).toBe(true);
    expect(hasWholeLines(Buffer.from(`${lines}\n`), 0)).toBe(false);
    expect(hasWholeLines(Buffer.from(`${lines}\rx`), 0)).toBe(false);
    expect(hasWholeLines(Buffer.from(`${lines}a\r`), 0)).toBe(true);
  });
});
