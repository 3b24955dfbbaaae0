import { gunzipSync, gzipSync } from 'node:zlib';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { noPolicy, TLS_FAILURES, type TlsPolicy, type TlsResult } from '../../src/kernel/tls.js';
import { DAY } from '../../src/kernel/units.js';
import { TlsCounts } from '../../src/outcome/tls-counts.js';
import { tlsReportMail } from '../../src/outcome/tls-report-mail.js';
import { buildTlsReport, readTlsRua } from '../../src/outcome/tls-report.js';

const NOON = Date.parse('2025-03-01T12:00:00Z');
const sts: TlsPolicy = {
  ...noPolicy('company-y.example', 'mx1.mail.company-y.example'),
  level: 'verify',
  origin: 'mta-sts-testing',
  text: ['version: STSv1', 'mode: testing', 'mx: *.mail.company-y.example', 'max_age: 86400'],
  mx: ['*.mail.company-y.example'],
};
const dane: TlsPolicy = { ...sts, level: 'dane', origin: 'dane', text: ['3 1 1 AB'], mx: ['mx.host.example'] };
const result = (parts: Partial<TlsResult> = {}): TlsResult => ({
  policy: sts,
  mxHost: 'mx1.mail.company-y.example',
  sourceIp: '192.0.2.10',
  receivingIp: '203.0.113.56',
  ...parts,
});
const reporter = { organization: 'Company-X', contact: 'tls@company-x.example', hostName: 'mta.company-x.example' };

const counted = (...results: TlsResult[]): TlsCounts => {
  const counts = new TlsCounts();
  for (const r of results) counts.add(r, NOON);
  return counts;
};

describe('the counts of TLS', () => {
  it('make the report of RFC 8460 section 4.4', () => {
    const failed = result({ failure: 'certificate-expired', detail: 'certificate has expired' });
    const counts = counted(result(), result(), failed, failed, result({ failure: 'starttls-not-supported' }), result({ policy: dane }));
    expect(buildTlsReport(counts.list()[0] ?? never(), reporter)).toEqual({
      'organization-name': 'Company-X',
      'date-range': { 'start-datetime': '2025-03-01T00:00:00Z', 'end-datetime': '2025-03-01T23:59:59Z' },
      'contact-info': 'tls@company-x.example',
      'report-id': '2025-03-01.company-y.example@mta.company-x.example',
      policies: [
        {
          policy: { 'policy-type': 'sts', 'policy-string': sts.text, 'policy-domain': 'company-y.example', 'mx-host': sts.mx },
          summary: { 'total-successful-session-count': 2, 'total-failure-session-count': 3 },
          'failure-details': [
            {
              'result-type': 'certificate-expired',
              'sending-mta-ip': '192.0.2.10',
              'receiving-mx-hostname': 'mx1.mail.company-y.example',
              'receiving-ip': '203.0.113.56',
              'failed-session-count': 2,
              'failure-reason-code': 'certificate has expired',
            },
            {
              'result-type': 'starttls-not-supported',
              'sending-mta-ip': '192.0.2.10',
              'receiving-mx-hostname': 'mx1.mail.company-y.example',
              'receiving-ip': '203.0.113.56',
              'failed-session-count': 1,
            },
          ],
        },
        {
          policy: {
            'policy-type': 'tlsa',
            'policy-string': ['3 1 1 AB'],
            'policy-domain': 'mx.host.example',
            'mx-host': ['mx.host.example'],
          },
          summary: { 'total-successful-session-count': 1, 'total-failure-session-count': 0 },
        },
      ],
    });
  });

  it('are by UTC day, and a finished day is the one before', () => {
    const counts = counted(result());
    counts.add(result(), NOON + DAY / 2 - 1);
    counts.add(result(), NOON + DAY / 2);
    expect(counts.list().map(c => [c.day, c.policies[0]?.succeeded])).toEqual([
      ['2025-03-02', 1],
      ['2025-03-01', 2],
    ]);
    expect(counts.finished('2025-03-02').map(c => c.day)).toEqual(['2025-03-01']);
    counts.forget({ day: '2025-03-01', domain: 'company-y.example' });
    expect(counts.list().map(c => c.day)).toEqual(['2025-03-02']);
  });

  it('leave out domains without a policy', () => {
    expect(counted(result({ policy: noPolicy('', 'mx.example') })).list()).toEqual([]);
  });

  it('stay small whatever comes, and the sums stay right', () => {
    const counts = new TlsCounts();
    for (let i = 0; i < 12_000; i++) counts.add(result({ policy: { ...sts, domain: `d${i}.example` } }), NOON);
    for (let i = 0; i < 300; i++)
      counts.add(result({ policy: { ...sts, domain: 'd1.example' }, failure: 'validation-failure', detail: `${i}` }), NOON);
    expect(counts.list().length).toBe(10_000);
    expect(counts.list()[0]).toMatchObject({ domain: 'd1.example', policies: [{ succeeded: 1, failed: 300, failures: { length: 50 } }] });
  });

  it('outlive a restart, and a file of any shape does no harm', () => {
    const counts = counted(result(), result({ failure: 'tlsa-invalid' }));
    const again = new TlsCounts(JSON.parse(JSON.stringify(counts.list())));
    again.add(result(), NOON);
    expect(again.list()).toMatchObject([{ policies: [{ succeeded: 2, failed: 1 }] }]);
    fc.assert(fc.property(fc.jsonValue(), value => void new TlsCounts(value).list()));
    expect(
      new TlsCounts([
        {
          day: '2025-03-01',
          domain: 'a',
          policies: [{ type: 'sts', domain: 'a', text: [], mx: [], succeeded: 'x', failed: 0, failures: [] }],
        },
      ]).list(),
    ).toEqual([]);
  });

  it('keep control characters of remote hosts out', () => {
    const [count] = counted(result({ failure: TLS_FAILURES[0], detail: 'a\r\nBcc: b\u001b[2J' })).list();
    expect(JSON.stringify(count)).not.toMatch(/[\r\n\u001b]|\\r|\\n|\\u001b/);
  });
});

