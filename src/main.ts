#!/usr/bin/env node
/**
 * argv → command; the only file that reads argv and the environment.
 *
 * Makes the real Io. A reader that goes away (`rampd show queues | head`) ends the program quietly; an unexpected error
 * is one sentence and exit code 1, with its stack only under --debug, or where it ends the daemon.
 */
import { readFileSync } from 'node:fs';
import type { Io } from './commands/io.js';
import { failed, run } from './commands/program.js';

const io: Io = {
  out: text => void process.stdout.write(text),
  err: text => void process.stderr.write(text),
  stdin: process.stdin,
  stdout: process.stdout,
  cwd: process.cwd(),
  env: process.env,
  exit: code => {
    process.exitCode = code;
    // Writes to pipes are asynchronous: what was said must be out before the process ends.
    process.stdout.write('', () => process.stderr.write('', () => process.exit(code)));
  },
};

// Loaded without it, React is its development build, which keeps a record of every render: 240 MB an hour in `rampd top`.
process.env.NODE_ENV = 'production';

for (const stream of [process.stdout, process.stderr]) {
  stream.on('error', (error: NodeJS.ErrnoException) => {
    if (error.code !== 'EPIPE') throw error;
    // What handles SIGTERM has something to finish (the daemon its transactions), and outlives the reader of its output.
    if (process.listenerCount('SIGTERM') === 0) process.exit(0);
  });
}

process.on('uncaughtException', error => {
  // A command that brings its own handler (the UI gives the terminal back first) has the word.
  if (process.listenerCount('uncaughtException') > 1) return;
  // Of a daemon, what its service manager keeps is all there is to find the bug by. It loses nothing by ending like that.
  const traced = process.argv.includes('--debug') || process.argv[2] === 'start';
  io.exit(failed(error, io, traced) === 2 ? 2 : 1);
});

const { version } = JSON.parse(readFileSync(new URL('../package.json', import.meta.url), 'utf8')) as { version: string };
await run(process.argv.slice(2), io, version);
