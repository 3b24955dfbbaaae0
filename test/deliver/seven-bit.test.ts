/** 8-bit mail made 7-bit, read back by Python's email package; and what is refused rather than changed. */
import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { fit, unnameable } from '../../src/deliver/fit.js';
import { isPart, parseMime, type Part, Unreadable } from '../../src/deliver/mime.js';
import { isSevenBit, sevenBit, Unfit } from '../../src/deliver/seven-bit.js';
import type { Extension } from '../../src/deliver/commands.js';

const PYTHON = '/usr/bin/python3';
const noPython = existsSync(PYTHON) ? '' : ` (SKIPPED: ${PYTHON} is missing)`;
const crlf = (text: string): Buffer => Buffer.from(text.replace(/\n/g, '\r\n'));

/** Type, charset and content (hex) of every leaf, as Python reads each message. */
function leaves(messages: readonly Buffer[]): { type: string; charset: string | null; hex: string; defects: string[] }[][] {
  const program = `
import sys, json, base64, email, email.policy
out = []
for line in sys.stdin:
    m = email.message_from_bytes(base64.b64decode(line), policy=email.policy.compat32)
    out.append([{"type": p.get_content_type(), "charset": p.get_param("charset"), "hex": p.get_payload(decode=True).hex(),
                 "defects": [type(d).__name__ for d in p.defects]} for p in m.walk() if not p.is_multipart()])
print(json.dumps(out))`;
  const input = messages.map(m => m.toString('base64')).join('\n');
  const { stdout, stderr } = spawnSync(PYTHON, ['-c', program], { input, encoding: 'utf8', maxBuffer: 1 << 26 });
  if (stderr) throw new Error(stderr);
  return JSON.parse(stdout) as ReturnType<typeof leaves>;
}

const MIXED = crlf(`From: a@b.example
Subject: mixed
MIME-Version: 1.0
Content-Type: multipart/mixed; boundary="a b"
Content-Transfer-Encoding: 8bit

preamble
--a b
Content-Type: text/plain; charset=utf-8
Content-Transfer-Encoding: 8bit

Grüße, und eine lange Zeile: ${'äöü '.repeat(60)}
trailing blank \t
.dot
=equals
--a b
Content-Type: multipart/alternative; boundary=inner

--inner
Content-Type: text/html

<p>plain ascii</p>
--inner
Content-Type: text/plain; charset=koi8-r
Content-Transfer-Encoding: 8BIT (a comment)

Привет
--inner--
--a b
Content-Type: message/rfc822

Subject: nested

näsled
--a b
Content-Type: application/x-thing; name=x
Content-Transfer-Encoding: 8bit

\u00ff\u00fe
--a b--
epilogue
`);

