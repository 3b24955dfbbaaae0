/** `rampd stop`: lets transactions finish, then ends the daemon; waits until its socket answers no more. */
import { Option, type Command } from 'commander';
import { setTimeout as sleep } from 'node:timers/promises';
import { connectControl } from '../control/client.js';
import { answers } from '../control/socket-file.js';
import { printSpan } from '../kernel/units.js';
import { act, daemonCommand, say } from './connection.js';
import type { Io } from './io.js';
import { duration } from './numbers.js';
import { socketPath, type Where } from './socket-path.js';

/** Real time between two looks at the socket. */
const LOOK = 100;

export function register(program: Command, io: Io): void {
  daemonCommand(program, 'stop', 'let transactions finish, then end the daemon')
    .option('--no-wait', 'return as soon as it has begun to stop')
    .addOption(new Option('--timeout <time>', 'how long to wait').argParser(duration).default(120_000, '2m'))
    .option('--why <text>', 'reason, for the journal')
    .action(async (options: Where & { wait: boolean; timeout: number; why?: string }) => {
      const socket = await socketPath(options, io);
      await connectControl(socket).stop(act(io, options.why));
      if (!options.wait) return say(io, 'stopping');
      for (let looks = Math.ceil(options.timeout / LOOK); await answers(socket); looks--) {
        if (looks <= 0) throw new Error(`the daemon has not ended within ${printSpan(options.timeout)}; it is still stopping`);
        await sleep(LOOK);
      }
      say(io, 'stopped');
    });
}
