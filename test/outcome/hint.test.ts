import { describe, expect, it } from 'vitest';
import { DAY, HOUR, MINUTE, SECOND } from '../../src/kernel/units.js';
import { hintIn } from '../../src/outcome/hint.js';

describe('hintIn', () => {
  it.each([
    ['Please try again in 15 minutes', 15 * MINUTE],
    ['try again in 900 seconds', 900 * SECOND],
    ['Try again after 1 hour.', HOUR],
    ['Greylisting in action, please come back in 00:05:00', 5 * MINUTE],
    ['Greylisted for 300 seconds', 300 * SECOND],
    ['retry-after: 120', 120 * SECOND],
    ['please wait 10 min', 10 * MINUTE],
    ['try again in at least 2 hours', 2 * HOUR],
    ['Deferred, retry in 5m', 5 * MINUTE],
    ['try again in 900s', 900 * SECOND],
  ])('%s', (text, ms) => {
    expect(hintIn(text)).toBe(ms);
  });

  it.each([
    'Try again later, closing connection.',
    'User unknown',
    'The recipient may receive 20 messages in 1 hour',
    'in 15 minutes',
    'try again in 0 seconds',
    'try again, see error in 3 steps',
    'blocked since 2 hours, retry',
  ])('none in "%s"', text => {
    expect(hintIn(text)).toBeUndefined();
  });

  it('is at most a day, whatever a stranger asks for', () => {
    expect(hintIn('try again in 999999 hours')).toBe(DAY);
    expect(hintIn('retry-after: 999999')).toBe(DAY);
    expect(hintIn('come back in 99:00:00')).toBe(DAY);
  });
});
