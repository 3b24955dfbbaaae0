/**
 * Text for a terminal: lines, tables, instants and spans.
 *
 * Pure. page() is the only way out of every renderer: it takes control characters and bidirectional overrides from each
 * line, so that no reply, address or name from elsewhere moves the cursor, sets a title or breaks a line.
 */
import { printable } from '../kernel/text.js';
import { printSpan } from '../kernel/units.js';
import { clockFields } from '../kernel/zone.js';

export interface Screen {
  /** Epoch milliseconds by the daemon's clock: "in 12m" counts from here. */
  readonly now: number;
  /** Columns; Infinity when the output is no terminal. */
  readonly width: number;
  /** IANA zone for times of day; the system's unless given. */
  readonly zone?: string;
}

/** Joins lines; each keeps its indentation and loses everything that is not printable. Ends with a line end. */
export function page(lines: readonly string[]): string {
  return lines.map(line => `${/^ */.exec(line)?.[0] ?? ''}${printable(line, Infinity)}`.trimEnd() + '\n').join('');
}

/** Columns a character takes: 0 for combining marks, 2 for East Asian wide ones and pictographs (Unicode TR 11, coarse). */
function columnsOf(char: string): number {
  const code = char.codePointAt(0) ?? 0;
  if (code < 0x300) return 1;
  if (/\p{M}|\u200b|\u200d|\ufeff/u.test(char)) return 0;
  const wide =
    (code >= 0x1100 && code <= 0x115f) ||
    (code >= 0x2e80 && code <= 0xa4cf) ||
    (code >= 0xac00 && code <= 0xd7a3) ||
    (code >= 0xf900 && code <= 0xfaff) ||
    (code >= 0xfe30 && code <= 0xfe6f) ||
    (code >= 0xff00 && code <= 0xff60) ||
    (code >= 0xffe0 && code <= 0xffe6) ||
    (code >= 0x1f300 && code <= 0x1faff) ||
    (code >= 0x20000 && code <= 0x3fffd);
  return wide ? 2 : 1;
}

export function textWidth(text: string): number {
  let width = 0;
  for (const char of text) width += columnsOf(char);
  return width;
}

/** Cuts to `width` columns, with an ellipsis when something is lost. */
export function cut(text: string, width: number): string {
  if (textWidth(text) <= width) return text;
  let kept = '';
  let used = 0;
  for (const char of text) {
    used += columnsOf(char);
    if (used > width - 1) break;
    kept += char;
  }
  return width > 0 ? `${kept}…` : '';
}

/** Breaks at spaces; every line starts with `indent` spaces. A word longer than a line stays whole. */
export function wrap(text: string, width: number, indent = 0): string[] {
  const room = Math.max(20, width - indent);
  const lines: string[] = [];
  let line = '';
  for (const word of text.split(' ')) {
    if (line !== '' && textWidth(line) + 1 + textWidth(word) > room) {
      lines.push(line);
      line = word;
    } else line = line === '' ? word : `${line} ${word}`;
  }
  lines.push(line);
  return lines.map(l => ' '.repeat(indent) + l);
}

export interface Column<T> {
  readonly head: string;
  readonly cell: (row: T) => string;
  readonly right?: boolean;
  /** May be narrowed, to 10 columns at least, when the table is wider than the screen; widest first. */
  readonly gives?: boolean;
  /** May be left out when narrowing is not enough; the highest goes first. */
  readonly drop?: number;
}

/** A heading and one line per row, columns two spaces apart, nothing wider than `width`. */
export function table<T>(columns: readonly Column<T>[], rows: readonly T[], width: number): string[] {
  const heads = columns.map(column => column.head);
  const cells = rows.map(row => columns.map(column => printable(column.cell(row), 500)));
  const widths = columns.map((_, i) => [heads, ...cells].reduce((most, row) => Math.max(most, textWidth(row[i] ?? '')), 0));
  const kept = fit(columns, widths, width);
  return [heads, ...cells].map(row => {
    const line = kept.map(i => {
      const text = cut(row[i] ?? '', widths[i] ?? 0);
      const gap = ' '.repeat(Math.max(0, (widths[i] ?? 0) - textWidth(text)));
      return columns[i]?.right ? gap + text : text + gap;
    });
    return cut(line.join('  ').trimEnd(), width);
  });
}

/** Chooses the columns that stay and narrows `widths` in place. */
function fit(columns: readonly Column<never>[], widths: number[], width: number): number[] {
  const least = (i: number): number => (columns[i]?.gives ? Math.min(widths[i] ?? 0, 10) : (widths[i] ?? 0));
  const excessOf = (kept: readonly number[], size: (i: number) => number): number =>
    kept.reduce((sum, i) => sum + size(i), 2 * (kept.length - 1)) - width;
  let kept = columns.map((_, i) => i);
  while (excessOf(kept, least) > 0) {
    const droppable = kept.filter(i => columns[i]?.drop !== undefined);
    if (droppable.length === 0) break;
    const first = droppable.reduce((a, b) => ((columns[b]?.drop ?? 0) > (columns[a]?.drop ?? 0) ? b : a));
    kept = kept.filter(i => i !== first);
  }
  for (let excess = excessOf(kept, i => widths[i] ?? 0); excess > 0; excess--) {
    const giving = kept.filter(i => columns[i]?.gives && (widths[i] ?? 0) > 10);
    if (giving.length === 0) break;
    const widest = giving.reduce((a, b) => ((widths[b] ?? 0) > (widths[a] ?? 0) ? b : a));
    widths[widest] = (widths[widest] ?? 0) - 1;
  }
  return kept;
}

/** `14:03` today, `03-04 04:00` within half a year, else `2027-01-01`. `–` for null and for what is no time. */
export function timeText(iso: string | null, screen: Screen, seconds = false): string {
  const at = iso === null ? NaN : Date.parse(iso);
  if (!Number.isFinite(at)) return '–';
  const then = clockFields(at, screen.zone);
  const today = clockFields(screen.now, screen.zone);
  const clock = `${then.hour}:${then.minute}${seconds ? `:${then.second}` : ''}`;
  if (then.day === today.day && then.month === today.month && then.year === today.year) return clock;
  if (Math.abs(at - screen.now) > 180 * 86_400_000) return `${then.year}-${then.month}-${then.day}`;
  return `${then.month}-${then.day} ${clock}`;
}

/** `14:03 (in 12m)`, `13:03 (48m ago)`, `now`. */
export function whenText(iso: string | null, screen: Screen): string {
  const at = iso === null ? NaN : Date.parse(iso);
  if (!Number.isFinite(at)) return '–';
  const away = at - screen.now;
  if (Math.abs(away) < 1_000) return 'now';
  return `${timeText(iso, screen)} (${away > 0 ? `in ${printSpan(away)}` : `${printSpan(-away)} ago`})`;
}

/** How long ago, without words: `48m`; `–` for null. */
export function ageText(iso: string | null, screen: Screen): string {
  const at = iso === null ? NaN : Date.parse(iso);
  return Number.isFinite(at) ? printSpan(Math.max(0, screen.now - at)) : '–';
}

/** `59.0 MB`; powers of 1024, as sizes are read. */
export function sizeText(bytes: number): string {
  let size = bytes;
  let unit = 0;
  while (size >= 1024 && unit < 4) {
    size /= 1024;
    unit++;
  }
  return unit === 0 ? `${bytes} B` : `${size.toFixed(1)} ${['', 'KB', 'MB', 'GB', 'TB'][unit] ?? ''}`;
}
