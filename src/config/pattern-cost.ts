/**
 * How long can a regular expression take on the worst text? An upper bound read off its form; nothing is run.
 *
 * A backtracking matcher tries, from every start, every way to share the text among the repetitions it meets in a row. So
 * along each path through the expression (alternatives are separate paths) at most two long repetitions are allowed and
 * a few short ones, a repeated group may hold neither repetitions nor alternatives, and lookarounds and backreferences
 * are refused. What passes takes cubic time at most in the length of a reply, which classification cuts.
 */
import type { Complaint } from './pattern.js';

/** A repetition that may go this far counts as long. */
const LONG = 32;
const MAX_LONG = 2;
/** Product of the choices of the short repetitions on one path, by how many long ones stand beside them: `?` has two. */
const MAX_SHORT = [1_024, 128, 16];

/** What the dearest path through a piece costs. */
interface Cost {
  readonly long: number;
  readonly short: number;
  /** Holds a repetition or alternatives: may not be repeated itself. */
  readonly branches: boolean;
}

const FREE: Cost = { long: 0, short: 1, branches: false };

export function tooCostly(source: string): Complaint | undefined {
  const scan = new Scan(source);
  const cost = scan.alternatives();
  if (scan.complaint) return scan.complaint;
  if (cost.long > MAX_LONG)
    return {
      what: `has ${cost.long} long repetitions in a row`,
      hint: `at most ${MAX_LONG}: bound them, as in .{0,20}, or use a shorter piece`,
    };
  if (cost.short > (MAX_SHORT[cost.long] ?? 1))
    return { what: 'has too many repetitions in a row', hint: 'use a shorter piece of the reply, or two rules' };
  return undefined;
}

/** Reads an expression that is known to be valid. */
class Scan {
  complaint: Complaint | undefined;
  #at = 0;

  constructor(readonly source: string) {}

  /** Paths side by side: the dearest counts. */
  alternatives(): Cost {
    let dearest = this.#sequence();
    let many = false;
    while (this.source[this.#at] === '|') {
      this.#at++;
      many = true;
      const other = this.#sequence();
      dearest = {
        long: Math.max(dearest.long, other.long),
        short: Math.max(dearest.short, other.short),
        branches: dearest.branches || other.branches,
      };
    }
    return many ? { ...dearest, branches: true } : dearest;
  }

  /** Pieces one after the other: what they cost adds up. */
  #sequence(): Cost {
    let sum = FREE;
    while (this.#at < this.source.length && this.source[this.#at] !== '|' && this.source[this.#at] !== ')') {
      const piece = this.#repeated(this.#atom());
      sum = { long: sum.long + piece.long, short: sum.short * piece.short, branches: sum.branches || piece.branches };
    }
    return sum;
  }

  #atom(): Cost {
    const c = this.source[this.#at++];
    if (c === '\\') {
      const next = this.source[this.#at++] ?? '';
      if (/[1-9k]/.test(next)) this.#refuse('refers back to a group', 'this can take exponential time: write the text out');
    } else if (c === '[') this.#skipClass();
    else if (c === '(') {
      const kind = /^\?(<?[=!])/.exec(this.source.slice(this.#at, this.#at + 4));
      if (kind) this.#refuse('looks ahead or behind', 'this can take exponential time: use a second rule, or lines under never:');
      this.#at += /^\?(:|<?[=!]|<[A-Za-z_$][\w$]*>)/.exec(this.source.slice(this.#at))?.[0].length ?? 0;
      const inside = this.alternatives();
      this.#at++;
      return inside;
    }
    return FREE;
  }

  #skipClass(): void {
    while (this.#at < this.source.length && this.source[this.#at] !== ']') this.#at += this.source[this.#at] === '\\' ? 2 : 1;
    this.#at++;
  }

  #repeated(piece: Cost): Cost {
    const match = /^(?:[*+?]|\{(\d+)(?:(,)(\d*))?\})\??/.exec(this.source.slice(this.#at, this.#at + 24));
    if (!match) return piece;
    this.#at += match[0].length;
    const [text, least, comma, most] = match;
    const times = text.startsWith('?')
      ? 1
      : least === undefined
        ? Infinity
        : comma === undefined
          ? Number(least)
          : most
            ? Number(most)
            : Infinity;
    // Exactly n times leaves no choice.
    const choices = comma === undefined && least !== undefined ? 0 : times - Number(least ?? 0);
    if (piece.branches && times > 1)
      this.#refuse(
        'repeats a group that itself repeats or has alternatives',
        'this can take exponential time: repeat single characters only',
      );
    if (choices >= LONG) return { long: piece.long + 1, short: piece.short, branches: true };
    return { long: piece.long, short: piece.short * (choices + 1), branches: piece.branches || choices > 0 };
  }

  #refuse(what: string, hint: string): void {
    this.complaint ??= { what, hint };
  }
}