describe('sevenBit', () => {
  it.skipIf(noPython !== '')(`says the same in 7 bits, part by part${noPython}`, () => {
    const made = sevenBit(MIXED);
    expect(isSevenBit(made)).toBe(true);
    expect(
      made
        .toString('latin1')
        .split('\r\n')
        .every(line => line.length <= 76),
    ).toBe(true);
    const [before, after] = leaves([MIXED, made]);
    expect(after).toEqual(before);
    expect(after?.map(l => l.type)).toEqual(['text/plain', 'text/html', 'text/plain', 'text/plain', 'application/x-thing']);
    const text = made.toString('latin1');
    expect(text).toContain('Content-Type: multipart/mixed; boundary="a b"\r\nContent-Transfer-Encoding: 7bit\r\n');
    expect(text).toContain('Content-Type: text/html\r\n\r\n<p>plain ascii</p>\r\n');
  });

  it.skipIf(noPython !== '')(`keeps any text byte for byte${noPython}`, () => {
    const body = fc.array(fc.stringMatching(/^[ -~\täöüß€=.]{0,120}$/), { maxLength: 12 }).map(lines => lines.join('\r\n'));
    const samples = fc.sample(body, 300).map(text => `${text}\r\nü\r\n`);
    for (const type of ['text/plain; charset=utf-8', 'application/octet-stream']) {
      const whole = samples.map(text => Buffer.from(`MIME-Version: 1.0\r\nContent-Type: ${type}\r\n\r\n${text}`));
      const made = whole.map(sevenBit);
      expect(made.every(isSevenBit)).toBe(true);
      expect(leaves(made).map(l => Buffer.from(l[0]?.hex ?? '', 'hex').toString())).toEqual(samples);
    }
  });

  it('labels what has no label', () => {
    expect(sevenBit(crlf('Subject: x\n\nhé there, all\n')).toString()).toBe(
      'Subject: x\r\nContent-Transfer-Encoding: quoted-printable\r\nMIME-Version: 1.0\r\n' +
        'Content-Type: text/plain; charset=unknown-8bit\r\n\r\nh=C3=A9 there, all\r\n',
    );
  });

  it('takes off signatures that can be made anew, and no other', () => {
    const message = crlf('Received: x\nDKIM-Signature: v=1;\n b=1\nDKIM-Signature: v=1; b=2\nContent-Type: text/plain\n\nhé\n');
    const bare = 'Received: x\r\nContent-Type: text/plain\r\nContent-Transfer-Encoding: ';
    expect(sevenBit(message, 2).toString()).toBe(`${bare}base64\r\n\r\naMOpDQo=\r\n`);
    expect(() => sevenBit(message, 1)).toThrow(/DKIM/);
    expect(() => sevenBit(message)).toThrow(/DKIM/);
  });

  it.each([
    ['a signed part', 'Content-Type: multipart/signed; boundary=s\n\n--s\n\nhé\n--s--\n', /signed part/],
    ['a DKIM signature', 'DKIM-Signature: v=1\nSubject: x\n\nhé\n', /DKIM/],
    ['an 8-bit header', 'Subject: hé\n\nhé\n', /header/],
    ['a label that lies', 'Content-Transfer-Encoding: base64\n\nhé\n', /labelled base64/],
    ['two types', 'Content-Type: text/plain\nContent-Type: text/html\n\nhé\n', /two content-type/],
    ['a multipart without boundary', 'Content-Type: multipart/mixed\n\nhé\n', /no boundary/],
    ['text between the parts', 'Content-Type: multipart/mixed; boundary=s\n\nhé\n--s\n\nx\n--s--\n', /between/],
    ['a message in an address form of its own', 'Content-Type: message/global\n\nSubject: x\n\nhé\n', /message\/global/],
  ])('refuses %s', (_what, message, why) => {
    expect(() => sevenBit(crlf(message))).toThrow(why);
  });

  it('leaves a signed part alone that needs nothing', () => {
    const signed = '--m\r\nContent-Type: multipart/signed; boundary=s\r\n\r\n--s\r\n\r\nplain \r\n--s--\r\n';
    const made = sevenBit(Buffer.from(`Content-Type: multipart/mixed; boundary=m\r\n\r\n${signed}--m\r\n\r\nhé\r\n--m--\r\n`));
    expect(made.toString()).toContain(signed);
  });

  it('never throws anything else, whatever it is given', () => {
    const nasty = fc.array(
      fc.oneof(
        fc.constantFrom(
          '--a',
          '--a--',
          '\r\n',
          '\r\n\r\n',
          'Content-Type: multipart/mixed; boundary=a\r\n',
          ' ',
          'é',
          '\n',
          'Content-Type: message/rfc822\r\n',
        ),
        fc.string({ unit: 'binary', maxLength: 10 }),
      ),
      { maxLength: 30 },
    );
    fc.assert(
      fc.property(nasty, pieces => {
        const bytes = Buffer.from(pieces.join(''));
        try {
          expect(joined(parseMime(bytes))).toEqual(bytes);
          expect(isSevenBit(sevenBit(bytes))).toBe(true);
        } catch (error) {
          if (!(error instanceof Unfit || error instanceof Unreadable)) throw error;
        }
      }),
      { numRuns: 500 },
    );
  });
});

function joined(part: Part): Buffer {
  const body = part.pieces ? Buffer.concat(part.pieces.map(p => (isPart(p) ? joined(p) : p))) : part.body;
  return Buffer.concat([...part.fields.map(f => f.bytes), part.blank, body]);
}

