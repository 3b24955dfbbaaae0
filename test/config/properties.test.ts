/**
 * Promises for every text: reading never throws, settings come exactly when there are no faults, every fault has a place
 * inside a file that was read, and no text reaches a fault unprintable.
 */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { memoryFiles } from '../../src/config/files.js';
import { loadSettings } from '../../src/config/load.js';
import type { Loaded } from '../../src/config/load.js';
import { starterFile } from '../../src/config/starter.js';
import { printFault } from '../../src/kernel/fault.js';
import { BIG, minimal, SLOW } from './reading.js';

const FULL = starterFile()
  .replaceAll('four-weeks', 'slow')
  .replace(
    /^accounting/m,
    'total: { max-smtp-out: 5 }\nproviders: { big: { limits: { max-smtp-out: 1 }, rules: ["421 A *, 1h, 1, *"] } }\naccounting',
  );
const FILES = {
  'rampd.yaml': FULL,
  'lib/slow.yaml': `${SLOW}providers: { big: { scale: 0.5 } }\ngates: { hold: { window-open: "> 4h" } }\n`,
  'lib/providers/big.yaml': `${BIG}`,
};
type File = keyof typeof FILES;

function loadWith(file: File, text: string): Loaded {
  return loadSettings('rampd.yaml', memoryFiles({ ...FILES, [file]: text }), { path: 'lib', shown: 'lib' });
}

function holds(loaded: Loaded): void {
  expect(loaded.settings === undefined).toBe(loaded.faults.length > 0);
  for (const fault of [...loaded.faults, ...loaded.warnings]) {
    expect(Object.keys(FILES)).toContain(fault.place.file);
    expect(fault.what.length).toBeGreaterThan(0);
    expect(printFault(fault)).not.toMatch(/[\u0000-\u001f\u007f-\u009f\u202e]/);
  }
}

/** Escape sequences, direction overrides, and what YAML and rules are made of. */
const hostile = fc.constantFrom('\u001b[31m', '\u202e', '\u0007', 'a', '.', '/', '1h', ', ', '*', '421 ');
const files = fc.constantFrom<File[]>('rampd.yaml', 'lib/slow.yaml', 'lib/providers/big.yaml');

describe('every text', () => {
  it('with escape sequences in it is quoted without them', () => {
    const evil = JSON.stringify('\u001b[31m\u202ex');
    const texts = [
      `schedules: [${evil}]`,
      `user: ${evil}`,
      `state-dir: ${evil}`,
      `${evil}: 1`,
      `sources: { ${evil}: { address: ${evil}, warm-up: ${evil} } }`,
      `pools: { main: { sources: [${evil}] } }`,
      `pools: { main: { sources: { ${evil}: 1 } } }`,
      `clients: [{ user: ${evil}, pool: ${evil} }]`,
      `providers: { big: { mx: ${evil}, ${evil}: 1, rules: [${evil}, { id: ${evil}, match: { text: ${evil} } }] } }`,
      `providers: { big: { rules: ["421 \\e[31m *, \\e, 1, 1", { id: a, class: other, match: { text: "/(\\e[31m/" } }] } }`,
      `queue-to: { ${evil}: ${evil} }`,
      `log: *${'x'.repeat(100)}`,
      `log: !${'\u202e'} x`,
    ];
    for (const text of texts) {
      const key = text.split(':')[0] ?? '';
      const replaces = ['pools', 'sources', 'clients', 'state-dir'].includes(key);
      const loaded = loadWith('rampd.yaml', replaces ? minimal({ [key]: text }) : minimal({}, `${text}\n`));
      holds(loaded);
      expect(loaded.faults.length, text).toBeGreaterThan(0);
    }
  });

  it('may be the configuration, a schedule, a provider file', () => {
    fc.assert(
      fc.property(files, fc.oneof(fc.string(), fc.string({ unit: 'binary' })), (file, text) => holds(loadWith(file, text))),
      { numRuns: 150 },
    );
  });

  it('made of the marks of YAML', () => {
    const yamlish = fc.string({ unit: fc.constantFrom(...'ab:-[]{}#&*!|>\'"%@`,?\n\n  \t~0.<'), maxLength: 40 });
    fc.assert(
      fc.property(files, yamlish, (file, text) => holds(loadWith(file, text))),
      { numRuns: 300 },
    );
  });

  it('that was good, with a piece cut out, doubled or replaced', () => {
    const edit = fc.record({
      at: fc.nat(),
      length: fc.nat({ max: 30 }),
      put: fc.oneof(fc.constant(''), fc.constantFrom('0', 'none', '[', '}', ': ', '\n', '*x', '&x ', '~', 'warm-up', '1h')),
    });
    fc.assert(
      fc.property(files, fc.array(edit, { minLength: 1, maxLength: 3 }), (file, edits) => {
        const text = edits.reduce((before, { at, length, put }) => {
          const start = at % (before.length + 1);
          return before.slice(0, start) + put + before.slice(start + length);
        }, FILES[file]);
        holds(loadWith(file, text));
      }),
      { numRuns: 300 },
    );
  });

  it('that is any value under any key', () => {
    const keys = fc.constantFrom(
      'host-name',
      'state-dir',
      'listeners',
      'clients',
      'sources',
      'pools',
      'defaults',
      'total',
      'providers',
      'queue-to',
      'schedules',
      'dns',
      'control',
      'accounting',
      'log',
      'dsn',
      'drain',
      'node',
      'x',
    );
    fc.assert(
      fc.property(keys, fc.oneof(fc.jsonValue({ maxDepth: 4 }), fc.jsonValue({ maxDepth: 3, stringUnit: hostile })), (key, value) => {
        const lines = minimal()
          .split('\n')
          .filter(line => line !== '' && !line.startsWith(`${key}:`));
        holds(loadWith('rampd.yaml', [...lines, `${key}: ${JSON.stringify(value)}`].join('\n')));
      }),
      { numRuns: 300 },
    );
  });

  it('nested without end, or full of aliases', () => {
    for (const text of [
      `a: ${'['.repeat(20_000)}`,
      `${'a:\n '.repeat(2_000)}`,
      'a: &a [*a]\ndefaults: &b { max-smtp-out: *b }',
      laughs(),
      '# x\n'.repeat(2_000_000),
    ])
      holds(loadWith('rampd.yaml', text));
  });

  it('and the text all of them start from is good', () => {
    expect(loadWith('rampd.yaml', FULL).faults.map(printFault)).toEqual([]);
  });
});

/** Aliases of aliases: a few lines that would unfold to a billion items. */
function laughs(): string {
  const lines = ['a0: &a0 [x]'];
  for (let i = 1; i < 12; i++)
    lines.push(
      `a${i}: &a${i} [${Array<string>(9)
        .fill(`*a${i - 1}`)
        .join(', ')}]`,
    );
  return lines.join('\n');
}
