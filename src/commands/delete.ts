/**
 * `rampd delete`: removes waiting mail that fits every filter given. Asks before, unless told --yes; refuses without a filter.
 */
import type { Command } from 'commander';
import { createInterface } from 'node:readline';
import { filterText } from '../control/filter-text.js';
import type { DeleteFilter } from '../control/operations.js';
import { page } from '../control/page.js';
import { numberText } from '../control/reason-text.js';
import { act, connect, daemonCommand, say } from './connection.js';
import type { Io } from './io.js';
import { duration } from './numbers.js';
import type { Where } from './socket-path.js';
import { UsageError } from './usage.js';

interface Options extends Where {
  readonly queue?: string;
  readonly from?: string;
  readonly rcpt?: string;
  readonly job?: string;
  readonly olderThan?: number;
  readonly message?: string;
  readonly dsn?: boolean;
  readonly yes?: boolean;
  readonly why?: string;
}

const FILTERS = ['queue', 'from', 'rcpt', 'job', 'olderThan', 'message'] as const;

export function register(program: Command, io: Io): void {
  daemonCommand(program, 'delete', 'remove waiting mail that fits every filter given')
    .option('--queue <name>', 'in this queue, domain@pool; globs allowed')
    .option('--from <glob>', 'from this sender')
    .option('--rcpt <glob>', 'to this recipient')
    .option('--job <name>', 'of this job')
    .option('--older-than <time>', 'accepted longer ago than this, such as 2d', duration)
    .option('--message <id>', 'this message')
    .option('--dsn', 'tell the senders')
    .option('--why <text>', 'reason, for the journal')
    .option('--yes', 'do not ask')
    .action(async (options: Options) => {
      const filter = filterOf(options);
      const client = await connect(options, io);
      if (!options.yes && !(await confirmed(io, `Delete all waiting mail ${filterText(filter)}?`))) return say(io, 'nothing was deleted');
      const n = await client.remove(filter, act(io, options.why));
      say(io, `${numberText(n)} ${n === 1 ? 'recipient was' : 'recipients were'} deleted`);
    });
}

function filterOf(options: Options): DeleteFilter {
  const said = FILTERS.filter(key => options[key] !== undefined);
  if (said.length === 0) throw new UsageError('delete needs at least one of --queue, --from, --rcpt, --job, --older-than, --message');
  return { ...Object.fromEntries(said.map(key => [key, options[key]])), dsn: options.dsn === true };
}

/** Asks a person; where there is no terminal nobody can answer, so --yes is needed. */
async function confirmed(io: Io, question: string): Promise<boolean> {
  if (!(io.stdin as { isTTY?: boolean }).isTTY) throw new UsageError('delete asks before it deletes, and there is no terminal: say --yes');
  io.err(`${page([question]).trimEnd()} [y/N] `);
  const lines = createInterface({ input: io.stdin });
  try {
    for await (const line of lines) return /^y(es)?$/i.test(line.trim());
    return false;
  } finally {
    lines.close();
  }
}
