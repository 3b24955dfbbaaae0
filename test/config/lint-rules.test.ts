/**
 * What rules cannot mean, each with its place, and the same mended.
 */
import { describe, expect, it } from 'vitest';
import { Findings } from '../../src/config/findings.js';
import { lintRules } from '../../src/config/lint-rules.js';
import { printFault } from '../../src/kernel/fault.js';
import { shipped } from '../outcome/shipped.js';
import { loadAlone, minimal } from './reading.js';

const HEAD = 'name: acme\nmx: ["*.acme.example"]\n';
const LIMITS = 'limits: { max-smtp-out: 5, max-msg-per-hour: 500/h, max-connect-rate: 2/m, max-msg-per-connection: 20 }\n';

/** Warnings of a provider file, and of what rampd.yaml says on top. */
function warned(file: string, more = ''): string[] {
  const { warnings, faults } = loadAlone(minimal({}, more), { 'lib/providers/acme.yaml': HEAD + file });
  expect(faults.map(printFault)).toEqual([]);
  return warnings.map(({ code, place }) => `${code} ${place.file}:${place.line}`);
}

describe('windows that are no tighter than what always holds', () => {
  const rule = (caps: string) => `${LIMITS}rules: [{ id: r, match: { text: x }, class: throttle.rate, window: 1h, ${caps} }]\n`;

  it.each([
    ['max-smtp-out', 5, 4],
    ['max-smtp-out', 6, 4],
    ['max-msg-per-hour', '500/h', '499/h'],
    ['max-connect-rate', '120/h', '1/m'],
    ['max-msg-per-connection', 50, 19],
  ])('%s: %s', (key, loose, tight) => {
    expect(warned(rule(`${key}: ${loose}`))).toEqual(['loose-window lib/providers/acme.yaml:4']);
    expect(warned(rule(`${key}: ${tight}`))).toEqual([]);
  });

  it('are named with both places, and how much', () => {
    const { warnings } = loadAlone(minimal(), { 'lib/providers/acme.yaml': HEAD + rule('max-smtp-out: 9, max-msg-per-hour: 60/h') });
    expect(warnings.map(printFault)).toEqual([
      'lib/providers/acme.yaml:4:9: warning: the window of rule r does not slow down: its max-smtp-out of 9 is not below the 5 that always holds (lib/providers/acme.yaml:3:11); make it tighter, or leave the key out',
    ]);
  });

  it('compact rules too', () => {
    expect(warned(`${LIMITS}rules: ["421 X *, 1h, 5, 100"]\n`)).toEqual(['loose-window lib/providers/acme.yaml:4']);
    expect(warned(`${LIMITS}rules: ["421 X *, 1h, 4, 100"]\n`)).toEqual([]);
  });

  it('are measured against the defaults where the provider says nothing', () => {
    const bare = 'rules: [{ id: r, match: { text: x }, class: throttle.rate, window: 1h, max-smtp-out: 8 }]\n';
    expect(warned(bare, 'defaults: { max-smtp-out: 8 }\n')).toEqual(['loose-window lib/providers/acme.yaml:3']);
    expect(warned(bare, 'defaults: { max-smtp-out: 9 }\n')).toEqual([]);
    expect(warned(bare)).toEqual([]);
  });

  it('may be so where the configuration is stricter than a file, until nothing is left of the window', () => {
    const stricter = 'providers: { acme: { limits: { max-smtp-out: 2 } } }\n';
    expect(warned(rule('max-smtp-out: 3, max-msg-per-hour: 60/h'), stricter)).toEqual([]);
    expect(warned(rule('max-smtp-out: 3'), stricter)).toEqual(['loose-window lib/providers/acme.yaml:4']);
    expect(warned(rule('max-smtp-out: 3, warm-up: hold'), stricter)).toEqual([]);
  });

  it('are not those that stop, or hold back something narrower than a lane', () => {
    expect(warned(rule('max-smtp-out: 4, suspend: true'))).toEqual([]);
    expect(warned(rule('max-smtp-out: 9, scope: recipient-domain'))).toEqual([]);
  });
});

describe('texts that were meant as expressions', () => {
  it.each([
    ['too many.*connections', 'too many*connections'],
    ['rate \\\\d+ exceeded', 'rate * exceeded'],
    ['(slow|late)', '/(slow|late)/'],
    ['IP [0-9]+ blocked', 'IP * blocked'],
    ['^421 slow', '421 slow'],
  ])('%s', (text, meant) => {
    const rule = (words: string, more = '') => `rules: [{ id: r, match: { text: "${words}" }, class: content${more} }]\n`;
    expect(warned(rule(text))).toEqual(['text-not-expression lib/providers/acme.yaml:3']);
    expect(warned(rule(text, ', samples: ["421 one"]'))).toEqual([]);
    expect(warned(rule(meant))).toEqual([]);
  });

  it('leaves alone what replies look like', () => {
    const texts = ['[TS01] (4.16.55.1)', 'IB007', 'blocked (NOWL)', 'see http://x.example/?a=1', 'user@example.com', '5.7.1 <*>'];
    for (const text of texts) expect(warned(`rules: [{ id: r, match: { text: "${text}" }, class: content }]\n`), text).toEqual([]);
  });
});

describe('providers that nothing maps to', () => {
  const mine = (mx: string, more = '') => `providers: { mine: { mx: [${mx}]${more} } }\n`;

  it('because an earlier one takes all their hosts', () => {
    expect(warned('', mine('"mx.acme.example"'))).toEqual(['unreachable-provider rampd.yaml:7']);
    expect(warned('', mine('"mx*.acme.example", "*.eu.acme.example"'))).toContain('unreachable-provider rampd.yaml:7');
  });

  it('but not when a host, or a recipient domain, is left to them', () => {
    for (const more of [
      mine('"mx.acme.example", "mx.other.example"'),
      mine('"mx.acme.example"', ', domains: [d.example]'),
      mine('"*.example"'),
    ])
      expect(warned('', more)).not.toContain('unreachable-provider rampd.yaml:7');
  });
});

it('shipped files are clean', () => {
  const findings = new Findings();
  lintRules({ providers: shipped.providers, defaults: {} }, findings);
  expect([...findings.faults, ...findings.warnings].map(printFault)).toEqual([]);
});
