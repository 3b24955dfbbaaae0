import { describe, expect, it } from 'vitest';
import { CLASSES } from '../../src/kernel/reply.js';
import { Tally, shownAs, standing } from '../../src/govern/tally.js';

const of = (stands: string) => CLASSES.filter(c => standing(c) === stands);

describe('what classes count as', () => {
  it('follows the contract to the letter', () => {
    expect(of('deferral')).toEqual(['throttle.rate', 'throttle.connections', 'reputation.defer', 'transient']);
    expect(of('block')).toEqual(['block.ip', 'block.network', 'block.domain', 'block.dnsbl']);
    expect(of('hard-bounce')).toEqual(['mailbox.unknown', 'mailbox.inactive']);
    expect(of('left-out')).toEqual(['throttle.recipient', 'greylist', 'mailbox.full', 'network', 'dns', 'expired', 'suppressed']);
    expect(of('delivered')).toEqual(['delivered']);
  });

  it('shows every class as delivered, deferred or bounced', () => {
    expect(CLASSES.filter(c => shownAs(c) === 'delivered')).toEqual(['delivered']);
    expect(shownAs('greylist')).toBe('deferred');
    expect(shownAs('mailbox.unknown')).toBe('bounced');
  });
});

describe('a tally', () => {
  it('counts every class as sent, and leaves some out of the sample', () => {
    const tally = new Tally();
    for (const c of CLASSES) tally.add(c, 2);
    expect(tally.sent).toBe(2 * CLASSES.length);
    expect(tally.sample).toBe(2 * (CLASSES.length - 7));
    expect(tally).toMatchObject({ delivered: 2, deferrals: 8, blocks: 8, hardBounces: 4 });
  });

  it('takes back what it counted', () => {
    const tally = new Tally();
    tally.addAll({ greylist: 3, transient: 2, delivered: 1 });
    tally.addAll({ greylist: -3, transient: -2, delivered: -1 });
    expect(tally).toEqual(new Tally());
  });
});
