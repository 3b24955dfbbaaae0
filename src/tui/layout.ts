/**
 * Who gets which lines: sections share a height, lists scroll so that the chosen row is seen, tables keep their columns apart.
 *
 * Pure.
 */
import { span, widthOf, type Line } from './line.js';
import { cells, fill } from './text.js';

/** One wish: this section, up to this many lines. The first wish of a section is its least: granted whole or not at all. */
export type Wish<S extends string> = readonly [section: S, upTo: number];

/** Grants wishes in order; what nobody wants stays free. */
export function share<S extends string>(total: number, wishes: readonly Wish<S>[]): Readonly<Record<S, number>> {
  const given = {} as Record<S, number>;
  const refused = new Set<S>();
  let left = total;
  for (const [section, upTo] of wishes) {
    const first = !(section in given);
    given[section] ??= 0;
    const more = Math.min(left, upTo - given[section]);
    if (first && (upTo <= 0 || more < upTo)) refused.add(section);
    if (more <= 0 || refused.has(section)) continue;
    given[section] += more;
    left -= more;
  }
  return given;
}

/** Rows `from` up to, not including, `to`; the chosen one in the middle where the list is longer than its room. */
export function scrolled(count: number, room: number, at: number): { readonly from: number; readonly to: number } {
  const from = Math.max(0, Math.min(at - Math.floor(room / 2), count - room));
  return { from, to: Math.min(count, from + Math.max(0, room)) };
}

/** `3`, or `4–9 of 23` when not all are seen. */
export function seenText(count: number, { from, to }: { readonly from: number; readonly to: number }): string {
  return to - from >= count ? String(count) : `${from + 1}–${to} of ${count}`;
}

/** Exactly `height` lines. */
export function boxed(lines: readonly Line[], height: number): Line[] {
  return Array.from({ length: height }, (_, i) => lines[i] ?? []);
}

export interface Column<T> {
  readonly head: string;
  readonly cell: (row: T) => Line;
  readonly right?: boolean;
}

/** Cells each column needs for these rows, heading included. */
export function widthsOf<T>(columns: readonly Column<T>[], rows: readonly T[]): number[] {
  return columns.map(column => rows.reduce((most, row) => Math.max(most, widthOf(column.cell(row))), cells(column.head)));
}

export const tableWidth = (widths: readonly number[], gap: number): number =>
  widths.reduce((sum, width) => sum + width, 0) + gap * Math.max(0, widths.length - 1);

/** Headings; like a row's, the last column takes no more than it needs unless it stands right. */
export function headLine<T>(columns: readonly Column<T>[], widths: readonly number[], gap: number): Line {
  return columns.map((column, i) => {
    const last = i === columns.length - 1;
    const text = last && !column.right ? column.head : fill(column.head, widths[i] ?? 0, column.right);
    return { text: text + ' '.repeat(last ? 0 : gap), dim: true };
  });
}

export function rowLine<T>(columns: readonly Column<T>[], widths: readonly number[], gap: number, row: T): Line {
  return columns.flatMap((column, i) => {
    const cell = column.cell(row);
    const space = span(' '.repeat(Math.max(0, (widths[i] ?? 0) - widthOf(cell))));
    if (i === columns.length - 1) return column.right ? [space, ...cell] : cell;
    const between = span(' '.repeat(gap));
    return column.right ? [space, ...cell, between] : [...cell, space, between];
  });
}
