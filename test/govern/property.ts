/**
 * Words that properties share: how a counter-test says that a property fails, and for which reason.
 */
import { expect } from 'vitest';

/** The property fails, and for this reason. */
export function fails(property: () => void, why: RegExp): void {
  let reason: unknown;
  try {
    property();
  } catch (error) {
    reason = (error as Error).cause ?? error;
  }
  expect(String((reason as Error | undefined)?.message)).toMatch(why);
  expect(reason).toBeInstanceOf(Error);
}

/** The same stories every time: a failure is found again. */
export const RUNS = { numRuns: 120, seed: 7 };
