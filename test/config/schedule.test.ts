/**
 * Schedules: the formula of a ramp, shares of providers, gates and their defaults, and what the linter says.
 */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { Findings } from '../../src/config/findings.js';
import { lintSchedule } from '../../src/config/lint-schedule.js';
import { hourlyCaps, impossible } from '../../src/config/ramp.js';
import { skippedTime } from '../../src/config/skipped-time.js';
import type { Schedule } from '../../src/kernel/schedule.js';
import { DAY, HOUR } from '../../src/kernel/units.js';
import { good, lines, readSchedule } from './reading.js';

const HEAD = 'name: s\ntick: "0 4 * * *"\n';
const perHour = (schedule: Schedule) => schedule.stages.map(stage => stage.limits.maxMsgPerHour?.value);
const schedule = (more: string) => good(readSchedule(HEAD + more));
const RAMP = 'ramp: { from: 10/h, to: 100/h, stages: 10 }\n';

describe('ramps', () => {
  it('are strictly monotone, whole, and begin and end exactly', () => {
    const ramps = fc.record({
      from: fc.integer({ min: 1, max: 5_000 }),
      span: fc.integer({ min: 1, max: 1_000_000 }),
      stages: fc.integer({ min: 2, max: 90 }),
      curve: fc.constantFrom('geometric' as const, 'linear' as const),
    });
    fc.assert(
      fc.property(ramps, ({ from, span, stages, curve }) => {
        const ramp = { from, to: from + span, stages, curve };
        fc.pre(!impossible(ramp));
        const caps = hourlyCaps(ramp);
        expect(caps).toHaveLength(stages);
        expect([caps[0], caps.at(-1)]).toEqual([from, ramp.to]);
        caps.forEach((cap, i) => expect(Number.isInteger(cap) && (i === 0 || cap > (caps[i - 1] ?? Infinity))).toBe(true));
      }),
    );
  });

  it('and rounding alone would not be monotone', () => {
    const rounded = Array.from({ length: 10 }, (_, i) => Math.round(1 * 12 ** (i / 9)));
    expect(new Set(rounded).size).toBeLessThan(10);
    expect(new Set(hourlyCaps({ from: 1, to: 12, stages: 10, curve: 'geometric' })).size).toBe(10);
  });

  it('rise by the same factor, or by the same step', () => {
    expect(hourlyCaps({ from: 20, to: 320, stages: 5, curve: 'geometric' })).toEqual([20, 40, 80, 160, 320]);
    expect(perHour(schedule('ramp: { from: 20, to: 100/h, stages: 5, curve: linear }\n'))).toEqual([20, 40, 60, 80, 100]);
  });

  it.each([
    ['ramp: { from: 100/h, to: 20/h, stages: 5 }', 's.yaml:3:26: the ramp does not rise'],
    [
      'ramp: { from: 20/h, to: 22/h, stages: 5 }',
      's.yaml:3:39: 5 stages cannot all differ between 20/h and 22/h; allowed: at most 3 stages',
    ],
    ['ramp: { from: none, to: unlimited, stages: 5 }', 's.yaml:3:15: from of the ramp is none'],
    ['ramp: { from: 1/h, to: 22/h, stages: 1 }', 's.yaml:3:38: stages cannot be 1'],
    [
      'ramp: { from: 1/h, to: 22/h, stages: 4, curve: exponential }',
      's.yaml:3:48: curve cannot be "exponential"; allowed: geometric, linear',
    ],
    ['stages: []', 's.yaml:3:1: schedule s has no stages'],
    ['stages: [{ max-msg-per-day: 5 }]', 's.yaml:3:10: max-msg-per-hour is missing from item 1 of stages'],
    ['stages: [{ max-msg-per-hour: unlimited }]', 's.yaml:3:30: max-msg-per-hour of stage 1 is unlimited'],
    ['stages: [{ max-msg-per-hour: 5 }]\nramp: { from: 1/h, to: 22/h, stages: 5 }', 's.yaml:3:1: schedule s has a ramp and stages'],
    ['', 's.yaml:1:1: schedule s has no stages'],
  ])('%s is refused', (text, fault) => {
    expect(lines(readSchedule(`${HEAD}${text}\n`).faults)[0]).toContain(fault);
  });
});

