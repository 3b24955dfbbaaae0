/** Bounce reports of several systems: action, status, the reply behind them; what is no bounce is none. */
import { describe, expect, it } from 'vitest';
import { buildDsn } from '../../src/outcome/dsn.js';
import { readBounce } from '../../src/outcome/bounce-report.js';
import { readMail } from '../../src/outcome/mime-read.js';

const read = (recipient: string, ...lines: string[]) => readBounce(readMail(Buffer.from(lines.join('\r\n'))), recipient);
const report = (...blocks: string[][]) => [
  'Content-Type: multipart/report; report-type=delivery-status; boundary="=_b"',
  '',
  '--=_b',
  'Content-Type: text/plain',
  '',
  'I am sorry.',
  '--=_b',
  'Content-Type: message/delivery-status',
  '',
  ...blocks.flatMap(block => [...block, '']),
  '--=_b--',
];

describe('an RFC 3464 report', () => {
  it('tells of the recipient asked about: action, status, reply, hosts', () => {
    const told = read(
      'A@one.example',
      ...report(
        ['Reporting-MTA: dns; relay.example'],
        ['Final-Recipient: rfc822; b@one.example', 'Action: failed', 'Status: 5.2.2', 'Diagnostic-Code: smtp; 552 5.2.2 full'],
        [
          'Original-Recipient: rfc822;a@one.example',
          'Final-Recipient: rfc822; z@elsewhere.example',
          'Action: failed (permanently)',
          'Status: 5.1.1 (no such user)',
          'Remote-MTA: dns; mx.one.example',
          'Diagnostic-Code: smtp; 550-5.1.1 <a@one.example>:',
          ' no such user',
        ],
      ),
    );
    expect(told).toMatchObject({
      action: 'failed',
      status: '5.1.1',
      reply: { code: 550, enhanced: '5.1.1' },
      remoteMta: 'mx.one.example',
      reportingMta: 'relay.example',
    });
    expect(told?.reply.text).toContain('no such user');
  });

  it.each([
    ['delayed', '4.4.1'],
    ['relayed', '2.1.9'],
    ['delivered', '2.0.0'],
  ])('that says %s is no failure', (action, status) => {
    expect(read('a@b.example', ...report(['Reporting-MTA: dns; r'], [`Action: ${action}`, `Status: ${status}`]))).toMatchObject({
      action,
      status,
    });
  });

  it('without a diagnostic is read by its status', () => {
    expect(read('a@b.example', ...report([], ['Action: failed', 'Status: 5.1.1']))?.reply).toMatchObject({ code: 550, enhanced: '5.1.1' });
  });

  it('of rampd itself is read', () => {
    const dsn = buildDsn({
      envelope: { sender: 's@b.example' },
      arrived: 0,
      recipients: [
        { address: 'a@one.example', status: '5.1.1', diagnostic: '550 5.1.1 unknown', remoteMta: 'mx', reason: 'It is not there.' },
      ],
      original: Buffer.from('Subject: x\r\n\r\n550 5.7.1 not this\r\n'),
      from: 'mailer-daemon@b.example',
      hostName: 'mta.b.example',
      now: 0,
      seed: '1',
    });
    expect(readBounce(readMail(dsn), 'a@one.example')).toMatchObject({
      action: 'failed',
      reply: { line: '550 5.1.1 unknown' },
      remoteMta: 'mx',
    });
  });
});

describe('a text', () => {
  it.each([
    ['Postfix', '<a@b.example>: host mx.b.example[192.0.2.1] said: 550 5.1.1 <a@b.example>: Recipient\n    address rejected', 550, '5.1.1'],
    ['qmail', 'Hi. This is the qmail-send program.\n<a@b.example>:\nSorry, no mailbox here by that name. (#5.1.1)', 550, undefined],
    ['a plain one', 'SMTP error from remote mail server after RCPT TO:<a@b.example>:\n    550 No such user', 550, undefined],
  ])('of %s that quotes a permanent reply is a bounce', (_who, text, code, enhanced) => {
    expect(read('a@b.example', 'Subject: failure', '', ...text.split('\n'))?.reply).toMatchObject(
      enhanced === undefined ? { code } : { code, enhanced },
    );
  });

  it.each(['MAILER-DAEMON@relay.example', 'Mail Delivery System <noreply@relay.example>', '"Post Office" <postmaster@b.example>', '<>'])(
    'of %s is a bounce without an enhanced code too',
    from => {
      expect(read('a@b.example', `From: ${from}`, '', 'Remote host said: 550 no such user')?.reply.code).toBe(550);
    },
  );

  it.each(['Acme, 551 Fifth Avenue, New York', 'Call 555-1234', 'Our office (556 Main Street) is closed'])(
    'of a person who is away, "%s", is none',
    text => {
      expect(read('a@b.example', 'From: Ann <a@b.example>', 'Auto-Submitted: auto-replied', '', 'I am away.', text)).toBeUndefined();
    },
  );

  it.each([
    'I am out of the office until the 550th of May, call 0550 123',
    'Warning: message delayed. 451 4.4.1 connection timed out. Will retry.',
    'Thank you for your message.',
  ])('such as "%s" is none', text => {
    expect(read('a@b.example', 'Subject: Re: x', '', text)).toBeUndefined();
  });
});
