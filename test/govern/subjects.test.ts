/** What windows on the mail of single domains count, and that nothing of it is left when they are over. */
import { describe, expect, it } from 'vitest';
import { Core } from '../../src/govern/core.js';
import { createRamp } from '../../src/govern/warm-up.js';
import { HOT, HOUR, match, MINUTE, provider, rule, settings, Stand, T0 } from './ground.js';

const quiet = rule('quiet', { scope: 'recipient-domain', window: 10 * MINUTE, recover: MINUTE, maxMsgPerHour: 12, warmUp: 'hold' });
const place = (subject: string) => ({ scope: 'recipient-domain', provider: 'alpha', subject }) as const;

describe('domains under a window', () => {
  it('leave nothing behind, while others are still under theirs', () => {
    const core = new Core({ journal: () => undefined, ledger: () => undefined, changed: () => undefined }, createRamp, 1);
    core.floor.configure(settings());
    core.compiler.configure(settings());
    const long = rule('long', { scope: 'recipient-domain', window: 1_000 * HOUR, maxMsgPerHour: 12 });
    core.windows.react(place('always.test'), { match: match({ rule: long }), rule: long, departed: T0, now: T0 });
    let now = T0;
    for (let i = 0; i < 6_000; i++, now += MINUTE) {
      core.windows.react(place(`d${i}.test`), { match: match({ rule: quiet }), rule: quiet, departed: now, now });
      const [subject] = core.subjects.of('alpha', 'sender.test', `d${i}.test`, now);
      subject?.account.charge(1, now, now, 12);
      core.windows.expire(now);
    }
    // A chunk has 2,048 of the smallest blocks.
    expect(core.floor.slabs.bytes).toBe(128 * 1024);
    // Of windows that hold no stage nobody asks how long they were open.
    expect(Object.keys(core.windows.snapshot()).length).toBeLessThan(20);
  });

  it('count no longer what is answered after their window is lifted', () => {
    const s = new Stand({ providers: [provider('alpha', {}, [quiet])] });
    s.send(HOT, match({ rule: quiet }));
    s.now += 5 * MINUTE;
    const permit = s.go(HOT);
    expect(s.ask(HOT, 1, { recipientDomain: 'other.test' }).go).toBe(true);
    s.governor.present(permit, s.now);
    const [window] = s.governor.windows(s.now);
    s.governor.lift(window?.id ?? '', 'operator:eve', undefined, s.now);
    s.answer(permit);
    expect(s.go(HOT, 50).slots).toBe(50);
  });
});
