/** Bounce messages, read back by a small parser of our own and by Python's email package. */
import { spawnSync } from 'node:child_process';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { buildDsn, type DsnRecipient, type DsnReport } from '../../src/outcome/dsn.js';

const NOW = Date.parse('2023-11-20T12:00:00Z');
const ORIGINAL = 'From: news@example.com\r\nSubject: Spring\r\n\r\nHello,\r\n--\r\nNews\r\n';

const recipient = (more: Partial<DsnRecipient> = {}): DsnRecipient => ({
  address: 'ann@example.net',
  orcpt: 'rfc822;ann@example.org',
  status: '5.1.1',
  diagnostic: '550 5.1.1 <ann@example.net>: no such user here',
  remoteMta: 'mx1.example.net',
  lastAttempt: NOW - 1_000,
  reason: 'There is no such mailbox.',
  ...more,
});

const report = (more: Partial<DsnReport> = {}): DsnReport => ({
  envelope: { sender: 'bounce@example.com', envid: 'q-17' },
  arrived: NOW - 60_000,
  recipients: [recipient()],
  original: Buffer.from(ORIGINAL),
  from: 'postmaster@mta.example.com',
  hostName: 'mta.example.com',
  now: NOW,
  seed: '00-000000001f',
  ...more,
});

interface Part {
  readonly type: string;
  readonly body: string;
}

const fieldsOf = (block: string): Map<string, string> => {
  const fields = new Map<string, string>();
  for (const line of block
    .replace(/\r\n[ \t]+/g, ' ')
    .split('\r\n')
    .filter(Boolean)) {
    const colon = line.indexOf(':');
    const name = line.slice(0, colon).toLowerCase();
    if (colon < 1 || /\s/.test(name) || fields.has(name)) throw new Error(`not a field, or given twice: ${line}`);
    fields.set(name, line.slice(colon + 1).trim());
  }
  return fields;
};

function parse(message: Buffer): { top: Map<string, string>; parts: Part[] } {
  const text = message.toString('utf8');
  const blank = text.indexOf('\r\n\r\n');
  const top = fieldsOf(text.slice(0, blank + 2));
  const boundary = /boundary="([^"]+)"/.exec(top.get('content-type') ?? '')?.[1] ?? '';
  const [, ...rest] = `\r\n${text.slice(blank + 4)}`.split(`\r\n--${boundary}`);
  expect(rest.pop()).toBe('--\r\n');
  const parts = rest.map(part => {
    const end = part.indexOf('\r\n\r\n');
    return { type: fieldsOf(part.slice(2, end + 2)).get('content-type') ?? '', body: part.slice(end + 4) };
  });
  return { top, parts };
}

const statusOf = (message: Buffer) =>
  (parse(message).parts[1]?.body ?? '')
    .split('\r\n\r\n')
    .filter(b => b.trim() !== '')
    .map(fieldsOf);

