import { describe, expect, it } from 'vitest';
import { Classifier } from '../../src/outcome/classify.js';
import { judge } from './shipped.js';

const bare = new Classifier(new Map());
const of = (raw: string, at: 'mail' | 'rcpt' | 'data' | 'end' | 'helo' = 'rcpt') => judge(raw, { at }, bare);

describe('without a rule', () => {
  it.each([
    ['550 5.1.1 x', 'mailbox.unknown', 'recipient'],
    ['550 5.1.10 x', 'mailbox.unknown', 'recipient'],
    ['550 5.1.8 x', 'sender.invalid', 'sender-domain'],
    ['550 5.2.1 x', 'mailbox.inactive', 'recipient'],
    ['552 5.2.2 x', 'mailbox.full', 'recipient'],
    ['452 4.2.2 x', 'mailbox.full', 'recipient'],
    ['552 5.3.4 x', 'message', 'lane'],
    ['452 4.5.3 x', 'protocol.recipients', 'lane'],
    ['550 5.6.1 x', 'message', 'lane'],
    ['550 5.7.1 x', 'policy.recipient', 'recipient'],
    ['550 5.7.23 x', 'auth', 'sender-domain'],
    ['550 5.7.25 x', 'ptr', 'lane'],
    ['450 4.7.28 x', 'throttle.rate', 'lane'],
    ['550 5.7.999 x', 'content', 'lane'],
    ['550 sorry (#5.1.1)', 'mailbox.unknown', 'recipient'],
  ])('the enhanced code of "%s" means %s', (raw, cls, scope) => {
    expect(of(raw)).toMatchObject({ class: cls, scope });
    expect(of(raw)).not.toHaveProperty('rule');
  });

  it.each(['450 4.1.1 x', '450 4.2.1 x', '450 4.7.1 x', '451 4.3.0 x', '421 4.4.5 x', '450 4.7.17 x'])(
    '"%s" blames nobody for good',
    raw => {
      expect(of(raw)).toMatchObject({ class: 'transient', fate: 'defer' });
    },
  );

  it.each([
    ['421 x', 'transient'],
    ['450 x', 'transient'],
    ['451 x', 'transient'],
    ['500 x', 'protocol'],
    ['503 x', 'protocol'],
    ['535 x', 'config'],
    ['550 x', 'other'],
    ['551 x', 'mailbox.unknown'],
    ['554 x', 'other'],
    ['555 x', 'protocol'],
    ['556 x', 'mailbox.unknown'],
    ['530 Must issue STARTTLS', 'tls'],
    ['530 Authentication required', 'config'],
  ])('the basic code of "%s" means %s', (raw, cls) => {
    expect(of(raw).class).toBe(cls);
  });

  it('a basic code may mean another thing at another moment', () => {
    expect([of('552 x', 'rcpt').class, of('552 x', 'end').class]).toEqual(['mailbox.full', 'message']);
    expect([of('553 x', 'mail').class, of('553 x', 'rcpt').class]).toEqual(['sender.invalid', 'policy.recipient']);
    expect([of('454 x', 'helo').class, of('454 x', 'rcpt').class]).toEqual(['tls', 'transient']);
  });

  it('x.0.0 says nothing, so the basic code speaks', () => {
    expect(of('500 5.0.0 x').class).toBe('protocol');
  });
});
