/**
 * `rampd top`: the daemon's sources, windows and events on one screen, live.
 *
 * Ink is loaded only once both ends are known to be terminals; otherwise one plain snapshot is printed. Leaves the terminal
 * as it was, whatever ends it: a key, a signal, an error.
 */
import { Option, type Command } from 'commander';
import type { Ms } from '../kernel/units.js';
import type { TopOptions } from '../tui/run.js';
import { cannotDraw, snapshot } from '../tui/snapshot.js';
import { act, connect, daemonCommand } from './connection.js';
import { overClient } from './feedable.js';
import type { Io } from './io.js';
import { duration } from './numbers.js';
import type { Where } from './socket-path.js';
import { UsageError } from './usage.js';

/** Faster asks more of the daemon than anybody sees. */
const FASTEST: Ms = 100;

const SIGNALS = ['SIGTERM', 'SIGINT', 'SIGHUP'] as const;

export interface Surroundings {
  readonly run: (options: TopOptions) => Promise<void>;
  readonly process: Pick<NodeJS.EventEmitter, 'on' | 'off'>;
}

const real: Surroundings = {
  run: async options => (await import('../tui/run.js')).runTop(options),
  process,
};

interface Options extends Where {
  readonly every: Ms;
}

export function register(program: Command, io: Io, surroundings: Surroundings = real): void {
  daemonCommand(program, 'top', 'sources, windows and events on one screen, live')
    .addOption(new Option('--every <time>', 'time between two looks, real time').argParser(duration).default(1_000, '1s'))
    .action(async (options: Options) => {
      if (options.every < FASTEST) throw new UsageError('--every must be 100ms or more');
      const client = await connect(options, io);
      if (cannotDraw(io.stdin as NodeJS.ReadStream, io.stdout, io.env.TERM) !== undefined) {
        return io.out(snapshot(await client.status()));
      }
      await untilEnded(surroundings.process, signal =>
        surroundings.run({
          backend: overClient(client, act(io, 'rampd top')),
          stdin: io.stdin as NodeJS.ReadStream,
          stdout: io.stdout,
          every: options.every,
          // Present and not empty, whatever it says: no-color.org.
          colours: (io.env.NO_COLOR ?? '') === '',
          signal,
        }),
      );
      io.exit(0);
    });
}

/** Signals end the UI in order; an error from anywhere ends it first and is reported on the terminal given back. */
async function untilEnded(events: Surroundings['process'], run: (signal: AbortSignal) => Promise<void>): Promise<void> {
  const ending = new AbortController();
  let broken: unknown;
  const end = (): void => ending.abort();
  const fail = (error: unknown): void => {
    broken ??= error;
    end();
  };
  for (const name of SIGNALS) events.on(name, end);
  events.on('uncaughtException', fail);
  try {
    await run(ending.signal);
  } finally {
    for (const name of SIGNALS) events.off(name, end);
    events.off('uncaughtException', fail);
  }
  if (broken !== undefined) throw broken;
}
