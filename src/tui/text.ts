/**
 * Text in terminal cells: what may be shown, how wide it is, cut and filled to a width; times of day and what is left.
 *
 * Pure. shown() is the gate for every character on the screen: no control character, no mark and no invisible one passes, so
 * that text from elsewhere never moves the cursor and is never wider than cells() says.
 */
import { printable } from '../kernel/text.js';
import { printSpan } from '../kernel/units.js';
import { clockFields } from '../kernel/zone.js';

/** Letters, digits, punctuation, symbols and plain spaces; accents only where Unicode has the composed letter. */
export function shown(text: string): string {
  if (/^[ -~]*$/.test(text)) return text;
  return text
    .normalize('NFC')
    .replace(/\p{Zs}|[\t\r\n]/gu, ' ')
    .replace(/[^\p{L}\p{N}\p{P}\p{S} ]/gu, '');
}

/** One trimmed line of remote text, at most `most` characters. */
export const remote = (text: string, most = 1_000): string => shown(printable(text, most));

/** Two cells each: East Asian wide and fullwidth characters, and pictographs (Unicode TR 11; rounded up between blocks). */
const WIDE: readonly (readonly [number, number])[] = [
  [0x1100, 0x115f],
  [0x2329, 0x232a],
  [0x2630, 0x2637],
  [0x268a, 0x268f],
  [0x2e80, 0xa4cf],
  [0xa960, 0xa97f],
  [0xac00, 0xd7a3],
  [0xf900, 0xfaff],
  [0xfe10, 0xfe6f],
  [0xff00, 0xff60],
  [0xffe0, 0xffe6],
  [0x16fe0, 0x18dff],
  [0x1aff0, 0x1b2ff],
  [0x1d300, 0x1d37f],
  [0x1f000, 0x1faff],
  [0x20000, 0x3fffd],
];

function cellsOf(char: string): number {
  const code = char.codePointAt(0) ?? 0;
  if (code < 0x1100) return 1;
  return WIDE.some(([from, to]) => code >= from && code <= to) || /\p{Emoji_Presentation}/u.test(char) ? 2 : 1;
}

/** Cells that shown() text takes; never fewer than a terminal needs. */
export function cells(text: string): number {
  if (/^[ -~]*$/.test(text)) return text.length;
  let sum = 0;
  for (const char of text) sum += cellsOf(char);
  return sum;
}

/** At most `width` cells, with an ellipsis when something is lost. */
export function cut(text: string, width: number): string {
  if (cells(text) <= width) return text;
  let kept = '';
  let used = 0;
  for (const char of text) {
    used += cellsOf(char);
    if (used > width - 1) break;
    kept += char;
  }
  return width > 0 ? `${kept}…` : '';
}

/** Exactly `width` cells. */
export function fill(text: string, width: number, right = false): string {
  const kept = cut(text, width);
  const gap = ' '.repeat(Math.max(0, width - cells(kept)));
  return right ? gap + kept : kept + gap;
}

/** Breaks at spaces, and inside words longer than a line; at most `most` lines, the last one cut. */
export function wrap(text: string, width: number, most: number): string[] {
  const room = Math.max(1, width);
  const lines: string[] = [];
  let left = text;
  while (left !== '' && lines.length < most - 1 && cells(left) > room) {
    let at = 0;
    let space = -1;
    let used = 0;
    for (const char of left) {
      used += cellsOf(char);
      if (used > room) {
        if (char === ' ') space = at;
        break;
      }
      if (char === ' ') space = at;
      at += char.length;
    }
    const end = space > 0 ? space : Math.max(at, left.codePointAt(0) !== undefined && at === 0 ? 1 : at);
    lines.push(left.slice(0, end).trimEnd());
    left = left.slice(end).trimStart();
  }
  if (left !== '') lines.push(cut(left, room));
  return lines;
}

/** Where and when one looks: epoch milliseconds by the daemon's clock, and an IANA zone (the system's unless given). */
export interface Moment {
  readonly now: number;
  readonly zone?: string;
}

/** `2026-03-02 14:03:11`; `–` for what is no time. */
export function dateText(iso: string | null, { zone }: Moment): string {
  const at = iso === null ? NaN : Date.parse(iso);
  if (!Number.isFinite(at)) return '–';
  // To the nearest second: a tick at 04:00 told as 03:59:59.997 is not shown as 03:59.
  const p = clockFields(Math.round(at / 1_000) * 1_000, zone);
  return `${p.year}-${p.month}-${p.day} ${p.hour}:${p.minute}:${p.second}`;
}

/** `14:03` or `14:03:11` today, `03-04 04:00` on another day; `–` for what is no time. */
export function timeText(iso: string | null, moment: Moment, seconds = false): string {
  const full = dateText(iso, moment);
  if (full === '–') return full;
  const clock = full.slice(11, seconds ? 19 : 16);
  const today = dateText(new Date(moment.now).toISOString(), moment).slice(0, 10);
  return full.slice(0, 10) === today ? clock : `${full.slice(5, 10)} ${full.slice(11, 16)}`;
}

/** What is left until then: `12m`, `now` when it has come; `–` for null. */
export function leftText(iso: string | null, { now }: Moment): string {
  const at = iso === null ? NaN : Date.parse(iso);
  if (!Number.isFinite(at)) return '–';
  return at - now < 1_000 ? 'now' : printSpan(at - now);
}

/** `14:03 (in 12m)`, `13:03 (48m ago)`, `now`. */
export function whenText(iso: string | null, moment: Moment): string {
  const at = iso === null ? NaN : Date.parse(iso);
  if (!Number.isFinite(at)) return '–';
  const away = at - moment.now;
  if (Math.abs(away) < 1_000) return 'now';
  return `${timeText(iso, moment)} (${away > 0 ? `in ${printSpan(away)}` : `${printSpan(-away)} ago`})`;
}

/** `999`, `1.2k`, `12k`, `3.4M`: at most four characters for what fits a lifetime. */
export function shortNumber(n: number): string {
  if (n < 1_000) return String(Math.round(n));
  const [size, unit] = n < 999_500 ? [n / 1_000, 'k'] : [n / 1_000_000, 'M'];
  return `${size < 9.95 ? size.toFixed(1) : String(Math.round(size))}${unit}`;
}