describe('the report as mail', () => {
  it('is multipart/report with the gzipped report attached', () => {
    const [count] = counted(result()).list();
    const json = JSON.stringify(buildTlsReport(count ?? never(), reporter));
    const text = tlsReportMail(count ?? never(), gzipSync(json), reporter, ['a@company-y.example', 'b@company-y.example'], NOON).toString();
    expect(text.replaceAll('\r\n', '')).not.toMatch(/[\r\n]/);
    expect(Math.max(...text.split('\r\n').map(line => line.length))).toBeLessThan(120);
    expect(text).toContain('To: <a@company-y.example>,\r\n <b@company-y.example>\r\n');
    expect(text).toContain('Content-Type: multipart/report; report-type="tlsrpt";');
    expect(text).toContain('TLS-Report-Domain: company-y.example\r\nTLS-Report-Submitter: mta.company-x.example\r\n');
    expect(text).toContain('filename="mta.company-x.example!company-y.example!1740787200!1740873599.json.gz"');
    const attached = /application\/tlsrpt\+gzip[\s\S]*?\r\n\r\n([\s\S]*?)\r\n--/.exec(text)?.[1] ?? '';
    expect(gunzipSync(Buffer.from(attached, 'base64')).toString()).toBe(json);
  });
});

describe('who wants TLS reports', () => {
  it.each([
    [['v=TLSRPTv1;rua=mailto:tlsrpt@example.com'], ['tlsrpt@example.com'], []],
    [
      ['v=TLSRPTv1; rua=https://r.example/v1, mailto:a%2Bb@example.com,mailto:c@example.com; x=y'],
      ['a+b@example.com', 'c@example.com'],
      ['https://r.example/v1'],
    ],
    [['v=spf1 -all', 'v=TLSRPTv1; rua=mailto:a@example.com'], ['a@example.com'], []],
    [['v=TLSRPTv1; rua=mailto:a@example.com', 'v=TLSRPTv1; rua=mailto:b@example.com'], [], []],
    [['v=TLSRPTv1; rua=HTTPS://R.example:8443/a?b=c#d,https://r.example:8443/a?b=c'], [], ['https://r.example:8443/a?b=c']],
    [['v=TLSRPTv1; rua=http://r.example,https://u:p@r.example,https://,ftp://r.example,https:r.example'], [], []],
    [['v=TLSRPTv1; rua=mailto:a@example.com\r\nBcc:b'], [], []],
    [['v=TLSRPTv1; rua=mailto:%0d%0a@example.com'], [], []],
    [['v=TLSRPTv1; rua=mailto:%zz@example.com'], [], []],
    [['v=TLSRPTv2; rua=mailto:a@example.com'], [], []],
    [
      [`v=TLSRPTv1; rua=${Array.from({ length: 9 }, (_, i) => `https://r${i}.example/`).join()}`],
      [],
      [0, 1, 2, 3, 4].map(i => `https://r${i}.example/`),
    ],
    [[], [], []],
  ])('%j: %j', (records, mailboxes, urls) => expect(readTlsRua(records)).toEqual({ mailboxes, urls }));

  it('never makes the reader throw, and no address carries more than one', () => {
    fc.assert(
      fc.property(fc.string(), text => {
        const { mailboxes } = readTlsRua([`v=TLSRPTv1; rua=mailto:${text}`]);
        for (const address of mailboxes) expect(address).toMatch(/^[^\s<>,@]+@[^\s<>,@]+$/);
        for (const url of readTlsRua([`v=TLSRPTv1; rua=https://${text}`]).urls) expect(url).toMatch(/^https:\/\/[!-~]+$/);
      }),
    );
  });
});
function never(): never {
  throw new Error('nothing was counted');
}
