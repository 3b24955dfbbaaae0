/**
 * A line of the screen: pieces of text with a style. Everything the UI shows is made of these, so that a frame is a plain
 * value: as wide as asked, without control characters, with colours or without.
 *
 * Pure. fitted() is the only way onto the screen. Colours are the terminal's own sixteen (ECMA-48 SGR); NO_COLOR
 * takes away colour alone, not bold, dim and inverse (no-color.org).
 */
import type { SourceState } from '../control/view.js';
import { cells, cut, fill, shown } from './text.js';

export type Colour = 'red' | 'green' | 'yellow' | 'blue' | 'magenta' | 'cyan' | 'gray';

export interface Style {
  readonly colour?: Colour;
  readonly bold?: boolean;
  readonly dim?: boolean;
  readonly inverse?: boolean;
}

export interface Span extends Style {
  readonly text: string;
}

export type Line = readonly Span[];

export const STATE_COLOURS: Readonly<Record<SourceState, Colour>> = {
  warming: 'cyan',
  warm: 'green',
  holding: 'yellow',
  'backing-off': 'magenta',
  suspended: 'red',
  paused: 'gray',
};

export const span = (text: string, style: Style = {}): Span => ({ text, ...style });
export const dim = (text: string): Span => ({ text, dim: true });
export const bold = (text: string): Span => ({ text, bold: true });

/** A style for a whole line, where pieces do not say otherwise. */
export const styled = (line: Line, style: Style): Line => line.map(piece => ({ ...style, ...piece }));

/** Shows that a line is chosen: bold, and inverse so that it is seen without colours too. */
export const chosen = (line: Line): Line => line.map(piece => ({ text: piece.text, inverse: true, ...(piece.bold ? { bold: true } : {}) }));

/** `█` for the used part and `░` for the rest; never full before it is, never empty when something is used. */
export function bar(ratio: number, width: number, colour: Colour): Line {
  if (width <= 0) return [];
  const exact = Math.min(1, Math.max(0, Number.isFinite(ratio) ? ratio : 0)) * width;
  const full = exact >= width ? width : Math.min(width - 1, Math.max(exact > 0 ? 1 : 0, Math.round(exact)));
  return [span('█'.repeat(full), { colour }), dim('░'.repeat(width - full))];
}

/** `─ Windows 2 ─ by state ─────`. */
export function title(name: string, notes: readonly string[], width: number): Line {
  const used = cells(name) + notes.reduce((sum, note) => sum + cells(note) + 3, 0) + 3;
  return [dim('─ '), bold(name), ...notes.flatMap(note => [dim(' · '), span(note)]), dim(` ${'─'.repeat(Math.max(0, width - used))}`)];
}

export const widthOf = (line: Line): number => line.reduce((sum, piece) => sum + cells(piece.text), 0);

/** Pieces at both ends of a line, the right one kept when there is room for only one. */
export function ends(left: Line, right: Line, width: number): Line {
  const room = width - widthOf(right) - 1;
  if (room < 8) return fitted(left, width);
  const cutLeft = fitted(left, room);
  return [...cutLeft, span(' '.repeat(width - widthOf(cutLeft) - widthOf(right))), ...right];
}

/** At most `width` cells, only characters that may be shown. */
export function fitted(line: Line, width: number): Line {
  const kept: Span[] = [];
  let left = width;
  for (const [i, piece] of line.entries()) {
    const text = shown(piece.text);
    if (text === '') continue;
    const rest = line.slice(i + 1).some(p => shown(p.text).trim() !== '');
    // A piece that ends exactly at the edge with more behind it: its last cell becomes the ellipsis.
    const whole = cells(text) < left || (cells(text) === left && !rest);
    const part = whole ? text : cut(rest && cells(text) <= left ? `${text}…` : text, left);
    kept.push({ ...piece, text: part });
    left -= cells(part);
    if (!whole || left <= 0) break;
  }
  return kept;
}

/** Exactly `width` cells. */
export function filled(line: Line, width: number): Line {
  const kept = fitted(line, width);
  return [...kept, span(fill('', width - widthOf(kept)))];
}

export const plain = (line: Line): string =>
  line
    .map(piece => piece.text)
    .join('')
    .trimEnd();

const FOREGROUND: Readonly<Record<Colour, number>> = { red: 31, green: 32, yellow: 33, blue: 34, magenta: 35, cyan: 36, gray: 90 };

/** The line with its styles as SGR sequences, each closed behind its piece. */
export function ansi(line: Line, colours: boolean): string {
  return line
    .map(({ text, colour, ...style }) => {
      const on = [
        ...(style.bold ? [1] : []),
        ...(style.dim ? [2] : []),
        ...(style.inverse ? [7] : []),
        ...(colour && colours ? [FOREGROUND[colour]] : []),
      ];
      const off = [...(style.bold || style.dim ? [22] : []), ...(style.inverse ? [27] : []), ...(colour && colours ? [39] : [])];
      const sgr = (codes: readonly number[]): string => codes.map(code => `\u001b[${code}m`).join('');
      return text === '' ? '' : sgr(on) + text + sgr(off);
    })
    .join('');
}
