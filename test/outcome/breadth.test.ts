import { describe, expect, it } from 'vitest';
import { printFault } from '../../src/kernel/fault.js';
import { checkBreadth } from '../../src/outcome/breadth.js';
import { shipped, written } from './shipped.js';

const GENERIC = `rules:
  - { id: no-such-user, match: { code: 5xx, text: user unknown }, class: mailbox.unknown, scope: recipient, samples: ["550 5.1.1 user unknown"] }
  - { id: full, match: { text: mailbox full }, class: mailbox.full, scope: recipient, samples: ["552 5.2.2 mailbox full"] }
  - { id: greylist, match: { code: 4xx, text: greylisted }, class: greylist, scope: recipient, samples: ["450 4.7.1 greylisted, try again"] }
  - { id: spam, match: { code: 5xx, text: spam }, class: content, scope: recipient, samples: ["550 5.7.1 rejected as spam"] }
  - { id: rate, match: { code: 4xx, text: slow down }, class: throttle.rate, window: 1h, max-smtp-out: 1, samples: ["421 4.7.0 slow down"] }`;
const check = (rule: string) => checkBreadth(written({ acme: `rules:\n  - ${rule}`, generic: GENERIC }));
const SLOW = 'window: 1h, max-smtp-out: 1';

describe('over-broad rules', () => {
  /** What is too broad, and the same narrowed. */
  it.each([
    [
      'slows a lane on a full mailbox',
      `{ id: r, match: { text: "mailbox" }, class: throttle.rate, ${SLOW} }`,
      'full',
      'mailbox limit of your IP',
    ],
    [
      'stops a source on greylisting',
      `{ id: r, match: { text: "try again" }, class: block.ip, scope: source, window: 1h, suspend: true }`,
      'greylist',
      'try again tomorrow',
    ],
    [
      'stops a provider on spam',
      `{ id: r, match: { text: "rejected" }, class: block.ip, scope: provider, ${SLOW} }`,
      'spam',
      'IP rejected',
    ],
    [
      'calls a full mailbox unknown',
      `{ id: r, match: { text: "mailbox" }, class: mailbox.unknown, scope: recipient }`,
      'full',
      'mailbox gone',
    ],
  ])('%s', (_, rule, takes, narrower) => {
    const [fault, ...others] = check(rule);
    expect(others).toEqual([]);
    expect(fault).toMatchObject({ code: 'over-broad-rule', severity: 'warning', place: { file: 's/providers/acme.yaml', line: 4 } });
    expect(fault?.what).toContain('rule r ');
    expect(fault?.what).toMatch(new RegExp(`s/providers/generic\\.yaml:${{ full: 4, greylist: 5, spam: 6 }[takes]}`));
    expect(check(rule.replace(/text: "[^"]*"/, `text: "${narrower}"`))).toEqual([]);
  });

  it('are none when they cost others nothing, or mean the same', () => {
    expect(check('{ id: r, match: { text: "mailbox" }, class: content, scope: recipient }')).toEqual([]);
    expect(check(`{ id: r, match: { text: "mailbox" }, class: content, scope: recipient, window: 1h, suspend: true }`)).toEqual([]);
    expect(check(`{ id: r, match: { text: "mailbox" }, class: mailbox.full, ${SLOW} }`)).toEqual([]);
    expect(check(`{ id: r, match: { text: "slow" }, class: reputation.defer, ${SLOW} }`)).toEqual([]);
  });

  it('are none when a narrower rule stands before them', () => {
    const before = '{ id: full, match: { text: mailbox full }, class: mailbox.full, scope: recipient }';
    expect(check(`${before}\n  - { id: r, match: { text: "mailbox" }, class: throttle.rate, ${SLOW} }`)).toEqual([]);
  });

  it('are none that are shipped', () => {
    expect(checkBreadth(shipped.providers).map(printFault)).toEqual([]);
  });
});