describe('stages', () => {
  it('take any limit key and say where each was written', () => {
    const { stages } = schedule(
      'stages:\n  - { max-msg-per-hour: 20, max-msg-per-day: 200, max-connect-rate: 2/m }\n  - max-msg-per-hour: 30/h\n',
    );
    expect(stages).toMatchObject([
      {
        number: 1,
        from: { line: 4, col: 5 },
        limits: {
          maxMsgPerDay: { value: 200, from: { file: 's.yaml', line: 4, col: 29 } },
          maxConnectRate: { value: { count: 2, per: 60_000 } },
        },
      },
      { number: 2, from: { line: 5, col: 5 }, limits: { maxMsgPerHour: { value: 30 } } },
    ]);
  });

  it('of a provider are scaled, or its own', () => {
    const { providers } = schedule(
      `${RAMP}providers:\n  half: { scale: 0.5 }\n  tiny: { scale: 1% }\n  own: { stages: [{ max-msg-per-hour: 3 }] }\n`,
    );
    const first = (name: string) =>
      providers
        .get(name)
        ?.stages.map(stage => stage.limits.maxMsgPerHour?.value)
        .slice(0, 3);
    expect(first('half')).toEqual([5, 7, 9]);
    expect(first('tiny')).toEqual([1, 1, 1]);
    expect(first('own')).toEqual([3]);
    expect(providers.get('half')?.stages[0]?.limits.maxMsgPerHour?.from).toEqual({ file: 's.yaml', line: 5, col: 11 });
  });

  it.each([
    ['{ scale: 2 }', 'a share above 0 and at most 1'],
    ['{ scale: 0 }', 'a share above 0 and at most 1'],
    ['{}', 'big says neither scale nor stages'],
    ['{ scale: 0.5, stages: [{ max-msg-per-hour: 3 }] }', 'big says scale and stages'],
  ])('of a provider cannot be %s', (own, fault) => {
    expect(lines(readSchedule(`${HEAD}${RAMP}providers: { big: ${own} }\n`).faults).join()).toContain(fault);
  });
});

describe('gates', () => {
  it('have the defaults of a schedule that says nothing', () => {
    const { gates, idle, growth, timezone, advance } = schedule(RAMP);
    const said = (list: Schedule['gates']['hold']) => list.map(({ text }) => text);
    expect(said(gates.advance)).toEqual(['sent >= 50%', 'delivered >= 90%']);
    expect(said(gates.hold)).toEqual(['deferral-rate > 10%', 'hard-bounce-rate > 5%', 'complaint-rate > 0.1%', 'window-open > 4h']);
    expect(said(gates.stepBack)).toEqual(['deferral-rate > 30%', 'block-rate > 1%', 'complaint-rate > 0.3%']);
    expect(gates.minSample).toBe(20);
    expect({ idle, growth, timezone, advance }).toEqual({
      idle: { after: 10 * DAY, stepBack: 1, every: 7 * DAY, restartAfter: 30 * DAY },
      growth: 2,
      timezone: 'UTC',
      advance: 'earned',
    });
  });

  it('are fractions and milliseconds, with the place of their key', () => {
    const { gates } = schedule(`${RAMP}gates:\n  hold: { deferral-rate: "> 12.5%", window-open: ">=90m" }\n  min-sample: 50\n`);
    expect(gates.hold).toEqual([
      { metric: 'deferral-rate', op: '>', value: 0.125, text: 'deferral-rate > 12.5%', from: { file: 's.yaml', line: 5, col: 11 } },
      { metric: 'window-open', op: '>=', value: 1.5 * HOUR, text: 'window-open >= 90m', from: { file: 's.yaml', line: 5, col: 37 } },
    ]);
    expect(gates.minSample).toBe(50);
    expect(gates.advance).toHaveLength(2);
  });

  it('of an empty group are none', () => {
    expect(schedule(`${RAMP}gates: { hold: {} }\n`).gates.hold).toEqual([]);
  });

  it.each([
    ['{ hold: { deferral-rate: "> 10" } }', 'the % sign is missing'],
    ['{ hold: { deferral-rate: 10% } }', 'it begins with >, >=, < or <='],
    ['{ hold: { window-open: "> 10%" } }', 'a comparison with a time'],
    ['{ hold: { deferal-rate: "> 10%" } }', 'did you mean deferral-rate?'],
    ['{ stepback: {} }', 'did you mean step-back?'],
    ['{ min-sample: 0 }', 'a whole number from 1 up'],
  ])('%s is refused', (gates, fault) => {
    expect(lines(readSchedule(`${HEAD}${RAMP}gates: ${gates}\n`).faults).join()).toContain(fault);
  });
});

