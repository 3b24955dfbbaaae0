/** The header: what is read, what is cut, what is added. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { Body, joinedFront } from '../../src/accept/body.js';
import { headerWatch, rewritten, scanHeader } from '../../src/accept/header.js';
import { receivedField } from '../../src/accept/received.js';
import { protocolOf } from '../../src/accept/smtp-submission.js';

const watch = headerWatch({ stripHeaders: ['return-path', 'bcc'] }, 'mta.example.com');
const scan = (text: string) => scanHeader(Buffer.from(text), watch);
const rewrite = (text: string) => {
  const block = Buffer.from(text);
  return Buffer.concat(rewritten('P: q\r\n', block, scanHeader(block, watch), [])).toString();
};

describe('scanHeader', () => {
  it('finds the fields that matter and the end', () => {
    const header = 'Received: a\r\n\tb\r\nRECEIVED: c\r\nDate: now\r\nMessage-Id: <x@y>\r\nX-Pool: warm\r\n  pool\r\nX-Job:j1\r\n\r\n';
    const found = scan(`${header}Date: body\r\n`);
    expect(found).toMatchObject({ received: 2, hasDate: true, hasMessageId: true, complete: true, needsBlank: false, end: header.length });
    expect(found.own).toEqual({ 'x-pool': 'warm pool', 'x-job': 'j1' });
  });

  it('does not take the body for the header', () => {
    const found = scan('Subject: x\r\n\r\nDate: no\r\nX-Pool: no\r\nReceived: no\r\n');
    expect(found).toMatchObject({ hasDate: false, received: 0, own: {}, cuts: [] });
  });

  it('ends at the first line that is no field', () => {
    expect(scan('Subject: x\r\nhello there\r\n\r\nX-Pool: y\r\n')).toMatchObject({ end: 12, complete: true, needsBlank: true, own: {} });
    expect(scan(' folded: first\r\n')).toMatchObject({ end: 0, needsBlank: true });
    expect(scan(': empty\r\n')).toMatchObject({ end: 0, needsBlank: true });
    expect(scan('Subject : obsolete\r\n\r\n')).toMatchObject({ complete: true, needsBlank: false });
  });

  it("counts its own traces and nobody else's", () => {
    const by = (name: string) => `Received: from a ([192.0.2.1])\r\n\tby ${name} with ESMTP id 1;\r\n\tnow\r\n`;
    const names = ['mta.example.com', 'MTA.Example.com;', 'mta.example.com.evil.example', 'xmta.example.com', 'mta-example.com', 'other'];
    expect(scan(`${names.map(by).join('')}Received: standby mta.example.com\r\n\r\n`)).toMatchObject({ received: 7, passedHere: 2 });
  });

  it('reads who a message was delivered to', () => {
    const found = scan('Delivered-To: Ann@Example.net\r\nDelivered-To:\r\n <bob@example.net>\r\n\r\nDelivered-To: no\r\n');
    expect(found.deliveredTo).toEqual(['ann@example.net', 'bob@example.net']);
    expect(found.cuts).toEqual([]);
  });

  it('keeps the first of a field given twice and cleans its value', () => {
    expect(scan('X-Job: one\u0007\u001b[31m\r\nX-Job: two\r\n\r\n').own['x-job']).toBe('one [31m');
  });
});

describe('rewritten', () => {
  it('cuts our own fields, folded ones too, and nothing else', () => {
    const text = 'X-Virtual-MTA: v\r\nSubject: s\r\nx-warm-up:\r\n prefer\r\nX-Pooling: stays\r\nX-Job: j\r\n\r\nX-Job: stays\r\n';
    expect(rewrite(text)).toBe('P: q\r\nSubject: s\r\nX-Pooling: stays\r\n\r\nX-Job: stays\r\n');
  });

  it('cuts what is to be stripped, and does not count a field it cuts as there', () => {
    expect(rewrite('Return-Path: <a@b>\r\nbcc: c@d,\r\n e@f\r\nBccx: y\r\nSubject: s\r\n\r\nBcc: stays\r\n')).toBe(
      'P: q\r\nBccx: y\r\nSubject: s\r\n\r\nBcc: stays\r\n',
    );
    const all = headerWatch({ stripHeaders: ['message-id', 'received'] }, 'h');
    expect(scanHeader(Buffer.from('Message-ID: <x>\r\nReceived: by h\r\n\r\n'), all)).toMatchObject({
      hasMessageId: false,
      received: 1,
      cuts: [
        [0, 17],
        [17, 33],
      ],
    });
  });

  it('parts header and body where the blank line is missing', () => {
    expect(rewrite('hello\r\nworld\r\n')).toBe('P: q\r\n\r\nhello\r\nworld\r\n');
    expect(rewrite('X-Job: j\r\nnot a field\r\n')).toBe('P: q\r\n\r\nnot a field\r\n');
    expect(rewrite('Subject: s\r\nX-Job: j\r\n')).toBe('P: q\r\nSubject: s\r\n\r\n');
    expect(rewrite('')).toBe('P: q\r\n\r\n');
  });

  it('leaves every other byte as it was, however the message came in pieces', () => {
    const line = fc.constantFrom('Subject: s', 'X-Job: j', ' folded', 'X-Pool: p', 'To: b@example.net', 'X-Warm-Up: never', 'Date: d');
    const arbitrary = fc.record({
      header: fc.array(line, { maxLength: 12 }),
      body: fc.array(fc.string({ maxLength: 30 })),
      cuts: fc.array(fc.nat(400)),
    });
    fc.assert(
      fc.property(arbitrary, ({ header, body, cuts }) => {
        const fields = ['From: a@example.com', ...header];
        const text = `${[...fields, '', ...body.map(b => b.replace(/[\r\n]/g, ''))].join('\r\n')}\r\n`;
        const bytes = Buffer.from(text);
        const at = [...new Set([0, ...cuts.filter(c => c < bytes.length), bytes.length])].sort((a, b) => a - b);
        const chunks = at.slice(1).map((end, i) => bytes.subarray(at[i], end));
        const { block, rest } = joinedFront(chunks, 1_000, front => scanHeader(front, watch).complete);
        const got = Buffer.concat(rewritten('', block, scanHeader(block, watch), rest)).toString();
        let own = false;
        const kept = fields.filter(f => !(own = f.startsWith(' ') ? own : /^x-(job|pool|warm-up):/i.test(f)));
        expect(got).toBe(`${[...kept, ''].join('\r\n')}\r\n${text.slice(text.indexOf('\r\n\r\n') + 4)}`);
      }),
    );
  });
});

describe('receivedField', () => {
  const trace = {
    helo: 'app',
    address: '192.0.2.7',
    by: 'mta.example.com',
    protocol: 'ESMTP',
    id: 'abc.1',
    date: 'Mon, 20 Nov 2023 12:00:00 +0000',
  };

  it('names the protocol as RFC 3848 and RFC 6531 do', () => {
    const protocol = (utf8: boolean, secure = false, user?: string, openingCommand = 'EHLO') =>
      protocolOf({ openingCommand, secure, ...(user ? { user } : {}), envelope: { smtpUtf8: utf8 } });
    expect(protocol(false)).toBe('ESMTP');
    expect(protocol(false, false, undefined, 'HELO')).toBe('SMTP');
    expect(protocol(false, true)).toBe('ESMTPS');
    expect(protocol(false, true, 'app1')).toBe('ESMTPSA');
    expect(protocol(true, true, 'app1')).toBe('UTF8SMTPSA');
  });

  it('cannot be broken by a HELO name', () => {
    expect(receivedField({ ...trace, helo: 'x)\r\nEvil: <y>', recipient: 'b@example.net' })).toBe(
      'Received: from x???Evil:??y? ([192.0.2.7])\r\n\tby mta.example.com with ESMTP id abc.1\r\n' +
        '\tfor <b@example.net>;\r\n\tMon, 20 Nov 2023 12:00:00 +0000\r\n',
    );
    expect(receivedField({ ...trace, address: '2001:db8::1' })).toContain('([IPv6:2001:db8::1])');
  });
});

describe('Body', () => {
  const read = (chunks: readonly Buffer[], most = Infinity, maxSize = Infinity) => {
    const budget = { used: 0, most };
    const body = new Body(budget, maxSize);
    for (const chunk of chunks) body.push(chunk);
    body.end();
    return { body, budget };
  };

  it('finds every bare CR and LF, wherever chunks end', () => {
    const piece = fc.constantFrom('\r\n', '\r', '\n', 'a', '.', 'bc\r\n');
    fc.assert(
      fc.property(fc.array(piece, { maxLength: 12 }), fc.array(fc.nat(20)), (pieces, cuts) => {
        const text = `${pieces.join('')}\r\n`;
        const at = [...new Set([0, ...cuts.filter(c => c < text.length), text.length])].sort((a, b) => a - b);
        const chunks = at.slice(1).map((end, i) => Buffer.from(text.slice(at[i], end)));
        const bare = /[\r\n]/.test(text.replaceAll('\r\n', ''));
        expect(read(chunks).body.spoilt).toBe(bare ? 'line-ends' : undefined);
      }),
      { numRuns: 500 },
    );
    expect(read([Buffer.from('a\r')]).body.spoilt).toBe('line-ends');
  });

  it('keeps neither what is too large nor what there is no memory for', () => {
    const chunk = Buffer.from('0123456\r\n');
    const large = read([chunk, chunk, chunk], Infinity, 20);
    expect(large.body).toMatchObject({ spoilt: 'size', chunks: [], bytes: 27 });
    expect(large.budget.used).toBe(0);
    const full = read([chunk, chunk, chunk], 20);
    expect(full.body).toMatchObject({ spoilt: 'memory', chunks: [] });
    const sound = read([chunk, chunk, chunk]);
    expect(sound.body.spoilt).toBeUndefined();
    expect(sound.budget.used).toBe(27);
    sound.body.release();
    sound.body.release();
    expect(sound.budget.used).toBe(0);
  });

  it('finds NUL and lines that are too long, wherever chunks end', () => {
    expect(read([Buffer.from('a\0b\r\n')]).body.spoilt).toBe('nul');
    const line = fc.record({ length: fc.nat(12), cuts: fc.array(fc.nat(40)) });
    fc.assert(
      fc.property(fc.array(line, { minLength: 1, maxLength: 4 }), lines => {
        const text = lines.map(l => `${'x'.repeat(l.length)}\r\n`).join('');
        const cuts = lines.flatMap(l => l.cuts).filter(c => c < text.length);
        const at = [...new Set([0, ...cuts, text.length])].sort((a, b) => a - b);
        const chunks = at.slice(1).map((end, i) => Buffer.from(text.slice(at[i], end)));
        const budget = { used: 0, most: Infinity };
        const body = new Body(budget, Infinity, 10);
        for (const chunk of chunks) body.push(chunk);
        body.end();
        expect(body.spoilt).toBe(lines.some(l => l.length > 10) ? 'line-length' : undefined);
      }),
      { numRuns: 500 },
    );
  });

  it('sees 8-bit content', () => {
    expect(read([Buffer.from('plain\r\n')]).body.eightBit).toBe(false);
    expect(read([Buffer.from('grün\r\n')]).body.eightBit).toBe(true);
  });
});
