/** Reading what anybody may have sent: parts, fields, encodings; nothing makes it throw or take long. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { readBounce } from '../../src/outcome/bounce-report.js';
import { readComplaint } from '../../src/outcome/complaint-report.js';
import { everyPart, fieldBlocks, fieldOf, peopleText, readMail } from '../../src/outcome/mime-read.js';

const mail = (...lines: string[]) => readMail(Buffer.from(lines.join('\r\n')));

describe('a message', () => {
  it('has fields, unfolded, and a body', () => {
    const part = mail('Subject: one', '\ttwo', 'X : y', '', 'Grüße');
    expect(part.fields).toEqual([
      ['subject', 'one two'],
      ['x', 'y'],
    ]);
    expect(part.type).toBe('text/plain');
    expect(peopleText(part)).toBe('Grüße');
  });

  it('has parts within parts, decoded, also when the end is missing', () => {
    const part = mail(
      'Content-Type: multipart/mixed; boundary="a b"',
      '',
      'preamble',
      '--a b',
      'Content-Type: multipart/alternative; boundary=inner',
      '',
      '--inner',
      'Content-Transfer-Encoding: quoted-printable',
      '',
      'soft =',
      'break=3D',
      '--inner--',
      '--a b',
      'Content-Type: message/delivery-status',
      'Content-Transfer-Encoding: base64',
      '',
      Buffer.from('A: b\r\n\r\nC: d\r\n').toString('base64'),
    );
    const parts = [...everyPart(part)];
    expect(parts.map(p => p.type)).toEqual(['multipart/mixed', 'multipart/alternative', 'text/plain', 'message/delivery-status']);
    expect(parts[2]?.text.trim()).toBe('soft break=');
    expect(fieldBlocks(parts[3]?.text ?? '')).toEqual([[['a', 'b']], [['c', 'd']]]);
    expect(fieldOf(part, 'content-type')).toContain('multipart/mixed');
  });

  it('is read to a bounded depth and number of parts', () => {
    let deep = 'end';
    for (let i = 0; i < 50; i++) deep = `Content-Type: multipart/mixed; boundary=b${i}\n\n--b${i}\n${deep}\n--b${i}--`;
    expect([...everyPart(readMail(Buffer.from(deep)))].length).toBeLessThan(10);
    const wide = `Content-Type: multipart/mixed; boundary=b\n\n${'--b\n\nx\n'.repeat(5_000)}`;
    expect([...everyPart(readMail(Buffer.from(wide)))].length).toBeLessThan(70);
  });

  it.each([
    ['blanks', `Content-Transfer-Encoding: quoted-printable\n\n${' '.repeat(250_000)}x`],
    ['folded lines', `Subject: x\n${' y\n'.repeat(80_000)}\n`],
    ['blank lines with blanks', `Content-Type: message/delivery-status\n\n${'\n \t'.repeat(80_000)}`],
    ['boundaries', `Content-Type: multipart/report; boundary=b\n\n${'--b\n'.repeat(60_000)}`],
    ['codes', `\n\n${'550 550-5.1.1 (#5.'.repeat(14_000)}`],
  ])('of nothing but %s takes no time', (_name, text) => {
    const begin = process.cpuUsage();
    const part = readMail(Buffer.from(text));
    readBounce(part, 'a@b.example');
    readComplaint(part);
    for (const p of everyPart(part)) fieldBlocks(p.text);
    const { user, system } = process.cpuUsage(begin);
    // Tens of milliseconds; a quadratic one takes minutes.
    expect((user + system) / 1_000).toBeLessThan(3_000);
  });

  it('never throws', () => {
    const piece = fc.oneof(
      fc.constantFrom(
        'Content-Type: multipart/report; boundary=b\r\n',
        '\r\n',
        '--b\r\n',
        '--b--',
        'Content-Type: message/delivery-status\n',
      ),
      fc.constantFrom('Action: failed\n', 'Status: 5.1.1\n', 'Diagnostic-Code: smtp; 550 no\n', 'Content-Transfer-Encoding: base64\n'),
      fc.constantFrom('Content-Type: message/feedback-report\n', 'Feedback-Type: abuse\n', 'Content-Type: message/rfc822\n', '='),
      fc.string(),
    );
    fc.assert(
      fc.property(fc.array(piece, { maxLength: 30 }), pieces => {
        const part = readMail(Buffer.from(pieces.join('')));
        readBounce(part, 'a@b.example');
        readComplaint(part);
      }),
      { numRuns: 500 },
    );
    fc.assert(fc.property(fc.uint8Array({ maxLength: 500 }), bytes => void readBounce(readMail(Buffer.from(bytes)), '')));
  });
});