describe('a schedule', () => {
  it.each([
    ['tick: "0 0 4 * * *"', 'there is no field for seconds'],
    ['tick: "61 4 * * *"', 'five fields'],
    ['tick: "@daily"', 'five fields'],
    ['tick: "0 4 29 2 *"', 'a cron expression that comes at least once a year'],
    ['tick: "0 4 29 2 1"', 'there is no such day in 2025'],
    ['tick: "0 4 * 2 mon#5"', 'there is no such day in 2025'],
    ['tick: "0 4 31 12 5"', 'there is no such day in 2025'],
    ['timezone: Mars/Olympus', 'timezone cannot be "Mars/Olympus"'],
    ['growth: 1', 'a factor above 1'],
    ['idle: { every: 0s }', 'a time above zero'],
    ['advance: daily', 'earned, calendar'],
  ])('with %s is refused', (line, fault) => {
    const head = line.startsWith('tick') ? 'name: s\n' : HEAD;
    expect(lines(readSchedule(`${head}${RAMP}${line}\n`).faults).join()).toContain(fault);
  });

  it.each(['0 4 * * 1-5', '0 4 L * *', '0 4 31 * *', '0 4 1 jan *', '0 4 * * mon#5', '0 4 13 * 5'])('may tick at %s', tick => {
    expect(readSchedule(`name: s\ntick: "${tick}"\n${RAMP}`).faults).toEqual([]);
  });

  it('can do without cooling and without a limit of growth', () => {
    const { idle, growth } = schedule(`${RAMP}idle: none\ngrowth: unlimited\nadvance: calendar\ntimezone: Europe/Berlin\n`);
    expect([idle.after, idle.restartAfter, growth]).toEqual([Infinity, Infinity, Infinity]);
  });
});

