/**
 * The ledger log: what was flushed is read back, whatever end the process came to, and what is damaged is never read as a
 * shorter history.
 */
import { closeSync, ftruncateSync, mkdirSync, openSync, readdirSync, readFileSync, renameSync, unlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import fc from 'fast-check';
import { describe, expect, it, vi } from 'vitest';
import { FaultError } from '../../src/kernel/fault.js';
import type { LedgerRecord } from '../../src/kernel/ledger.js';
import { createManualClock } from '../../src/rehearse/manual-clock.js';
import { openLedgerLog, type LedgerLog, type LedgerLogOptions } from '../../src/spool/ledger-log.js';
import { copyOf, folder, START } from './ground.js';

const MINUTE = 60_000;
const HOUR = 3_600_000;

function openLog(dir: string, more: Partial<LedgerLogOptions> & { bootId?: string; up?: number } = {}): LedgerLog {
  const { bootId = 'boot-1', up = 1_000, ...rest } = more;
  return openLedgerLog({ dir, clock: createManualClock(START), boot: { id: bootId, monotonic: () => up }, ...rest });
}

const reserve = (permit: number, at = START, provider = 'google'): LedgerRecord => ({
  kind: 'reserve',
  permit,
  address: '192.0.2.1',
  provider,
  slots: 1,
  at,
});
const answer = (permit: number, at = START): LedgerRecord => ({ kind: 'answer', permit, at });
const all = (log: LedgerLog): LedgerRecord[] => [...log.records];
const files = (dir: string) => readdirSync(dir).sort();
const path = (dir: string, n = 0) => join(dir, files(dir).at(n)!);

function put(log: LedgerLog, ...records: LedgerRecord[]): void {
  for (const record of records) log.append(record);
  log.flush();
}

/** Changes a file in place. */
function spoil(file: string, change: (bytes: Buffer) => void): void {
  const bytes = readFileSync(file);
  change(bytes);
  writeFileSync(file, bytes);
}

const damaged = (dir: string) => {
  expect(() => openLog(dir)).toThrow(FaultError);
};

describe('the last instant at which the process lived', () => {
  it('is that of the last record of any kind', () => {
    const dir = folder();
    expect(openLog(dir).lastAt).toBeUndefined();
    const clock = createManualClock(START);
    const log = openLog(dir, { clock });
    clock.advance(MINUTE);
    put(log, reserve(1, clock.now()));
    expect(openLog(copyOf(dir)).lastAt).toBe(START + MINUTE);
    clock.advance(MINUTE);
    log.alive();
    expect(openLog(copyOf(dir)).lastAt).toBe(START + 2 * MINUTE);
    clock.advance(MINUTE);
    log.close();
    expect(openLog(dir).lastAt).toBe(START + 3 * MINUTE);
    expect(all(openLog(dir))).toHaveLength(1);
  });

  it('goes on with the clock: policy time resumes from the last mark', () => {
    const dir = folder();
    const clock = createManualClock(START);
    let up = 1_000;
    const boot = { id: 'boot-1', monotonic: () => up };
    const log = openLog(dir, { clock, boot });
    log.alive();
    clock.advance(HOUR);
    up += HOUR;
    log.alive();
    expect(openLog(copyOf(dir), { up: up + 5 }).resumeAt).toBe(START + HOUR + 5);
    log.close();
  });
});

describe('the ledger log', () => {
  const record: fc.Arbitrary<LedgerRecord> = fc.oneof(
    fc.record({
      kind: fc.constant('reserve' as const),
      permit: fc.integer({ min: 1, max: 30 }),
      address: fc.constantFrom('192.0.2.1', '2001:db8::1'),
      provider: fc.constantFrom('google', 'x'.repeat(200), 'mx1.пример.example mx2.example'),
      slots: fc.integer({ min: 1, max: 2 ** 32 - 1 }),
      at: fc.double({ min: START, max: START + MINUTE, noNaN: true }),
    }),
    fc.record({
      kind: fc.constantFrom('answer' as const, 'refund' as const),
      permit: fc.integer({ min: 1, max: 30 }),
      at: fc.constant(START + 0.25),
    }),
  );
  /** What a log of these records must say: a permit open twice is one, an answer to nothing is none. */
  function meaning(records: readonly LedgerRecord[]): LedgerRecord[] {
    const held = new Set<number>();
    return records.filter(one => {
      if (one.kind !== 'reserve') return held.delete(one.permit);
      if (held.has(one.permit)) return false;
      held.add(one.permit);
      return true;
    });
  }

  it('says after any end what was flushed, over restarts and copies', () => {
    fc.assert(
      fc.property(
        fc.array(fc.tuple(fc.array(record, { maxLength: 12 }), fc.constantFrom('flush', 'killed', 'closed')), { maxLength: 8 }),
        turns => {
          let dir = folder();
          let log = openLog(dir);
          const told: LedgerRecord[] = [];
          for (const [records, end] of turns) {
            put(log, ...records);
            told.push(...records);
            if (end === 'flush') continue;
            if (end === 'closed') log.close();
            else dir = copyOf(dir);
            log = openLog(dir);
            expect(log.end).toBe(end === 'closed' ? 'clean' : 'killed');
            expect(all(log)).toEqual(meaning(told));
            expect(log.nonEmpty).toBe(meaning(told).length > 0);
          }
          put(log);
          expect(all(openLog(copyOf(dir)))).toEqual(meaning(told));
        },
      ),
      { numRuns: 40 },
    );
  });

  it('does not keep what was appended and not flushed: whoever sends must flush', () => {
    const dir = folder();
    const log = openLog(dir);
    put(log, reserve(1));
    log.append(reserve(2));
    expect(all(openLog(copyOf(dir)))).toEqual([reserve(1)]);
  });

  it('knows a clean end, a kill and a power cut apart', () => {
    const dir = folder();
    expect(openLog(dir).end).toBe('clean');
    put(openLog(dir), reserve(1));
    expect(openLog(copyOf(dir)).end).toBe('killed');
    expect(openLog(copyOf(dir), { bootId: 'boot-2' }).end).toBe('power-cut');
    expect(openLog(copyOf(dir), { bootId: '' }).end).toBe('power-cut');
    openLog(dir).close();
    expect(openLog(dir, { bootId: 'boot-2' }).end).toBe('clean');
  });

  it('says what policy time it is by the monotonic clock, within one boot, and never less than it has written', () => {
    const dir = folder();
    const clock = createManualClock(START);
    const log = openLog(dir, { clock, up: 5_000 });
    expect(log.resumeAt).toBeUndefined();
    put(log, reserve(1));
    clock.jumpWall(-24 * HOUR);
    expect(openLog(copyOf(dir), { up: 65_000 }).resumeAt).toBe(START + MINUTE);
    expect(openLog(copyOf(dir), { up: 65_000, bootId: 'boot-2' }).resumeAt).toBeUndefined();
    put(log, reserve(2, START + 2 * MINUTE));
    expect(openLog(copyOf(dir), { up: 65_000 }).resumeAt).toBe(START + 2 * MINUTE);
  });

  it('writes nothing before it is told something, so that the clock can be set to resumeAt', () => {
    const dir = folder();
    put(openLog(dir), reserve(1));
    const before = files(dir);
    openLog(dir);
    expect(files(dir)).toEqual(before);
  });

  it('begins a file every 10 minutes, drops those of 2 hours ago, and carries what is not settled', () => {
    const dir = folder();
    const clock = createManualClock(START);
    const log = openLog(dir, { clock });
    put(log, reserve(1, START, 'slow'), reserve(2));
    for (let permit = 3; permit < 33; permit++) {
      clock.advance(10 * MINUTE);
      put(log, answer(permit - 1, clock.now()), reserve(permit, clock.now()));
    }
    expect(files(dir).length).toBeLessThanOrEqual(15);
    const again = openLog(copyOf(dir), { clock });
    expect(again.end).toBe('killed');
    expect(all(again).find(one => one.permit === 1)).toEqual(reserve(1, START, 'slow'));
    const old = all(again).filter(one => one.permit !== 1 && one.kind === 'answer' && one.at < clock.now() - 2 * HOUR - 10 * MINUTE);
    expect(old).toEqual([]);
    const settled = all(again)
      .filter(one => one.kind === 'answer')
      .map(one => one.permit);
    expect(settled.at(-1)).toBe(31);
    for (const permit of settled) expect(all(again).some(one => one.kind === 'reserve' && one.permit === permit)).toBe(true);
    expect(settled.length).toBeGreaterThanOrEqual(12);
    const open = all(again).filter(one => one.kind === 'reserve' && !settled.includes(one.permit));
    expect(open.map(one => one.permit)).toEqual([1, 32]);
    expect(all(again)).toEqual(all(again));
  });

  it('keeps what somebody counts longer than an hour, for as long as settings say so', () => {
    const dir = folder();
    const clock = createManualClock(START);
    let counted = 24 * HOUR;
    const log = openLog(dir, { clock, counted: () => counted });
    put(log, reserve(1), answer(1));
    const work = () => {
      clock.advance(10 * MINUTE);
      put(log, reserve(clock.now()), answer(clock.now(), clock.now()));
    };
    for (let i = 0; i < 100; i++) work();
    const first = () => all(openLog(copyOf(dir), { clock, counted: () => counted }))[0]?.permit;
    expect(first()).toBe(1);
    counted = HOUR;
    work();
    expect(first()).not.toBe(1);
    expect(files(dir).length).toBeLessThanOrEqual(15);
  });

  it('remembers that there was something once, when all of it is too old to count', () => {
    const dir = folder();
    const clock = createManualClock(START);
    const log = openLog(dir, { clock });
    put(log, reserve(1), answer(1));
    for (let i = 0; i < 20; i++) {
      clock.advance(10 * MINUTE);
      put(log, { kind: 'refund', permit: 999, at: clock.now() });
    }
    log.close();
    const again = openLog(dir, { clock });
    expect(all(again)).toEqual([]);
    expect(again.nonEmpty).toBe(true);
    expect(openLog(folder()).nonEmpty).toBe(false);
  });
});

describe('a ledger that is not whole', () => {
  /** A log of 20 reservations that was killed. */
  function killed(): string {
    const dir = folder();
    const log = openLog(dir);
    for (let permit = 1; permit <= 20; permit++) put(log, reserve(permit));
    return copyOf(dir);
  }

  it('loses at most the record that was being written, wherever the file was cut', () => {
    const whole = killed();
    const size = readFileSync(path(whole)).length;
    for (let cut = 1; cut <= 200; cut++) {
      const dir = copyOf(whole);
      const fd = openSync(path(dir), 'r+');
      ftruncateSync(fd, size - cut);
      closeSync(fd);
      expect(all(openLog(dir))).toHaveLength(20 - Math.ceil(cut / 32));
    }
  });

  it('is no shorter for a start that died while it made its file', () => {
    for (const bytes of [0, 10, 32]) {
      const dir = killed();
      writeFileSync(join(dir, '0000000002.ledger'), Buffer.alloc(bytes));
      const log = openLog(dir);
      expect(all(log)).toHaveLength(20);
      expect(log.end).toBe('killed');
      put(log, reserve(21));
      expect(all(openLog(copyOf(dir)))).toHaveLength(21);
    }
  });

  it('keeps what stands behind a hole that a power cut left in the last moments', () => {
    const dir = killed();
    spoil(path(dir), bytes => bytes.fill(0, bytes.length - 96, bytes.length - 64));
    expect(all(openLog(dir, { bootId: 'boot-2' }))).toHaveLength(19);
    damaged(dir);
  });

  it('is refused when bytes are damaged that were on the disk for certain', async () => {
    const dir = folder();
    let syncs = 0;
    const log = openLog(dir, {
      fdatasync: (_, done) => {
        syncs++;
        done(null);
      },
    });
    for (let permit = 1; permit <= 20; permit++) put(log, reserve(permit));
    const unsynced = copyOf(dir);
    await expect.poll(() => syncs).toBe(1);
    const synced = copyOf(dir);
    for (const damage of [(bytes: Buffer) => void (bytes[400]! ^= 1), (bytes: Buffer) => bytes.fill(0, 0, 64)]) {
      const copy = copyOf(synced);
      spoil(path(copy), damage);
      damaged(copy);
    }
    // In what was never said to be on the disk the same may come of a power cut, not of a kill.
    spoil(path(unsynced), bytes => void (bytes[400]! ^= 1));
    damaged(unsynced);
    expect(all(openLog(unsynced, { bootId: 'boot-2' }))).toHaveLength(19);
  });

  it('is refused when bytes came or went, so that no block stands where it stood', () => {
    for (const end of ['killed', 'closed']) {
      const dir = folder();
      const log = openLog(dir);
      for (let permit = 1; permit <= 20; permit++) put(log, reserve(permit));
      const copy = end === 'killed' ? copyOf(dir) : (log.close(), dir);
      const bytes = readFileSync(path(copy));
      for (const at of [0, 1, 40, 333]) {
        writeFileSync(path(copy), Buffer.concat([bytes.subarray(0, at), Buffer.from('x'), bytes.subarray(at)]));
        damaged(copy);
        writeFileSync(path(copy), Buffer.concat([bytes.subarray(0, at), bytes.subarray(at + 1)]));
        damaged(copy);
      }
    }
  });

  it('is refused when a run that ended in order is damaged or goes on', () => {
    const dir = folder();
    const log = openLog(dir);
    put(log, reserve(1), reserve(2));
    log.close();
    const cut = copyOf(dir);
    spoil(path(cut), bytes => void (bytes[bytes.length - 120]! ^= 1));
    damaged(cut);
    const longer = copyOf(dir);
    const bytes = readFileSync(path(longer));
    writeFileSync(path(longer), Buffer.concat([bytes, bytes.subarray(bytes.length - 32)]));
    damaged(longer);
  });

  it('is refused when a file between others is gone, torn, or of a newer format', () => {
    const dir = folder();
    const clock = createManualClock(START);
    const log = openLog(dir, { clock });
    for (let permit = 1; permit <= 4; permit++) {
      clock.advance(10 * MINUTE);
      put(log, reserve(permit, clock.now()));
    }
    expect(files(dir).length).toBeGreaterThan(3);
    const gone = copyOf(dir);
    unlinkSync(path(gone, 1));
    damaged(gone);
    const torn = copyOf(dir);
    spoil(path(torn, 1), bytes => void (bytes[bytes.length - 5]! ^= 1));
    damaged(torn);
    const renumbered = copyOf(dir);
    renameSync(path(renumbered, -1), join(renumbered, '0000000077.ledger'));
    damaged(renumbered);
  });

  it('fails the caller, not silently, when the disk refuses', async () => {
    const dir = folder();
    const log = openLog(dir, { fdatasync: (_, done) => done(new Error('EIO')) });
    put(log, reserve(1));
    await vi.waitFor(() => expect(() => log.append(reserve(2))).toThrow('EIO'), { timeout: 15_000 });
    expect(() => log.flush()).toThrow('EIO');
    const unreadable = folder();
    mkdirSync(join(unreadable, '0000000001.ledger'));
    expect(() => openLog(unreadable)).toThrow('EISDIR');
  });
});
