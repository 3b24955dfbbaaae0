/**
 * A TLS report as mail: multipart/report of type tlsrpt (RFC 8460 section 5.3), text for people and the gzipped report. Pure.
 */
import { mailDate } from './mail-date.js';
import type { TlsDomainCount } from './tls-counts.js';
import { tlsReportFile, tlsReportId, type TlsReporter } from './tls-report.js';

/** CRLF line ends, 7-bit, ready to enqueue. `gzipped` is the report's JSON; `wall` epoch milliseconds. */
export function tlsReportMail(count: TlsDomainCount, gzipped: Buffer, reporter: TlsReporter, to: readonly string[], wall: number): Buffer {
  const id = tlsReportId(count, reporter.hostName);
  const file = tlsReportFile(count, reporter.hostName);
  const boundary = `=_rampd_tls_${count.day}`;
  const sum = (of: 'succeeded' | 'failed'): number => count.policies.reduce((n, policy) => n + policy[of], 0);
  return Buffer.from(
    [
      `From: <${reporter.contact}>`,
      ...folded(
        'To',
        to.map(address => `<${address}>`),
      ),
      ...folded('Subject', [`Report Domain: ${count.domain}`, `Submitter: ${reporter.hostName}`, `Report-ID: <${id}>`], ''),
      `Date: ${mailDate(wall)}`,
      `Message-ID: <tlsrpt.${id}>`,
      `TLS-Report-Domain: ${count.domain}`,
      `TLS-Report-Submitter: ${reporter.hostName}`,
      'Auto-Submitted: auto-generated',
      'MIME-Version: 1.0',
      'Content-Type: multipart/report; report-type="tlsrpt";',
      `\tboundary="${boundary}"`,
      '',
      'This is an aggregate TLS report in MIME format.',
      '',
      `--${boundary}`,
      'Content-Type: text/plain; charset=us-ascii',
      'Content-Transfer-Encoding: 7bit',
      '',
      `This is an aggregate TLS report from ${reporter.hostName}`,
      `about mail to ${count.domain} on ${count.day} (UTC):`,
      `${sum('succeeded')} sessions went well, ${sum('failed')} did not.`,
      '',
      `--${boundary}`,
      'Content-Type: application/tlsrpt+gzip',
      'Content-Transfer-Encoding: base64',
      'Content-Disposition: attachment;',
      `\tfilename="${file}"`,
      '',
      ...(gzipped.toString('base64').match(/.{1,76}/g) ?? []),
      `--${boundary}--`,
      '',
    ].join('\r\n'),
  );
}

/** One part a line, so that no line grows long (RFC 5322 section 2.1.1). */
const folded = (name: string, parts: readonly string[], between = ','): string[] =>
  parts.map((part, i) => `${i === 0 ? `${name}: ` : ' '}${part}${i < parts.length - 1 ? between : ''}`);
