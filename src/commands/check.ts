/**
 * `rampd check [FILE]`: reads the configuration as a start would, tries every rule on its samples and on everyday replies, and
 * prints every fault and warning with its place, then a summary. Exit code 2 on faults. Never talks to a daemon, never changes
 * anything.
 */
import { Argument, Option, type Command } from 'commander';
import { readFixedKeys } from '../accept/dkim-keys.js';
import { nodeFiles } from '../config/files.js';
import { SCHEMA_KINDS, jsonSchema } from '../config/json-schema.js';
import type { SchemaKind } from '../config/json-schema.js';
import { loadSettings } from '../config/load.js';
import { jsonText } from '../control/json-text.js';
import { page } from '../control/page.js';
import { printFault, printPlace } from '../kernel/fault.js';
import type { Fault } from '../kernel/fault.js';
import type { Settings } from '../kernel/settings.js';
import { checkBreadth } from '../outcome/breadth.js';
import { checkSamples } from '../outcome/samples.js';
import { findConfig } from './config-file.js';
import { dkimLines, signingDomains, type SigningDomain } from './dkim-lines.js';
import { namedFiles } from './named-files.js';
import { rampLines, ramps } from './ramp-needs.js';
import type { Io } from './io.js';

interface Options {
  readonly config?: string;
  readonly schema?: SchemaKind | true;
  readonly json?: true;
}

/** What `check` found; `settings` is undefined exactly when the configuration itself or a file it names has faults. */
export interface Checked {
  readonly file: string;
  readonly faults: readonly Fault[];
  readonly warnings: readonly Fault[];
  readonly settings?: Settings;
  readonly signing: readonly SigningDomain[];
}

export function register(program: Command, io: Io): void {
  program
    .command('check')
    .description('check the configuration, its schedules and its rules: every fault with its place')
    .addArgument(new Argument('[file]', 'the configuration (default: ./rampd.yaml, then /etc/rampd/rampd.yaml)'))
    .option('-c, --config <file>', 'the same as FILE')
    .addOption(new Option('--schema [kind]', 'print the JSON Schema for editors instead').choices(SCHEMA_KINDS))
    .option('--json', 'print the result as JSON')
    .action((file: string | undefined, options: Options) => {
      if (options.schema !== undefined) {
        io.out(`${jsonText(jsonSchema(options.schema === true ? 'settings' : options.schema), 2)}\n`);
        return;
      }
      const checked = checkConfig(findConfig(io, file ?? options.config), io);
      if (options.json) io.out(`${jsonText(asJson(checked), 2)}\n`);
      else print(checked, io);
      if (checked.faults.length > 0) io.exit(2);
    });
}

function checkConfig(file: string, io: Pick<Io, 'cwd'>): Checked {
  const { settings, faults, warnings } = loadSettings(file, nodeFiles(io.cwd));
  const tried = settings ? [...checkSamples(settings.providers), ...checkBreadth(settings.providers)] : [];
  const keys = readFixedKeys(settings?.dkim ?? []);
  // Who checks need not be the account that runs: that one's start will say.
  const unreadable = keys.faults.filter(({ code }) => code === 'unreadable-key');
  const unfit = keys.faults.filter(fault => !unreadable.includes(fault));
  const named = settings ? namedFiles(settings) : { faults: [], warnings: [] };
  const isWarning = (fault: Fault) => fault.severity === 'warning';
  return {
    file,
    faults: [...faults, ...unfit, ...named.faults, ...tried.filter(fault => !isWarning(fault))],
    warnings: [
      ...warnings,
      ...unreadable.map(fault => ({ ...fault, severity: 'warning' as const })),
      ...keys.warnings,
      ...named.warnings,
      ...tried.filter(isWarning),
    ],
    ...(settings && unfit.length + named.faults.length === 0 && { settings }),
    signing: settings ? signingDomains(settings, keys) : [],
  };
}

function print(checked: Checked, io: Io): void {
  const { faults, warnings, settings } = checked;
  io.err(page([...warnings, ...faults].map(printFault)));
  if (faults.length > 0) io.err(page([`${counted(faults.length, 'fault')}, ${counted(warnings.length, 'warning')}: ${verdict(settings)}`]));
  else if (settings) io.out(page(summary(settings, checked)));
}

/** Faults of rules alone stop no start: the rules would be in force as they stand. */
function verdict(settings: Settings | undefined): string {
  return settings ? 'this configuration would start, with rules that do not do what they say' : 'this configuration would not start';
}

function summary(settings: Settings, { warnings: { length: warnings }, signing }: Checked): string[] {
  const sources = [...settings.sources.values()];
  const warming = sources.filter(source => source.warmUp);
  const used = [...new Set(warming.map(source => source.warmUp?.schedule ?? ''))];
  const rules = [...settings.providers.values()].reduce((sum, provider) => sum + provider.rules.length, 0);
  return [
    `${settings.file} is good${warnings > 0 ? `, with ${counted(warnings, 'warning')}` : ''}`,
    `  sources    ${sources.length}: ${sources.length - warming.length} warm, ${warming.length} warming`,
    `  pools      ${pools(settings).length}: ${pools(settings).join(', ')}`,
    `  schedules  ${settings.schedules.size}${used.length > 0 ? `, in use: ${used.join(', ')}` : ', none in use'}`,
    `  providers  ${settings.providers.size}, with ${counted(rules, 'rule')}`,
    ...dkimLines(signing),
    ...rampLines(settings),
  ];
}

/** Those that were written down. */
const pools = (settings: Settings): string[] => [...settings.pools.values()].filter(pool => !pool.implicit).map(pool => pool.name);

const counted = (n: number, noun: string): string => `${n} ${noun}${n === 1 ? '' : 's'}`;

function asJson({ file, faults, warnings, settings, signing }: Checked): object {
  const plain = ({ code, place, what, allowed, hint }: Fault) => ({
    code,
    at: printPlace(place),
    ...place,
    what,
    allowed: allowed ?? null,
    hint: hint ?? null,
  });
  const rules = settings && [...settings.providers.values()].reduce((sum, provider) => sum + provider.rules.length, 0);
  return {
    file,
    good: faults.length === 0,
    faults: faults.map(plain),
    warnings: warnings.map(plain),
    summary: settings
      ? {
          sources: settings.sources.size,
          warming: [...settings.sources.values()].filter(source => source.warmUp).length,
          pools: pools(settings).length,
          schedules: settings.schedules.size,
          providers: settings.providers.size,
          rules: rules ?? 0,
          dkim: signing,
          ramps: ramps(settings),
        }
      : null,
  };
}
