/** `rampd forecast POOL`: how much of what waits leaves on each day, when it is done, and what expires before it can leave. */
import type { Command } from 'commander';
import { renderForecast } from '../control/render-forecast.js';
import { connect, daemonCommand, screen, show } from './connection.js';
import type { Io } from './io.js';
import type { Where } from './socket-path.js';

export function register(program: Command, io: Io): void {
  daemonCommand(program, 'forecast', 'what becomes of the mail that waits in a pool, day by day')
    .argument('<pool>', 'its name')
    .option('--json', 'as JSON')
    .action(async (pool: string, options: Where & { json?: boolean }) => {
      const client = await connect(options, io);
      show(io, options.json, await client.forecast(pool), value => renderForecast(value, screen(io, client)));
    });
}
