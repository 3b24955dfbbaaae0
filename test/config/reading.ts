/** Reads configuration texts from memory, with the shipped schedules below them. */
import { memoryFiles, nodeFiles } from '../../src/config/files.js';
import { Findings } from '../../src/config/findings.js';
import { loadSettings } from '../../src/config/load.js';
import type { Loaded } from '../../src/config/load.js';
import { toProvider } from '../../src/config/provider.js';
import { toSchedule } from '../../src/config/schedule.js';
import { YamlText } from '../../src/config/yaml-text.js';
import { printFault } from '../../src/kernel/fault.js';
import type { Fault } from '../../src/kernel/fault.js';
import type { Schedule } from '../../src/kernel/schedule.js';
import type { Provider, Settings } from '../../src/kernel/settings.js';

const disk = nodeFiles('/');

/** A folder that holds nothing: tests that need no shipped files are faster without. */
export const NOTHING_SHIPPED = { path: '/nothing', shown: 'schedules' };

export function load(text: string, more: Readonly<Record<string, string>> = {}, file = 'rampd.yaml'): Loaded {
  return loadSettings(file, memoryFiles({ [file]: text, ...more }, disk));
}

/** With one schedule `slow` and one provider `big` instead of the shipped ones. */
export function loadAlone(text: string, more: Readonly<Record<string, string>> = {}): Loaded {
  const files = { 'rampd.yaml': text, 'lib/slow.yaml': SLOW, 'lib/providers/big.yaml': BIG, ...more };
  return loadSettings('rampd.yaml', memoryFiles(files), { path: 'lib', shown: 'lib' });
}

export const SLOW = 'name: slow\ntick: "0 4 * * *"\nramp: { from: 10/h, to: 100/h, stages: 10 }\n';
export const BIG =
  'name: big\nmx: ["*.big.example"]\nlimits: { max-smtp-out: 7, max-msg-rate: 5/m }\nrules: ["421 TOO-FAST *, 1h, 5, 1000"]\n';

export function settingsOf(loaded: Loaded): Settings {
  if (!loaded.settings) throw new Error(loaded.faults.map(printFault).join('\n'));
  return loaded.settings;
}

/** A small configuration that is good; each line can be replaced, and lines added. */
export function minimal(lines: Readonly<Record<string, string>> = {}, more = ''): string {
  const base = {
    'host-name': 'host-name: mta.example.com',
    'state-dir': 'state-dir: /var/lib/rampd',
    listeners: 'listeners: [{ address: "127.0.0.1:2525" }]',
    clients: 'clients: [{ from: 127.0.0.0/8, pool: main }]',
    sources: 'sources: { warm: { address: 192.0.2.1, warm-up: none } }',
    pools: 'pools: { main: { sources: [warm] } }',
  };
  return Object.values({ ...base, ...lines }).join('\n') + '\n' + more;
}

export interface Read<T> {
  readonly value: T | undefined;
  readonly faults: Fault[];
}

function read<T>(file: string, text: string, parse: (yaml: YamlText, findings: Findings) => T | undefined): Read<T> {
  const findings = new Findings();
  const yaml = YamlText.read(file, text, findings);
  const value = yaml && parse(yaml, findings);
  return { value, faults: findings.faults };
}

export const readSchedule = (text: string): Read<Schedule> => read('s.yaml', text, toSchedule);
export const readProvider = (text: string): Read<Provider> =>
  read('p.yaml', text, (yaml, findings) => toProvider(yaml, { smtpPort: 25, secret: () => undefined }, findings));

/** The value, or an error that prints the faults. */
export function good<T>({ value, faults }: Read<T>): T {
  if (value === undefined || faults.length > 0) throw new Error(faults.map(printFault).join('\n') || 'no value and no fault');
  return value;
}

export const lines = (faults: readonly Fault[]): string[] => faults.map(printFault);
