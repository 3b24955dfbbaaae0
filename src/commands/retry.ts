/** `rampd retry TARGET`: makes waiting recipients due now; limits still hold. */
import type { Command } from 'commander';
import { numberText } from '../control/reason-text.js';
import { act, connect, daemonCommand, say } from './connection.js';
import type { Io } from './io.js';
import type { Where } from './socket-path.js';

export function register(program: Command, io: Io): void {
  daemonCommand(program, 'retry', 'make waiting mail due now; limits still hold')
    .argument('<target>', 'queue domain@pool, lane source/provider, job:NAME or message id')
    .action(async (target: string, options: Where) => {
      const client = await connect(options, io);
      const n = await client.retry(target, act(io));
      say(io, `${numberText(n)} ${n === 1 ? 'recipient is' : 'recipients are'} due now; limits still hold`);
    });
}
