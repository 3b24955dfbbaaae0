/**
 * Runs a shape over a value of a YAML text and turns what it refuses into faults with a place and a sentence.
 *
 * Unknown keys are named with the nearest known one. Issues hidden inside a union are taken from the branch that came
 * nearest. Pure; adds to the findings it is given.
 */
import type { z } from 'zod';
import { nearest, printable } from '../kernel/text.js';
import { known } from './elsewhere.js';
import type { Findings } from './findings.js';
import { ONE_OR_MANY, opened } from './shape.js';
import type { Path, YamlText } from './yaml-text.js';

type Issue = z.core.$ZodIssue;

/** The checked value, or undefined when faults were added. */
export function take<T extends z.ZodType>(
  shape: T,
  yaml: YamlText,
  path: Path,
  value: unknown,
  findings: Findings,
): z.output<T> | undefined {
  const result = shape.safeParse(value);
  if (result.success) return result.data;
  for (const issue of result.error.issues) report(issue, [], yaml, path, findings);
  return undefined;
}

function report(issue: Issue, inside: Path, yaml: YamlText, base: Path, findings: Findings): void {
  const path: Path = [...base, ...inside, ...issue.path.map(step => (typeof step === 'symbol' ? String(step) : step))];
  if (issue.code === 'unrecognized_keys') return unknownKeys(issue, path, yaml, findings);
  if (issue.code === 'invalid_union') {
    const branch = opened(issue.message).code === ONE_OR_MANY ? nearestItem(issue.errors) : nearestBranch(issue.errors);
    if (branch) {
      const deeper = path.slice(base.length);
      for (const inner of branch) report(inner, deeper, yaml, base, findings);
      return;
    }
  }
  const said = opened(issue.message);
  const subject = subjectOf(path);
  const missing = said.code.startsWith('missing-');
  findings.fault(missing ? yaml.key(path) : yaml.place(path), {
    code: said.code === ONE_OR_MANY ? 'bad-shape' : said.code,
    what: missing && path.length > 1 ? `${subject} is missing from ${subjectOf(path.slice(0, -1))}` : `${subject} ${said.clause}`,
    allowed: said.allowed,
    hint: said.hint,
  });
}

/** The branch of a union that understood the value's kind: its issues lie deeper than the value itself. */
function nearestBranch(branches: readonly (readonly Issue[])[]): readonly Issue[] | undefined {
  const deep = branches.find(issues => issues.some(issue => issue.path.length > 0 || issue.code === 'unrecognized_keys'));
  if (deep) return deep;
  return undefined;
}

/** Of "one, or a list of them" the list when there is one, else what the one says. */
function nearestItem(branches: readonly (readonly Issue[])[]): readonly Issue[] | undefined {
  return nearestBranch(branches) ?? branches.find(issues => issues.some(issue => issue.code === 'custom'));
}

function unknownKeys(issue: Issue & { code: 'unrecognized_keys' }, path: Path, yaml: YamlText, findings: Findings): void {
  const said = opened(issue.message);
  const names = said.allowed?.split(', ') ?? [];
  for (const key of issue.keys) unknownKey(yaml, [...path, key], said.clause, names, findings);
}

/** One fault for a key that does not belong into `noun`. */
export function unknownKey(yaml: YamlText, path: Path, noun: string, names: readonly string[], findings: Findings): void {
  const key = String(path.at(-1) ?? '');
  const shown = printable(key, 60);
  const place = yaml.key(path);
  const near = nearest(key, names);
  const what = `${shown} is no key of ${noun}`;
  if (near !== undefined) findings.fault(place, { code: 'unknown-key', what, hint: `did you mean ${near}?` });
  else findings.fault(place, { code: 'unknown-key', what, allowed: names.join(', '), hint: known(key) });
}

/** `pools.marketing.cold-wait` reads better as its last two words. */
function subjectOf(path: Path): string {
  if (path.length === 0) return 'the file';
  const words = path.map(step => (typeof step === 'number' ? `item ${step + 1}` : printable(step, 60)));
  const last = words.at(-1) ?? '';
  return typeof path.at(-1) === 'number' && words.length > 1 ? `${last} of ${words.at(-2)}` : last;
}