it('a header of open brackets is read in one go', () => {
  // It was looked through once for each of them, for hours.
  const message = crlf(`Content-Transfer-Encoding: ${'('.repeat(2_000_000)}\n\nhé\n`);
  expect(() => sevenBit(message)).toThrow(/holds 8-bit text/);
});

describe('what a receiver offers', () => {
  const offers =
    (...said: Extension[]) =>
    (extension: Extension) =>
      said.includes(extension);
  const EIGHT = [crlf('Subject: x\n\n'), crlf('hé there, all\n')];
  const PLAIN = [crlf('Subject: x\n\nhe\n')];
  const WIDE = [crlf('Subject: hé\n\nhe\n')];
  const codeOf = (...args: Parameters<typeof fit>) => {
    const fitted = fit(...args);
    return fitted.ok ? 'ok' : fitted.answer.reply.enhanced;
  };

  it('decides how an 8-bit body travels', () => {
    expect(fit({ eightBit: true }, 'a@b', ['c@d'], EIGHT, offers('8BITMIME'))).toEqual({
      ok: true,
      content: EIGHT,
      eightBit: true,
      utf8: false,
    });
    const converted = fit({ eightBit: true }, 'a@b', ['c@d'], EIGHT, offers());
    expect(converted).toMatchObject({ ok: true, eightBit: false });
    expect(converted.ok && Buffer.concat(converted.content).toString()).toContain('h=C3=A9');
    expect(fit({ eightBit: true }, 'a@b', ['c@d'], PLAIN, offers())).toEqual({ ok: true, content: PLAIN, eightBit: false, utf8: false });
    expect(codeOf({ eightBit: true }, 'a@b', ['c@d'], [crlf('DKIM-Signature: v=1\n\nhé\n')], offers())).toBe('5.6.3');
  });

  it('decides about addresses and headers outside ASCII', () => {
    expect(codeOf({ utf8: true }, 'ö@b', ['c@d'], PLAIN, offers('8BITMIME'))).toBe('5.6.7');
    expect(unnameable('jürgen@c', offers('8BITMIME'))?.reply.enhanced).toBe('5.6.7');
    expect(unnameable('jürgen@c', offers('SMTPUTF8'))).toBeUndefined();
    expect(codeOf({ utf8: true }, 'a@b', ['c@d'], WIDE, offers('8BITMIME'))).toBe('5.6.9');
    // Only the word was said, and all is ASCII: it goes without.
    expect(fit({ utf8: true }, 'a@b', ['c@d'], PLAIN, offers('8BITMIME'))).toEqual({
      ok: true,
      content: PLAIN,
      eightBit: false,
      utf8: false,
    });
    expect(fit({ utf8: true }, 'a@b', ['jürgen@c'], WIDE, offers('8BITMIME', 'SMTPUTF8'))).toEqual({
      ok: true,
      content: WIDE,
      eightBit: true,
      utf8: true,
    });
    const nested = [crlf('Content-Type: multipart/mixed; boundary=a\n\n--a\nContent-Description: hé\n\nx\n--a--\n')];
    expect(codeOf({ utf8: true }, 'a@b', ['c@d'], nested, offers('8BITMIME'))).toBe('5.6.9');
  });

  it('decides what can be named at all', () => {
    const named = (address: string) => unnameable(address, offers())?.reply.enhanced ?? 'ok';
    expect(['a+b=c@d', '"a b"@c', '"a<b"@c', '"a\\"b"@c', 'a@[192.0.2.1]'].map(named)).toEqual(Array.from({ length: 5 }, () => 'ok'));
    expect(['a b@c', 'a>b@c', 'a@b> X=1', '"a\r\nb"@c', 'a\n@b', '"a"b"@c<'].map(named)).toEqual(Array.from({ length: 6 }, () => '5.1.3'));
    expect(codeOf({}, 'a> SIZE=1@b', ['c@d'], PLAIN, offers())).toBe('5.1.7');
  });
});
