/** Files of Microsoft's SNDS, line by line. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { readSndsLine } from '../../src/outcome/snds.js';

const LINE =
  '203.0.113.21,11/18/2026 7:00 PM,11/19/2026 7:00 PM,"12,431",12398,12431,YELLOW,< 0.1%,11/18/2026 7:00 PM,11/19/2026 7:00 PM,3,mta2.example.com,news@example.com,';

describe('a line of SNDS data', () => {
  it('is read: address, period, counts, what the filter made of it', () => {
    expect(readSndsLine(`${LINE}\r`)).toEqual({
      kind: 'data',
      data: {
        address: '203.0.113.21',
        from: '2026-11-18 19:00',
        until: '2026-11-19 19:00',
        rcptCommands: 12_431,
        dataCommands: 12_398,
        recipients: 12_431,
        filter: 'YELLOW',
        complaintRate: '< 0.1%',
        trapHits: 3,
        sampleHelo: 'mta2.example.com',
        sampleSender: 'news@example.com',
      },
    });
  });

  it('at midnight is at midnight', () => {
    expect(readSndsLine(LINE.replaceAll('7:00 PM', '12:00 AM'))).toMatchObject({ data: { from: '2026-11-18 00:00' } });
    expect(readSndsLine(LINE.replaceAll('7:00 PM', '12:30 PM'))).toMatchObject({ data: { until: '2026-11-19 12:30' } });
  });

  it.each([
    ['mail.example.com', LINE.replace('203.0.113.21', 'mail.example.com'), 'no address'],
    ['a colour', LINE.replace('YELLOW', 'BLUE'), 'GREEN, YELLOW, RED'],
    ['a time', LINE.replace('11/19/2026', '19 Nov'), 'no time'],
    ['a count', LINE.replace('12398', 'many'), 'DATA commands "many" is no number'],
    ['too little', 'a,b,c', 'columns'],
  ])('with %s of another kind is told', (_what, line, why) => {
    expect(readSndsLine(line)).toMatchObject({ kind: 'fault', what: expect.stringContaining(why) as string });
  });

  it('may be a header or blank, and never throws', () => {
    expect(readSndsLine('IP Address,Activity start')).toEqual({ kind: 'nothing' });
    expect(readSndsLine(' ')).toEqual({ kind: 'nothing' });
    fc.assert(fc.property(fc.string(), line => void readSndsLine(line)));
    fc.assert(fc.property(fc.array(fc.string()), cells => void readSndsLine(cells.join(','))));
  });
});
