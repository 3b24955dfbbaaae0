/**
 * Text that comes from remote hosts is untrusted: before it reaches a terminal, a log or a header, control characters go.
 */

/** Replaces C0/C1 controls and bidirectional overrides by a space, and cuts at `max` characters with an ellipsis. */
export function printable(text: string, max = 1_000): string {
  const clean = text.replace(/[\u0000-\u001f\u007f-\u009f\u200e\u200f\u2028-\u202e\u2066-\u2069]+/g, ' ').trim();
  return clean.length > max ? `${clean.slice(0, max - 1)}…` : clean;
}

/** The nearest of `names` to `name` by edit distance, when near enough to be a typing slip. */
export function nearest(name: string, names: readonly string[]): string | undefined {
  let best: string | undefined;
  let least = Math.max(2, Math.floor(name.length / 3)) + 1;
  for (const candidate of names) {
    const distance = editDistance(name, candidate, least);
    if (distance < least) [best, least] = [candidate, distance];
  }
  return best;
}

function editDistance(a: string, b: string, limit: number): number {
  if (Math.abs(a.length - b.length) >= limit) return limit;
  let previous = Array.from({ length: b.length + 1 }, (_, j) => j);
  for (let i = 1; i <= a.length; i++) {
    const row = [i];
    for (let j = 1; j <= b.length; j++) {
      row[j] = Math.min((previous[j] ?? 0) + 1, (row[j - 1] ?? 0) + 1, (previous[j - 1] ?? 0) + (a[i - 1] === b[j - 1] ? 0 : 1));
    }
    previous = row;
  }
  return previous[b.length] ?? limit;
}

/** A name of the DNS as names are compared: lower case, without the dot at its end. */
export const bareName = (name: string): string => name.toLowerCase().replace(/\.$/, '');

/** Does `name` match a shell-like pattern in which `*` stands for any run and `?` for one character? Case-insensitive. */
export function globMatches(pattern: string, name: string): boolean {
  const source = pattern.toLowerCase();
  const target = name.toLowerCase();
  let p = 0;
  let n = 0;
  let star = -1;
  let mark = 0;
  while (n < target.length) {
    if (p < source.length && (source[p] === '?' || source[p] === target[n]) && source[p] !== '*') {
      p++;
      n++;
    } else if (p < source.length && source[p] === '*') {
      star = p++;
      mark = n;
    } else if (star >= 0) {
      p = star + 1;
      n = ++mark;
    } else return false;
  }
  while (p < source.length && source[p] === '*') p++;
  return p === source.length;
}
