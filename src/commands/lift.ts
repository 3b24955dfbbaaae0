/** `rampd lift WINDOW`: ends a window before its time; the journal keeps who and why. */
import type { Command } from 'commander';
import { act, connect, daemonCommand, say } from './connection.js';
import type { Io } from './io.js';
import type { Where } from './socket-path.js';

export function register(program: Command, io: Io): void {
  daemonCommand(program, 'lift', 'end a window before its time')
    .argument('<window>', 'its id, as rampd show windows prints it')
    .option('--why <text>', 'reason, for the journal')
    .action(async (window: string, options: Where & { why?: string }) => {
      const client = await connect(options, io);
      await client.lift(window, act(io, options.why));
      say(io, `window ${window} is lifted`);
    });
}
