import { describe, expect, it } from 'vitest';
import { CLASSES } from '../../src/kernel/reply.js';
import { BOUNCE_CATEGORIES, bounceCategory } from '../../src/outcome/bounce-category.js';

describe('bounceCategory', () => {
  it('is one of the known words for every class', () => {
    for (const cls of CLASSES) expect(BOUNCE_CATEGORIES).toContain(bounceCategory(cls));
  });

  it('speaks as reports expect', () => {
    expect(CLASSES.filter(cls => bounceCategory(cls) === 'bad-mailbox')).toEqual(['mailbox.unknown', 'suppressed']);
    expect(bounceCategory('mailbox.full')).toBe('quota-issues');
    expect(bounceCategory('block.ip')).toBe('spam-related');
    expect(bounceCategory('policy.recipient')).toBe('policy-related');
    expect(bounceCategory('expired')).toBe('message-expired');
    expect(bounceCategory('delivered')).toBe('success');
  });
});
