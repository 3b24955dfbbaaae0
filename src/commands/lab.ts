/**
 * `rampd lab`: watch four sources warm up. The real daemon, simulated providers, a day in a minute.
 *
 * With a terminal the UI runs until the last day is over (q ends it earlier); without one a line comes every few seconds.
 * Ends with a table and exit code 1 when a receiver's ledger saw more than the cap in force.
 */
import type { Command } from 'commander';
import { page, wrap } from '../control/page.js';
import type { Io } from './io.js';
import type { Lab } from './lab/run.js';
import { UsageError } from './usage.js';

interface Options {
  readonly speed: string;
  readonly days: string;
  readonly seed: string;
  readonly schedule: string;
  readonly dir?: string;
  readonly plain?: boolean;
}

/** Real milliseconds between lines. */
const LINE_EVERY = 3_000;

export function register(program: Command, io: Io): void {
  program
    .command('lab')
    .description('watch it work: the real daemon on loopback against simulated mailbox providers')
    .option('--speed <n>', 'how much faster than real time; 1440 makes a day a minute', '1440')
    .option('--days <n>', 'days to play', '5')
    .option('--seed <n>', 'the same seed plays the same providers', '1')
    .option('--schedule <name>', 'schedule of the cold sources', 'four-weeks')
    .option('--dir <folder>', 'keep state, log and accounting there')
    .option('--plain', 'lines instead of the UI')
    .action(async (options: Options) => {
      const number = (name: keyof Options, least: number): number => {
        const n = Number(options[name]);
        if (!Number.isFinite(n) || n < least) throw new UsageError(`--${name} takes a number from ${least} up`);
        return n;
      };
      const { startLab } = await import('./lab/run.js');
      const lab = await startLab({
        speed: number('speed', 1),
        days: Math.round(number('days', 1)),
        seed: Math.round(number('seed', 0)),
        schedule: options.schedule,
        ...(options.dir === undefined ? {} : { dir: options.dir }),
      });
      let interrupt: () => void = () => undefined;
      const interrupted = new Promise<void>(resolve => (interrupt = resolve));
      process.once('SIGINT', interrupt);
      process.once('SIGTERM', interrupt);
      const failed = lab.daemon.done.then(code => {
        if (code !== 0) throw new Error('the daemon failed; its log is in the lab folder (--dir keeps it)');
      });
      await watch(
        lab,
        io,
        options.plain === true,
        Promise.race([lab.over, interrupted, failed.then(() => new Promise<void>(() => undefined))]),
      );
      const { resultTable } = await import('./lab/report.js');
      const result = await lab.finish();
      const width = io.stdout.isTTY ? io.stdout.columns || 80 : Infinity;
      io.out(page([...resultTable(result.sources, width), '']));
      const kept = `${result.attempts} attempts: no receiver saw, at any departure, more in the trailing hour than the cap then in force.`;
      io.out(
        result.kept
          ? page(wrap(kept, width))
          : page([
              'A receiver saw more than the cap in force:',
              ...result.lanes.map(
                l => `  ${l.lane}: ${l.check.violations} departures, by up to ${l.check.over}; first ${JSON.stringify(l.check.first)}`,
              ),
            ]),
      );
      io.exit(result.kept ? 0 : 1);
    });
}

async function watch(lab: Lab, io: Io, plain: boolean, end: Promise<void>): Promise<void> {
  const { eventLine, progressLine } = await import('./lab/report.js');
  if (io.stdout.isTTY && !plain) {
    const { showLab } = await import('./lab/screen.js');
    return showLab(lab, io, end);
  }
  io.out(page([`a day passes in ${(86_400 / lab.clock.speed).toFixed(0)} s; sources, stage, attempts in the last hour / cap`]));
  const unfollow = lab.daemon.operations.follow(line => {
    const text = eventLine(line);
    if (text !== undefined) io.out(page([text]));
  });
  const timer = setInterval(() => io.out(page([progressLine(lab.daemon.operations.status(), lab.begun)])), LINE_EVERY);
  try {
    await end;
  } finally {
    clearInterval(timer);
    unfollow();
  }
}
