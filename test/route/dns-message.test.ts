import dnsPacket from 'dns-packet';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { encodeQuestion, mixCase, readReply, type Question } from '../../src/route/dns-message.js';

const question: Question<'A'> = { id: 4711, name: 'mX.exAmple', type: 'A' };
const AD = dnsPacket.AUTHENTIC_DATA;

const reply = (parts: Partial<Parameters<typeof dnsPacket.encode>[0]> = {}): Buffer =>
  dnsPacket.encode({
    type: 'response',
    id: question.id,
    flags: AD,
    questions: [{ name: question.name, type: 'A' }],
    answers: [{ name: 'mx.example', type: 'A', ttl: 90, data: '192.0.2.1' }],
    ...parts,
  });

describe('the reply to a DNS question', () => {
  it('is read with its AD bit, and without', () => {
    const answer = { kind: 'found', records: ['192.0.2.1'], ttl: 90_000 };
    expect(readReply(reply(), question, true)).toEqual({ kind: 'answer', answer: { ...answer, secure: true } });
    expect(readReply(reply({ flags: 0 }), question, true)).toEqual({ kind: 'answer', answer: { ...answer, secure: false } });
  });

  it('counts only with its number, its name and its type', () => {
    expect(readReply(reply({ id: 4712 }), question, true).kind).toBe('foreign');
    expect(readReply(reply({ questions: [{ name: 'other.example', type: 'A' }] }), question, true).kind).toBe('foreign');
    expect(readReply(reply({ questions: [{ name: question.name, type: 'AAAA' }] }), question, true).kind).toBe('foreign');
    expect(readReply(reply({ type: 'query' }), question, true).kind).toBe('foreign');
    expect(readReply(reply({ questions: [] }), question, true).kind).toBe('foreign');
  });

  it('with its name in another case is believed over TCP alone', () => {
    const folded = reply({ questions: [{ name: 'mx.example', type: 'A' }] });
    expect(readReply(folded, question, true).kind).toBe('again');
    expect(readReply(folded, question, false).kind).toBe('answer');
  });

  it('that is cut short is asked for again by TCP', () => {
    expect(readReply(reply({ flags: AD | dnsPacket.TRUNCATED_RESPONSE, answers: [] }), question, true).kind).toBe('again');
  });

  it('that is no answer tells nothing: neither that there is none', () => {
    for (const rcode of [1, 2, 5, 9])
      expect(readReply(reply({ flags: AD | rcode }), question, true)).toMatchObject({ answer: { kind: 'failed' } });
  });

  it('gives no record of another name, and follows aliases, round in circles too', () => {
    const stray = reply({ answers: [{ name: 'else.example', type: 'A', ttl: 9, data: '192.0.2.9' }] });
    expect(readReply(stray, question, true)).toMatchObject({ answer: { kind: 'no-data' } });
    const circle = reply({
      answers: [
        { name: 'mx.example', type: 'CNAME', ttl: 9, data: 'b.example' },
        { name: 'b.example', type: 'CNAME', ttl: 9, data: 'mx.example' },
      ],
    });
    expect(readReply(circle, question, true)).toMatchObject({ answer: { kind: 'no-data' } });
  });

  it('never makes the reader throw', () => {
    fc.assert(fc.property(fc.uint8Array({ maxLength: 600 }), bytes => void readReply(Buffer.from(bytes), question, true)));
    const good = reply();
    fc.assert(
      fc.property(fc.nat(good.length - 1), fc.nat(255), fc.nat(good.length), (at, byte, cut) => {
        const bytes = Buffer.from(good.subarray(0, Math.max(cut, 12)));
        if (at < bytes.length) bytes[at] = byte;
        expect(['foreign', 'again', 'answer']).toContain(readReply(bytes, question, false).kind);
      }),
      { numRuns: 1_000 },
    );
  });

  it('is asked for with AD, DO and a size that needs no fragments; the spelling is drawn', () => {
    const asked = dnsPacket.decode(encodeQuestion(question));
    expect((asked.flags ?? 0) & AD).toBe(AD);
    expect(asked.additionals[0]).toMatchObject({ type: 'OPT', udpPayloadSize: 1232, flags: dnsPacket.DNSSEC_OK });
    expect(mixCase('ab1.c', Uint8Array.from([0b10001]))).toBe('Ab1.C');
  });
});
