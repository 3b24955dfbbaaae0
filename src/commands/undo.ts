/** `rampd undo ID`: takes back a pause, resume, lift or word on a stage; the journal keeps who and why. */
import type { Command } from 'commander';
import { act, connect, daemonCommand, say } from './connection.js';
import type { Io } from './io.js';
import { positive } from './numbers.js';
import type { Where } from './socket-path.js';

export function register(program: Command, io: Io): void {
  daemonCommand(program, 'undo', 'take back what a person did')
    .argument('<id>', 'its number, as rampd journal prints it', positive)
    .option('--why <text>', 'reason, for the journal')
    .action(async (id: number, options: Where & { why?: string }) => {
      const client = await connect(options, io);
      say(io, await client.undo(id, act(io, options.why)));
    });
}
