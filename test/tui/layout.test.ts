import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { scrolled, seenText, share } from '../../src/tui/layout.js';
import { ansi, bar, ends, filled, fitted, plain, span, title, widthOf } from '../../src/tui/line.js';

describe('sharing lines', () => {
  it('grants a first wish whole or not at all, and later ones as far as they go', () => {
    expect(
      share(10, [
        ['a', 4],
        ['b', 5],
        ['a', 6],
        ['c', 3],
      ]),
    ).toEqual({ a: 5, b: 5, c: 0 });
    expect(
      share(3, [
        ['a', 2],
        ['b', 2],
        ['a', 9],
      ]),
    ).toEqual({ a: 3, b: 0 });
    expect(
      share(5, [
        ['a', 0],
        ['b', 2],
        ['a', 9],
      ]),
    ).toEqual({ a: 0, b: 2 });
  });

  it('never grants more than there is', () => {
    const wish = fc.tuple(fc.constantFrom('a', 'b', 'c'), fc.oneof(fc.nat(20), fc.constant(Infinity)));
    fc.assert(
      fc.property(fc.nat(40), fc.array(wish), (total, wishes) => {
        const given = Object.values(share(total, wishes));
        expect(given.reduce((sum, n) => sum + n, 0)).toBeLessThanOrEqual(total);
        expect(given.every(n => n >= 0)).toBe(true);
      }),
    );
  });

  it('scrolls so that the chosen row is seen and the room is used', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 50 }), fc.integer({ min: 1, max: 20 }), fc.nat(49), (count, room, at) => {
        fc.pre(at < count);
        const { from, to } = scrolled(count, room, at);
        expect(from <= at && at < to).toBe(true);
        expect(to - from).toBe(Math.min(room, count));
      }),
    );
    expect(seenText(23, { from: 3, to: 9 })).toBe('4–9 of 23');
    expect(seenText(3, { from: 0, to: 3 })).toBe('3');
  });
});

describe('lines', () => {
  it('fit, with an ellipsis where something is lost', () => {
    const line = [span('abc', { bold: true }), span('defg'), span('  ')];
    expect(plain(fitted(line, 20))).toBe('abcdefg');
    expect(plain(fitted(line, 7))).toBe('abcdefg');
    expect(plain(fitted(line, 5))).toBe('abcd…');
    expect(plain(fitted(line, 3))).toBe('ab…');
    expect(fitted(line, 5)[0]?.bold).toBe(true);
    expect(widthOf(filled(line, 12))).toBe(12);
    expect(plain(ends([span('left side')], [span('right')], 20))).toBe('left side      right');
    expect(plain(title('Windows 2', ['by state'], 30))).toBe('─ Windows 2 · by state ───────');
  });

  it('fit for any pieces and any width', () => {
    const piece = fc.string({ unit: 'binary', maxLength: 12 }).map(text => span(text));
    fc.assert(
      fc.property(fc.array(piece, { maxLength: 6 }), fc.integer({ min: 1, max: 40 }), (line, width) => {
        expect(widthOf(fitted(line, width))).toBeLessThanOrEqual(width);
        expect(widthOf(filled(line, width))).toBe(width);
      }),
    );
  });

  it('bars are full only when full, and never empty when used', () => {
    const drawn = (ratio: number) => plain(bar(ratio, 5, 'cyan'));
    expect([0, 0.001, 0.5, 0.99, 1, 7, NaN].map(drawn)).toEqual(['░░░░░', '█░░░░', '███░░', '████░', '█████', '█████', '░░░░░']);
  });

  it('carry their styles, each closed behind its piece', () => {
    expect(ansi([span('a', { colour: 'red', bold: true }), span('b')], true)).toBe('\u001b[1m\u001b[31ma\u001b[22m\u001b[39mb');
    expect(ansi([span('a', { colour: 'red', inverse: true })], false)).toBe('\u001b[7ma\u001b[27m');
  });
});
