/** `rampd alert-test`: sends a test alert by every webhook and to every address configured. */
import type { Command } from 'commander';
import { act, connect, daemonCommand, say } from './connection.js';
import type { Io } from './io.js';
import type { Where } from './socket-path.js';

export function register(program: Command, io: Io): void {
  daemonCommand(program, 'alert-test', 'send a test alert by every way configured').action(async (options: Where) => {
    const client = await connect(options, io);
    const ways = await client.alertTest(act(io));
    say(io, `a test is on its way to ${ways.join(', ')}`);
  });
}
