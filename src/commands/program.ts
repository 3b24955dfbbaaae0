/**
 * The program: which commands there are, and what becomes of an error.
 *
 * Loads only the module of the command asked for, so that `rampd status` does not wait for what `rampd lab` needs; help
 * and misspelt names load all. Every error ends as one sentence and an exit code: 2 for usage and faults, else 1.
 */
import { Command, CommanderError } from 'commander';
import { page } from '../control/page.js';
import { FaultError, printFault } from '../kernel/fault.js';
import type { Io } from './io.js';
import { UsageError } from './usage.js';

interface Entry {
  readonly names: readonly string[];
  load(): Promise<{ register(program: Command, io: Io): void }>;
}

/** In the order help shows them. */
export const COMMANDS: readonly Entry[] = [
  { names: ['start'], load: () => import('./start.js') },
  { names: ['stop'], load: () => import('./stop.js') },
  { names: ['reload'], load: () => import('./reload.js') },
  { names: ['status'], load: () => import('./status.js') },
  { names: ['top'], load: () => import('./top.js') },
  { names: ['show'], load: () => import('./show.js') },
  { names: ['why'], load: () => import('./why.js') },
  { names: ['trace'], load: () => import('./trace.js') },
  { names: ['forecast'], load: () => import('./forecast.js') },
  { names: ['journal'], load: () => import('./journal.js') },
  { names: ['pause', 'resume'], load: () => import('./pause.js') },
  { names: ['lift'], load: () => import('./lift.js') },
  { names: ['hold', 'release', 'advance', 'step-back', 'graduate', 'restart'], load: () => import('./stage.js') },
  { names: ['undo'], load: () => import('./undo.js') },
  { names: ['retry'], load: () => import('./retry.js') },
  { names: ['delete'], load: () => import('./delete.js') },
  { names: ['import'], load: () => import('./import.js') },
  { names: ['suppress'], load: () => import('./suppress.js') },
  { names: ['alert-test'], load: () => import('./alert-test.js') },
  { names: ['lab'], load: () => import('./lab.js') },
  { names: ['check'], load: () => import('./check.js') },
  { names: ['doctor'], load: () => import('./doctor.js') },
  { names: ['dkim-key'], load: () => import('./dkim-key.js') },
  { names: ['schedule'], load: () => import('./schedule.js') },
  { names: ['classify'], load: () => import('./classify.js') },
  { names: ['sink'], load: () => import('./sink.js') },
  { names: ['send'], load: () => import('./send.js') },
  { names: ['token', 'password'], load: () => import('./token.js') },
  { names: ['init'], load: () => import('./init.js') },
];

/** Runs one command line (without the program's own name). Never throws; ends with io.exit when something is wrong. */
export async function run(argv: readonly string[], io: Io, version: string, commands: readonly Entry[] = COMMANDS): Promise<void> {
  const program = new Command('rampd')
    .description('delivers mail, and brings new sending addresses into service')
    .version(version, '-V, --version')
    .option('--debug', 'more detail: stack traces, and the daemon logs every step')
    .exitOverride()
    .configureOutput({
      writeOut: text => io.out(text),
      writeErr: text => io.err(text),
      outputError: (text, write) => write(text.replace(/^error: /, 'rampd: ')),
    });
  try {
    for (const entry of chosen(argv, commands)) (await entry.load()).register(program, io);
    for (const command of program.commands) command.copyInheritedSettings(program);
    await program.parseAsync(argv, { from: 'user' });
  } catch (error) {
    io.exit(failed(error, io, argv.includes('--debug')));
  }
}

/** Root options take no value, so the first word that is no option names the command. */
function chosen(argv: readonly string[], commands: readonly Entry[]): readonly Entry[] {
  const name = argv.find(word => !word.startsWith('-'));
  if (name === undefined && argv.some(word => word === '-V' || word === '--version')) return [];
  const found = commands.filter(entry => name !== undefined && entry.names.includes(name));
  return found.length > 0 ? found : commands;
}

/** Says what went wrong, once, and returns the exit code. */
export function failed(error: unknown, io: Pick<Io, 'err'>, debug: boolean): 0 | 1 | 2 {
  // commander has already written what it has to say.
  if (error instanceof CommanderError) return error.exitCode === 0 ? 0 : 2;
  if (error instanceof FaultError) {
    io.err(page(error.faults.map(printFault)));
    return 2;
  }
  const sentence = error instanceof Error ? error.message || error.name : String(error);
  io.err(page([`rampd: ${sentence}`]));
  if (debug && error instanceof Error && error.stack !== undefined) io.err(page(error.stack.split('\n')));
  return error instanceof UsageError ? 2 : 1;
}
