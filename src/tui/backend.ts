/**
 * What feeds the UI, given from outside: a daemon behind its socket, or one in the same process. Types only.
 */
import type { FeedView, StatusView } from '../control/view.js';
import type { Deed } from './model.js';

export interface Feedable {
  /** Rejects while the daemon does not answer; the message names where it was asked. */
  status(): Promise<StatusView>;
  /** Gives lines with an id above `after`, oldest first, then new ones as they come. Settles when the daemon ends or `signal` aborts. */
  follow(after: number, listener: (line: FeedView) => void, signal: AbortSignal): Promise<void>;
  /** Does it and says in one sentence what came of it; a refusal rejects with a sentence. */
  act(deed: Deed): Promise<string>;
}
