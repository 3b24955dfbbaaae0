/**
 * The event feed as newline-delimited JSON: what was missed first, then every new line, and an empty line as heartbeat.
 *
 * Pulls from Operations.feed when the reader has taken what it got: a slow reader costs one look at the feed and one page of
 * text, however much happens; lines the daemon has meanwhile forgotten are missing, which their ids show, unless they are to
 * be read from the journal.
 */
import { wanted } from './journal-filter.js';
import type { JournalFilter, Operations } from './operations.js';
import type { FeedView } from './view.js';

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

const text = (lines: readonly FeedView[]): string => lines.map(line => `${JSON.stringify(line)}\n`).join('');

type Source = Pick<Operations, 'feed' | 'follow'> & Partial<Pick<Operations, 'journal'>>;

/** With `filter`, lines that match it, and those of the whole journal first. */
export async function* eventStream(operations: Source, options: StreamOptions, filter?: JournalFilter): AsyncGenerator<string> {
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
  // Where the journal was last read from: it is not asked twice for what it does not have.
  let readFrom = -1;
  try {
    if (follow) yield '\n';
    while (!signal.aborted) {
      fresh = false;
      const lines = operations.feed(after, Infinity);
      const forgotten = readFrom < 0 || (lines[0] !== undefined && lines[0].id > after + 1);
      if (filter && operations.journal && forgotten && readFrom !== after) {
        readFrom = after;
        for await (const page of operations.journal(filter, after)) {
          if (signal.aborted) return;
          after = Math.max(after, page.through);
          if (page.lines.length > 0) yield text(page.lines);
        }
        continue;
      }
      for (let start = 0; start < lines.length && !signal.aborted; start += PAGE) {
        const some = lines.slice(start, start + PAGE);
        after = Math.max(after, some.at(-1)?.id ?? 0);
        const asked = filter ? some.filter(line => wanted(line, filter)) : some;
        if (asked.length > 0) yield text(asked);
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
