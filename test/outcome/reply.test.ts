import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { networkReply, parseReply } from '../../src/outcome/reply.js';

describe('parseReply', () => {
  it('reads code, enhanced code and text', () => {
    expect(parseReply('550 5.1.1 No such user')).toEqual({
      code: 550,
      enhanced: '5.1.1',
      text: 'No such user',
      line: '550 5.1.1 No such user',
    });
    expect(parseReply('421 Service not available')).toEqual({
      code: 421,
      text: 'Service not available',
      line: '421 Service not available',
    });
    expect(parseReply('250')).toEqual({ code: 250, text: '', line: '250' });
    expect(parseReply('554: Dialup IP not allowed')).toMatchObject({ code: 554, text: 'Dialup IP not allowed' });
    expect(parseReply('smtp; 550 5.1.1 gone')).toMatchObject({ code: 550, enhanced: '5.1.1', text: 'gone' });
  });

  const many =
    '421-4.7.28 Gmail has detected an unusual rate of unsolicited mail originating\r\n' +
    '421-4.7.28 from your IP address. To protect our users from spam, mail has been\r\n' +
    '421 4.7.28 temporarily rate limited.';
  const one =
    'Gmail has detected an unusual rate of unsolicited mail originating from your IP address. To protect our users from spam, mail has been temporarily rate limited.';

  it('joins lines by one space and drops the codes they repeat', () => {
    expect(parseReply(many)).toEqual({ code: 421, enhanced: '4.7.28', text: one, line: `421 4.7.28 ${one}` });
    expect(parseReply(many.replaceAll('\r\n', '\n')).text).toBe(one);
  });

  it('does so too when a log has joined the lines already', () => {
    expect(parseReply(many.replaceAll('\r\n', ' '))).toEqual(parseReply(many));
    expect(
      parseReply('554-gmx.net (mxgmx104) Nemesis 554-No SMTP service 554-IP address is block listed. 554 For explanation see').text,
    ).toBe('gmx.net (mxgmx104) Nemesis No SMTP service IP address is block listed. For explanation see');
  });

  it('leaves numbers alone that are no code of a line', () => {
    expect(parseReply('554 This mailbox is disabled (554.30).').text).toBe('This mailbox is disabled (554.30).');
    expect(parseReply('421 Nemesis 421 Rate limit reached').text).toBe('Nemesis 421 Rate limit reached');
    expect(parseReply('550-first\n550 550 users left').text).toBe('first 550 users left');
    expect(parseReply('250-5500 messages 250 left').text).toBe('5500 messages left');
  });

  it('takes the enhanced code from whichever line has it first', () => {
    expect(parseReply('554-mx.example.com\n554 5.7.1 rejected')).toMatchObject({ enhanced: '5.7.1', text: 'mx.example.com rejected' });
    expect(parseReply('550-5.7.1 one\n550 5.1.1 two')).toMatchObject({ enhanced: '5.7.1', text: 'one 5.1.1 two' });
    expect(parseReply('550 5.7.1234 no code').enhanced).toBeUndefined();
    expect(parseReply('220 192.0.2.1 ready').enhanced).toBeUndefined();
  });

  it('has code 0 for what is no reply', () => {
    for (const raw of ['', 'Connection timed out', '42', '199 odd', '600 odd', '5501 odd', '\r\n']) expect(parseReply(raw).code).toBe(0);
    expect(networkReply('connect ECONNREFUSED 192.0.2.1:25')).toEqual({
      code: 0,
      text: 'connect ECONNREFUSED 192.0.2.1:25',
      line: 'connect ECONNREFUSED 192.0.2.1:25',
    });
  });

  it('takes control characters and bidirectional overrides out', () => {
    const { line, text } = parseReply('550 5.1.1 \u001b]0;owned\u0007\u001b[31mred\u202e txt.exe\u0000 \u009b2J');
    expect(line).not.toMatch(/[\u0000-\u001f\u007f-\u009f\u202e]/);
    expect(text).toBe(']0;owned [31mred txt.exe 2J');
  });

  it('never throws, is printable, is bounded, and reads its own line back', () => {
    const piece = fc.oneof(fc.string({ unit: 'binary' }), fc.constantFrom('421-4.7.28 ', '\r\n', '\n', '550 ', '5.1.1', ' ', '-', '250'));
    fc.assert(
      fc.property(fc.array(piece, { maxLength: 30 }), pieces => {
        const reply = parseReply(pieces.join(''));
        expect(reply.code === 0 || (reply.code >= 200 && reply.code <= 599)).toBe(true);
        expect(reply.line).not.toMatch(/[\u0000-\u001f\u007f-\u009f\u202a-\u202e]/);
        expect(reply.line.length).toBeLessThan(4_100);
        if (reply.code !== 0) expect(parseReply(reply.line).code).toBe(reply.code);
      }),
      { numRuns: 300 },
    );
    expect(parseReply(`550 ${'x'.repeat(1_000_000)}`).line.length).toBeLessThan(4_100);
  });
});
