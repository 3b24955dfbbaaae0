/**
 * How long can a regular expression take on the worst text? A bound on its steps, read off its form; nothing is run.
 *
 * A backtracking matcher tries, from every start, every way to share the text among repetitions that could take the same
 * characters. With n characters that is n ways for every long repetition but those whose next character can never be one of
 * theirs (`\d+\.`: one way, n steps), c + 1 for a short one, and the sum over alternatives unless they exclude each other.
 * What passes was measured to take about 5 ms at most on the 1,024 characters that classification looks at.
 */
import { disjoint } from './pattern-class.js';
import type { Chars } from './pattern-class.js';
import { readPattern } from './pattern-read.js';
import type { Node, Sequence } from './pattern-read.js';
import type { Complaint } from './pattern.js';

/** Characters that classification looks at (outcome/compile.ts cuts replies there). */
const TEXT = 1_024;
/** A repetition that may go this far beyond its least counts as long. */
const LONG = 32;
/** Measured: one to two nanoseconds each. */
const MAX_STEPS = 2_500_000;
/** Ways without any long repetition; these steps are dearer. */
const MAX_SHORT = 600;
/** Plain characters compared, or alternatives of plain text tried, in the time of one step. */
const AT_ONCE = 8;

/** Ways by how many long repetitions they pass, the short choices multiplied. */
type Ways = readonly number[];

interface Cost {
  readonly ways: Ways;
  /** Ways on which some long repetition costs its length besides, though it leaves no choice. */
  readonly longer: Ways;
  /** Steps that one way takes at most: comparing what stands between two choices, trying alternatives. */
  readonly weight: number;
  /** What it may begin with; undefined when it may be empty or cannot be told. */
  readonly first: Chars | undefined;
  /** It is this text and nothing else. */
  readonly text: string | undefined;
}

export function tooCostly(source: string, flags: string): Complaint | undefined {
  const read = readPattern(source, flags);
  if (!isSequences(read)) return read;
  const starts = read.every(([first]) => first?.kind === 'edge' && first.text === '^') ? 0 : 1;
  const { ways, longer, weight } = alternatives(read.map(toItsEnd), flags);
  // By the power of n, which is at least the number of choices among n.
  const powers = plus([...Array<number>(starts).fill(0), ...ways], [...Array<number>(starts + 1).fill(0), ...longer]);
  // i and u together compare by tables.
  const dear = flags.includes('i') && flags.includes('u') ? 2 : 1;
  const steps = powers.reduce((sum, n, power) => sum + (n * TEXT ** power) / factorial(power), 0) * weight * dear;
  const steepest = powers.findLastIndex(n => n > 0);
  if (steps > MAX_STEPS && steepest > 2)
    return {
      what: `has ${steepest - starts} long repetitions that can take turns on the same text`,
      hint: 'this can take a second: bound them, as in .{0,20}, begin with ^, or write the pieces as plain text with * between them',
    };
  if (steps > MAX_STEPS || (ways[0] ?? 0) > MAX_SHORT)
    return { what: 'has too many repetitions in a row', hint: 'use a shorter piece of the reply, or two rules' };
  return undefined;
}

/** A repetition at the very end never gives anything back: the expression has matched. What it takes at least remains. */
function toItsEnd(nodes: Sequence): Sequence {
  const last = nodes.at(-1);
  if (last?.kind !== 'repeat') return nodes;
  const before = nodes.slice(0, -1);
  return last.least === 0 ? toItsEnd(before) : [...before, { kind: 'atom', chars: last.chars, times: last.least }];
}

const isSequences = (read: readonly Sequence[] | Complaint): read is readonly Sequence[] => Array.isArray(read);

const factorial = (n: number): number => (n < 2 ? 1 : n * factorial(n - 1));

function alternatives(branches: readonly Sequence[], flags: string): Cost {
  const costs = branches.map(branch => inOrder(branch, flags));
  const [only] = costs;
  if (only && costs.length === 1) return only;
  const apart = costs.every((a, i) => costs.slice(i + 1).every(b => a.first && b.first && disjoint(a.first, b.first)));
  const together = apart || areTexts(costs) ? most : plus;
  return {
    ways: costs.map(({ ways }) => ways).reduce(together, []),
    longer: costs.map(({ longer }) => longer).reduce(together, []),
    weight: (costs.length - 1) / AT_ONCE + Math.max(...costs.map(({ weight }) => weight)),
    first: costs.reduce<Chars | undefined>((all, { first }) => (all === undefined || first === undefined ? undefined : all | first), 0n),
    text: undefined,
  };
}

