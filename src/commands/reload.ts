/** `rampd reload`: reads the configuration again; a faulty one changes nothing and says where the fault is. */
import type { Command } from 'commander';
import { page } from '../control/page.js';
import { act, connect, daemonCommand, say } from './connection.js';
import type { Io } from './io.js';
import type { Where } from './socket-path.js';

export function register(program: Command, io: Io): void {
  daemonCommand(program, 'reload', 'read the configuration again').action(async (options: Where) => {
    const client = await connect(options, io);
    const { warnings } = await client.reload(act(io));
    io.err(page(warnings));
    say(io, 'reloaded');
  });
}
