/**
 * A regular expression, known to be valid, as a tree of what matters to its cost: pieces one after the other, alternatives,
 * repetitions. What can take exponential time is refused here: repeated groups that branch, lookarounds, references back.
 */
import { charsOf } from './pattern-class.js';
import type { Chars } from './pattern-class.js';
import type { Complaint } from './pattern.js';

export type Node =
  /** One character, so many times. `text`: which one, when there is only one. */
  | { readonly kind: 'atom'; readonly chars: Chars; readonly times: number; readonly text?: string }
  /** A repetition whose length is a choice: of one character, or of a group without branches. */
  | { readonly kind: 'repeat'; readonly chars: Chars; readonly first: Chars | undefined; readonly least: number; readonly most: number }
  /** `optional`: it may also be left out. */
  | { readonly kind: 'group'; readonly branches: readonly Sequence[]; readonly optional: boolean }
  /** `^`, `$`, `\b`: takes no character. */
  | { readonly kind: 'edge'; readonly text: string };

export type Sequence = readonly Node[];

export function readPattern(source: string, flags: string): readonly Sequence[] | Complaint {
  const reader = new Reader(source, flags);
  const branches = reader.alternatives();
  return reader.complaint ?? branches;
}

interface Repetition {
  readonly least: number;
  readonly most: number;
}

class Reader {
  complaint: Complaint | undefined;
  readonly #source: string;
  readonly #flags: string;
  #at = 0;

  constructor(source: string, flags: string) {
    this.#source = source;
    this.#flags = flags;
  }

  alternatives(): Sequence[] {
    const branches = [this.#sequence()];
    while (this.#source[this.#at] === '|') {
      this.#at++;
      branches.push(this.#sequence());
    }
    return branches;
  }

  #sequence(): Sequence {
    const nodes: Node[] = [];
    while (this.#at < this.#source.length && this.#source[this.#at] !== '|' && this.#source[this.#at] !== ')') nodes.push(...this.#piece());
    return nodes;
  }

  #piece(): Sequence {
    const from = this.#at;
    const c = this.#source[this.#at++] ?? '';
    if (c === '(') return this.#group();
    if (c === '^' || c === '$') return [{ kind: 'edge', text: c }];
    if (c === '[') this.#skipClass();
    if (c === '\\') {
      this.#skipEscape();
      if (/^\\[bB]$/.test(this.#source.slice(from, this.#at))) return [{ kind: 'edge', text: '\\b' }];
    }
    // A pair of surrogates is one character to the flag u.
    if (this.#flags.includes('u') && /[\ud800-\udbff]/.test(c)) this.#at++;
    const atom = this.#source.slice(from, this.#at);
    const chars = charsOf(atom, this.#flags);
    const { least, most } = this.#repetition();
    if (least !== most) return [{ kind: 'repeat', chars, first: least > 0 ? chars : undefined, least, most }];
    const text = /^(?:[^\\[.]|\\[^a-zA-Z0-9])$/u.test(atom) ? atom.slice(-1) : undefined;
    return [{ kind: 'atom', chars, times: least, ...(text === undefined ? {} : { text }) }];
  }

  #skipEscape(): void {
    const rest = this.#source.slice(this.#at);
    if (/^[1-9k]/.test(rest)) this.#refuse('refers back to a group', 'this can take exponential time: write the text out');
    const long = /^(?:x[\da-fA-F]{2}|u[\da-fA-F]{4}|c[a-zA-Z])/.exec(rest);
    const longer = this.#flags.includes('u') ? /^(?:u\{[\da-fA-F]+\}|[pP]\{[^}]*\})/.exec(rest) : null;
    this.#at += (longer ?? long)?.[0].length ?? 1;
  }

  #skipClass(): void {
    while (this.#at < this.#source.length && this.#source[this.#at] !== ']') this.#at += this.#source[this.#at] === '\\' ? 2 : 1;
    this.#at++;
  }

  #group(): Sequence {
    const rest = this.#source.slice(this.#at);
    if (/^\?<?[=!]/.test(rest))
      this.#refuse('looks ahead or behind', 'this can take exponential time: use a second rule, or lines under never:');
    const kind = /^\?(?::|<?[=!]|<[^>]*>)/.exec(rest);
    if (rest.startsWith('?') && !kind) this.#refuse('changes its flags within', 'say the flags behind the last slash');
    this.#at += kind?.[0].length ?? 0;
    const branches = this.alternatives();
    this.#at++;
    const { least, most } = this.#repetition();
    const [only] = branches;
    const plain = branches.length === 1 && only?.every(node => node.kind === 'atom' || node.kind === 'edge') ? only : undefined;
    if (most <= 1) {
      if (least === 1 && branches.length === 1) return only ?? [];
      return [{ kind: 'group', branches, optional: least === 0 }];
    }
    if (!plain) {
      this.#refuse(
        'repeats a group that itself repeats or has alternatives',
        'this can take exponential time: repeat single characters only',
      );
      return [];
    }
    const atoms = plain.flatMap(node => (node.kind === 'atom' ? [node] : []));
    if (least === most) return Array.from({ length: Math.min(least, 64) }, () => atoms).flat();
    const chars = atoms.reduce((all, atom) => all | atom.chars, 0n);
    return [{ kind: 'repeat', chars, first: least > 0 ? atoms[0]?.chars : undefined, least, most }];
  }

  #repetition(): Repetition {
    const match = /^(?:[*+?]|\{(\d+)(?:(,)(\d*))?\})\??/.exec(this.#source.slice(this.#at, this.#at + 40));
    if (!match) return { least: 1, most: 1 };
    this.#at += match[0].length;
    const [text, from, comma, to] = match;
    if (from === undefined) return { least: text.startsWith('+') ? 1 : 0, most: text.startsWith('?') ? 1 : Infinity };
    const least = Number(from);
    return { least, most: comma === undefined ? least : to === undefined || to === '' ? Infinity : Number(to) };
  }

  #refuse(what: string, hint: string): void {
    this.complaint ??= { what, hint };
  }
}
