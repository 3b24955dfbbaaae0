/**
 * Is this regular expression fit to run on replies of strangers? Pure; never runs the expression on anything.
 *
 * Conservative: what could take exponential or steep polynomial time is refused (pattern-cost.ts), and so is what people
 * write by mistake: a character class that looks like a tag ("[TS01]" matches one letter), a bare code, a match for all.
 */
import { printable } from '../kernel/text.js';
import { tooCostly } from './pattern-cost.js';

export interface Complaint {
  readonly what: string;
  readonly hint: string;
}

export type Pattern = { readonly source: string; readonly flags: string };

const MAX_LENGTH = 400;

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
  return mistake(source) ?? tooCostly(source, flags);
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
