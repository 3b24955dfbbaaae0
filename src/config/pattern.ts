/**
 * Is this regular expression fit to run on replies of strangers? Pure; never runs the expression on anything.
 *
 * Conservative: what could take exponential or steep polynomial time is refused, and so is what people write by mistake.
 * Refused are lookarounds and backreferences, a quantified group that holds a quantifier or an alternative, more than
 * four unbounded quantifiers, a character class that looks like a tag ("[TS01]" matches one letter), and a bare code.
 */
import { printable } from '../kernel/text.js';

export interface Complaint {
  readonly what: string;
  readonly hint: string;
}

export type Pattern = { readonly source: string; readonly flags: string };

const MAX_LENGTH = 400;
const MAX_UNBOUNDED = 4;
/** From here up a counted repetition `{n,m}` is treated as unbounded. */
const LONG_REPEAT = 256;

/** Takes `/source/flags` apart; undefined when the text is not written so. */
export function slashed(text: string): Pattern | undefined {
  const match = /^\/(.+)\/([a-z]*)$/s.exec(text);
  return match ? { source: match[1] ?? '', flags: match[2] ?? '' } : undefined;
}

/** The first thing that is wrong with it, if anything. */
export function complaintAbout({ source, flags }: Pattern): Complaint | undefined {
  if (source.length > MAX_LENGTH)
    return { what: `is longer than ${MAX_LENGTH} characters`, hint: 'use a piece of the text that does not vary' };
  if (/[^isu]/.test(flags) || new Set(flags).size !== flags.length)
    return { what: `has flags "${flags}"`, hint: 'known flags are i, s and u; each reply is one line and is searched once' };
  try {
    new RegExp(source, flags);
  } catch (error) {
    const reason = error instanceof Error ? (error.message.split(': ').at(-1) ?? error.message) : String(error);
    return {
      what: `is no valid expression: ${printable(reason, 120)}`,
      hint: 'escape ( ) [ ] { } . * + ? with a backslash where they stand for themselves',
    };
  }
  return mistake(source) ?? danger(source);
}

function mistake(source: string): Complaint | undefined {
  const tag = /(?<!\\)\[([A-Za-z]{2,}\d+)\]/.exec(source);
  if (tag) return { what: `has [${tag[1]}], which matches one of its characters, not the tag`, hint: `write \\[${tag[1]}\\]` };
  if (/^\^?[2-5](\d\d|\\d\\d|\.\.|xx)( |\\s|\.\*|\$)*$/.test(source))
    return {
      what: 'is a bare code: one bad address would count against the whole lane',
      hint: 'put the code under match.code and add a text or an enhanced code',
    };
  if (/^[.^$*+?()|\s]*$/.test(source)) return { what: 'matches every reply', hint: 'use words of the reply' };
  return undefined;
}

function danger(source: string): Complaint | undefined {
  const group: { busy: boolean }[] = [{ busy: false }];
  let unbounded = 0;
  for (let i = 0; i < source.length; i++) {
    const c = source[i];
    if (c === '\\') {
      const next = source[++i] ?? '';
      if (/[1-9k]/.test(next))
        return { what: 'refers back to a group', hint: 'backreferences can take exponential time: write the text out' };
      continue;
    }
    if (c === '[') {
      i = classEnd(source, i);
      continue;
    }
    if (c === '(') {
      if (/^\(\?(=|!|<=|<!)/.test(source.slice(i, i + 4)))
        return { what: 'looks ahead or behind', hint: 'lookarounds can take exponential time: use a second rule, or never: lines' };
      group.push({ busy: false });
      continue;
    }
    const top = group.at(-1);
    if (c === '|' && top) top.busy = true;
    if (c === ')') {
      const inner = group.pop();
      const quantifier = quantifierAt(source, i + 1);
      if (inner?.busy && quantifier && quantifier.most > 1)
        return {
          what: 'repeats a group that itself repeats or has alternatives',
          hint: 'this can take exponential time: repeat single characters only',
        };
      const outer = group.at(-1);
      if (inner?.busy && outer) outer.busy = true;
      continue;
    }
    const quantifier = quantifierAt(source, i);
    if (quantifier && top) {
      top.busy = true;
      if (quantifier.most >= LONG_REPEAT) unbounded++;
      i += quantifier.length - 1;
    }
  }
  // A repeated group without anything repeated inside counts by its own quantifier, which quantifierAt sees after the `)`.
  if (unbounded > MAX_UNBOUNDED)
    return { what: `has ${unbounded} unbounded repetitions`, hint: `at most ${MAX_UNBOUNDED}: bound them, as in .{0,40}` };
  return undefined;
}

function classEnd(source: string, start: number): number {
  for (let i = start + 1; i < source.length; i++) {
    if (source[i] === '\\') i++;
    else if (source[i] === ']') return i;
  }
  return source.length;
}

function quantifierAt(source: string, at: number): { most: number; length: number } | undefined {
  const match = /^(?:[*+?]|\{(\d+)(?:(,)(\d*))?\})\??/.exec(source.slice(at, at + 24));
  if (!match) return undefined;
  const [text, least, comma, most] = match;
  const first = text.charAt(0);
  const top =
    first === '?' ? 1 : first === '*' || first === '+' ? Infinity : comma === undefined ? Number(least) : most ? Number(most) : Infinity;
  return { most: top, length: text.length };
}
