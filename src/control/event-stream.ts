/**
 * The event feed as newline-delimited JSON: what was missed first, then every new line, and an empty line as heartbeat.
 *
 * Pulls from Operations.feed when the reader has taken what it got: a slow reader costs one look at the feed and one page of
 * text, however much happens; lines the daemon has meanwhile forgotten are missing, which their ids show.
 */
import type { Operations } from './operations.js';

/** Lines made into text at once. */
const PAGE = 500;

export interface StreamOptions {
  readonly after: number;
  /** False: end after what is there now. */
  readonly follow: boolean;
  /** Real milliseconds without a line after which an empty line shows that the daemon lives. */
  readonly heartbeat: number;
  /** Ends the stream. */
  readonly signal: AbortSignal;
}

export async function* eventStream(operations: Pick<Operations, 'feed' | 'follow'>, options: StreamOptions): AsyncGenerator<string> {
  const { signal, follow, heartbeat } = options;
  let after = options.after;
  let fresh = false;
  let wake: () => void = () => {};
  const woken = (): void => {
    fresh = true;
    wake();
  };
  const off = follow ? operations.follow(woken) : () => {};
  signal.addEventListener('abort', woken);
  try {
    if (follow) yield '\n';
    while (!signal.aborted) {
      fresh = false;
      const lines = operations.feed(after, Infinity);
      for (let start = 0; start < lines.length && !signal.aborted; start += PAGE) {
        const some = lines.slice(start, start + PAGE);
        after = Math.max(after, some.at(-1)?.id ?? 0);
        yield some.map(line => `${JSON.stringify(line)}\n`).join('');
      }
      if (lines.length > 0) continue;
      if (!follow) return;
      if (!fresh && !(await quiet(heartbeat, resolve => (wake = resolve)))) yield '\n';
    }
  } finally {
    off();
    signal.removeEventListener('abort', woken);
  }
}

/** True when woken, false when `ms` went by. The timer is real time: it keeps a socket alive and decides no policy. */
function quiet(ms: number, arm: (wake: () => void) => void): Promise<boolean> {
  return new Promise(resolve => {
    const timer = setTimeout(() => resolve(false), ms);
    arm(() => {
      clearTimeout(timer);
      resolve(true);
    });
  });
}
