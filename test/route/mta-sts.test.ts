import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { printStsPolicy, readStsPolicy, readStsRecord } from '../../src/route/mta-sts.js';

const GOOD = 'version: STSv1\r\nmode: enforce\r\nmx: mx1.example.com\r\nmx: *.example.net\r\nmax_age: 604800\r\n';
const refused = (text: string): string => {
  const read = readStsPolicy(text);
  return read.ok ? `read as ${JSON.stringify(read.policy)}` : read.text;
};

describe('the TXT record of MTA-STS', () => {
  it.each([
    [['v=STSv1; id=20160831085700Z;'], '20160831085700Z'],
    [['v=STSv1;id=1'], '1'],
    [['v=STSv1; id=1; later=yes;'], '1'],
    [['v=spf1 -all', 'v=STSv1; id=7'], '7'],
    [['v=STSv1; id=1', 'v=STSv1; id=2'], undefined],
    [['v=STSv1;'], undefined],
    [['v=STSv1'], undefined],
    [['id=1; v=STSv1'], undefined],
    [['v=STSv10; id=1'], undefined],
    [['v=STSv1; id=not-alphanumeric'], undefined],
    [[`v=STSv1; id=${'a'.repeat(33)}`], undefined],
    [['v=STSv1; id=1; =x'], undefined],
    [[], undefined],
  ])('%j has the id %s', (records, id) => expect(readStsRecord(records)).toBe(id));
});

describe('an MTA-STS policy', () => {
  it('of blanks is read in one go', () => {
    // Each of them was where to look through the rest from: 64 KB of a stranger's policy kept everybody waiting for four seconds.
    expect(refused(`${GOOD}mx: a${' '.repeat(4_000_000)}x\n`)).toBe('mx is no host name or *.NAME');
    expect(refused(`mx${' '.repeat(4_000_000)}x: a\n`)).toBe('a line is not KEY: VALUE');
  });

  it('is read', () => {
    expect(readStsPolicy(GOOD)).toEqual({
      ok: true,
      policy: { mode: 'enforce', maxAge: 604_800, mx: ['mx1.example.com', '*.example.net'] },
    });
    expect(readStsPolicy(GOOD.replaceAll('\r\n', '\n')).ok).toBe(true);
    expect(readStsPolicy('version:STSv1\nmode: none\nmax_age: 0')).toEqual({ ok: true, policy: { mode: 'none', maxAge: 0, mx: [] } });
  });

  it('passes over keys it does not know; of keys said twice the first counts', () => {
    expect(readStsPolicy(`${GOOD}later: x\nmode: none\n`)).toMatchObject({ ok: true, policy: { mode: 'enforce' } });
  });

  it('holds at most a year', () => {
    expect(readStsPolicy(GOOD.replace('604800', '9999999999'))).toMatchObject({ policy: { maxAge: 31_557_600 } });
  });

  it('that is not exactly one is none', () => {
    expect(refused(GOOD.replace('STSv1', 'STSv2'))).toBe('version is not STSv1');
    expect(refused(GOOD.replace('enforce', 'Enforce'))).toMatch(/^mode/);
    expect(refused(GOOD.replace('604800', '-1'))).toMatch(/^max_age/);
    expect(refused(GOOD.replace('604800', '1e9'))).toMatch(/^max_age/);
    expect(refused(GOOD.replace(/mx: .*\r\n/g, ''))).toBe('mx is missing');
    for (const bad of ['', '*', '*.', 'a.*.example', '*x.example', 'a b', '..'])
      expect(refused(GOOD.replace('mx1.example.com', bad))).toMatch(/^mx/);
    expect(refused(`${GOOD}mx: a.example\n`.repeat(60))).toMatch(/more than 100/);
    expect(refused('<html><body>Not found</body></html>')).toMatch(/KEY: VALUE/);
    expect(refused('')).toBe('version is not STSv1');
  });

  it('never makes the reader throw, and what is read can be written and read again', () => {
    const line = fc.oneof(fc.string(), fc.constantFrom(...GOOD.split('\r\n'), 'mode: testing', 'mx: *.a.example', 'max_age: 00'));
    fc.assert(
      fc.property(fc.array(line, { maxLength: 12 }), lines => {
        const read = readStsPolicy(lines.join('\n'));
        readStsRecord(lines);
        if (read.ok) expect(readStsPolicy(printStsPolicy(read.policy).join('\n'))).toEqual(read);
      }),
      { numRuns: 1_000 },
    );
  });
});
