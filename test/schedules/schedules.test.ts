/**
 * The schedules as data: they load, they rise evenly, and what they promise in words is so.
 */
import { describe, expect, it } from 'vitest';
import { nodeFiles, shippedFolder } from '../../src/config/files.js';
import { Findings } from '../../src/config/findings.js';
import { readLibrary } from '../../src/config/library.js';
import { printFault } from '../../src/kernel/fault.js';
import { shipped } from '../outcome/shipped.js';

const findings = new Findings();
const { schedules } = readLibrary([shippedFolder()], nodeFiles(import.meta.dirname), { smtpPort: 25, secret: () => undefined }, findings);
const of = (name: string) => {
  const found = schedules.get(name);
  if (!found) throw new Error(`no schedule ${name}`);
  return found;
};
const ALL = ['two-weeks', 'three-weeks', 'four-weeks', 'four-weeks-per-provider', 'gentle-six-weeks'];
const caps = (name: string) => of(name).stages.map(stage => stage.limits.maxMsgPerHour?.value ?? NaN);

describe('schedules', () => {
  it('load without a fault or a warning', () => {
    expect([...findings.faults, ...findings.warnings].map(printFault)).toEqual([]);
    expect([...schedules.keys()].sort()).toEqual(['four-weeks', 'four-weeks-per-provider', 'gentle-six-weeks', 'three-weeks', 'two-weeks']);
  });

  it.each([
    ['two-weeks', 14, 50, 1_500],
    ['three-weeks', 21, 30, 5_000],
    ['four-weeks', 28, 20, 10_000],
    ['four-weeks-per-provider', 28, 40, 10_000],
    ['gentle-six-weeks', 42, 10, 5_000],
  ])('%s has %i stages from %i/h to %i/h', (name, stages, from, to) => {
    expect(caps(name)).toHaveLength(stages);
    expect([caps(name)[0], caps(name).at(-1)]).toEqual([from, to]);
  });

  it.each(ALL)('%s rises every stage, by 40 %% at most', name => {
    const list = caps(name);
    for (let i = 1; i < list.length; i++) {
      expect(list[i]).toBeGreaterThan(list[i - 1]!);
      expect(list[i]! / list[i - 1]!).toBeLessThan(1.4);
    }
  });

  it.each(ALL)('%s is judged at 4 in UTC, by all three gates', name => {
    const schedule = of(name);
    expect([schedule.tick, schedule.timezone, schedule.advance]).toEqual(['0 4 * * *', 'UTC', 'earned']);
    expect(schedule.gates.advance.map(c => c.metric).sort()).toEqual(['delivered', 'sent']);
    expect(schedule.gates.hold.length).toBeGreaterThanOrEqual(4);
    expect(schedule.gates.stepBack.length).toBeGreaterThanOrEqual(3);
    for (const hold of schedule.gates.hold) {
      const back = schedule.gates.stepBack.find(c => c.metric === hold.metric);
      if (back) expect(back.value).toBeGreaterThan(hold.value);
    }
  });

  it('two-weeks: ten full hours fill the day, and connections never bind before the cap', () => {
    for (const { limits } of of('two-weeks').stages) {
      const hour = limits.maxMsgPerHour?.value ?? 0;
      expect(limits.maxMsgPerDay?.value).toBe(10 * hour);
      const connects = limits.maxConnectRate?.value;
      expect((connects!.count * 3_600_000) / connects!.per).toBeGreaterThan(2 * hour);
    }
  });

  it.each(ALL)('%s: half of the first day is enough to judge, for every provider with a stage of its own too', name => {
    const { stages, providers, gates } = of(name);
    const half = (own: typeof stages) => {
      const { maxMsgPerDay, maxMsgPerHour } = own[0]!.limits;
      return (maxMsgPerDay?.value ?? 8 * maxMsgPerHour!.value) / 2;
    };
    for (const own of [stages, ...[...providers.values()].map(provider => provider.stages)])
      expect(half(own)).toBeGreaterThanOrEqual(gates.minSample);
  });

  it.each(ALL)('%s gives stages of their own to providers that are shipped', name => {
    for (const provider of of(name).providers.keys()) expect([...shipped.providers.keys()]).toContain(provider);
  });

  it('four-weeks-per-provider: two thirds of the mail may go to any one of the three, and the day is earned all the same', () => {
    const { stages, providers, gates } = of('four-weeks-per-provider');
    expect([...providers.keys()]).toEqual(['google', 'microsoft', 'yahoo']);
    const sent = gates.advance.find(c => c.metric === 'sent')!.value;
    for (const own of providers.values())
      stages.forEach(({ limits }, i) => {
        const cap = limits.maxMsgPerHour!.value;
        const share = own.stages[i]!.limits.maxMsgPerHour!.value;
        expect(Math.min(share, (2 * cap) / 3) + cap / 3).toBeGreaterThanOrEqual(sent * cap);
      });
  });

  it('gentle-six-weeks takes more than three days to double, and holds sooner than four-weeks', () => {
    const list = caps('gentle-six-weeks');
    for (let i = 3; i < list.length; i++) expect(list[i]! / list[i - 3]!).toBeLessThan(2);
    for (const group of ['hold', 'stepBack'] as const)
      for (const gate of of('gentle-six-weeks').gates[group]) {
        const other = of('four-weeks').gates[group].find(c => c.metric === gate.metric);
        expect(gate.value).toBeLessThanOrEqual(other!.value);
      }
    expect(of('gentle-six-weeks').growth).toBeLessThan(of('four-weeks').growth);
  });

  it('four-weeks: Microsoft goes at half the pace, on stages of its own', () => {
    const own = of('four-weeks').providers.get('microsoft')?.stages.map(stage => stage.limits.maxMsgPerHour?.value ?? NaN);
    expect(own?.[0]).toBe(10);
    expect(own?.at(-1)).toBe(5_000);
    expect(own).toHaveLength(28);
  });
});
