/** Undoing what a person did: everything is as before, nothing is looser than before, and nobody's later word is overruled. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { StageVerb } from '../../src/kernel/governor.js';
import { Trace } from '../../src/govern/undo.js';
import { DAY, HOT, HOUR, match, MINUTE, type Recorded, rule, schedule, settings, source, Stand } from './ground.js';

const COLD = { source: 'cold', provider: 'alpha' };
const from = { file: 'rampd.yaml', line: 9, col: 3 };
const LADDER = [10, 20, 40, 80];
const ground = (caps: readonly number[] = LADDER, own = true) =>
  settings({
    sources: [source('hot', '192.0.2.1'), source('cold', '192.0.2.9', {}, { schedule: 'ramp', stage: 2, from })],
    schedules: [
      schedule('ramp', caps, {
        ...(own ? { providers: new Map([['beta', { stages: schedule('x', [5, 10, 20, 40]).stages, from }]]) } : {}),
      }),
    ],
    defaults: { pacing: 'burst' },
  });
const stand = (own = true): Stand => new Stand(ground(LADDER, own));

function past(s: Stand, id: number, journal: readonly Recorded[] = s.journal) {
  const trace = new Trace(id);
  for (const record of journal) trace.note(record);
  return trace.found;
}
const undo = (s: Stand, id: number, why?: string): string => s.governor.undo(past(s, id), 'operator:ann', why, s.now);
const verb = (s: Stand, what: StageVerb, options: { provider?: string; stage?: number } = {}): number => {
  const id = last(s).id + 1;
  s.governor.stage(what, 'cold', options, 'operator:eve', 'because', s.now);
  return id;
};
const last = (s: Stand): Recorded => s.journal.at(-1) as Recorded;
const cap = (s: Stand, lane = COLD): number => s.governor.laneStatus(lane, s.now).maxMsgPerHour;
const state = (s: Stand) => s.governor.snapshot().state;

describe('an undone word on a stage', () => {
  it.each([
    ['hold', {}, undefined],
    ['advance', {}, undefined],
    ['advance', { stage: 4 }, undefined],
    ['step-back', {}, undefined],
    ['graduate', {}, undefined],
    ['release', {}, 'hold'],
  ] as [StageVerb, { stage?: number }, StageVerb | undefined][])('%s %j leaves all as it was', (what, options, first) => {
    const s = stand(false);
    if (first) verb(s, first);
    const [before, was] = [state(s), cap(s)];
    const id = verb(s, what, options);
    expect(state(s)).not.toEqual(before);
    s.woken.length = 0;
    undo(s, id, 'wrong source');
    expect(state(s)).toEqual(before);
    expect(cap(s)).toBe(was);
    expect(last(s)).toMatchObject({ type: 'undone', cause: id, author: 'operator:ann', source: 'cold' });
    expect(last(s).text).toMatch(new RegExp(`^record ${id} is undone: cold is at stage 2/4, 20/h.* \\(wrong source\\)$`));
    expect(s.woken).toContain('cold/*');
  });

  it('takes back what it did to providers, too', () => {
    const s = stand();
    const before = state(s);
    const id = verb(s, 'restart');
    expect(s.journal.filter(r => r.cause === id)).toHaveLength(1);
    expect(cap(s, { source: 'cold', provider: 'beta' })).toBe(5);
    undo(s, id);
    expect(state(s)).toEqual(before);
    expect(() => undo(s, id + 1)).toThrow(`record ${id + 1} (stage-back, operator:eve) is a part of record ${id}: undo that one`);
  });

  it('brings down a provider that would lead its source', () => {
    const s = stand();
    const id = verb(s, 'advance');
    verb(s, 'advance', { provider: 'beta' });
    undo(s, id);
    expect(last(s)).toMatchObject({ type: 'stage-back', provider: 'beta', author: 'operator:ann' });
    expect(cap(s, { source: 'cold', provider: 'beta' })).toBe(10);
  });

  it('keeps what mail has counted since', () => {
    const s = stand(false);
    const id = verb(s, 'advance');
    s.send(COLD, match(), 7);
    undo(s, id);
    expect(s.governor.sourceStatus('cold', s.now)).toMatchObject({ stage: 2, attemptsToday: 7, deliveredToday: 7, attemptsLastHour: 7 });
    expect(s.ask(COLD, 20)).toMatchObject({ go: true, permit: { slots: 13 } });
  });

  it('voids permits granted under the looser limit', () => {
    const s = stand(false);
    const id = verb(s, 'advance');
    const permit = s.go(COLD);
    undo(s, id);
    expect(s.governor.present(permit, s.now)).toBe(false);
  });

  it('never raises a cap above what was in force before the act, whatever a reload has made of the schedule', () => {
    const s = stand(false);
    const id = verb(s, 'advance');
    // Stage 3, where it stands, is the same; stage 2, where it goes back to, is three times what it was.
    s.governor.configure(ground([10, 30, 40, 80], false), s.now);
    expect(last(s).id).toBe(id);
    undo(s, id);
    expect(cap(s)).toBe(10);
  });
});

describe('an undo is refused', () => {
  it('when a later record changed the same keys, and names it', () => {
    const s = stand(false);
    const id = verb(s, 'hold');
    s.now += DAY;
    s.governor.judge('cold', s.now, s.now);
    const before = state(s);
    expect(() => undo(s, id)).toThrow(
      `record ${id} (held, operator:eve) is overtaken by record ${id + 1} (stage-held, tick): held by a person`,
    );
    expect(state(s)).toEqual(before);
    expect(last(s).id).toBe(id + 1);
  });

  it('counter-test: without that, an advance would come back over a brake', () => {
    const s = stand(false);
    const id = verb(s, 'step-back');
    s.send(COLD, match({ rule: rule('back', { window: HOUR, maxMsgPerHour: 5, warmUp: 'step-back', class: 'block.ip' }) }));
    expect(last(s).type).toBe('stage-braked');
    expect(() => undo(s, id)).toThrow('is overtaken by record');
    const { records } = past(s, id);
    s.governor.undo({ records }, 'operator:ann', undefined, s.now);
    expect(s.governor.sourceStatus('cold', s.now).maxMsgPerHour).toBe(20);
  });

  it('is not overtaken by changes of anything else', () => {
    const s = stand(false);
    const id = verb(s, 'hold');
    s.send(HOT, match({ rule: rule('slow', { maxMsgPerHour: 60 }) }));
    s.governor.pause({ kind: 'source', name: 'cold' }, 'operator:eve', undefined, s.now);
    s.governor.resume({ kind: 'source', name: 'cold' }, 'operator:eve', s.now + HOUR);
    undo(s, id);
    expect(s.governor.sourceStatus('cold', s.now).state).toBe('warming');
  });

  it('twice, of an undo, of what no person did, and of what is not there', () => {
    const s = stand(false);
    const id = verb(s, 'hold');
    undo(s, id);
    expect(() => undo(s, id)).toThrow(`record ${id} (held, operator:eve) is undone already, by record ${id + 1}`);
    expect(() => undo(s, id + 1)).toThrow(`record ${id + 1} (undone, operator:ann) is itself an undo`);
    s.governor.note('reloaded', 'operator:eve', 'x', s.now);
    expect(() => undo(s, id + 2)).toThrow('(reloaded, operator:eve) cannot be undone: only pause, resume, lift');
    s.send(HOT, match({ rule: rule('slow', { maxMsgPerHour: 60 }) }));
    expect(() => undo(s, id + 3)).toThrow('(window-opened, rule:alpha/slow) cannot be undone');
    expect(() => undo(s, 999)).toThrow('there is no such record');
  });

  it('of a stage that is no more', () => {
    const s = stand();
    const id = verb(s, 'hold', { provider: 'beta' });
    s.governor.configure(ground(LADDER, false), s.now);
    expect(() => undo(s, id)).toThrow('beta has no stage of its own on cold any more');
    s.governor.configure(settings({ sources: [source('hot', '192.0.2.1'), source('cold', '192.0.2.9')] }), s.now);
    expect(() => undo(s, id)).toThrow('no source with address 192.0.2.9 has a warm-up schedule any more');
  });
});

describe('an undone pause', () => {
  it('is a resume, and its time counts as away', () => {
    const s = stand(false);
    s.governor.pause({ kind: 'source', name: 'cold' }, 'operator:eve', 'oops', s.now);
    const id = last(s).id;
    s.now += HOUR;
    // A restart notes its own absence meanwhile; that changes nothing a person decided.
    s.governor.noteDowntime(s.now - MINUTE, s.now);
    s.governor.note('started', 'daemon', 'started', s.now);
    undo(s, id);
    expect(s.governor.sourceStatus('cold', s.now).state).toBe('warming');
    expect(last(s)).toMatchObject({ type: 'undone', text: `record ${id} is undone: source cold is no longer paused`, source: 'cold' });
    expect(last(s).state).toEqual({ 'paused:source:cold': null, 'away:192.0.2.9': [{ from: s.now - HOUR, to: s.now }] });
  });

  it.each([
    { kind: 'source', name: 'cold' },
    { kind: 'provider', name: 'alpha' },
    { kind: 'lane', name: 'cold/alpha' },
  ] as const)('resume pauses $kind $name again, from now on', target => {
    const s = stand(false);
    s.governor.pause(target, 'operator:eve', 'a reason', s.now);
    s.now += HOUR;
    s.governor.resume(target, 'operator:eve', s.now);
    const id = last(s).id;
    const permit = s.go(COLD);
    s.now += HOUR;
    s.woken.length = 0;
    undo(s, id);
    expect(s.governor.present(permit, s.now)).toBe(false);
    const verdict = s.ask(COLD);
    expect(!verdict.go && verdict.because()[0]).toMatchObject({ limit: 'paused', from: 'operator:eve: a reason' });
    expect(last(s).state).toMatchObject({ [`paused:${target.kind}:${target.name}`]: { by: 'operator:eve', why: 'a reason', at: s.now } });
    expect(s.woken).toHaveLength(1);
  });

  it('of a queue touches no lane', () => {
    const s = stand(false);
    s.governor.pause({ kind: 'queue', name: 'a:b@pool' }, 'operator:eve', undefined, s.now);
    s.woken.length = 0;
    undo(s, last(s).id);
    expect(s.governor.paused({ kind: 'queue', name: 'a:b@pool' })).toBeUndefined();
    expect(s.woken).toEqual([]);
  });
});

describe('a lifted window', () => {
  const slow = rule('slow', { window: HOUR, maxMsgPerHour: 60, recover: HOUR });
  const lifted = (): { s: Stand; id: number } => {
    const s = new Stand(ground());
    s.send(HOT, match({ rule: slow }));
    s.now += 10 * MINUTE;
    s.governor.lift('w1', 'operator:eve', undefined, s.now);
    return { s, id: last(s).id };
  };

  it('comes back with what is left of its time', () => {
    const { s, id } = lifted();
    const permit = s.go(HOT);
    s.now += 20 * MINUTE;
    expect(cap(s, HOT)).toBe(Infinity);
    s.woken.length = 0;
    expect(undo(s, id)).toBe(`record ${id} is undone: window w1 is in force again`);
    expect(s.governor.present(permit, s.now)).toBe(false);
    expect(s.woken).toEqual(['hot/alpha']);
    expect(cap(s, HOT)).toBe(60);
    const [window] = s.governor.windows(s.now);
    expect(window).toMatchObject({ id: 'w1', until: s.now + 30 * MINUTE, recoverUntil: s.now + 90 * MINUTE, hits: 1 });
    expect(last(s)).toMatchObject({ type: 'undone', window: 'w1', source: 'hot', provider: 'alpha', reply: '421 throttle.rate' });
  });

  it('is not extended by attempts that departed while it was away; counter-test: a later one does', () => {
    const { s, id } = lifted();
    const busy = s.go(HOT);
    s.governor.present(busy, s.now);
    s.now += MINUTE;
    undo(s, id);
    s.now += MINUTE;
    s.answer(busy, match({ rule: slow }));
    expect(s.governor.windows(s.now)[0]?.hits).toBe(1);
    s.send(HOT, match({ rule: slow }));
    expect(s.governor.windows(s.now)[0]?.hits).toBe(2);
  });

  it('comes back recovering when only its return to normal is left, and not at all afterwards', () => {
    const { s, id } = lifted();
    s.now += 55 * MINUTE;
    undo(s, id);
    expect(cap(s, HOT)).toBe(120);
    const late = lifted();
    late.s.now += 110 * MINUTE;
    expect(() => undo(late.s, late.id)).toThrow('window w1 would be over by now');
    expect(late.s.governor.windows(late.s.now)).toEqual([]);
  });

  it('stays away when its rule has opened another there', () => {
    const { s, id } = lifted();
    s.send(HOT, match({ rule: slow }));
    expect(() => undo(s, id)).toThrow('alpha/slow has opened window w2 there since: that one stands');
  });
});

describe('undo', () => {
  const acts = fc.constantFrom(
    ...(['hold', 'release', 'advance', 'step-back', 'graduate', 'restart'] as StageVerb[]).flatMap(v => [
      { verb: v },
      { verb: v, provider: 'beta' },
    ]),
  );

  it('of any act restores caps and state, whatever acts came before; replaying the journal gives the same', () => {
    fc.assert(
      fc.property(fc.array(acts, { minLength: 1, maxLength: 8 }), all => {
        const s = stand();
        for (const { verb: what, ...where } of all) {
          const before = state(s);
          const caps = [cap(s), cap(s, { source: 'cold', provider: 'beta' })];
          const from = s.journal.length;
          try {
            verb(s, what, where);
          } catch {
            continue;
          }
          const id = (s.journal[from] as Recorded).id;
          undo(s, id);
          expect(state(s)).toEqual(before);
          expect([cap(s), cap(s, { source: 'cold', provider: 'beta' })]).toEqual(caps);
          s.governor.stage(what, 'cold', where, 'operator:eve', undefined, s.now);
        }
        const again = new Stand(s.settings, s.now, undefined, governor =>
          governor.restore(undefined, JSON.parse(JSON.stringify(s.journal)) as Recorded[]),
        );
        expect(again.governor.snapshot().state).toEqual(state(s));
      }),
      { numRuns: 100 },
    );
  });
});
