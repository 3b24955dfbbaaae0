/** Time in which nothing could leave: pauses and downtime, open at the tick or over, remembered across restarts. */
import { describe, expect, it } from 'vitest';
import { Absence } from '../../src/govern/warm-up-absence.js';
import type { GovernorState } from '../../src/kernel/governor.js';
import { DAY, HOUR, match, provider, type Recorded, schedule, settings, source, Stand, T0 } from './ground.js';
import { condition } from './warm-up-world.js';

const from = { file: 'rampd.yaml', line: 3, col: 1 };
const gates = { advance: [condition('sent', '>=', 0.5)], hold: [], stepBack: [], minSample: 1 };
const stages = (perHour: readonly number[]) => schedule('own', perHour).stages;
const GROUND = settings({
  sources: [source('cold', '192.0.2.9', {}, { schedule: 'ramp', stage: 1, from })],
  providers: [provider('alpha'), provider('beta')],
  schedules: [schedule('ramp', [20, 40], { gates, providers: new Map([['beta', { stages: stages([10, 20]), from }]]) })],
  defaults: { pacing: 'burst' },
});
/** The day begins at T0. */
const stand = (): Stand => {
  const s = new Stand(GROUND);
  s.governor.judge('cold', T0, T0);
  return s;
};
/** 60 messages in the first three hours; half of six hours at the cap, not of eight. */
function mail(s: Stand, to = 'alpha', n = 20): void {
  for (let i = 0; i < 3; i++) {
    s.send({ source: 'cold', provider: to }, match(), n);
    s.now += HOUR + 1;
  }
}
function tick(s: Stand, day = 1): number | undefined {
  s.now = T0 + day * DAY;
  s.governor.judge('cold', s.now, s.now);
  return s.governor.stageOf('cold');
}
const COLD = { kind: 'source', name: 'cold' } as const;
const pause = (s: Stand, what: Parameters<Stand['governor']['pause']>[0], at: number) => {
  s.now = T0 + at;
  s.governor.pause(what, 'operator:eve', undefined, s.now);
};
const resume = (s: Stand, what: Parameters<Stand['governor']['pause']>[0], at: number) => {
  s.now = T0 + at;
  s.governor.resume(what, 'operator:eve', s.now);
};
/** The next process: the last one's snapshot, as JSON, and what was journalled after it. */
function restarted(s: Stand, snapshot: GovernorState | undefined, after: readonly Recorded[]): Stand {
  const again = new Stand(GROUND, s.now, undefined, governor => {
    governor.restore(snapshot && (JSON.parse(JSON.stringify(snapshot)) as GovernorState), after);
  });
  const day = T0;
  again.governor.restoreDays([{ address: '192.0.2.9', provider: 'alpha', day, attempts: 60, recipients: { delivered: 60 } }], again.now);
  return again;
}

describe('a day on which the source was paused', () => {
  it('is measured against the time it could send: a pause that is over', () => {
    const s = stand();
    mail(s);
    pause(s, COLD, 4 * HOUR);
    resume(s, COLD, 22 * HOUR);
    expect(tick(s)).toBe(2);
  });

  it('and one that still lasts at the tick', () => {
    const s = stand();
    mail(s);
    pause(s, COLD, 6 * HOUR);
    expect(tick(s)).toBe(2);
    expect(s.journal.filter(r => r.type === 'stage-advanced').at(-1)?.text).toContain('sent 60 of 120');
  });

  it('is not earned without the pause, nor with one too short', () => {
    const plain = stand();
    mail(plain);
    expect(tick(plain)).toBe(1);
    const short = stand();
    mail(short);
    pause(short, COLD, 6 * HOUR + 60_000);
    expect(tick(short)).toBe(1);
  });

  it('is judged by a pause alone that stopped all its lanes', () => {
    for (const what of [
      { kind: 'queue', name: 'alpha.test@main' },
      { kind: 'lane', name: 'cold/alpha' },
      { kind: 'provider', name: 'alpha' },
    ] as const) {
      const s = stand();
      mail(s);
      pause(s, what, 6 * HOUR);
      expect(tick(s)).toBe(1);
    }
  });

  it('counts each day of a long pause for itself', () => {
    const s = stand();
    mail(s);
    pause(s, COLD, 6 * HOUR);
    tick(s);
    resume(s, COLD, 2 * DAY - 3 * HOUR);
    s.send({ source: 'cold', provider: 'alpha' }, match(), 40);
    // Three hours at 40/h: 40 of 120 is too little.
    expect(tick(s, 2)).toBe(2);
    expect(s.journal.at(-2)?.text).toContain('sent 40 of 120');
  });
});

