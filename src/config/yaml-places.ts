/**
 * Where everything in a YAML text stands: a tree of spots beside the tree of values. Pure.
 *
 * A spot knows the place of a value and of its key and finds the spots inside it, so that it does not matter whether they come
 * from a text just parsed (yaml-text.ts) or from one that was parsed when the package was built (prepared.ts).
 */
import type { Place } from '../kernel/fault.js';

export type Path = readonly (string | number)[];

export interface Spot {
  /** undefined where nothing is written: `key:` with nothing behind it. */
  readonly at: Place | undefined;
  /** The key in front of it; an item of a list is its own key. undefined at the root. */
  readonly key: Place | undefined;
  child(step: string | number): Spot | undefined;
}

export class Places {
  constructor(
    readonly file: string,
    readonly root: Spot,
  ) {}

  /** Where the value at `path` stands; the nearest thing above it when there is no such value. */
  place(path: Path): Place {
    const { spot, complete } = this.#find(path);
    return (complete ? spot.at : undefined) ?? spot.key ?? spot.at ?? this.#start();
  }

  /** Where the key at the end of `path` stands (the item itself in a list). */
  key(path: Path): Place {
    const { spot } = this.#find(path);
    return spot.key ?? spot.at ?? this.#start();
  }

  #find(path: Path): { spot: Spot; complete: boolean } {
    let spot = this.root;
    for (const step of path) {
      const inner = spot.child(step);
      if (!inner) return { spot, complete: false };
      spot = inner;
    }
    return { spot, complete: true };
  }

  #start(): Place {
    return { file: this.file, line: 1, col: 1 };
  }
}
