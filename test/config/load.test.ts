/**
 * The whole way from text to Settings: the example loads, nothing is lost on the way, paths and defaults are as promised.
 */
import { describe, expect, it } from 'vitest';
import { memoryFiles, nodeFiles } from '../../src/config/files.js';
import { loadSettings } from '../../src/config/load.js';
import { printFault } from '../../src/kernel/fault.js';
import type { Settings } from '../../src/kernel/settings.js';
import { DAY, HOUR, MINUTE } from '../../src/kernel/units.js';
import { EXAMPLE } from './example.js';

const disk = nodeFiles('/');

function load(text: string, file = 'rampd.yaml', more: Record<string, string> = {}) {
  return loadSettings(file, memoryFiles({ [file]: text, ...more }, disk));
}

function settingsOf(text: string, more: Record<string, string> = {}): Settings {
  const { settings, faults } = load(text, 'rampd.yaml', more);
  if (!settings) throw new Error(faults.map(printFault).join('\n'));
  return settings;
}

describe('the example configuration', () => {
  const settings = settingsOf(EXAMPLE);

  it('has its sources with their places', () => {
    expect([...settings.sources.keys()]).toEqual(['hot-1', 'cold-1']);
    expect(settings.sources.get('hot-1')?.warmUp).toBeUndefined();
    expect(settings.sources.get('cold-1')).toMatchObject({
      address: '203.0.113.21',
      warmUp: { schedule: 'four-weeks', target: 2000, stage: 1, from: { file: 'rampd.yaml', line: 9, col: 65 } },
    });
  });

  it('has limits that know where they were written', () => {
    expect(settings.defaults.maxSmtpOut).toEqual({ value: 20, from: { file: 'rampd.yaml', line: 12, col: 13 } });
    expect(settings.defaults.retryAfter?.value).toEqual([10 * MINUTE, 20 * MINUTE, 30 * MINUTE, HOUR, 2 * HOUR]);
    expect(settings.defaults.bounceAfter?.value).toBe(4.5 * DAY);
  });

  it('has the shipped schedules and providers, and its own on top', () => {
    expect([...settings.schedules.keys()]).toEqual(expect.arrayContaining(['two-weeks', 'three-weeks', 'four-weeks']));
    expect(settings.schedules.get('four-weeks')?.stages).toHaveLength(28);
    expect(settings.providers.get('microsoft')?.from.file).toBe('schedules/providers/microsoft.yaml');
    expect(settings.providers.get('internal')).toMatchObject({ domains: ['corp.example'], smtpHosts: [{ host: '10.0.0.5', port: 25 }] });
  });
});