describe('buildDsn', () => {
  it('is a report a person can read', () => {
    const { top, parts } = parse(buildDsn(report()));
    expect(Object.fromEntries(top)).toMatchObject({
      from: 'Mail Delivery System <postmaster@mta.example.com>',
      to: '<bounce@example.com>',
      date: 'Mon, 20 Nov 2023 12:00:00 +0000',
      'message-id': '<dsn.00-000000001f@mta.example.com>',
      'auto-submitted': 'auto-replied',
      'mime-version': '1.0',
    });
    expect(top.get('content-type')).toMatch(/^multipart\/report; report-type=delivery-status; /);
    expect(parts.map(p => p.type)).toEqual(['text/plain; charset=utf-8', 'message/delivery-status', 'text/rfc822-headers']);
    expect(parts[0]?.body).toContain('<ann@example.net>\r\n    There is no such mailbox.\r\n    mx1.example.net said: 550 5.1.1');
    expect(Math.max(...(parts[0]?.body ?? '').split('\r\n').map(line => line.length))).toBeLessThan(80);
  });

  it('has the fields of RFC 3464', () => {
    const [message, ...recipients] = statusOf(buildDsn(report({ recipients: [recipient(), recipient({ address: 'bob@example.net' })] })));
    expect(Object.fromEntries(message ?? [])).toEqual({
      'reporting-mta': 'dns; mta.example.com',
      'original-envelope-id': 'q-17',
      'arrival-date': 'Mon, 20 Nov 2023 11:59:00 +0000',
    });
    expect(recipients.map(r => r.get('final-recipient'))).toEqual(['rfc822; ann@example.net', 'rfc822; bob@example.net']);
    expect(Object.fromEntries(recipients[0] ?? [])).toEqual({
      'original-recipient': 'rfc822; ann@example.org',
      'final-recipient': 'rfc822; ann@example.net',
      action: 'failed',
      status: '5.1.1',
      'remote-mta': 'dns; mx1.example.net',
      'diagnostic-code': 'smtp; 550 5.1.1 <ann@example.net>: no such user here',
      'last-attempt-date': 'Mon, 20 Nov 2023 11:59:59 +0000',
    });
  });

  it('leaves out what is not known, and mends a status that is none', () => {
    const bare: DsnRecipient = { address: 'ann@example.net', status: 'weird', reason: 'Nobody answered for four days.' };
    const [message, only] = statusOf(buildDsn(report({ envelope: { sender: 'a@b.example' }, recipients: [bare] })));
    expect([...(message?.keys() ?? [])]).toEqual(['reporting-mta', 'arrival-date']);
    expect(Object.fromEntries(only ?? [])).toEqual({ 'final-recipient': 'rfc822; ann@example.net', action: 'failed', status: '5.0.0' });
  });

  it('returns the header, or the whole message when asked and not too large', () => {
    const third = (more: Partial<DsnReport>) => parse(buildDsn(report(more))).parts[2];
    const full = { sender: 'a@b.example', ret: 'FULL' as const };
    expect(third({})).toEqual({ type: 'text/rfc822-headers', body: 'From: news@example.com\r\nSubject: Spring\r\n' });
    expect(third({ envelope: full })).toEqual({ type: 'message/rfc822', body: ORIGINAL });
    expect(third({ envelope: full, fullBelow: 10 })?.type).toBe('text/rfc822-headers');
    expect(third({ original: Buffer.from('Only: header\r\n') })?.body).toBe('Only: header\r\n');
    expect(third({ original: Buffer.from('\r\nbody\r\n') })?.body).toBe('');
    const long = Buffer.from(`${'X-Long: 0123456789\r\n'.repeat(10_000)}\r\n`);
    expect(third({ original: long })?.body.length).toBeLessThan(64 * 1024 + 1);
    expect(third({ original: long })?.body.endsWith('0123456789\r\n')).toBe(true);
  });

  it('never lets a boundary stand in what it encloses', () => {
    const inside = '=_rampd_00-000000001f_0';
    const message = buildDsn(
      report({ envelope: { sender: 'a@b.example', ret: 'FULL' }, original: Buffer.from(`X: y\r\n\r\n--${inside}--\r\n`) }),
    );
    expect(parse(message).parts).toHaveLength(3);
    expect(parse(message).parts[2]?.body).toContain(inside);
  });

  it('cannot be given fields by a remote host', () => {
    fc.assert(
      fc.property(
        fc.string({ unit: 'binary', maxLength: 40 }),
        fc.string({ unit: 'binary', maxLength: 40 }),
        fc.boolean(),
        (a, b, global) => {
          const nasty = `${a}\r\nAction: delivered\r\n\r\nFinal-Recipient: rfc822; ${b}`;
          const message = buildDsn(
            report({
              envelope: { sender: 'a@b.example', envid: nasty },
              recipients: [
                recipient({
                  address: global ? 'jörg@example.net' : 'ann@example.net',
                  diagnostic: nasty,
                  remoteMta: nasty,
                  reason: nasty,
                  orcpt: `rfc822;${nasty}`,
                  status: nasty,
                }),
              ],
              seed: nasty,
            }),
          );
          const [, only, ...more] = statusOf(message);
          expect(more).toEqual([]);
          expect(only?.get('action')).toBe('failed');
          expect(only?.get('final-recipient')).toBe(global ? 'utf-8; jörg@example.net' : 'rfc822; ann@example.net');
          const { parts } = parse(message);
          expect(parts).toHaveLength(3);
          if (!global) expect(/[^\r\n -~]/.test(parts[1]?.body ?? '')).toBe(false);
          expect(/\p{Cc}/u.test((parts[0]?.body ?? '').replaceAll('\r\n', ''))).toBe(false);
          expect(parts[0]?.body).not.toMatch(/^ *Action: delivered\r$/m);
        },
      ),
    );
  });

  it('reports addresses outside ASCII the way of RFC 6533', () => {
    const message = buildDsn(report({ recipients: [recipient({ address: 'jörg@example.net' }), recipient()] }));
    expect(parse(message).parts.map(p => p.type)).toEqual([
      'text/plain; charset=utf-8',
      'message/global-delivery-status',
      'message/global-headers',
    ]);
    expect(statusOf(message).map(b => b.get('final-recipient'))).toEqual([undefined, 'utf-8; jörg@example.net', 'rfc822; ann@example.net']);
    expect(message.toString()).toContain('Content-Transfer-Encoding: 8bit');
  });

  it('is never for the null sender', () => {
    expect(() => buildDsn(report({ envelope: { sender: '' } }))).toThrow(/needs a sender/);
  });

  const python = spawnSync('python3', ['--version']);
  if (python.status !== 0) process.stderr.write('python3 is missing: bounce messages were not read by its email package\n');
  it.skipIf(python.status !== 0)("is understood by Python's email package", () => {
    const script = `
import email, email.policy, json, sys
m = email.message_from_bytes(sys.stdin.buffer.read(), policy=email.policy.default)
p = list(m.iter_parts())
print(json.dumps({
  'defects': [str(d) for part in m.walk() for d in part.defects],
  'report': m.get_param('report-type'), 'type': m.get_content_type(), 'types': [x.get_content_type() for x in p],
  'text': p[0].get_content(), 'status': [dict(x.items()) for x in p[1].get_payload()], 'subject': p[2].get_payload(0)['Subject'] if p[2].is_multipart() else p[2].get_payload(),
}))`;
    const read = (more: Partial<DsnReport>) => {
      const run = spawnSync('python3', ['-c', script], { input: buildDsn(report(more)), encoding: 'utf8' });
      expect(run.stderr).toBe('');
      return JSON.parse(run.stdout) as Record<string, unknown>;
    };
    const recipients = [recipient(), recipient({ address: 'bob@example.net' })];
    expect(read({ recipients, envelope: { sender: 'a@b.example', ret: 'FULL' } })).toMatchObject({
      defects: [],
      report: 'delivery-status',
      type: 'multipart/report',
      types: ['text/plain', 'message/delivery-status', 'message/rfc822'],
      text: expect.stringContaining('these 2 recipients') as string,
      status: [
        { 'Reporting-MTA': 'dns; mta.example.com' },
        { 'Final-Recipient': 'rfc822; ann@example.net' },
        { 'Final-Recipient': 'rfc822; bob@example.net' },
      ],
      subject: 'Spring',
    });
    expect(read({})).toMatchObject({ defects: [], types: ['text/plain', 'message/delivery-status', 'text/rfc822-headers'] });
  });
});
