/** Which lanes a glance holds when there are more than it has room for. */
import { expect, it } from 'vitest';
import type { LaneName } from '../../src/kernel/verdict.js';
import { createShown, type ShownParts } from '../../src/daemon/shown.js';

it('is those with connections, then those that mail waits for or a window is open on, then others', () => {
  const lane = (source: string, provider: string): LaneName => ({ source, provider });
  const known = (name: LaneName, sessions: number, groups: number) =>
    [
      `${name.source}/${name.provider}`,
      { key: `${name.source}/${name.provider}`, name, sessions: { size: sessions }, groups: { size: groups } },
    ] as const;
  const all = new Map([known(lane('a', 'waits'), 0, 1), known(lane('a', 'sends'), 2, 1), known(lane('b', 'idle'), 0, 0)]);
  const parts = {
    clock: { now: () => 0, wall: () => 0 },
    settings: () => ({ sources: new Map([['b', { name: 'b', address: '192.0.2.2' }]]) }),
    governor: {
      lanes: () => [lane('a', 'old'), lane('b', 'slowed'), lane('a', 'older'), lane('a', 'sends')],
      windows: () => [{ address: '192.0.2.2', provider: 'slowed', reply: '', from: { file: '', line: 1, col: 1 } }],
    },
    dispatcher: {
      lanes: { all, matching: (source?: string) => [...all.values()].filter(l => source === undefined || l.name.source === source) },
    },
  } as unknown as ShownParts;
  const shown = createShown(parts);
  const chosen = (most: number, source?: string) => shown.laneNames(most, source).map(l => `${l.source}/${l.provider}`);
  expect(chosen(100)).toHaveLength(6);
  expect(chosen(1)).toEqual(['a/sends']);
  expect(chosen(3).slice().sort()).toEqual(['a/sends', 'a/waits', 'b/slowed']);
  expect(chosen(4)).toHaveLength(4);
  expect(chosen(1, 'b')).toEqual(['b/slowed']);
});
