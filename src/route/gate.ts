/**
 * Lets a number in at a time, the others in the order in which they came.
 */

export interface Gate {
  /** Resolves once inside. */
  enter(): Promise<void>;
  leave(): void;
}

export function createGate(most: number): Gate {
  let inside = 0;
  const waiting: (() => void)[] = [];
  return {
    enter() {
      if (inside < most) {
        inside++;
        return Promise.resolve();
      }
      return new Promise(resolve => waiting.push(resolve));
    },
    leave() {
      const next = waiting.shift();
      if (next) next();
      else inside--;
    },
  };
}
