/** `rampd why TARGET`: why a message, a lane or a source waits, the binding reason first. */
import type { Command } from 'commander';
import { renderWhy } from '../control/render-why.js';
import { connect, daemonCommand, screen, show } from './connection.js';
import type { Io } from './io.js';
import type { Where } from './socket-path.js';

export function register(program: Command, io: Io): void {
  daemonCommand(program, 'why', 'why mail waits: of a message, a lane or a source')
    .argument('<target>', 'message id, lane source/provider, or source')
    .option('--json', 'as JSON')
    .action(async (target: string, options: Where & { json?: boolean }) => {
      const client = await connect(options, io);
      const why = await client.why(target);
      show(io, options.json, why, value => renderWhy(value, screen(io, client)));
    });
}
