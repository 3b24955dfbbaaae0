/** Who may take what is due: counts that mail outdates, slots of cold lanes. */
import { beforeEach, describe, expect, it } from 'vitest';
import { Choice } from '../../src/deliver/choice.js';
import { Lane } from '../../src/deliver/lane.js';
import { Group, Site, Waiting } from '../../src/deliver/waiting.js';
import type { Governor } from '../../src/kernel/governor.js';
import type { Queue } from '../../src/kernel/queue.js';
import type { Settings } from '../../src/kernel/settings.js';

let due: number;
let coldSlots: number;
let asked: number[];
let group: Group;
let warm: Lane;
let choice: Choice;

beforeEach(() => {
  due = 1;
  coldSlots = 0;
  asked = [];
  const governor = { isWarm: (source: string) => source === 'warm', coldSlots: () => coldSlots } as unknown as Governor;
  const pool = { coldWait: 1_000, sources: ['warm', 'cold'].map(source => ({ source, weight: 1 })) };
  const settings = { pools: new Map([['main', pool]]) } as unknown as Settings;
  group = new Group('main', 'p');
  warm = new Lane({ source: 'warm', provider: 'p' });
  group.lanes = [new Lane({ source: 'cold', provider: 'p' }), warm];
  const site = new Site('mx', group, []);
  group.sites.set('mx', site);
  site.rings.allow.add(new Waiting({ priority: 'normal', dueCountUpTo: () => due } as unknown as Queue));
  choice = new Choice(
    governor,
    () => settings,
    () => [group],
    (_, at) => asked.push(at),
  );
});

const mayTake = (now: number) => choice.mayTake(warm, group, 'allow', now);
const arrive = (n: number) => {
  due += n;
  group.dueStale = true;
};

describe('without cold slots', () => {
  it('a warm lane takes whatever there is, however old the count', () => {
    expect(mayTake(1_000)).toBe(true);
    choice.took(warm, group, 'allow', 1);
    expect(mayTake(1_000.1)).toBe(true);
  });
});

describe('with cold slots', () => {
  it('a warm lane takes what is beyond them, and is refused the rest without being asked again', () => {
    coldSlots = 5;
    due = 6;
    expect(mayTake(1_000)).toBe(true);
    choice.took(warm, group, 'allow', 1);
    expect(mayTake(1_001)).toBe(false);
    expect(asked).toEqual([]);
  });

  it('mail that came since the count is seen at the next one, which somebody is told of', () => {
    coldSlots = 5;
    due = 5;
    expect(mayTake(1_000)).toBe(false);
    arrive(3);
    expect(mayTake(1_000.5)).toBe(false);
    expect(asked).toEqual([1_001]);
    expect(mayTake(asked[0] as number)).toBe(true);
  });

  it('mail that was not there when slots were shared out has its share', () => {
    coldSlots = 5;
    due = 0;
    mayTake(1_000);
    arrive(3);
    expect(mayTake(1_002)).toBe(false);
  });
});
