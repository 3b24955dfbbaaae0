/** `rampd import snds FILE`: what others measured of our addresses, for the journal and for people to see. */
import type { Command } from 'commander';
import { numberText } from '../control/reason-text.js';
import { act, connect, daemonCommand, say } from './connection.js';
import { inputFile } from './input-file.js';
import type { Io } from './io.js';
import type { Where } from './socket-path.js';

export function register(program: Command, io: Io): void {
  const group = program.command('import').description('take in what others measured of our addresses');
  daemonCommand(group, 'snds', 'Microsoft SNDS: a file of its automated data access; shown by source, changes no limit')
    .argument('<file>', 'CSV; - reads standard input')
    .option('--why <text>', 'reason, for the journal')
    .action(async (file: string, options: Where & { why?: string }) => {
      const csv = await inputFile(file, io);
      const result = await (await connect(options, io)).importSnds(csv, act(io, options.why));
      for (const { line, what } of result.faults) say(io, `line ${numberText(line)}: ${what}`);
      say(io, result.sources.length > 0 ? `new data of ${result.sources.join(', ')}` : 'nothing new of our sources');
      const besides = [
        [result.known, 'known or older'],
        [result.others, 'of other addresses'],
        [result.faulty, 'not to be read'],
      ] as const;
      const rest = besides.filter(([n]) => n > 0).map(([n, text]) => `${numberText(n)} ${text}`);
      if (rest.length > 0) say(io, `lines left out: ${rest.join(', ')}`);
      if (result.faulty > 0) io.exit(1);
    });
}
