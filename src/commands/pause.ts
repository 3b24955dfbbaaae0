/** `rampd pause|resume TARGET`: stops and restarts mail; what a person paused, only a person resumes. */
import type { Command } from 'commander';
import { act, connect, daemonCommand, say } from './connection.js';
import type { Io } from './io.js';
import type { Where } from './socket-path.js';

const TARGET = 'queue domain@pool, lane source/provider, job:NAME, source or provider; globs allowed';

export function register(program: Command, io: Io): void {
  daemonCommand(program, 'pause', 'stop mail of queues, lanes, jobs, sources or providers until a person resumes it')
    .argument('<target>', TARGET)
    .option('--why <text>', 'reason, for the journal')
    .action(async (target: string, options: Where & { why?: string }) => {
      const client = await connect(options, io);
      told(io, 'paused', await client.pause(target, act(io, options.why)));
    });
  daemonCommand(program, 'resume', 'let paused mail go again')
    .argument('<target>', TARGET)
    .option('--why <text>', 'reason, for the journal')
    .action(async (target: string, options: Where & { why?: string }) => {
      const client = await connect(options, io);
      told(io, 'resumed', await client.resume(target, act(io, options.why)));
    });
}

function told(io: Io, what: string, names: readonly string[]): void {
  if (names.length === 0) return say(io, `nothing was ${what}`);
  for (const name of names) say(io, `${what} ${name}`);
}
