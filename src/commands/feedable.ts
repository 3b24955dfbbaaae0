/**
 * A daemon as what feeds the UI: over its socket, or in the same process.
 */
import type { ControlClient } from '../control/client.js';
import type { Act, Operations } from '../control/operations.js';
import type { Deed } from '../tui/model.js';
import type { Feedable } from '../tui/backend.js';

type Acts = Pick<Operations, 'pause' | 'resume' | 'lift' | 'stage'>;

async function done(acts: Acts, deed: Deed, act: Act): Promise<string> {
  switch (deed.verb) {
    case 'pause':
      return `paused ${(await acts.pause(deed.target, act)).join(', ')}`;
    case 'resume':
      return `resumed ${(await acts.resume(deed.target, act)).join(', ')}`;
    case 'hold':
    case 'release':
      return acts.stage(deed.verb, deed.source, {}, act);
    case 'lift':
      await acts.lift(deed.window, act);
      return `window ${deed.window} is lifted`;
  }
}

/** `act` signs what is done through the UI. */
export function overClient(client: ControlClient, act: Act): Feedable {
  return {
    status: () => client.status(),
    async follow(after, listener, signal) {
      for await (const line of client.events({ after, follow: true, signal })) listener(line);
    },
    act: deed => done(client, deed, act),
  };
}

/** For a daemon in the same process, such as the lab's. */
export function overOperations(operations: Pick<Operations, 'status' | 'feed' | 'follow'> & Acts, act: Act): Feedable {
  return {
    status: async () => operations.status(),
    async follow(after, listener, signal) {
      if (signal.aborted) return;
      for (const line of operations.feed(after, Infinity)) listener(line);
      const off = operations.follow(listener);
      await new Promise<void>(resolve => signal.addEventListener('abort', () => resolve(), { once: true }));
      off();
    },
    act: deed => done(operations, deed, act),
  };
}
