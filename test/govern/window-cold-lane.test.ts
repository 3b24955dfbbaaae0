/**
 * Rules written for lanes at full speed, on a lane that may send 20 an hour: what of a window binds there, and what the
 * reasons say of it. Nobody is told that a window slows what something else slows more.
 */
import { expect, it } from 'vitest';
import { type Ground, HOT, match, MINUTE, provider, rule, source, Stand } from './ground.js';

const COLD: Ground = {
  sources: [source('hot', '192.0.2.1')],
  providers: [provider('alpha', { maxMsgPerHour: 20, maxSmtpOut: 8 })],
  defaults: { pacing: 'burst' },
};

/** Sends until the lane says wait; how many went, and why no more. */
function drained(s: Stand) {
  for (let sent = 0; sent <= 100; sent++) {
    const verdict = s.ask(HOT);
    if (!verdict.go) return { sent, because: verdict.because() };
    s.governor.present(verdict.permit, s.now);
    s.answer(verdict.permit);
  }
  throw new Error('the lane never stops');
}

it('a rate above the cap changes nothing, and no reason names it; trouble itself cuts the connections', () => {
  const s = new Stand(COLD);
  s.send(HOT, match({ rule: rule('rp-001', { maxSmtpOut: 5, maxMsgPerHour: 1_000 }) }));
  expect(s.governor.windows(s.now)).toMatchObject([{ id: 'w1', maxMsgPerHour: 1_000 }]);
  expect(s.governor.laneStatus(HOT, s.now)).toMatchObject({ maxMsgPerHour: 20, windows: ['w1'] });
  expect(s.governor.laneStatus(HOT, s.now).maxSmtpOut).toBeLessThan(5);
  const { sent, because } = drained(s);
  expect(sent).toBe(19);
  expect(because[0]).toMatchObject({ limit: 'max-msg-per-hour', value: 20, from: expect.stringContaining('alpha.yaml') as string });
  expect(because.filter(reason => reason.window !== undefined)).toEqual([]);
});

it('repeated matches halve it down to its floor: below the cap it binds, and is named', () => {
  const halved = (perHour: number) => {
    const s = new Stand(COLD);
    const slow = match({ rule: rule('slow', { maxMsgPerHour: perHour }) });
    for (let hit = 0; hit < 4; hit++) {
      s.send(HOT, slow);
      s.now += MINUTE;
    }
    return { s, cap: s.governor.laneStatus(HOT, s.now).maxMsgPerHour };
  };
  // 60, 30, 15, 12: the floor of every window.
  const { s, cap } = halved(60);
  expect(cap).toBe(12);
  const { sent, because } = drained(s);
  expect(sent).toBe(8);
  expect(because[0]).toMatchObject({ limit: 'max-msg-per-hour', value: 12, window: 'w1' });
  // 1000 stops at a tenth of itself, which is still above the cap.
  expect(halved(1_000).cap).toBe(20);
});
