/**
 * `rampd suppress add|remove|list|import|export`: the list of addresses that get no more mail.
 */
import type { Command } from 'commander';
import { counted, numberText } from '../control/reason-text.js';
import { renderSuppression } from '../control/render-suppression.js';
import { act, connect, daemonCommand, say, screen, show } from './connection.js';
import { inputFile, outputFile, outputText } from './input-file.js';
import type { Io } from './io.js';
import { duration, positive } from './numbers.js';
import type { Where } from './socket-path.js';

interface Options extends Where {
  readonly for?: string;
  readonly expireAfter?: number;
  readonly why?: string;
  readonly limit: number;
  readonly json?: boolean;
}

const FOR = ['--for <domain>', 'only for mail from this sender domain'] as const;
const WHY = ['--why <text>', 'reason, kept with the entry and in the journal'] as const;
const entries = (n: number): string => counted(n, 'entry', 'entries');

export function register(program: Command, io: Io): void {
  const suppress = program.command('suppress').description('addresses that get no more mail');
  const verb = (name: string, description: string): Command => daemonCommand(suppress, name, description);

  verb('add', 'put addresses on the list')
    .argument('<address...>')
    .option(...FOR)
    .option('--expire-after <time>', 'such as 180d; else until somebody removes them', duration)
    .option(...WHY)
    .action(async (addresses: string[], options: Options) => {
      const { for: scope = '', expireAfter } = options;
      const about = { scope, ...(expireAfter === undefined ? {} : { expireAfter }) };
      const n = await (await connect(options, io)).suppression.add(addresses, about, act(io, options.why));
      say(io, `${entries(n)} on the list`);
    });

  verb('remove', 'take addresses off the list')
    .argument('<address...>')
    .option(...FOR)
    .option(...WHY)
    .action(async (addresses: string[], options: Options) => {
      const n = await (await connect(options, io)).suppression.remove(addresses, options.for ?? '', act(io, options.why));
      say(io, `${entries(n)} taken off the list`);
    });

  verb('list', 'show entries')
    .argument('[glob]', 'addresses, such as *@example.com')
    .option('--for <domain>', 'only entries of this sender domain')
    .option('--limit <n>', 'at most so many', positive, 100)
    .option('--json', 'as JSON')
    .action(async (match: string | undefined, options: Options) => {
      const client = await connect(options, io);
      const filter = {
        limit: options.limit,
        ...(match === undefined ? {} : { match }),
        ...(options.for === undefined ? {} : { scope: options.for }),
      };
      show(io, options.json, await client.suppression.list(filter), list => renderSuppression(list, filter, screen(io, client)));
    });

  verb('import', 'put a file of addresses on the list: one a line, or CSV')
    .argument('<file>', 'columns address, scope, reason, since, until, note; - reads standard input')
    .option(...FOR)
    .option(...WHY)
    .action(async (file: string, options: Options) => {
      const csv = await inputFile(file, io);
      const client = await connect(options, io);
      const { taken, faulty, faults } = await client.suppression.import(csv, { scope: options.for ?? '' }, act(io, options.why));
      for (const { line, what } of faults) say(io, `line ${numberText(line)}: ${what}`);
      say(io, `${entries(taken)} written${faulty > 0 ? `, ${counted(faulty, 'line')} could not be read` : ''}`);
      if (faulty > 0) io.exit(1);
    });

  verb('export', 'write the list as CSV')
    .argument('[file]', 'standard output when there is none')
    .action(async (file: string | undefined, options: Options) => {
      const pieces = (await connect(options, io)).suppression.export();
      return file === undefined ? outputText(pieces, io) : outputFile(pieces, file, io);
    });
}
