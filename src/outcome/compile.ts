/**
 * A Rule of a provider file → a test on replies, made once.
 *
 * What is asked of a reply, cheapest first: code, phase, enhanced code, text, recipient domain. `text` is looked for in the
 * reply as one line (`421 4.7.0 [TSS04] …`), so that it may name codes as well; a regular expression is also tried on the
 * text behind the codes, so that `^` may mean either. Nothing here keeps state between two replies.
 */
import type { Phase, Reply, Rule } from '../kernel/reply.js';
import { globMatches } from '../kernel/text.js';

/** Rules look at so many characters: enough for every known reply, few enough that no hostile one can stall a `.*`. */
const LOOKED_AT = 1_024;

/** A reply prepared once and shown to many rules. */
export interface Subject {
  readonly enhanced: string | undefined;
  /** Code, enhanced code and text; cut. */
  readonly line: string;
  /** The same in lower case. */
  readonly lower: string;
  /** The text behind the codes; cut. */
  readonly text: string;
  readonly phase: Phase;
  readonly domain: string;
}

export interface CompiledRule {
  readonly rule: Rule;
  /** Can a reply with this code match at all? Rules are indexed by it. */
  takesCode(code: number): boolean;
  /** The rest of the test; the code is not asked again. */
  matches(subject: Subject): boolean;
}

export function subjectOf(reply: Reply, phase: Phase, domain: string): Subject {
  const line = reply.line.slice(0, LOOKED_AT);
  return { enhanced: reply.enhanced, line, lower: line.toLowerCase(), text: reply.text.slice(0, LOOKED_AT), phase, domain };
}

export function compileRule(rule: Rule): CompiledRule {
  const { code, at, enhanced, text, regex, domain } = rule.match;
  const tests: ((subject: Subject) => boolean)[] = [];
  if (at !== undefined && at.length > 0) tests.push(subject => at.includes(subject.phase));
  if (enhanced !== undefined) tests.push(enhancedTest(enhanced));
  if (text !== undefined && text !== '') tests.push(textTest(text));
  if (regex !== undefined) tests.push(regexTest(regex.source, regex.flags));
  if (domain !== undefined && domain !== '*') tests.push(subject => globMatches(domain, subject.domain));
  return {
    rule,
    takesCode: codeTest(code),
    matches: subject => {
      for (const test of tests) if (!test(subject)) return false;
      return true;
    },
  };
}

/** `421`, `4xx`, `5xx`, `55x`; absent: any failure. */
function codeTest(pattern: string | undefined): (code: number) => boolean {
  if (pattern === undefined) return code => code >= 400 && code <= 599;
  const wanted = pattern.toLowerCase();
  return code => {
    const digits = String(code);
    return digits.length === wanted.length && [...wanted].every((c, i) => c === 'x' || c === digits[i]);
  };
}

/** `4.7.28` means itself; `4.7.x` any detail. */
function enhancedTest(pattern: string): (subject: Subject) => boolean {
  if (!pattern.toLowerCase().endsWith('.x')) return subject => subject.enhanced === pattern;
  const prefix = pattern.slice(0, -1);
  return subject => subject.enhanced?.startsWith(prefix) ?? false;
}

/** Case-insensitive substring; `*` parts pieces that follow one another. */
function textTest(pattern: string): (subject: Subject) => boolean {
  const pieces = pattern
    .toLowerCase()
    .replace(/\s+/g, ' ')
    .split('*')
    .filter(piece => piece !== '');
  const [only] = pieces;
  if (pieces.length === 1 && only !== undefined) return subject => subject.lower.includes(only);
  return subject => {
    let from = 0;
    for (const piece of pieces) {
      const found = subject.lower.indexOf(piece, from);
      if (found < 0) return false;
      from = found + piece.length;
    }
    return true;
  };
}

/** The flags g and y would make a test depend on the one before it. */
function regexTest(source: string, flags: string): (subject: Subject) => boolean {
  const expression = new RegExp(source, flags.replace(/[gy]/g, ''));
  if (!/\^/.test(source)) return ({ line }) => expression.test(line);
  return ({ line, text }) => expression.test(line) || expression.test(text);
}
