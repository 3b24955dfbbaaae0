/**
 * Units people write in configuration, and their one internal form.
 *
 * Times are milliseconds, sizes are bytes, rates are {count, per}. `unlimited` is Infinity and `none` is 0; a bare
 * 0 is refused where a rate stands, because people read it both ways. Parsers return a value or a sentence that says
 * what is allowed; they never throw.
 */

/** A span of time, milliseconds. */
export type Ms = number;
/** An instant of the policy clock, milliseconds; epoch-like, never jumps (see clock.ts). */
export type Instant = number;

export const SECOND: Ms = 1_000;
export const MINUTE: Ms = 60_000;
export const HOUR: Ms = 3_600_000;
export const DAY: Ms = 86_400_000;

/** `count` events in `per` milliseconds. count is Infinity for `unlimited` and 0 for `none`. */
export interface Rate {
  readonly count: number;
  readonly per: Ms;
}

export type Parsed<T> = { readonly ok: true; readonly value: T } | { readonly ok: false; readonly allowed: string };

const good = <T>(value: T): Parsed<T> => ({ ok: true, value });
const bad = (allowed: string): { readonly ok: false; readonly allowed: string } => ({ ok: false, allowed });

const SPANS: Readonly<Record<string, Ms>> = { ms: 1, s: SECOND, m: MINUTE, h: HOUR, d: DAY, w: 7 * DAY };

/** Reads `45m`, `4d12h`, `90s`, `250ms`. A bare number is refused: its unit would be a guess. */
export function parseDuration(text: string): Parsed<Ms> {
  const allowed = 'a time such as 90s, 45m, 6h or 4d12h';
  const parts = [...text.trim().matchAll(/(\d+(?:\.\d+)?)(ms|s|m|h|d|w)/gy)];
  if (parts.length === 0 || parts.map(p => p[0]).join('') !== text.trim()) return bad(allowed);
  let total = 0;
  for (const [, number, unit] of parts) total += Number(number) * (SPANS[unit ?? ''] ?? NaN);
  return Number.isFinite(total) ? good(Math.round(total)) : bad(allowed);
}

/** Reads `200/h`, `2/m`, `500/15m`, `unlimited`, `none`. */
export function parseRate(text: string): Parsed<Rate> {
  const allowed = 'a rate such as 200/h, 2/m or 500/15m, or unlimited, or none';
  const word = text.trim();
  if (word === 'unlimited') return good({ count: Infinity, per: HOUR });
  if (word === 'none') return good({ count: 0, per: HOUR });
  const match = /^(\d+)\s*\/\s*(\d*)(s|sec|m|min|h|hr|hour|d|day)$/.exec(word);
  if (!match) return bad(allowed);
  const count = Number(match[1]);
  const per = (match[2] === '' ? 1 : Number(match[2])) * (SPANS[(match[3] ?? '').charAt(0)] ?? NaN);
  if (count === 0 || !(per > 0)) return bad(allowed);
  return good({ count, per });
}

/** Reads `20`, `unlimited`, `none`. */
export function parseCount(text: string): Parsed<number> {
  const word = text.trim();
  if (word === 'unlimited') return good(Infinity);
  if (word === 'none') return good(0);
  if (/^[1-9]\d{0,14}$/.test(word)) return good(Number(word));
  return bad('a whole number from 1 up, or unlimited, or none');
}

/** Reads `20MB`, `64KiB`, `1000000`. K, M, G are powers of 1024, as mail servers count. */
export function parseSize(text: string): Parsed<number> {
  const match = /^(\d+(?:\.\d+)?)\s*([kmgt]?)i?b?$/i.exec(text.trim());
  const power = ['', 'k', 'm', 'g', 't'].indexOf((match?.[2] ?? '').toLowerCase());
  const bytes = Math.round(Number(match?.[1] ?? 0) * 1024 ** power);
  return bytes > 0 ? good(bytes) : bad('a size such as 25MB or 500KB');
}

/** `4d12h`, `45m`, `90s`: the shortest exact writing, at most two units. */
export function printDuration(ms: Ms): string {
  if (!Number.isFinite(ms)) return 'for ever';
  if (ms <= 0) return '0s';
  if (ms < SECOND) return `${Math.round(ms)}ms`;
  let seconds = Math.round(ms / 1000);
  const words: string[] = [];
  for (const [unit, size] of [
    ['d', 86_400],
    ['h', 3_600],
    ['m', 60],
    ['s', 1],
  ] as const) {
    const n = Math.floor(seconds / size);
    seconds -= n * size;
    if (n > 0) words.push(`${n}${unit}`);
    if (words.length === 2) break;
  }
  return words.join('');
}

/** A span for people: seconds only below ten minutes, minutes only below two days. */
export function printSpan(ms: Ms): string {
  const unit = ms < 10 * MINUTE ? SECOND : ms < 2 * DAY ? MINUTE : HOUR;
  return ms < SECOND ? '0s' : printDuration(Math.max(unit, Math.round(ms / unit) * unit));
}

/** `200/h`, `500/15m`, `unlimited`, `none`. */
export function printRate(rate: Rate): string {
  if (rate.count === Infinity) return 'unlimited';
  if (rate.count === 0) return 'none';
  const span =
    rate.per === HOUR ? 'h' : rate.per === MINUTE ? 'm' : rate.per === SECOND ? 's' : rate.per === DAY ? 'd' : printDuration(rate.per);
  return `${rate.count}/${span}`;
}

export function perHour(rate: Rate): number {
  return (rate.count * HOUR) / rate.per;
}

/** What JSON carries for a limit: null means no limit. */
export function finiteOrNull(value: number): number | null {
  return Number.isFinite(value) ? value : null;
}
