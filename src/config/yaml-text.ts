/**
 * One YAML text, its plain value, and the place of everything in it.
 *
 * Aliases are followed; a place inside an aliased value is where the anchor stands. Broken YAML becomes faults and no
 * value; duplicate keys are faults too, but the value is still given so that the rest can be checked. Never throws.
 */
import { LineCounter, isAlias, isMap, isScalar, isSeq, parseDocument, visit } from 'yaml';
import type { Document, Node, Pair, YAMLError } from 'yaml';
import type { Place } from '../kernel/fault.js';
import { nearest, printable } from '../kernel/text.js';
import type { Findings } from './findings.js';
import { Places } from './yaml-places.js';
import type { Spot } from './yaml-places.js';

export type { Path } from './yaml-places.js';

/** Sentences for the mistakes people make most in YAML; others keep the parser's words. */
const SENTENCES: Readonly<Record<string, { what: string; hint?: string }>> = {
  TAB_AS_INDENT: { what: 'a tab stands where YAML wants spaces', hint: 'indent with spaces' },
  DUPLICATE_KEY: { what: 'this key stands twice in the same map', hint: 'keep one of the two' },
  MULTIPLE_DOCS: { what: 'a second YAML document begins here', hint: 'keep one document per file' },
  NON_STRING_KEY: { what: 'a key has to be a plain word' },
  BLOCK_AS_IMPLICIT_KEY: { what: 'a second ": " on one line', hint: 'put the value in quotes, or the inner key on its own line' },
};

/** Most deeply nested collections anybody writes are a handful deep; this only keeps hostile text from exhausting the stack. */
const MAX_BYTES = 4 * 1024 * 1024;

export class YamlText extends Places {
  constructor(
    file: string,
    readonly value: unknown,
    root: Spot,
  ) {
    super(file, root);
  }

  /** undefined when the text is no YAML at all; the faults then say where. */
  static read(file: string, text: string, findings: Findings): YamlText | undefined {
    const whole: Place = { file, line: 0, col: 0 };
    if (text.length > MAX_BYTES) {
      findings.fault(whole, { code: 'too-large', what: 'the file is larger than 4 MB' });
      return undefined;
    }
    try {
      const lines = new LineCounter();
      const doc = parseDocument(text, { lineCounter: lines, prettyErrors: false, stringKeys: true, logLevel: 'error' });
      const at = (offset: number): Place => placeAt(file, lines, offset);
      for (const error of doc.errors) findings.fault(at(error.pos[0]), sentence(error, text));
      if (doc.errors.some(error => error.code !== 'DUPLICATE_KEY')) return undefined;
      for (const warning of doc.warnings)
        findings.fault(at(warning.pos[0]), {
          code: 'yaml',
          what: printable(warning.message, 200),
          hint: 'a leading ! is a YAML tag: put the value in quotes',
        });
      if (doc.warnings.length > 0 || danglingAliases(doc, at, findings)) return undefined;
      return new YamlText(file, doc.toJS() as unknown, spotIn(doc, at, undefined, doc.contents));
    } catch (error) {
      const reason =
        error instanceof RangeError ? 'it is nested too deeply' : printable(error instanceof Error ? error.message : String(error), 200);
      findings.fault(whole, { code: 'yaml', what: `this is no YAML that can be read: ${reason}` });
      return undefined;
    }
  }
}

/** The spot of a node; alias nodes stand where they are written, and what is inside them where the anchor is. */
function spotIn(doc: Document, at: (offset: number) => Place, key: Node | undefined, value: Node | null | undefined): Spot {
  return {
    get at() {
      return hasRange(value) ? at(value.range[0]) : undefined;
    },
    get key() {
      return hasRange(key) ? at(key.range[0]) : undefined;
    },
    child: step => {
      const inner = isAlias(value) ? value.resolve(doc) : value;
      if (isMap(inner)) {
        const pair = inner.items.find(item => keyText(item as Pair) === String(step));
        return pair && spotIn(doc, at, pair.key as Node, pair.value as Node | null);
      }
      const item = isSeq(inner) ? (inner.items[Number(step)] as Node | undefined) : undefined;
      return item && spotIn(doc, at, item, item);
    },
  };
}

type Ranged = Node & { range: [number, number, number] };

/** An empty value (`key:` and nothing behind it) has a range of no length: its key is the better place. */
function hasRange(node: Node | undefined | null): node is Ranged {
  return !!node?.range && !(isScalar(node) && node.range[0] === node.range[1]);
}

function keyText(pair: Pair): string {
  return isScalar(pair.key) ? String(pair.key.value) : String(pair.key);
}

function placeAt(file: string, lines: LineCounter, offset: number): Place {
  const { line, col } = lines.linePos(offset);
  return { file, line: Math.max(line, 1), col: Math.max(col, 1) };
}

function sentence(error: YAMLError, text: string): { code: string; what: string; hint?: string } {
  const known = SENTENCES[error.code];
  if (error.code === 'DUPLICATE_KEY') {
    const key = /^["']?([^\s:"']+)/.exec(text.slice(error.pos[0], error.pos[0] + 100))?.[1];
    return { code: 'duplicate-key', what: `${printable(key ?? 'this key', 60)} stands twice in the same map`, hint: 'keep one of the two' };
  }
  if (/call stack/i.test(error.message)) return { code: 'yaml', what: 'this is nested too deeply' };
  return { code: 'yaml', what: printable(error.message, 200), ...known };
}

function danglingAliases(doc: Document, at: (offset: number) => Place, findings: Findings): boolean {
  const anchors: string[] = [];
  const dangling: { name: string; offset: number }[] = [];
  visit(doc, {
    Node(_key, node) {
      if (isAlias(node)) {
        if (!anchors.includes(node.source)) dangling.push({ name: node.source, offset: node.range?.[0] ?? 0 });
      } else if (node.anchor) anchors.push(node.anchor);
    },
  });
  for (const { name, offset } of dangling) {
    const near = nearest(name, anchors);
    findings.fault(at(offset), {
      code: 'unknown-anchor',
      what: `*${printable(name, 60)} refers to an anchor that was not set before it`,
      hint: near ? `did you mean *${near}?` : 'a value that begins with * has to be in quotes',
    });
  }
  return dangling.length > 0;
}
