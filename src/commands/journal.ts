/**
 * `rampd journal`: what changed limits, when, by whom and why; with -f as it happens.
 *
 * The daemon reads its journal and filters; when none answers, the files in its state folder are read, which changes nothing.
 */
import type { Command } from 'commander';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { DaemonAway } from '../control/client.js';
import { wanted } from '../control/journal-filter.js';
import { jsonText } from '../control/json-text.js';
import { page, type Screen } from '../control/page.js';
import { renderFeedLine } from '../control/render.js';
import type { FeedView } from '../control/view.js';
import { connect, daemonCommand, screen } from './connection.js';
import type { Io } from './io.js';
import { duration } from './numbers.js';
import { stateDir, type Where } from './socket-path.js';

interface Filter {
  readonly since?: number;
  readonly type?: string;
  readonly source?: string;
  readonly provider?: string;
}

interface Options extends Where, Filter {
  readonly follow?: boolean;
  readonly json?: boolean;
}

export function register(program: Command, io: Io): void {
  daemonCommand(program, 'journal', 'what changed limits, when, by whom and why')
    .option('--since <time>', 'only the last 2h, 3d, …', duration)
    .option('--type <glob>', 'only these types, such as window-*')
    .option('--source <glob>', 'only these sources')
    .option('--provider <glob>', 'only these providers')
    .option('-f, --follow', 'go on with new lines as they come')
    .option('--json', 'one JSON object a line')
    .action(async ({ since, type, source, provider, ...options }: Options) => {
      const client = await connect(options, io);
      const filter: Filter = {
        ...(since === undefined ? {} : { since }),
        ...(type === undefined ? {} : { type }),
        ...(source === undefined ? {} : { source }),
        ...(provider === undefined ? {} : { provider }),
      };
      const print = (line: FeedView, where: Screen): void => io.out(options.json ? `${jsonText(line, 0)}\n` : renderFeedLine(line, where));
      const follow = options.follow === true;
      let answered = false;
      try {
        for await (const line of client.journal({ ...filter, follow })) {
          answered = true;
          print(line, screen(io, client));
        }
      } catch (error) {
        if (!(error instanceof DaemonAway) || answered) throw error;
        const file = await journalOf(options, io);
        if (file === undefined) throw error;
        io.err(page([`rampd: no daemon answers; this is ${file}`]));
        await readFiles(file, filter, client.now(), line => print(line, screen(io, client)));
        // Nobody is there to follow.
        if (follow) throw error;
        return;
      }
      if (follow) throw new Error('the daemon has ended');
    });
}

async function journalOf(where: Where, io: Io): Promise<string | undefined> {
  const dir = await stateDir(where, io);
  const file = dir === undefined ? undefined : join(dir, 'journal.ndjson');
  return file !== undefined && existsSync(file) ? file : undefined;
}

async function readFiles(file: string, { since, ...globs }: Filter, now: number, print: (line: FeedView) => void): Promise<void> {
  const { readJournal } = await import('../outcome/journal-read.js');
  const { feedView } = await import('../control/views.js');
  const from = since === undefined ? {} : { since: now - since };
  for (const record of readJournal(file, 0, from.since)) {
    const line = feedView(record);
    if (wanted(line, { ...globs, ...from })) print(line);
  }
}
