/**
 * YAML texts parsed ahead of time: what the build makes of the shipped files, so that a start need not parse them again.
 *
 * Each is known by the SHA-256 of its text, so a text that was changed since is not found and is parsed like any other. Holds
 * values and places only; all checking is done when they are read, as it is for everybody's files. Pure; a damaged file of
 * prepared texts counts as none.
 */
import { createHash } from 'node:crypto';
import type { Place } from '../kernel/fault.js';
import { Findings } from './findings.js';
import type { Spot } from './yaml-places.js';
import { YamlText } from './yaml-text.js';

/** Line and column of the value, line and column of its key (0 where there is none), and what is inside. */
type Packed = readonly [number, number, number, number, Inside?];
type Inside = readonly Packed[] | Readonly<Record<string, Packed>>;

interface Text {
  readonly value: unknown;
  readonly spots: Packed;
}

export class Prepared {
  constructor(readonly texts: ReadonlyMap<string, Text>) {}

  /** undefined when there is no file, or none that can be read. */
  static read(json: string | undefined): Prepared | undefined {
    if (json === undefined) return undefined;
    try {
      const parsed: unknown = JSON.parse(json);
      if (typeof parsed !== 'object' || parsed === null) return undefined;
      const texts = Object.entries(parsed).filter((entry): entry is [string, Text] => isText(entry[1]));
      return new Prepared(new Map(texts));
    } catch {
      return undefined;
    }
  }

  find(file: string, text: string): YamlText | undefined {
    const known = this.texts.get(digest(text));
    return known && new YamlText(file, known.value, unpacked(file, known.spots));
  }
}

/** JSON for `Prepared.read`. Texts with faults, and values that JSON cannot carry, are left out. */
export function prepare(texts: readonly string[]): string {
  const prepared: Record<string, Text> = {};
  for (const text of texts) {
    const findings = new Findings();
    const yaml = YamlText.read('', text, findings);
    if (!yaml || findings.count > 0 || !isPlain(yaml.value)) continue;
    prepared[digest(text)] = { value: yaml.value, spots: packed(yaml.root, yaml.value) };
  }
  return JSON.stringify(prepared);
}

const digest = (text: string): string => createHash('sha256').update(text).digest('base64');

function isText(value: unknown): value is Text {
  return typeof value === 'object' && value !== null && 'value' in value && 'spots' in value && Array.isArray(value.spots);
}

/** Nothing but what JSON gives back unchanged; a value that contains itself is none (an alias inside its own anchor). */
function isPlain(value: unknown, depth = 0): boolean {
  if (value === null || typeof value === 'string' || typeof value === 'boolean') return true;
  if (typeof value === 'number') return Number.isFinite(value) && !Object.is(value, -0);
  return typeof value === 'object' && depth < 50 && Object.values(value).every(inner => isPlain(inner, depth + 1));
}

function packed(spot: Spot, value: unknown): Packed {
  const at = [spot.at?.line ?? 0, spot.at?.col ?? 0, spot.key?.line ?? 0, spot.key?.col ?? 0] as const;
  const child = (step: string | number, inner: unknown): Packed => {
    const below = spot.child(step);
    return below ? packed(below, inner) : [0, 0, 0, 0];
  };
  if (Array.isArray(value)) return [...at, value.map((inner, i) => child(i, inner))];
  if (typeof value !== 'object' || value === null) return at;
  return [...at, Object.fromEntries(Object.entries(value).map(([key, inner]) => [key, child(key, inner)]))];
}

function unpacked(file: string, [line, col, keyLine, keyCol, inside]: Packed): Spot {
  const place = (l: number, c: number): Place | undefined => (l > 0 ? { file, line: l, col: c } : undefined);
  return {
    at: place(line, col),
    key: place(keyLine, keyCol),
    child: step => {
      const below = isList(inside) ? inside[Number(step)] : inside && Object.hasOwn(inside, step) ? inside[step] : undefined;
      return below && unpacked(file, below);
    },
  };
}

const isList = (inside: Inside | undefined): inside is readonly Packed[] => Array.isArray(inside);
