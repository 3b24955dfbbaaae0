import { createRequire } from 'node:module';
import { pathToFileURL } from 'node:url';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { cells, cut, fill, leftText, shortNumber, shown, timeText, whenText, wrap } from '../../src/tui/text.js';

// The width Ink reckons with, as an independent measure.
const ofInk = createRequire(createRequire(import.meta.url).resolve('ink'));
const { default: stringWidth } = (await import(pathToFileURL(ofInk.resolve('string-width')).href)) as { default: (text: string) => number };

const anyText = fc.string({ unit: 'binary', maxLength: 40 });
const now = Date.parse('2026-03-02T13:51:00Z');
const moment = { now, zone: 'UTC' };

describe('what may be shown', () => {
  it('keeps text in any script', () => {
    for (const text of ['Zurück – “ja”', '以下のIPアドレス', 'Добрый день', '✓ ▸ ─ █░', '😀']) expect(shown(text)).toBe(text);
  });

  it('takes away what moves, hides or turns text round', () => {
    expect(shown('a\u001b[31mb\u0007\u009bc\u202ed\u200b\u00ade\u{e0041}f\ud800g\ue000')).toBe('a[31mbcdefg');
    expect(shown('a\tb\nc\u00a0d')).toBe('a b c d');
    expect(shown(`e\u0301${'\u0301'.repeat(50)}`)).toBe('é');
  });

  it('has no control, format, mark or private character, for any text', () => {
    fc.assert(fc.property(anyText, text => /^[^\p{C}\p{M}]*$/u.test(shown(text))));
    // The gate is what holds this.
    expect(fc.check(fc.property(anyText, text => /^[^\p{C}\p{M}]*$/u.test(text))).failed).toBe(true);
  });
});

describe('cells', () => {
  it('are never fewer than a terminal needs', () => {
    const short: string[] = [];
    for (let code = 0x20; code < 0x110000; code++) {
      if (code >= 0xd800 && code < 0xe000) continue;
      const text = shown(String.fromCodePoint(code));
      if (text !== '' && cells(text) < stringWidth(text)) short.push(code.toString(16));
    }
    expect(short).toEqual([]);
    fc.assert(fc.property(anyText, text => cells(shown(text)) >= stringWidth(shown(text))));
    expect(cells('以下')).toBe(4);
    expect(cells('😀')).toBe(2);
    expect(cells('─ █')).toBe(3);
    // Counting characters would not do.
    expect([...'以下'].length).toBeLessThan(stringWidth('以下'));
  });

  it('bound what is cut, filled and wrapped', () => {
    fc.assert(
      fc.property(anyText, fc.integer({ min: 1, max: 30 }), fc.integer({ min: 1, max: 5 }), (raw, width, most) => {
        const text = shown(raw).trim();
        expect(cells(cut(text, width))).toBeLessThanOrEqual(width);
        expect(cells(fill(text, width))).toBe(width);
        const lines = wrap(text, Math.max(2, width), most);
        expect(lines.length).toBeLessThanOrEqual(most);
        for (const line of lines) expect(cells(line)).toBeLessThanOrEqual(Math.max(2, width));
      }),
    );
  });

  it('wrap loses nothing where there is room', () => {
    fc.assert(
      fc.property(anyText, fc.integer({ min: 2, max: 30 }), (raw, width) => {
        const text = shown(raw).replace(/ /g, '');
        expect(wrap(text, width, Infinity).join('')).toBe(text);
      }),
    );
    expect(wrap('one two three', 7, 3)).toEqual(['one two', 'three']);
    expect(wrap('one two three', 5, 2)).toEqual(['one', 'two …']);
    expect(wrap('incomprehensibilities', 10, 3)).toEqual(['incomprehe', 'nsibilitie', 's']);
  });
});

describe('times and numbers', () => {
  it('read as people say them', () => {
    expect(timeText('2026-03-02T14:03:11Z', moment)).toBe('14:03');
    expect(timeText('2026-03-02T14:03:11Z', moment, true)).toBe('14:03:11');
    expect(timeText('2026-03-03T03:59:59.997Z', moment)).toBe('03-03 04:00');
    expect(timeText('rubbish', moment)).toBe('–');
    expect(whenText('2026-03-02T14:03:00Z', moment)).toBe('14:03 (in 12m)');
    expect(whenText('2026-03-02T13:50:00Z', moment)).toBe('13:50 (1m ago)');
    expect(whenText('2026-03-02T13:51:00Z', moment)).toBe('now');
    expect(leftText('2026-03-02T13:50:00Z', moment)).toBe('now');
    expect(leftText(null, moment)).toBe('–');
    expect([0, 999, 1_000, 9_960, 12_345, 999_499, 999_500, 3_400_000].map(shortNumber)).toEqual([
      '0',
      '999',
      '1.0k',
      '10k',
      '12k',
      '999k',
      '1.0M',
      '3.4M',
    ]);
  });
});
