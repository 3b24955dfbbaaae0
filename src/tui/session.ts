/**
 * Keeps asking the daemon and says what it hears, as messages for the reducer.
 *
 * Promises: one question at a time, the next `every` milliseconds after an answer; a daemon that goes away is asked on and
 * heard again by itself; one that takes longer than PATIENCE counts as away until it answers. Times are real: they pace a
 * screen and decide no policy. stop() ends everything and nothing is said afterwards.
 */
import type { FeedView } from '../control/view.js';
import type { Ms } from '../kernel/units.js';
import type { Feedable } from './backend.js';
import type { Deed } from './model.js';
import type { Message } from './update.js';

/** An answer takes milliseconds; seconds mean that the daemon hangs. */
const PATIENCE: Ms = 3_000;
/** Feed lines that come within this time are one message. */
const GATHER: Ms = 50;

export interface SessionOptions {
  readonly backend: Feedable;
  readonly every: Ms;
  /** Monotonic, milliseconds. */
  readonly now: () => number;
  readonly say: (message: Message) => void;
}

export interface Session {
  perform(deed: Deed): void;
  stop(): void;
}

const textOf = (error: unknown): string => (error instanceof Error ? error.message || error.name : String(error));

export function startSession({ backend, every, now, say }: SessionOptions): Session {
  const ending = new AbortController();
  const { signal } = ending;
  let awaySince: number | undefined;
  let wake: () => void = () => undefined;

  const tell = (message: Message): void => {
    if (!signal.aborted) say(message);
  };
  const away = (text: string, since: number): void => {
    awaySince ??= since;
    tell({ type: 'away', text, since: now() - awaySince });
  };

  const poll = async (): Promise<void> => {
    while (!signal.aborted) {
      const asked = now();
      const slow = setInterval(() => {
        if (now() - asked >= PATIENCE) away('it takes long to answer', asked);
      }, 1_000);
      try {
        const status = await backend.status();
        awaySince = undefined;
        tell({ type: 'status', status });
      } catch (error) {
        away(textOf(error), asked);
      } finally {
        clearInterval(slow);
      }
      await pause(every, signal, done => (wake = done));
    }
  };

  let last = 0;
  let gathered: FeedView[] = [];
  let gathering: ReturnType<typeof setTimeout> | undefined;
  const flush = (): void => {
    gathering = undefined;
    const lines = gathered;
    gathered = [];
    if (lines.length > 0) tell({ type: 'feed', lines });
  };
  const hear = (line: FeedView): void => {
    last = Math.max(last, line.id);
    gathered.push(line);
    gathering ??= setTimeout(flush, GATHER);
  };
  const follow = async (): Promise<void> => {
    while (!signal.aborted) {
      // Whether the daemon is there is what poll() says; here it is only tried again.
      await backend.follow(last, hear, signal).catch(() => undefined);
      await pause(Math.max(every, 500), signal);
    }
  };

  void poll();
  void follow();
  return {
    perform(deed) {
      backend.act(deed).then(
        text => {
          tell({ type: 'done', ok: true, text });
          wake();
        },
        (error: unknown) => tell({ type: 'done', ok: false, text: textOf(error) }),
      );
    },
    stop() {
      ending.abort();
      clearTimeout(gathering);
    },
  };
}

/** Ends early when `signal` aborts, or when what `arm` is given is called. */
function pause(ms: Ms, signal: AbortSignal, arm: (done: () => void) => void = () => undefined): Promise<void> {
  if (signal.aborted) return Promise.resolve();
  return new Promise(resolve => {
    const timer = setTimeout(done, ms);
    function done(): void {
      clearTimeout(timer);
      signal.removeEventListener('abort', done);
      resolve();
    }
    signal.addEventListener('abort', done, { once: true });
    arm(done);
  });
}
