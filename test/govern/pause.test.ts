/**
 * What a person paused stays paused until a person resumes it, whatever a reload calls it.
 */
import { describe, expect, it } from 'vitest';
import { HOUR, type Recorded, settings, source, Stand, T0 } from './ground.js';

const [A, B] = ['192.0.2.1', '192.0.2.2'];
const named = (names: Readonly<Record<string, string>>) => settings({ sources: Object.entries(names).map(([n, a]) => source(n, a)) });
const lane = (name: string, provider = 'alpha') => ({ source: name, provider });
const goes = (s: Stand, name: string, provider?: string) => s.governor.explain(lane(name, provider), {}, s.now).verdict.go;
const COLD = { kind: 'source', name: 'cold' } as const;

function paused(...targets: readonly Parameters<Stand['governor']['pause']>[0][]): Stand {
  const s = new Stand(named({ cold: A, hot: B }));
  for (const target of targets) s.governor.pause(target, 'operator:eve', 'new address', s.now);
  return s;
}

/** The next process, from the journal alone or from a snapshot as JSON. */
function restarted(s: Stand, names: Readonly<Record<string, string>>, snapshot = true): Stand {
  const state = snapshot ? (JSON.parse(JSON.stringify(s.governor.snapshot())) as ReturnType<typeof s.governor.snapshot>) : undefined;
  const after = snapshot ? [] : (s.journal as readonly Recorded[]);
  return new Stand(named(names), s.now, undefined, governor => governor.restore(state, after));
}

describe('a paused source', () => {
  it('that a reload gives another name stays paused, and its old name is free', () => {
    const s = paused(COLD, { kind: 'lane', name: 'hot/alpha' });
    s.now += HOUR;
    s.governor.configure(named({ warm: A, mta: B, cold: '192.0.2.3' }), s.now);
    expect([goes(s, 'warm'), goes(s, 'mta'), goes(s, 'mta', 'beta'), goes(s, 'cold')]).toEqual([false, false, true, true]);
    expect(s.governor.paused({ kind: 'source', name: 'warm' })).toMatchObject({ from: 'operator:eve: new address' });
    expect(s.governor.pausedNames('source')).toEqual(['warm']);
    expect(s.journal.at(-1)).toMatchObject({ type: 'paused', author: 'reload' });
    expect(s.governor.resume({ kind: 'source', name: 'warm' }, 'operator:eve', s.now)).toBe(true);
    expect(goes(s, 'warm')).toBe(true);
    for (const snapshot of [true, false]) {
      const again = restarted(s, { warm: A, mta: B }, snapshot);
      expect([goes(again, 'warm'), goes(again, 'mta')]).toEqual([true, false]);
    }
  });

  it('changes names with another: each pause stays with its address', () => {
    const s = paused(COLD);
    s.governor.configure(named({ hot: A, cold: B }), s.now);
    expect([goes(s, 'hot'), goes(s, 'cold')]).toEqual([false, true]);
    const both = paused(COLD, { kind: 'source', name: 'hot' });
    both.governor.configure(named({ hot: A, cold: B }), both.now);
    for (const one of [both, restarted(both, { hot: A, cold: B }, false)])
      expect([goes(one, 'hot'), goes(one, 'cold')]).toEqual([false, false]);
  });

  it('is known by its address over a restart', () => {
    for (const snapshot of [true, false]) {
      const again = restarted(paused(COLD), { mta: A, hot: B }, snapshot);
      expect([goes(again, 'mta'), goes(again, 'hot')]).toEqual([false, true]);
    }
  });

  it('keeps its pause when it gets another address, which no other name takes away later', () => {
    const s = paused(COLD);
    s.governor.configure(named({ cold: B }), s.now);
    expect(goes(s, 'cold')).toBe(false);
    const again = restarted(s, { cold: B, hot: A }, false);
    s.governor.configure(named({ cold: B, hot: A }), s.now);
    for (const one of [s, again]) expect([goes(one, 'cold'), goes(one, 'hot')]).toEqual([false, true]);
  });

  it('that no configuration names is paused when it comes back', () => {
    const s = paused(COLD);
    s.governor.configure(named({ hot: B }), s.now);
    s.governor.configure(named({ hot: B, mta: A }), s.now);
    expect(goes(s, 'mta')).toBe(false);
  });

  it('of an older state, which knows no address, is found by its name', () => {
    const governor = { lastRecord: 1, nextWindow: 1, state: { 'paused:source:cold': { by: 'operator:eve', at: T0 } } };
    const s = new Stand(named({ cold: A }), T0, undefined, g => g.restore(governor, []));
    s.governor.configure(named({ mta: A }), s.now);
    expect(goes(s, 'mta')).toBe(false);
  });
});
