/**
 * `rampd schedule NAME`: a warm-up schedule as a table: every stage with its caps, what a day of it sends, what must be sent
 * to earn it, and the volume up to there; then the gates. Reads files only.
 */
import { existsSync } from 'node:fs';
import { resolve } from 'node:path';
import type { Command } from 'commander';
import { nodeFiles, shippedFolder } from '../config/files.js';
import { Findings } from '../config/findings.js';
import { readLibrary } from '../config/library.js';
import { loadSettings } from '../config/load.js';
import { jsonText } from '../control/json-text.js';
import { page } from '../control/page.js';
import { FaultError } from '../kernel/fault.js';
import type { Schedule } from '../kernel/schedule.js';
import { nearest } from '../kernel/text.js';
import { DEFAULT_FILES } from './config-file.js';
import type { Io } from './io.js';
import { scheduleLines, scheduleRows } from './schedule-table.js';
import { UsageError } from './usage.js';

export function register(program: Command, io: Io): void {
  program
    .command('schedule')
    .description('show a warm-up schedule: its stages, their volumes, its gates')
    .argument('[name]', 'which one; without it their names are listed')
    .option('-c, --config <file>', 'the configuration (default: ./rampd.yaml, then /etc/rampd/rampd.yaml, then the shipped schedules)')
    .option('--json', 'print it as JSON')
    .action((name: string | undefined, options: { readonly config?: string; readonly json?: true }) => {
      const schedules = schedulesOf(options.config, io);
      if (name === undefined) return list([...schedules.values()], options.json === true, io);
      const schedule = schedules.get(name);
      if (!schedule) throw new UsageError(unknown(name, [...schedules.keys()]));
      if (options.json) io.out(`${jsonText({ ...plain(schedule), stages: scheduleRows(schedule) }, 2)}\n`);
      else io.out(page(scheduleLines(schedule)));
    });
}

/** Those of the configuration; without one, those of the package. Throws FaultError. */
function schedulesOf(given: string | undefined, io: Io): ReadonlyMap<string, Schedule> {
  const file = given ?? DEFAULT_FILES.find(candidate => existsSync(resolve(io.cwd, candidate)));
  if (file !== undefined) {
    const { settings, faults } = loadSettings(file, nodeFiles(io.cwd));
    if (!settings) throw new FaultError(faults);
    return settings.schedules;
  }
  const files = nodeFiles(io.cwd);
  const findings = new Findings();
  const { schedules } = readLibrary([shippedFolder()], files, { smtpPort: 25, secret: path => files.text(path) }, findings);
  if (findings.faults.length > 0) throw new FaultError(findings.faults);
  return schedules;
}

function list(schedules: readonly Schedule[], json: boolean, io: Io): void {
  if (json) io.out(`${jsonText(schedules.map(plain), 2)}\n`);
  else {
    const width = Math.max(...schedules.map(({ name }) => name.length));
    io.out(page(schedules.map(({ name, description }) => `${name.padEnd(width)}  ${description}`)));
  }
}

function plain({ name, description, tick, timezone, advance, stages }: Schedule): object {
  return { name, description, tick, timezone, advance, count: stages.length };
}

function unknown(name: string, names: readonly string[]): string {
  const near = nearest(name, names);
  return `there is no schedule ${name}${near === undefined ? '' : `; did you mean ${near}?`} Known: ${names.join(', ')}`;
}