describe('a provider with a stage of its own', () => {
  const graduated = (): Stand => {
    const s = stand();
    s.governor.stage('graduate', 'cold', {}, 'operator:eve', undefined, s.now);
    return s;
  };
  const earned = (s: Stand) => s.journal.filter(r => r.type === 'stage-advanced' && r.provider === 'beta').length;

  it('is measured against the time its lane could send', () => {
    for (const what of [{ kind: 'lane', name: 'cold/beta' }, { kind: 'provider', name: 'beta' }, COLD] as const) {
      for (const over of [false, true]) {
        const s = graduated();
        mail(s, 'beta', 10);
        pause(s, what, 5 * HOUR);
        if (over) resume(s, what, DAY - 1);
        tick(s);
        expect([what.kind, over, earned(s)]).toEqual([what.kind, over, 1]);
      }
    }
  });

  it('is not when another lane was paused', () => {
    for (const what of [
      { kind: 'lane', name: 'cold/alpha' },
      { kind: 'provider', name: 'alpha' },
    ] as const) {
      const s = graduated();
      mail(s, 'beta', 10);
      pause(s, what, 5 * HOUR);
      tick(s);
      expect(earned(s)).toBe(0);
    }
  });
});

describe('a restart', () => {
  it('keeps downtime out of the day, through the next restart too', () => {
    const s = stand();
    mail(s);
    const snapshot = s.governor.snapshot();
    s.now = T0 + 23 * HOUR;
    const first = restarted(s, snapshot, []);
    first.governor.noteDowntime(T0 + 5 * HOUR, first.now);
    first.governor.note('started', 'daemon', 'rampd started', first.now);
    expect(first.journal.at(-1)).toMatchObject({ type: 'started', state: { 'away:all': [{ from: T0 + 5 * HOUR, to: T0 + 23 * HOUR }] } });
    const byJournal = restarted(first, snapshot, first.journal);
    const bySnapshot = restarted(first, first.governor.snapshot(), []);
    const forgetful = restarted(first, snapshot, []);
    expect([tick(first), tick(byJournal), tick(bySnapshot), tick(forgetful)]).toEqual([2, 2, 2, 1]);
  });

  it('keeps a pause that was over, and one that still lasts', () => {
    const s = stand();
    mail(s);
    const snapshot = s.governor.snapshot();
    const before = s.journal.length;
    pause(s, COLD, 5 * HOUR);
    const open = s.journal.slice(before);
    expect(tick(restarted(s, snapshot, open))).toBe(2);
    resume(s, COLD, 23 * HOUR);
    expect(tick(restarted(s, snapshot, s.journal.slice(before)))).toBe(2);
    expect(tick(restarted(s, s.governor.snapshot(), []))).toBe(2);
    expect(tick(restarted(s, snapshot, []))).toBe(1);
  });

  it('without downtime records none', () => {
    const s = stand();
    s.governor.noteDowntime(s.now, s.now);
    s.governor.note('started', 'daemon', 'rampd started', s.now);
    expect(s.journal.at(-1)).not.toHaveProperty('state');
    expect(Object.keys(s.governor.snapshot().state).filter(key => key.startsWith('away:'))).toEqual([]);
  });
});

describe('spans of absence', () => {
  it('count every moment once, in any order', () => {
    const absence = new Absence();
    absence.note(undefined, undefined, 10, 20);
    absence.note('a', undefined, 40, 50);
    absence.note('a', undefined, 15, 30);
    absence.note('a', 'p', 25, 35);
    absence.note(undefined, 'p', 34, 36);
    absence.note('b', undefined, 0, 100);
    expect(absence.within('a', undefined, 0, 100)).toBe(30);
    expect(absence.within('a', 'p', 0, 100)).toBe(36);
    expect(absence.within('a', undefined, 12, 42)).toBe(20);
    expect(absence.within('a', undefined, 0, 100, 45)).toBe(80);
    expect(absence.note('a', undefined, 7, 7)).toEqual({});
  });

  it('are forgotten after 40 days, and are never many', () => {
    const absence = new Absence();
    absence.note('a', undefined, 0, HOUR);
    absence.note('a', undefined, 41 * DAY, 41 * DAY + HOUR);
    expect(absence.within('a', undefined, 0, 50 * DAY)).toBe(HOUR);
    for (let i = 0; i < 100; i++) absence.note('b', undefined, i * 10, i * 10 + 1);
    expect(absence.within('b', undefined, 0, DAY)).toBe(64);
  });
});
