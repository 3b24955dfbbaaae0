/** What is said of a webhook: nothing too often, nothing never, and the last word is true. */
import fc from 'fast-check';
import { beforeEach, describe, expect, it } from 'vitest';
import { HOUR, MINUTE, SECOND } from '../../src/kernel/units.js';
import { HookTrouble } from '../../src/outcome/hook-trouble.js';
import { createManualClock, type ManualClock } from '../../src/rehearse/manual-clock.js';

let clock: ManualClock;
let said: string[];
let told: string[];
let trouble: HookTrouble;

const begin = () => {
  clock = createManualClock(0);
  [said, told] = [[], []];
  const note = (level: string) => (_fields: object, text: string) => void said.push(`${level}: ${text}`);
  const log = { info: note('info'), warn: note('warn'), error: note('error') };
  trouble = new HookTrouble({ name: 'crm', clock, log, onTrouble: text => told.push(text) });
};
beforeEach(begin);

describe('a webhook that fails', () => {
  it('and recovers again and again is said to once in a quarter of an hour', () => {
    for (let i = 0; i < 899; i++) {
      trouble.failed('503 busy', 1, 0);
      clock.advance(SECOND);
      trouble.recovered();
    }
    expect(said).toEqual(['warn: the webhook failed and is tried again: 503 busy', 'info: the webhook takes records again']);
    clock.advance(SECOND);
    trouble.failed('503 busy', 1, 0);
    trouble.recovered();
    expect(said.slice(2)).toEqual([
      'warn: the webhook failed, for the 899th time since that was last said, and is tried again: 503 busy',
      'info: the webhook takes records again',
    ]);
    expect(told).toEqual([]);
  });

  it('for long, again and again, is told to people as seldom', () => {
    for (let minute = 0; minute < 60; minute++) {
      for (let times = 1; times <= 6; times++) trouble.failed('503', times, 7);
      trouble.recovered();
      clock.advance(MINUTE);
    }
    expect(told).toEqual(Array(4).fill('webhook crm has failed 5 times: 503; 7 bytes of records wait'));
  });

  it('gives up records: the first is told at once, others once a minute with their sum, none is left out', () => {
    for (let i = 0; i < 130; i++) {
      trouble.gaveUp(10, 'its spool is full');
      clock.advance(SECOND);
    }
    trouble.close();
    expect(told.map(text => text.replace(/ for .*/, ''))).toEqual(['10 records', '590 records', '600 records', '100 records']);
    expect(trouble.lost).toBe(1_300);
    expect(clock.pending).toBe(0);
  });

  it('whatever comes: few lines, what is said to fail is said to work again, and every record given up is told', () => {
    const step = fc.oneof(
      fc.record({ fail: fc.nat(12) }),
      fc.record({ lose: fc.integer({ min: 1, max: 9 }) }),
      fc.record({ wait: fc.nat(20 * MINUTE) }),
    );
    fc.assert(
      fc.property(fc.array(step, { maxLength: 200 }), steps => {
        begin();
        for (const s of steps) {
          if ('wait' in s) clock.advance(s.wait);
          else if ('lose' in s) trouble.gaveUp(s.lose, 'old');
          else {
            for (let times = 1; times <= s.fail; times++) trouble.failed('500', times, 1);
            if (s.fail > 0) trouble.recovered();
          }
        }
        trouble.close();
        const about = said.filter(line => !line.includes('given up'));
        const last = about.findLastIndex(line => /failed/.test(line));
        if (last >= 0) expect(about[last + 1]).toBe('info: the webhook takes records again');
        const quarters = Math.floor(clock.now() / (15 * MINUTE)) + 1;
        expect(about.length).toBeLessThanOrEqual(4 * quarters);
        const given = said.filter(line => line.includes('given up'));
        expect(given.length).toBeLessThanOrEqual(clock.now() / MINUTE + 2);
        expect(given.reduce((sum, line) => sum + Number(/(\d+) records/.exec(line)?.[1]), 0)).toBe(trouble.lost);
      }),
    );
  });

  it('for days is told each hour', () => {
    for (let times = 1; times <= 24 * 60; times++) {
      trouble.failed('500', times, 1);
      clock.advance(MINUTE);
    }
    expect(told.length).toBe(24);
    expect(clock.now()).toBe(24 * HOUR);
  });
});
