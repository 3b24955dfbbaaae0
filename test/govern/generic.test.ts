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
