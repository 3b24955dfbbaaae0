/**
 * Address families: which sources reach a group's hosts, and who goes first where a provider prefers one.
 */
import { describe, expect, it } from 'vitest';
import { Choice } from '../../src/deliver/choice.js';
import type { Lane } from '../../src/deliver/lane.js';
import { Lanes } from '../../src/deliver/lanes.js';
import { outOfReach } from '../../src/deliver/reach.js';
import type { Session } from '../../src/deliver/session.js';
import { Group } from '../../src/deliver/waiting.js';
import type { Governor } from '../../src/kernel/governor.js';
import type { RecipientState } from '../../src/kernel/message.js';
import type { AddressFamily, Settings } from '../../src/kernel/settings.js';
import type { Family } from '../../src/route/families.js';

const ADDRESSES: Readonly<Record<string, string>> = { four: '192.0.2.1', six: '2001:db8::1', 'cold-six': '2001:db8::2' };
const SITE = 'mx.example:25';

function world(addressFamily: AddressFamily, names = Object.keys(ADDRESSES)) {
  const sources = new Map(names.map(name => [name, { name, address: ADDRESSES[name] as string }]));
  const pool = { name: 'main', sources: names.map(source => ({ source, weight: 1 })), coldWait: 0 };
  const settings = {
    sources,
    pools: new Map([['main', pool]]),
    providers: new Map([['p', { addressFamily }]]),
  } as unknown as Settings;
  const governor = { isWarm: (source: string) => !source.startsWith('cold') } as unknown as Governor;
  const lanes = new Lanes(
    () => settings,
    name => name,
  );
  const joined = (families?: readonly Family[]): Group => {
    const group = new Group('main', 'p', families);
    lanes.join(group);
    return group;
  };
  const choice = new Choice(
    governor,
    () => settings,
    source => lanes.groupsOf(source),
    () => undefined,
  );
  const lane = (source: string): Lane => lanes.get(source, 'p') as Lane;
  return { settings, joined, choice, lane };
}

const sourcesOf = (group: Group): string[] => group.lanes.map(l => l.source);

describe('the lanes of a group', () => {
  it('are those whose sources reach its hosts', () => {
    const { joined } = world('any');
    expect(sourcesOf(joined([4]))).toEqual(['four']);
    expect(sourcesOf(joined([6]))).toEqual(['six', 'cold-six']);
    expect(sourcesOf(joined([4, 6]))).toEqual(['four', 'six', 'cold-six']);
    expect(sourcesOf(joined())).toEqual(['four', 'six', 'cold-six']);
  });

  it('are those of the family the provider takes', () => {
    expect(sourcesOf(world('ipv6').joined([4, 6]))).toEqual(['six', 'cold-six']);
    expect(sourcesOf(world('ipv4').joined())).toEqual(['four']);
    expect(sourcesOf(world('ipv4').joined([6]))).toEqual([]);
  });

  it('are in the order of preference', () => {
    expect(sourcesOf(world('prefer-ipv6').joined())).toEqual(['six', 'cold-six', 'four']);
    expect(sourcesOf(world('prefer-ipv4').joined())).toEqual(['four', 'six', 'cold-six']);
  });

  it('are none, with a reason', () => {
    const why = (wish: AddressFamily, families: readonly Family[] | undefined, names?: string[]) =>
      outOfReach('main', { provider: 'p', families }, world(wish, names).settings);
    expect(why('any', [4, 6])).toBeUndefined();
    expect(why('any', [6], ['four'])).toBe('its MX hosts have IPv6 addresses only, and pool main has no IPv6 source');
    expect(why('ipv6', undefined, ['four'])).toBe('provider p takes IPv6 only, and pool main has no IPv6 source');
    expect(why('ipv6', [4])).toBe('provider p takes IPv6 only, and its MX hosts have no such address');
  });
});

describe('mail of a provider that prefers IPv6', () => {
  const { joined, choice, lane } = world('prefer-ipv6');
  const group = joined([4, 6]);
  const [four, six] = [lane('four'), lane('six')];
  const plain = {} as RecipientState;
  const leaves = (now = 1_000, state: RecipientState = plain): boolean => choice.leaves(four, group, SITE, state, now);

  it('is left to IPv6, which is told when somebody waits for it', () => {
    expect(leaves()).toBe(true);
    expect(choice.leaves(six, group, SITE, plain, 1_000)).toBe(false);
    expect(choice.yielded(six)).toEqual([four]);
    expect(choice.yielded(six)).toEqual([]);
  });

  it('is not left to a lane that a limit holds', () => {
    six.waitUntil = 2_000;
    expect([leaves(1_999), leaves(2_000)]).toEqual([false, true]);
    six.waitUntil = 0;
  });

  it('is not left to a lane that may not connect, but to one whose connection is busy', () => {
    six.connectAfter = Infinity;
    expect(leaves()).toBe(false);
    const busy = { state: 'busy', site: SITE } as Session;
    six.sessions.add(busy);
    expect(leaves()).toBe(true);
    six.sessions.delete(busy);
    six.connectAfter = 0;
  });

  it('is not left to a lane that cannot reach the site', () => {
    six.siteFailed(SITE, 'no answer', 1_000);
    expect([leaves(1_001), leaves(16_000)]).toEqual([false, true]);
    six.deadSites.clear();
  });

  it('is not left when it has to go back to the source that was greylisted, or to avoid the other', () => {
    expect(leaves(1_000, { stick: { source: 'four', until: 9_000 } } as unknown as RecipientState)).toBe(false);
    expect(leaves(1_000, { avoid: 'six' } as unknown as RecipientState)).toBe(false);
  });

  it('is not left by a warm lane to a cold one, nor by a cold one to a warm one: warm-up decides between them', () => {
    six.retired = true;
    expect(leaves()).toBe(false);
    six.retired = false;
  });
});
