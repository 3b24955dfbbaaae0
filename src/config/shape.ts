/**
 * The few building blocks all shapes are made of: scalar, mapping, listOf, oneOrMany, oneOf.
 *
 * A shape is a zod schema: it checks, converts, and yields the JSON Schema. Its messages are ours: a sentence with what,
 * allowed and hint, carried as JSON in zod's message (the only thing zod passes through) and opened again in check.ts.
 */
import { z } from 'zod';
import { nearest, printable } from '../kernel/text.js';
import type { Parsed } from '../kernel/units.js';

// A shape is used some hundred times in a process: compiling a parser for each costs more than it saves.
z.config({ jitless: true });

/** Clause without the key's name in front; check.ts puts it there. */
export interface Sentence {
  readonly code: string;
  readonly clause: string;
  readonly allowed?: string | undefined;
  readonly hint?: string | undefined;
}

/** What a scalar says about itself to editors. */
export interface JsonHint {
  readonly type: string | readonly string[];
  readonly description: string;
  readonly pattern?: string;
  readonly enum?: readonly string[];
  readonly examples?: readonly (string | number)[];
  readonly minimum?: number;
  readonly maximum?: number;
  readonly default?: string | number | boolean;
}

/** A refusal may add a hint to what is allowed. */
export type Read<T> = Parsed<T> | { readonly ok: false; readonly allowed: string; readonly hint?: string };

export const carry = (sentence: Sentence): string => JSON.stringify(sentence);

/** The sentence inside a zod message; zod's own words when there is none. */
export function opened(message: string): Sentence {
  try {
    const value: unknown = JSON.parse(message);
    if (typeof value === 'object' && value !== null && 'clause' in value && 'code' in value) return value as Sentence;
  } catch {
    // zod's own message: used as it is
  }
  return { code: 'bad-value', clause: printable(message, 200) };
}

/** How a wrong value is quoted in a sentence. Never throws, whatever the value. */
export function quoted(raw: unknown): string {
  if (raw === null) return 'nothing';
  if (Array.isArray(raw)) return 'a list';
  if (typeof raw === 'object') return 'a map';
  return typeof raw === 'string' ? `"${printable(raw, 80)}"` : String(raw);
}

/** One value. `read` gets its text (numbers and booleans as they print) and answers with the value or what is allowed. */
export function scalar<T>(code: string, json: JsonHint, read: (text: string) => Read<T>) {
  return z
    .unknown()
    .meta({ ...json })
    .transform((raw, context): T => {
      const refuse = (sentence: Sentence): T => {
        context.addIssue({ code: 'custom', message: carry(sentence) });
        return z.NEVER;
      };
      const wanted = json.enum?.join(', ') ?? json.description;
      if (raw === undefined) return refuse({ code: 'missing-key', clause: 'is missing', allowed: wanted });
      const simple = typeof raw === 'string' || typeof raw === 'number' || typeof raw === 'boolean';
      const result: Read<T> = simple ? read(String(raw)) : { ok: false, allowed: wanted };
      if (result.ok) return result.value;
      const clause = raw === null ? 'has no value' : `cannot be ${quoted(raw)}`;
      return refuse({ code, clause, allowed: result.allowed, hint: 'hint' in result ? result.hint : undefined });
    });
}

/** A map with these keys and no others. */
export function mapping<S extends z.ZodRawShape>(noun: string, shape: S) {
  const names = Object.keys(shape);
  return z.strictObject(shape, {
    error: issue => {
      if (issue.code === 'unrecognized_keys') return carry({ code: 'unknown-key', clause: noun, allowed: names.join(', ') });
      if (issue.input === undefined) return carry({ code: 'missing-key', clause: 'is missing', allowed: `a map of ${names.join(', ')}` });
      return carry({ code: 'bad-shape', clause: `cannot be ${quoted(issue.input)}`, allowed: `a map of ${names.join(', ')}` });
    },
  });
}

/** A list. */
export function listOf<T extends z.ZodType>(noun: string, item: T) {
  return z.array(item, {
    error: issue =>
      issue.input === undefined
        ? carry({ code: 'missing-key', clause: 'is missing', allowed: `a list of ${noun}` })
        : carry({ code: 'bad-shape', clause: `cannot be ${quoted(issue.input)}`, allowed: `a list of ${noun}` }),
  });
}

/** A map from names people choose to values of one shape. */
export function namesTo<T extends z.ZodType>(noun: string, value: T) {
  return z.record(z.string(), value, {
    error: issue =>
      issue.input === undefined
        ? carry({ code: 'missing-key', clause: 'is missing', allowed: noun })
        : carry({ code: 'bad-shape', clause: `cannot be ${quoted(issue.input)}`, allowed: noun }),
  });
}

/** Either of several shapes; `allowed` says which, when the value is none of them, and `missing` what else to say when there is none. */
export function either<T extends readonly [z.ZodType, z.ZodType, ...z.ZodType[]]>(
  allowed: string,
  shapes: T,
  missing?: { readonly code: string; readonly hint: string },
) {
  return z.union(shapes, {
    error: issue =>
      issue.input === undefined
        ? carry({ code: 'missing-key', clause: 'is missing', allowed, ...missing })
        : carry({ code: 'bad-shape', clause: `cannot be ${quoted(issue.input)}`, allowed }),
  });
}

/** Marks the sentence of oneOrMany: what the single value says is better. */
export const ONE_OR_MANY = 'one-or-many';

/** One value, or a list of them: always read as a list. */
export function oneOrMany<T extends z.ZodType>(noun: string, item: T) {
  return z.union([z.array(item), item.transform(value => [value])], {
    error: issue =>
      issue.input === undefined
        ? carry({ code: 'missing-key', clause: 'is missing', allowed: `one of ${noun}, or a list` })
        : carry({ code: ONE_OR_MANY, clause: `cannot be ${quoted(issue.input)}`, allowed: `${noun}, or a list of them` }),
  }) as z.ZodType<z.output<T>[]>;
}

/** One of a few words. */
export function oneOf<const W extends readonly [string, ...string[]]>(description: string, words: W) {
  return scalar<W[number]>('bad-word', { type: 'string', description, enum: words }, text => {
    if (words.includes(text)) return { ok: true, value: text };
    const near = nearest(text, words);
    return { ok: false, allowed: words.join(', '), ...(near !== undefined && { hint: `did you mean ${near}?` }) };
  });
}

/** true or false, as YAML 1.2 writes them. */
export function flag(description: string) {
  return scalar('bad-flag', { type: 'boolean', description }, text => {
    if (text === 'true' || text === 'false') return { ok: true, value: text === 'true' };
    const meant = /^(yes|on|y)$/i.test(text) ? 'true' : /^(no|off|n)$/i.test(text) ? 'false' : undefined;
    return { ok: false, allowed: 'true or false', ...(meant !== undefined && { hint: `write ${meant}` }) };
  });
}
