/** `rampd journal`: what changed limits, when, by whom and why; with -f as it happens. */
import type { Command } from 'commander';
import { jsonText } from '../control/json-text.js';
import { renderFeedLine } from '../control/render.js';
import type { FeedView } from '../control/view.js';
import { globMatches } from '../kernel/text.js';
import { connect, daemonCommand, screen } from './connection.js';
import type { Io } from './io.js';
import { duration } from './numbers.js';
import type { Where } from './socket-path.js';

interface Options extends Where {
  readonly since?: number;
  readonly type?: string;
  readonly source?: string;
  readonly follow?: boolean;
  readonly json?: boolean;
}

export function register(program: Command, io: Io): void {
  daemonCommand(program, 'journal', 'what changed limits, when, by whom and why')
    .option('--since <time>', 'only the last 2h, 3d, …', duration)
    .option('--type <glob>', 'only these types, such as window-*')
    .option('--source <glob>', 'only these sources')
    .option('-f, --follow', 'go on with new lines as they come')
    .option('--json', 'one JSON object a line')
    .action(async (options: Options) => {
      const client = await connect(options, io);
      const follow = options.follow === true;
      for await (const line of client.events({ follow })) {
        if (!wanted(line, options, client.now())) continue;
        io.out(options.json ? `${jsonText(line, 0)}\n` : renderFeedLine(line, screen(io, client)));
      }
      if (follow) throw new Error('the daemon has ended');
    });
}

function wanted(line: FeedView, { since, type, source }: Options, now: number): boolean {
  if (since !== undefined && Date.parse(line.time) < now - since) return false;
  if (type !== undefined && !globMatches(type, line.type)) return false;
  return source === undefined || (line.source !== undefined && globMatches(source, line.source));
}
