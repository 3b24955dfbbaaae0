/**
 * The SMTP dialogue as newline-delimited JSON, for a reader that may be slower than the dialogue.
 *
 * A follower keeps a bounded number of lines that were not read; what comes while it is full is dropped and counted, and the
 * reader is told how many at the place where they are missing. An empty line is a heartbeat.
 */
import type { TraceGap, TraceLine } from './trace-view.js';

/** Lines kept for a reader. */
const MOST_KEPT = 1_000;
/** Lines made into text at once. */
const PAGE = 100;

export class TraceFollower {
  readonly #kept: (TraceLine | TraceGap)[] = [];
  readonly #most: number;
  #dropped = 0;
  #wake: () => void = () => undefined;

  constructor(most = MOST_KEPT) {
    this.#most = most;
  }

  hear(line: TraceLine): void {
    if (this.#kept.length >= this.#most) {
      this.#dropped++;
      return;
    }
    if (this.#dropped > 0) this.#kept.push({ dropped: this.#dropped });
    this.#dropped = 0;
    this.#kept.push(line);
    this.#wake();
  }

  /** What is next, oldest first; empty when nothing was said. */
  take(): (TraceLine | TraceGap)[] {
    const taken = this.#kept.splice(0, PAGE);
    if (this.#kept.length > 0 || this.#dropped === 0) return taken;
    const gap = { dropped: this.#dropped };
    this.#dropped = 0;
    return [...taken, gap];
  }

  /** Resolves at the next line, at `signal`, or after `ms` of real time: then with false. */
  next(ms: number, signal: AbortSignal): Promise<boolean> {
    return new Promise(resolve => {
      const end = (heard: boolean) => (): void => {
        clearTimeout(timer);
        signal.removeEventListener('abort', aborted);
        this.#wake = () => undefined;
        resolve(heard);
      };
      const aborted = end(true);
      const timer = setTimeout(end(false), ms);
      this.#wake = end(true);
      signal.addEventListener('abort', aborted);
    });
  }
}

export interface TraceStreamOptions {
  /** Real milliseconds without a line after which an empty line shows that the daemon lives. */
  readonly heartbeat: number;
  /** Ends the stream. */
  readonly signal: AbortSignal;
}

/** `off` is called when the stream ends, however it does, and if `signal` has ended it before it began. */
export function traceStream(follower: TraceFollower, off: () => void, options: TraceStreamOptions): AsyncGenerator<string> {
  const { signal } = options;
  // Not left to the generator: a reader that goes before it has read anything never begins it.
  const ended = (): void => {
    signal.removeEventListener('abort', ended);
    off();
  };
  if (signal.aborted) off();
  else signal.addEventListener('abort', ended);
  return pieces(follower, ended, options);
}

async function* pieces(follower: TraceFollower, ended: () => void, { heartbeat, signal }: TraceStreamOptions): AsyncGenerator<string> {
  try {
    yield '\n';
    while (!signal.aborted) {
      const lines = follower.take();
      if (lines.length > 0) yield lines.map(line => `${JSON.stringify(line)}\n`).join('');
      else if (!(await follower.next(heartbeat, signal))) yield '\n';
    }
  } finally {
    ended();
  }
}
