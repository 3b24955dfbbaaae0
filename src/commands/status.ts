/** `rampd status`: totals, every source with its stage, windows in force, the fullest queues. */
import type { Command } from 'commander';
import { renderStatus } from '../control/render.js';
import { connect, daemonCommand, screen, show } from './connection.js';
import type { Io } from './io.js';
import type { Where } from './socket-path.js';

export function register(program: Command, io: Io): void {
  daemonCommand(program, 'status', 'totals, sources, windows and queues at a glance')
    .option('--json', 'the whole status as JSON')
    .action(async (options: Where & { json?: boolean }) => {
      const client = await connect(options, io);
      const status = await client.status();
      show(io, options.json, status, value => renderStatus(value, screen(io, client)));
    });
}
