/**
 * Texts that a regular expression matches, made from its form: for rules that bring no samples of their own.
 *
 * Tries a few ways through the expression (each alternative, repetitions as short as they go and once around) and keeps the
 * texts that really match. None means that none was found, which is no proof that there is none. Pure; meant for expressions
 * that passed the configuration's own tests (no lookaround, no backreference).
 */

type Node =
  | { readonly kind: 'text'; readonly of: (style: Style) => string }
  | { readonly kind: 'row'; readonly parts: readonly Node[] }
  | { readonly kind: 'either'; readonly ways: readonly Node[] }
  | { readonly kind: 'repeat'; readonly what: Node; readonly least: number };

interface Style {
  /** Stands where anything may stand. */
  readonly fill: string;
  /** Which alternative is taken, counted around. */
  readonly way: number;
  /** Things that may be left out are there once. */
  readonly generous: boolean;
}

const NOTHING: Node = { kind: 'text', of: () => '' };
/** What a class or an escape is tried with, after the style's own filling. */
const CHARACTERS = Array.from({ length: 0x7f - 0x20 }, (_, i) => String.fromCharCode(0x20 + i)).concat('\t', '\n', '\r');
/** More copies than this of one piece help nobody. */
const MOST_COPIES = 64;
const WAYS = 8;

export function witnesses({ source, flags }: { readonly source: string; readonly flags: string }): readonly string[] {
  const expression = new RegExp(source, flags.replace(/[gy]/g, ''));
  const tree = new Reader(source, flags).either();
  const found = new Set<string>();
  for (let way = 0; way < WAYS; way++)
    for (const generous of [false, true])
      for (const fill of ['x', ' ']) {
        const text = written(tree, { fill, way, generous });
        if (expression.test(text)) found.add(text);
      }
  return [...found];
}

function written(node: Node, style: Style): string {
  switch (node.kind) {
    case 'text':
      return node.of(style);
    case 'row':
      return node.parts.map(part => written(part, style)).join('');
    case 'either':
      return written(node.ways[style.way % node.ways.length] ?? NOTHING, style);
    case 'repeat':
      return written(node.what, style).repeat(Math.min(Math.max(node.least, style.generous ? 1 : 0), MOST_COPIES));
  }
}

/** Reads an expression that is known to be valid. */
class Reader {
  #at = 0;

  constructor(
    readonly source: string,
    readonly flags: string,
  ) {}

  either(): Node {
    const ways = [this.#row()];
    while (this.source[this.#at] === '|') {
      this.#at++;
      ways.push(this.#row());
    }
    return { kind: 'either', ways };
  }

  #row(): Node {
    const parts: Node[] = [];
    while (this.#at < this.source.length && this.source[this.#at] !== '|' && this.source[this.#at] !== ')') {
      parts.push(this.#repeated(this.#piece()));
    }
    return { kind: 'row', parts };
  }

  #piece(): Node {
    const c = this.source[this.#at++] ?? '';
    if (c === '^' || c === '$') return NOTHING;
    if (c === '(') {
      this.#at += /^\?(?::|<[A-Za-z_$][\w$]*>)/.exec(this.source.slice(this.#at))?.[0].length ?? 0;
      const inside = this.either();
      this.#at++;
      return inside;
    }
    if (c === '\\') return this.#escape();
    if (c === '[') return this.#class();
    return c === '.' ? this.#oneOf('.') : { kind: 'text', of: () => c };
  }

  #escape(): Node {
    const rest = this.source.slice(this.#at);
    const name = /^(?:x[0-9a-f]{2}|u[0-9a-f]{4}|u\{[0-9a-f]+\}|p\{[^}]*\}|c[a-z]|.)/is.exec(rest)?.[0] ?? '';
    this.#at += name.length;
    if (name === 'b' || name === 'B') return NOTHING;
    if (/^[^A-Za-z0-9]$/.test(name)) return { kind: 'text', of: () => name };
    return this.#oneOf(`\\${name}`);
  }

  #class(): Node {
    const from = this.#at - 1;
    while (this.#at < this.source.length && this.source[this.#at] !== ']') this.#at += this.source[this.#at] === '\\' ? 2 : 1;
    this.#at++;
    return this.#oneOf(this.source.slice(from, this.#at));
  }

  /** Any one character that this class or escape stands for. */
  #oneOf(source: string): Node {
    const only = new RegExp(`^${source}$`, this.flags.replace(/[gy]/g, ''));
    const fits = CHARACTERS.filter(c => only.test(c));
    return { kind: 'text', of: ({ fill }) => (fits.includes(fill) ? fill : (fits[0] ?? '')) };
  }

  #repeated(piece: Node): Node {
    const match = /^(?:[*+?]|\{(\d+)(?:,\d*)?\})\??/.exec(this.source.slice(this.#at, this.#at + 24));
    if (!match) return piece;
    this.#at += match[0].length;
    const least = match[1] !== undefined ? Number(match[1]) : match[0].startsWith('+') ? 1 : 0;
    return { kind: 'repeat', what: piece, least };
  }
}
