/**
 * The lab as a test: the real daemon in this process on a clock 1,440 times as fast, real sockets, simulated providers. A night
 * from 19:30 to the tick at 04:00, one campaign far larger than cold sources can send.
 */
import { readdirSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { type Lab, startLab } from '../../src/commands/lab/run.js';
import { SENDER_DOMAIN } from '../../src/commands/lab/plan.js';
import { HOUR } from '../../src/kernel/units.js';

let lab: Lab | undefined;
afterEach(async () => {
  await lab?.finish().catch(() => undefined);
  lab = undefined;
});

describe('a lab that cannot begin', () => {
  it('leaves nothing open and no folder behind', async () => {
    const labs = () => readdirSync(tmpdir()).filter(name => name.startsWith('rampd-lab-'));
    const sockets = () => process.getActiveResourcesInfo().filter(kind => /^(TCP|UDP)/.test(kind)).length;
    const before = { labs: labs(), sockets: sockets() };
    await expect(startLab({ speed: 1_440, days: 1, seed: 7, schedule: 'nonesuch' })).rejects.toThrow(/nonesuch, which is not defined/);
    await vi.waitFor(() => expect({ labs: labs(), sockets: sockets() }).toEqual(before));
  });
});

describe('a campaign that a warm source could carry in minutes', () => {
  it('lets cold sources earn their day, breaks no cap and loses nothing', { timeout: 120_000 }, async () => {
    lab = await startLab({
      speed: 1_440,
      days: 1,
      seed: 7,
      schedule: 'four-weeks',
      begins: 19.5 * HOUR,
      campaignAt: 19.75 * HOUR,
      week: () => [],
      sources: [
        { name: 'hot-1', address: '127.0.1.11', past: 20_000 },
        { name: 'cold-1', address: '127.0.1.12', stage: 1 },
        { name: 'cold-2', address: '127.0.1.13', stage: 3, past: 20 },
      ],
      campaign: (_, seed) => ({
        count: 1_000,
        to: [
          { domain: 'gmail.com', weight: 50 },
          { domain: 'outlook.com', weight: 25 },
          { domain: 'yahoo.com', weight: 25 },
        ],
        from: [SENDER_DOMAIN],
        size: 1_024,
        seed,
      }),
    });
    const { events, operations } = lab.daemon;
    const advanced = new Set<string>();
    events.on('journal', record => {
      if (record.type === 'stage-advanced' && record.provider === undefined && record.source !== undefined) advanced.add(record.source);
    });
    await Promise.race([events.once('journal', () => advanced.size === 2), lab.over]);
    const { totals } = operations.status();
    const result = await lab.finish();
    lab = undefined;

    expect([...advanced].sort()).toEqual(['cold-1', 'cold-2']);
    expect(result.kept, JSON.stringify([result.lanes, result.sources.map(s => s.check)])).toBe(true);
    const by = (name: string) => result.sources.find(s => s.source.name === name);
    // Caps were reached, so that keeping them says something.
    expect(by('cold-1')?.check?.peak).toBeGreaterThan(15);
    expect(by('cold-1')?.check?.peak).toBeLessThanOrEqual(20);
    // The warm source took what the cold ones had no slots for.
    expect(by('hot-1')?.accepted).toBeGreaterThan(200);
    expect(totals.accepted).toBe(totals.delivered + totals.bounced + totals.suppressed + totals.deleted + totals.waiting);
  });
});