/** Texts of which none begins another: at most one of them can match at a place. */
function areTexts(costs: readonly Cost[]): boolean {
  return costs.every(({ text }, i) => text !== undefined && costs.every((other, j) => i === j || !other.text?.startsWith(text)));
}

function inOrder(nodes: Sequence, flags: string): Cost {
  let ways: Ways = [1];
  let longer: Ways = [];
  let weight = 1;
  let run: Compared[] = [];
  const compared = (): void => {
    weight += depth(run);
    run = [];
  };
  nodes.forEach((node, i) => {
    if (node.kind === 'edge') return;
    if (node.kind === 'atom') {
      const one = { chars: node.chars, steps: node.text === undefined ? 1 : 1 / AT_ONCE };
      run.push(...Array<Compared>(Math.min(node.times, 2 * LONG)).fill(one));
      return;
    }
    compared();
    if (node.kind === 'group') {
      const inside = alternatives(node.branches, flags);
      const chosen = node.optional ? plus(inside.ways, [1]) : inside.ways;
      [ways, longer] = [times(ways, chosen), plus(times(longer, plus(chosen, inside.longer)), times(ways, inside.longer))];
      weight += inside.weight - 1;
      return;
    }
    const next = nodes[i + 1];
    const follows = next && firstOf(next, flags);
    const choices = node.most - node.least;
    if (choices < LONG) [ways, longer] = [ways.map(n => n * (choices + 1)), longer.map(n => n * (choices + 1))];
    else if (follows !== undefined && disjoint(node.chars, follows)) [ways, longer] = [[], plus(ways, longer)];
    else
      [ways, longer] = [
        [0, ...ways],
        [0, ...longer],
      ];
  });
  compared();
  const [first] = nodes;
  const text = nodes.every(node => node.kind === 'atom' && node.text !== undefined)
    ? nodes.map(node => (node.kind === 'atom' ? (node.text ?? '').repeat(Math.min(node.times, 2 * LONG)) : '')).join('')
    : undefined;
  return { ways, longer, weight, first: first && firstOf(first, flags), text: flags.includes('i') ? text?.toLowerCase() : text };
}

function firstOf(node: Node, flags: string): Chars | undefined {
  if (node.kind === 'atom') return node.times > 0 ? node.chars : undefined;
  if (node.kind === 'repeat') return node.first;
  return node.kind === 'group' && !node.optional ? alternatives(node.branches, flags).first : undefined;
}

const join = (a: Ways, b: Ways, by: (x: number, y: number) => number): Ways =>
  Array.from({ length: Math.max(a.length, b.length) }, (_, d) => by(a[d] ?? 0, b[d] ?? 0));
const plus = (a: Ways, b: Ways): Ways => join(a, b, (x, y) => x + y);
const most = (a: Ways, b: Ways): Ways => join(a, b, Math.max);

function times(a: Ways, b: Ways): Ways {
  const product = Array<number>(Math.max(0, a.length + b.length - 1)).fill(0);
  a.forEach((x, i) => b.forEach((y, j) => (product[i + j] = (product[i + j] ?? 0) + x * y)));
  return product;
}

interface Compared {
  readonly chars: Chars;
  readonly steps: number;
}

/** How deep a comparison goes at every place of the worst text: one that overlaps itself (aaaa, \w\w) goes on and on. */
function depth(run: readonly Compared[]): number {
  let deepest = 0;
  let steps = 0;
  let period = 1;
  run.forEach((one, length) => {
    steps += one.steps;
    while (period <= length && !repeats(run.slice(0, length + 1), period)) period++;
    deepest = Math.max(deepest, steps / period);
  });
  return deepest;
}

const repeats = (run: readonly Compared[], period: number): boolean =>
  run.every(({ chars }, i) => i < period || !disjoint(chars, run[i - period]?.chars ?? 0n));
