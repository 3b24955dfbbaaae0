/** Records of every type as CSV and as JSON: one table of fields, the same data. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { FIELD_NAMES, FIELDS, RECORD_TYPES, type AccountingRecord, type FieldName } from '../../src/kernel/accounting.js';
import type { JournalRecord } from '../../src/kernel/journal.js';
import { changeRecord } from '../../src/outcome/change-record.js';
import { accountingTime, csvLines } from '../../src/outcome/csv.js';
import { jsonLine, jsonTime } from '../../src/outcome/ndjson.js';
import { parseCsv } from './parse-csv.js';

const AT = Date.parse('2023-11-20T12:00:00.250Z');

const text = fc.oneof(
  fc.string({ maxLength: 12 }),
  fc.string({ unit: 'binary', maxLength: 12 }),
  fc.constantFrom('', 'a,b', '"q"', ' x ', 'a\r\nb'),
);
const some = <T>(value: fc.Arbitrary<T>) => fc.option(value, { nil: undefined });
/** Everything a record of any type may hold, with the texts a remote host may have had a hand in. */
const records = fc.record({
  type: fc.constantFrom(...RECORD_TYPES),
  logged: fc.integer({ min: 0, max: 4e12 }),
  queued: fc.integer({ min: 0, max: 4e12 }),
  orig: text,
  rcpt: text,
  orcpt: some(text),
  status: some(text),
  diag: some(text),
  mta: some(text),
  category: some(text),
  client: text,
  sourceIp: some(text),
  destinationIp: some(text),
  size: fc.nat(),
  source: some(text),
  job: some(text),
  envid: some(text),
  queue: text,
  pool: text,
  class: fc.constantFrom('delivered', 'other'),
  rule: some(text),
  stage: some(fc.nat()),
  uncertain: some(fc.boolean()),
  message: text,
  action: fc.constantFrom('failed', 'delayed'),
  feedbackType: text,
  format: text,
  userAgent: some(text),
  reportedDomain: some(text),
  journal: fc.nat(),
  event: text,
  author: text,
  text,
  window: some(text),
});

describe('CSV and JSON', () => {
  it('carry the same data, a line a record, whatever stands in it', () => {
    const csv = csvLines(FIELDS);
    const [header = []] = parseCsv(csv.header);
    fc.assert(
      fc.property(records, any => {
        const record = any as unknown as AccountingRecord;
        const line = csv.line(record, accountingTime);
        const [row = [], ...others] = parseCsv(Buffer.from(line).toString());
        expect(others).toEqual([]);
        expect(row).toHaveLength(header.length);
        const json = jsonLine(record, FIELDS, jsonTime);
        expect(json.indexOf('\n')).toBe(json.length - 1);
        const object = JSON.parse(json) as Record<string, string | number | boolean>;
        const shown = (name: string, value: string | number | boolean | undefined): string => {
          if (value === undefined) return '';
          if (/^time/.test(name)) return accountingTime(Date.parse(String(value)));
          return Buffer.from(typeof value === 'string' ? value : String(Number(value))).toString();
        };
        expect(row).toEqual(header.map(name => shown(name, object[name])));
        expect(Object.keys(object).every(name => (FIELDS[record.type] as readonly string[]).includes(name))).toBe(true);
      }),
      { numRuns: 300 },
    );
  });

  it('have types: numbers, truth, times in ISO 8601, and no key for what is empty', () => {
    const record: AccountingRecord = {
      type: 'f',
      logged: AT,
      rcpt: 'ann@example.net',
      feedbackType: 'abuse',
      format: 'arf',
      reportedIp: '192.0.2.10',
      source: 'hot-1',
      orcpt: '',
    };
    expect(JSON.parse(jsonLine(record, FIELDS, jsonTime))).toEqual({
      type: 'f',
      timeLogged: '2023-11-20T12:00:00.250Z',
      rcpt: 'ann@example.net',
      vmta: 'hot-1',
      repSourceIp: '192.0.2.10',
      feedbackType: 'abuse',
      format: 'arf',
    });
  });

  it('hold the fields asked for of each type, a column empty where a type was not asked for it', () => {
    const csv = csvLines({ d: ['type', 'rcpt', 'dlvSize'], t: ['type', 'dsnDiag'] });
    expect(csv.header).toBe('type,rcpt,dsnDiag,dlvSize\n');
    const base = {
      logged: AT,
      queued: AT,
      orig: 'o',
      rcpt: 'r',
      client: 'c',
      size: 5,
      queue: 'q',
      pool: 'p',
      class: 'other',
      diag: 'x',
    } as const;
    expect(csv.line({ ...base, type: 'd' }, accountingTime)).toBe('d,r,,5\n');
    expect(csv.line({ ...base, type: 't' }, accountingTime)).toBe('t,,smtp;x,\n');
  });

  it('name every field once, `type` first of every type', () => {
    expect(new Set(FIELD_NAMES).size).toBe(FIELD_NAMES.length);
    for (const type of RECORD_TYPES) {
      const fields: readonly FieldName[] = FIELDS[type];
      expect(fields[0]).toBe('type');
      expect(fields.filter(name => !FIELD_NAMES.includes(name))).toEqual([]);
    }
  });
});

describe('changes of limits', () => {
  const journal = (more: Partial<JournalRecord>): JournalRecord => ({
    id: 7,
    at: AT,
    time: '',
    type: 'window-opened',
    author: 'rule:microsoft/rp-001',
    text: 'window w1 opened',
    ...more,
  });
  it('are w for windows and s for stages; what changes no limit is none', () => {
    const address = (name: string) => (name === 'cold-1' ? '192.0.2.11' : undefined);
    expect(changeRecord(journal({ source: 'cold-1', provider: 'microsoft', window: 'w1', reply: '421 RP-001' }), address)).toEqual({
      type: 'w',
      logged: AT,
      journal: 7,
      event: 'window-opened',
      author: 'rule:microsoft/rp-001',
      text: 'window w1 opened',
      source: 'cold-1',
      sourceIp: '192.0.2.11',
      provider: 'microsoft',
      window: 'w1',
      diag: '421 RP-001',
    });
    expect(changeRecord(journal({ type: 'stage-braked' }), address)).toMatchObject({ type: 's', event: 'stage-braked' });
    expect(changeRecord(journal({ type: 'reloaded' }), address)).toBeUndefined();
  });
});