describe('the linter', () => {
  const linted = (more: string): Findings => {
    const findings = new Findings();
    lintSchedule(schedule(more), findings);
    return findings;
  };
  const warnings = (more: string): string[] => linted(more).warnings.map(({ code }) => code);
  const stages = (...list: string[]) => `stages: [${list.map(stage => `{ ${stage} }`).join(', ')}]\n`;

  it.each([
    ['dip', stages('max-msg-per-hour: 50', 'max-msg-per-hour: 40')],
    ['dip', stages('max-msg-per-hour: 50, max-msg-per-day: 500', 'max-msg-per-hour: 60, max-msg-per-day: 400')],
    ['dip', `${RAMP}providers: { big: { stages: [{ max-msg-per-hour: 5 }, { max-msg-per-hour: 4 }] } }\n`],
    ['day-below-hour', stages('max-msg-per-hour: 50, max-msg-per-day: 40')],
    ['stuck-stage', stages('max-msg-per-hour: 50, max-smtp-out: none')],
    ['stuck-stage', stages('max-msg-per-hour: 50, max-connect-rate: none')],
    ['stuck-stage', stages('max-msg-per-hour: 100, max-msg-rate: 10/h')],
    ['stuck-stage', `${RAMP}gates: { advance: { sent: ">= 301%" } }\n`],
    ['stuck-stage', `${stages('max-msg-per-hour: 50, max-msg-per-day: 500')}gates: { advance: { sent: "> 100%" } }\n`],
    [
      'stuck-stage',
      `${stages('max-msg-per-hour: 50', 'max-msg-per-hour: 60, max-msg-per-day: 480')}gates: { advance: { sent: ">= 150%" } }\n`,
    ],
    ['stuck-stage', `${RAMP}gates: { advance: { delivered: "> 100%" } }\n`],
  ])('refuses %s: %s', (code, text) => {
    const findings = linted(text);
    expect(findings.faults.map(fault => fault.code)).toEqual([code]);
    expect(findings.warnings).toEqual([]);
  });

  it('finds a fall behind a stage that says nothing', () => {
    const { faults, warnings: besides } = linted(
      stages('max-msg-per-hour: 50, max-msg-per-day: 500', 'max-msg-per-hour: 60', 'max-msg-per-hour: 70, max-msg-per-day: 400'),
    );
    expect(faults.map(({ code, what }) => [code, what])).toEqual([['dip', 'schedule s: max-msg-per-day falls from 500 to 400 at stage 3']]);
    expect(besides.map(({ code }) => code)).toEqual(['gap']);
  });

  it.each([
    ['jump', stages('max-msg-per-hour: 50', 'max-msg-per-hour: 101')],
    ['gap', stages('max-msg-per-hour: 50, max-smtp-out: 2', 'max-msg-per-hour: 60', 'max-msg-per-hour: 70, max-smtp-out: 4')],
    ['small-stage', stages('max-msg-per-hour: 2', 'max-msg-per-hour: 3')],
    ['jump', 'ramp: { from: 10/h, to: 10000/h, stages: 4 }\n'],
    ['unreachable-gate', `${RAMP}advance: calendar\ngates: { advance: { sent: ">= 301%" } }\n`],
    ['unreachable-gate', `${RAMP}gates: { hold: { deferral-rate: "> 30%" } }\n`],
    ['unreachable-gate', `${RAMP}gates: { hold: { window-open: "> 25h" } }\n`],
    ['backward-gate', `${RAMP}gates: { hold: { deferral-rate: "< 10%" } }\n`],
    ['backward-gate', `${RAMP}gates: { advance: { sent: "< 50%" } }\n`],
    ['no-advance-gate', `${RAMP}gates: { advance: {} }\n`],
  ])('says %s: %s', (code, text) => {
    const findings = linted(text);
    expect(findings.warnings.map(warning => warning.code)).toEqual([code]);
    expect(findings.faults).toEqual([]);
  });

  it.each([
    [stages('max-msg-per-hour: 50', 'max-msg-per-hour: 100')],
    [stages('max-msg-per-hour: 50', 'max-msg-per-hour: 50')],
    [stages('max-msg-per-hour: 100, max-msg-rate: 25/h')],
    [stages('max-msg-per-hour: 50, max-msg-per-day: 50', 'max-msg-per-hour: 50, max-msg-per-day: 50')],
    [`${RAMP}providers: { big: { scale: 0.1 } }\n`],
    [`${RAMP}gates: { advance: { sent: ">= 300%" } }\n`],
  ])('is silent about %s', text => {
    expect(warnings(text)).toEqual([]);
    expect(linted(text).faults).toEqual([]);
  });

  it('knows the hours that a zone skips', () => {
    const at = (tick: string, zone: string) => {
      const findings = new Findings();
      lintSchedule(good(readSchedule(`name: s\ntick: "${tick}"\ntimezone: ${zone}\n${RAMP}`)), findings);
      return findings.warnings.map(({ code }) => code);
    };
    expect(at('30 2 * * *', 'Europe/Berlin')).toEqual(['skipped-tick']);
    expect(at('0 3 * * *', 'Europe/Berlin')).toEqual([]);
    expect(at('30 2 * * *', 'UTC')).toEqual([]);
    expect(at('0 4,16 * * *', 'UTC')).toEqual(['many-ticks']);
  });

  it('finds the skipped times by the day', () => {
    expect(skippedTime('Europe/Berlin', 2, 0)).toBe('2025-03-30');
    expect(skippedTime('America/New_York', 2, 59)).toBe('2025-03-09');
    expect(skippedTime('America/New_York', 3, 0)).toBeUndefined();
    expect(skippedTime('Australia/Lord_Howe', 2, 29)).toBe('2025-10-05');
    expect(skippedTime('Australia/Lord_Howe', 2, 30)).toBeUndefined();
    expect(skippedTime('Asia/Kolkata', 2, 30)).toBeUndefined();
  });
});
