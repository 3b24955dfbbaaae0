/**
 * Commands that run until they are told to stop and say now and then how far they are.
 */

/** What such a command touches of the process; tests give their own. */
export interface Surroundings {
  readonly signals: {
    on(signal: 'SIGTERM' | 'SIGINT', listener: () => void): unknown;
    removeListener(signal: 'SIGTERM' | 'SIGINT', listener: () => void): unknown;
  };
  /** Real milliseconds between two lines. */
  readonly every: number;
}

export const REAL: Surroundings = { signals: process, every: 5_000 };

/** Calls `line` regularly until `done` settles, and `stop` on SIGINT or SIGTERM. */
export async function watched<T>(done: Promise<T>, line: () => void, stop: () => void, { signals, every }: Surroundings): Promise<T> {
  const timer = setInterval(line, every);
  signals.on('SIGINT', stop);
  signals.on('SIGTERM', stop);
  try {
    return await done;
  } finally {
    clearInterval(timer);
    signals.removeListener('SIGINT', stop);
    signals.removeListener('SIGTERM', stop);
  }
}

/** Counts of one thing, and how fast it went since the last look and since the start. Real time. */
export class Speed {
  readonly #began = performance.now();
  #at = this.#began;
  #count = 0;

  /** Per second since the last call. */
  since(count: number): number {
    const now = performance.now();
    const speed = perSecond(count - this.#count, now - this.#at);
    this.#at = now;
    this.#count = count;
    return speed;
  }

  overall(count: number): number {
    return perSecond(count, performance.now() - this.#began);
  }

  get seconds(): number {
    return (performance.now() - this.#began) / 1_000;
  }
}

const perSecond = (count: number, ms: number) => (ms > 0 ? Math.round((count * 1_000) / ms) : 0);
