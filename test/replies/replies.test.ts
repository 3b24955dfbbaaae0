/**
 * Published replies of each provider, one file each, and what rampd must make of them: class, scope, fate.
 *
 * `at` is the moment, rcpt unless said. Scopes differ by reply; a domain's or a recipient's trouble never slows the address.
 */
import { readFileSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import type { OutcomeClass, Phase, ReplyMatch, Scope } from '../../src/kernel/reply.js';
import { HOUR } from '../../src/kernel/units.js';
import { classifier, judge, shipped } from '../outcome/shipped.js';
import { parseReply } from '../../src/outcome/reply.js';

interface Published {
  readonly reply: string;
  readonly class: OutcomeClass;
  readonly scope: Scope;
  readonly fate: ReplyMatch['fate'];
  readonly at?: Phase;
}

const files = readdirSync(import.meta.dirname).filter(file => file.endsWith('.json'));

describe.each(files)('%s', file => {
  const provider = file.replace(/\.json$/, '');
  const published = JSON.parse(readFileSync(join(import.meta.dirname, file), 'utf8')) as Published[];

  it('belongs to a provider that is shipped', () => {
    expect([...shipped.providers.keys()]).toContain(provider);
  });

  it.each(published)('$reply', ({ reply, class: cls, scope, fate, at = 'rcpt' }) => {
    const match = judge(reply, { provider, at });
    expect({ class: match.class, scope: match.scope, fate: match.fate }).toEqual({ class: cls, scope, fate });
    expect(match.rule?.id).toBeDefined();
  });
});

describe('replies whose reaction matters', () => {
  const rule = (provider: string, reply: string, at: Phase = 'rcpt') =>
    classifier.classify(parseReply(reply), { provider, phase: at, recipientDomain: 'example.com' }).rule;

  it('RP-001 and 4.3.2 at Microsoft react as the compact rules say', () => {
    const rp = "421 RP-001 (SNT004-MC1F1) Unfortunately, some messages from 192.0.2.1 weren't sent. Please try again.";
    expect(rule('microsoft', rp)).toMatchObject({
      scope: 'lane',
      trigger: { count: 1 },
      reaction: { window: HOUR, maxSmtpOut: 5, maxMsgPerHour: 1000 },
    });
    const busy = '421 4.3.2 Service not available, closing transmission channel';
    expect(rule('microsoft', busy, 'greeting')).toMatchObject({ reaction: { window: 0.75 * HOUR, maxSmtpOut: 2, maxMsgPerHour: 500 } });
    expect(rule('generic', busy)).toMatchObject({ provider: 'generic', trigger: { count: 3, per: HOUR } });
  });

  it('4.7.650 slows the lane to one connection and holds the stage', () => {
    const reply = '451 4.7.650 The mail server [192.0.2.1] has been temporarily rate limited due to IP reputation. (S775)';
    for (const provider of ['microsoft', 'microsoft-365'])
      expect(rule(provider, reply)).toMatchObject({ scope: 'lane', warmUp: 'hold', reaction: { maxSmtpOut: 1, window: 1.5 * HOUR } });
  });

  it('4.7.28 at Google slows the address or the domain, as its text says', () => {
    const rate = (what: string) =>
      `421-4.7.28 Gmail has detected an unusual rate of unsolicited mail originating\n421-4.7.28 from your ${what}. To protect\n421 4.7.28 our users from spam, mail has been temporarily rate limited.`;
    expect(rule('google', rate('IP address'))).toMatchObject({ scope: 'lane', warmUp: 'hold' });
    expect(rule('google', rate('IP Netblock'))?.scope).toBe('lane');
    for (const what of ['DKIM domain', 'SPF domain'])
      expect(rule('google', rate(what))).toMatchObject({ scope: 'sender-domain', warmUp: 'none' });
  });

  it('one bad address slows nothing, at any provider', () => {
    for (const provider of shipped.providers.keys())
      for (const reply of [
        '550 5.1.1 User unknown',
        '550 No such user here',
        '550 user not found',
        '450 4.2.1 mailbox busy',
        '552 5.2.2 Mailbox full',
        '550 5.7.1 rejected',
      ]) {
        const found = rule(provider, reply);
        expect(found?.reaction === undefined || !['lane', 'source', 'provider'].includes(found.scope)).toBe(true);
      }
  });

  it('greylisting slows nothing, at any provider', () => {
    for (const provider of shipped.providers.keys()) {
      const found = rule(provider, '450 4.2.0 <user@example.com>: Recipient address rejected: Greylisted, try again in 5 minutes');
      expect(found).toMatchObject({ class: 'greylist' });
      expect(found).not.toHaveProperty('reaction');
    }
  });

  it('an unspecific 421 costs nothing the first time', () => {
    for (const reply of ['421 Service not available, closing transmission channel', '421 Try again later', '451 Temporary failure']) {
      const found = rule('generic', reply);
      expect(found === undefined || found.trigger.count >= 3).toBe(true);
    }
  });

  it('a 554 in the greeting is never a bounce', () => {
    for (const provider of shipped.providers.keys())
      for (const reply of [
        '554 5.7.1 Access denied',
        "554 Your access has been rejected due to the sending MTA's poor reputation",
        '550 5.1.1 User unknown',
      ])
        expect(judge(reply, { provider, at: 'greeting' }).fate).toBe('defer');
  });
});
