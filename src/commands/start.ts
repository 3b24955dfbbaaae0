/**
 * `rampd start`: runs the daemon in the foreground.
 *
 * SIGTERM and SIGINT stop it in order, a second SIGINT at once (nothing answered 250 is lost by that); SIGHUP makes it read
 * its configuration again, and a faulty one changes nothing. A SIGHUP that comes while it starts is obeyed when it has started.
 */
import type { Command } from 'commander';
import { page } from '../control/page.js';
import { FaultError, printFault } from '../kernel/fault.js';
import { findConfig } from './config-file.js';
import type { Io } from './io.js';

/** What of the daemon this command needs. */
export interface Running {
  readonly done: Promise<0 | 1>;
  reload(author: string): Promise<{ warnings: string[] }>;
  stop(author: string): Promise<void>;
}

export interface Surroundings {
  readonly start: (options: { settingsFile: string; cwd: string; debug: boolean }) => Promise<Running>;
  readonly signals: { on(signal: 'SIGTERM' | 'SIGINT' | 'SIGHUP', listener: () => void): unknown };
}

const real: Surroundings = {
  start: async options => (await import('../daemon.js')).startDaemon(options),
  signals: process,
};

export function register(program: Command, io: Io, { start, signals }: Surroundings = real): void {
  program
    .command('start')
    .description('run the daemon in the foreground')
    .option('-c, --config <file>', 'configuration (default: ./rampd.yaml, /etc/rampd/rampd.yaml)')
    .action(async (options: { config?: string }, command: Command) => {
      const told = (error: unknown): void => {
        const lines =
          error instanceof FaultError ? error.faults.map(printFault) : [`rampd: ${error instanceof Error ? error.message : String(error)}`];
        io.err(page(lines));
      };
      const late: { daemon?: Running } = {};
      let asked = false;
      const reread = (): void => {
        asked = true;
        void late.daemon?.reload('signal:SIGHUP').then(({ warnings }) => io.err(page(warnings)), told);
      };
      // Before the daemon stands: until somebody listens, the signal ends the process.
      signals.on('SIGHUP', reread);
      const daemon = await start({
        settingsFile: findConfig(io, options.config),
        cwd: io.cwd,
        debug: command.optsWithGlobals().debug === true,
      });
      late.daemon = daemon;
      // The file may have changed after it was read.
      if (asked) reread();
      let interrupted = false;
      signals.on('SIGTERM', () => void daemon.stop('signal:SIGTERM').catch(told));
      signals.on('SIGINT', () => {
        if (interrupted) return io.exit(1);
        interrupted = true;
        void daemon.stop('signal:SIGINT').catch(told);
      });
      io.exit(await daemon.done);
    });
}
