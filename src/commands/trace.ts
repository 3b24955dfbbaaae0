/**
 * `rampd trace LANE|SOURCE|MESSAGE`: the live SMTP dialogue, from the next transaction on, until Ctrl-C.
 *
 * Bodies and credentials never come here. A terminal that is too slow misses lines and says how many.
 */
import type { Command } from 'commander';
import { jsonText } from '../control/json-text.js';
import { page } from '../control/page.js';
import { renderTraceLine } from '../control/render-trace.js';
import { connect, daemonCommand } from './connection.js';
import type { Io } from './io.js';
import type { Where } from './socket-path.js';

export function register(program: Command, io: Io): void {
  daemonCommand(program, 'trace', 'the live SMTP dialogue of a lane, a source or a message, until Ctrl-C')
    .argument('<target>', 'a lane source/provider, a source, or the id of a message that waits')
    .option('--json', 'one JSON object a line')
    .action(async (target: string, options: Where & { json?: boolean }) => {
      const client = await connect(options, io);
      const lines = await client.trace(target);
      io.err(page([`listening to ${target}, from its next transaction on; Ctrl-C ends it`]));
      for await (const line of lines) io.out(options.json ? `${jsonText(line, 0)}\n` : renderTraceLine(line));
      throw new Error('the daemon has ended');
    });
}
