/** `rampd start`: runs the daemon in the foreground; SIGTERM and SIGINT stop it, SIGHUP makes it read its configuration again. */
import type { Command } from 'commander';
import type { Io } from './io.js';
import { configPath } from './socket-path.js';

export function register(program: Command, io: Io): void {
  program
    .command('start')
    .description('run the daemon in the foreground')
    .option('-c, --config <file>', 'configuration (default: ./rampd.yaml, /etc/rampd/rampd.yaml)')
    .action(async (options: { config?: string }, command: Command) => {
      const settingsFile = configPath(options, io);
      const { startDaemon } = await import('../daemon.js');
      const { done } = await startDaemon({ settingsFile, debug: command.optsWithGlobals().debug === true, io });
      io.exit(await done);
    });
}
