/**
 * Which keys sign for a domain: its own, else those of the nearest domain above it.
 *
 * Going up from `a.b.example.com`, at each level `*.b.example.com` goes before `b.example.com`: with a wildcard the domain
 * signs for itself, with a parent the parent signs (relaxed alignment, RFC 7489 §3.1.1, accepts both). `*` comes last. Pure.
 */
import type { DkimKey } from '../kernel/settings.js';

export interface Choice {
  /** The d= tag. */
  readonly domain: string;
  /** One or two. */
  readonly keys: readonly DkimKey[];
}

export class Choices {
  readonly #byDomain = new Map<string, DkimKey[]>();

  constructor(keys: readonly DkimKey[]) {
    for (const key of keys) {
      const same = this.#byDomain.get(key.domain);
      if (same) same.push(key);
      else this.#byDomain.set(key.domain, [key]);
    }
  }

  /** Every set of keys that may sign for `domain`, the best first. A later one serves where the key file of an earlier is missing. */
  of(domain: string): Choice[] {
    const found: Choice[] = [];
    const add = (written: string, signing: string): void => {
      const keys = this.#byDomain.get(written);
      if (keys) found.push({ domain: signing, keys });
    };
    add(domain, domain);
    for (let dot = domain.indexOf('.'); dot >= 0; dot = domain.indexOf('.', dot + 1)) {
      const parent = domain.slice(dot + 1);
      add(`*.${parent}`, domain);
      add(parent, parent);
    }
    add('*', domain);
    return found;
  }
}

/** The path of the key file. `domain` has passed for a host name: no separator, no `..`. */
export function keyPath(key: DkimKey, domain: string): string {
  return key.key.replaceAll('{domain}', domain).replaceAll('{selector}', key.selector);
}

/** Is the path known before a message is? */
export const isFixed = (key: DkimKey): boolean => !key.key.includes('{domain}') || !key.domain.startsWith('*');
