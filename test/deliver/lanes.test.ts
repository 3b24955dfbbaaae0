/** Lanes are made when they are needed, and gone when nothing is left of them. */
import { expect, it } from 'vitest';
import { Lane } from '../../src/deliver/lane.js';
import { Lanes } from '../../src/deliver/lanes.js';
import type { Session } from '../../src/deliver/session.js';
import { Group } from '../../src/deliver/waiting.js';
import type { Pool } from '../../src/kernel/settings.js';
import { MINUTE } from '../../src/kernel/units.js';
import { settings, source } from '../govern/ground.js';

const NOW = 1_000_000;

it('a lane that still had something to do when its group went is gone later', () => {
  const names = ['a', 'b', 'c'];
  const from = { file: 'rampd.yaml', line: 1, col: 1 };
  const three = {
    ...settings({ sources: names.map((name, i) => source(name, `192.0.2.${i}`)) }),
    pools: new Map([['main', { name: 'main', sources: names.map(name => ({ source: name, weight: 1 })), from } as unknown as Pool]]),
  };
  const lanes = new Lanes(
    () => three,
    name => name,
  );
  const group = new Group('main', 'mx.example');
  lanes.join(group);
  const [connected, resting, ...idle] = group.lanes;
  if (!connected || !resting) throw new Error('the pool has three sources');
  const session = { state: 'idle' } as Session;
  connected.sessions.add(session);
  resting.siteFailed('mx.example:25', 'no answer', NOW);
  expect(lanes.prune([group], NOW)).toEqual(idle);
  expect([...lanes.all.values()]).toEqual([connected, resting]);
  connected.sessions.delete(session);
  expect(lanes.prune([], NOW + MINUTE)).toEqual([connected, resting]);
  expect(lanes.all.size).toBe(0);
});

it('a site that was connected to is no trouble any more, and rests longer all the same if no mail can go', () => {
  const lane = new Lane({ source: 'a', provider: 'p' });
  lane.siteFailed('site', 'no answer', NOW);
  lane.siteConnected('site', NOW + 1);
  expect([lane.deadSites.get('site')?.reply, lane.siteRests('site', NOW + 1)]).toEqual(['', false]);
  lane.siteFailed('site', 'closed', NOW + MINUTE);
  expect([lane.siteRests('site', NOW + 2 * MINUTE - 1), lane.siteRests('site', NOW + 2 * MINUTE)]).toEqual([true, false]);
});
