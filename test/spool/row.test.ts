/** Rows and records as bytes: what goes in comes out, keys sort as times do, and damage shows. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { QueuedRecipient, RecipientState } from '../../src/kernel/message.js';
import { CLASSES } from '../../src/kernel/reply.js';
import { Slab } from '../../src/spool/bytes.js';
import { checkRecord, DamagedBody, readRecord, recordHead } from '../../src/spool/record.js';
import { dueOf, LATEST, readKey, readRow, rowId, writeKey, writeRow, type SpoolRow } from '../../src/spool/row.js';
import { envelope } from './ground.js';

const u48 = fc.integer({ min: 0, max: 2 ** 48 - 1 });
const u32 = fc.integer({ min: 0, max: 2 ** 32 - 1 });
const word = fc.string({ unit: 'grapheme', maxLength: 30 });
const className = fc.constantFrom(...CLASSES);

const state: fc.Arbitrary<RecipientState> = fc.record(
  {
    address: word,
    attempts: fc.integer({ min: 0, max: 65_535 }),
    orcpt: word,
    told: fc.integer({ min: 1, max: 255 }),
    notify: fc.array(fc.constantFrom('NEVER', 'SUCCESS', 'FAILURE', 'DELAY'), { maxLength: 3 }),
    uncertain: fc.constant(true),
    last: fc.record({ at: u48, class: className, reply: word, source: word, host: word }),
    stick: fc.record({ source: word, until: u48 }),
    avoid: word,
    counted: fc.array(fc.record({ source: word, provider: word, day: u48, class: className }), { maxLength: 4 }),
  },
  { requiredKeys: ['address', 'attempts'] },
);
const row: fc.Arbitrary<SpoolRow> = fc.record({
  message: fc.integer({ min: 1, max: 2 ** 37 - 1 }),
  index: fc.integer({ min: 0, max: 65_535 }),
  due: u48,
  accepted: u48,
  size: u32,
  sender: word,
  state,
  body: fc.record({ segment: u32, offset: u32, length: u32 }),
  parts: fc.integer({ min: 1, max: 65_536 }),
});

const keyOf = (one: QueuedRecipient, queue: number, node: number) =>
  writeKey(new Uint8Array(18), queue, one.due, node, one.message, one.index);

describe('a queue row', () => {
  it('is read back as it was written', () => {
    fc.assert(
      fc.property(fc.array(row, { minLength: 1, maxLength: 20 }), u32, fc.integer({ min: 0, max: 255 }), (rows, queue, node) => {
        const slab = new Slab();
        const written = rows.map(one => ({ one, value: writeRow(slab, one, one.state, one.body), key: keyOf(one, queue, node) }));
        for (const { one, value, key } of written) {
          expect(readKey(key)).toEqual({ queue, due: one.due, node, message: one.message, index: one.index });
          expect(readRow(readKey(key), value)).toEqual(one);
        }
        slab.release();
      }),
    );
  });

  it('sorts by queue, due time, message and index', () => {
    fc.assert(
      fc.property(row, row, fc.boolean(), (a, b, same) => {
        const other = same ? { ...b, due: a.due } : b;
        const byKey = Math.sign(Buffer.compare(keyOf(a, 7, 1), keyOf(other, 7, 1)));
        expect(byKey).toBe(Math.sign(a.due - other.due || rowId(a) - rowId(other)));
        expect(Buffer.compare(keyOf(a, 7, 1), keyOf(b, 8, 1))).toBe(-1);
      }),
    );
  });

  it('stays under 1 KB whatever the receiver said, and says that something was cut', () => {
    const long = (text: string) => text.repeat(1_000 / text.length);
    for (const reply of [long('x'), long('é'), long('字'), long('😀')]) {
      const one = fc.sample(row, 1)[0]!;
      const full: RecipientState = {
        address: `${'a'.repeat(64)}@${'d'.repeat(255)}`,
        attempts: 3,
        last: { at: 1, class: 'transient', reply, source: 'cold-1', host: 'mx1.example.com' },
        counted: [{ source: 'cold-1', provider: 'google', day: 1, class: 'transient' }],
      };
      const value = writeRow(new Slab(), { ...one, sender: `${'s'.repeat(64)}@${'e'.repeat(100)}` }, full, one.body);
      expect(value.length).toBeLessThanOrEqual(1_024);
      expect(value.length).toBeGreaterThan(900);
      const read = readRow(readKey(keyOf(one, 1, 1)), value).state.last!.reply;
      expect(read.endsWith('…')).toBe(true);
      expect(reply.startsWith(read.slice(0, -1))).toBe(true);
    }
  });

  it('of another version is refused, and a cut one is not read as a shorter one', () => {
    const [one] = fc.sample(row, 1);
    const value = Buffer.from(writeRow(new Slab(), one!, one!.state, one!.body));
    const key = readKey(keyOf(one!, 1, 1));
    expect(() => readRow(key, value.subarray(0, value.length - 1))).toThrow(RangeError);
    value[0] = 2;
    expect(() => readRow(key, value)).toThrow('version 2');
  });

  it('takes due times no key can hold as the nearest it can, never earlier', () => {
    expect(dueOf(Infinity)).toBe(LATEST);
    expect(dueOf(-5)).toBe(0);
    expect(dueOf(1_000.25)).toBe(1_001);
  });
});

describe('a record', () => {
  const content = fc.array(
    fc.uint8Array({ maxLength: 200 }).map(bytes => Buffer.from(bytes)),
    { maxLength: 4 },
  );
  const write = (parts: readonly Buffer[]) => {
    const { head, length } = recordHead(31, envelope({ job: 'Ünïcode' }), parts);
    return { ref: { segment: 1, offset: 0, length }, bytes: Buffer.concat([head, ...parts]) };
  };

  it('is read back as it was written', () => {
    fc.assert(
      fc.property(content, parts => {
        const { ref, bytes } = write(parts);
        expect(bytes.length).toBe(ref.length);
        expect(readRecord(ref, bytes)).toEqual({ number: 31, envelope: envelope({ job: 'Ünïcode' }), content: Buffer.concat(parts) });
      }),
    );
  });

  it('with any byte changed, or cut anywhere, is damaged', () => {
    const { ref, bytes } = write([Buffer.from('Subject: x\r\n\r\nbody\r\n')]);
    expect(() => checkRecord(ref, bytes)).not.toThrow();
    for (let at = 0; at < bytes.length; at++) {
      const changed = Buffer.from(bytes);
      changed[at]! ^= 0x10;
      expect(() => checkRecord(ref, changed), `byte ${at}`).toThrow(DamagedBody);
      expect(() => checkRecord(ref, bytes.subarray(0, at)), `cut at ${at}`).toThrow(DamagedBody);
    }
  });
});
