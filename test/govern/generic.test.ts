import { expect, it } from 'vitest';
import { createGovernor } from '../../src/govern/governor.js';
import { provider, settings, T0 } from './ground.js';

const governor = (defaults: Parameters<typeof settings>[0]) => {
  const made = createGovernor({ journal: () => undefined, ledger: () => undefined, changed: () => undefined });
  made.configure(settings(defaults), T0);
  return made;
};
const limitsOf = (made: ReturnType<typeof governor>, name: string) => made.laneLimits({ source: 'hot', provider: name });

it('the generic file speaks for providers without one, where defaults say nothing', () => {
  const generic = provider('generic', { maxMsgPerConnection: 7, maxRcptPerMessage: 9 });
  const made = governor({ providers: [provider('alpha'), generic], defaults: { maxRcptPerMessage: 33 } });
  expect(limitsOf(made, 'mx.nobody-knows.example')).toMatchObject({ maxMsgPerConnection: 7, maxRcptPerMessage: 33 });
});

it('and not for providers that have a file', () => {
  const generic = provider('generic', { maxMsgPerConnection: 7 });
  const made = governor({ providers: [provider('alpha', { maxMsgPerConnection: 50 }), provider('beta'), generic] });
  expect(limitsOf(made, 'alpha').maxMsgPerConnection).toBe(50);
  expect(limitsOf(made, 'beta').maxMsgPerConnection).not.toBe(7);
});

it('and is reckoned with in a forecast', () => {
  const made = governor({ providers: [provider('alpha'), provider('generic', { maxMsgPerHour: 10 })] });
  const leaves = (name: string) =>
    made.forecast(['hot'], [{ provider: name, warmOnly: false, ages: [{ accepted: T0, count: 1_000 }] }], T0).days[0]?.leaves;
  expect([leaves('alpha'), leaves('mx.nobody-knows.example')]).toEqual([1_000, 240]);
});
