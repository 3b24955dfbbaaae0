/**
 * Damage to what limits are remembered by: whatever bytes of state.json, the journal or the ledger are not as they were
 * written, the start is refused, or the governor is as strict as it was, or stricter. (Records cut off the end of the journal
 * are those of a crash that tore them: their change never took effect.)
 */
import { cpSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import * as zlib from 'node:zlib';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { FaultError } from '../../src/kernel/fault.js';
import { openJournal } from '../../src/outcome/journal.js';
import { createManualClock } from '../../src/rehearse/manual-clock.js';
import { openLedgerLog } from '../../src/spool/ledger-log.js';
import { openState } from '../../src/spool/state-file.js';
import { DAY, HOUR, match, MINUTE, rule, schedule, settings, source, Stand } from '../govern/ground.js';
import { fails } from '../govern/property.js';

vi.mock(import('node:zlib'), async original => {
  const actual = await original();
  return { ...actual, crc32: vi.fn(actual.crc32) };
});

const warmUp = { schedule: 'ramp', stage: 2, from: { file: 'rampd.yaml', line: 3, col: 1 } };
const SETTINGS = settings({
  sources: [source('hot', '192.0.2.1'), source('cold', '192.0.2.2', {}, warmUp)],
  schedules: [schedule('ramp', [20, 50, 120, 300])],
  defaults: { pacing: 'burst', maxMsgPerHour: 400 },
});
const LANES = ['hot', 'cold'].flatMap(name => ['alpha', 'beta', 'gamma'].map(provider => ({ source: name, provider })));
const SLOW = rule('slow', { maxMsgPerHour: 60, maxSmtpOut: 2, window: 3 * HOUR });
const SHUT = rule('shut', { class: 'content', suspend: true, scope: 'source', window: HOUR });

const boot = { id: 'boot', monotonic: () => 1_000 };
const parts = { state: 'state.json', journal: 'journal.ndjson', ledger: 'ledger' } as const;
const BOTH = [{ sums: true }, { sums: false }] as const;

/** A governor's life, told to the disk, its snapshot in the middle; where it ended. */
async function live(dir: string): Promise<Stand> {
  const s = new Stand(SETTINGS);
  const [hotAlpha, hotBeta, , coldAlpha] = LANES as [(typeof LANES)[0], (typeof LANES)[0], (typeof LANES)[0], (typeof LANES)[0]];
  for (const lane of LANES) for (let i = 0; i < 4; i++, s.now += 1000) s.send(lane);
  s.send(hotAlpha, match({ rule: SLOW }));
  s.governor.stage('step-back', 'cold', {}, 'operator:ann', 'too fast', s.now);
  s.governor.pause({ kind: 'provider', name: 'gamma' }, 'operator:ann', 'a look at it', s.now);
  const state = await openState(join(dir, parts.state), { existing: false });
  await state.write({ version: 1, governor: s.governor.snapshot() });
  s.now += 10 * MINUTE;
  s.send(hotBeta, match({ rule: SLOW }));
  s.send(coldAlpha, match({ rule: SHUT }));
  s.now += MINUTE;
  s.send(hotBeta, match({ rule: SLOW }));
  s.governor.pause({ kind: 'lane', name: 'hot/gamma' }, 'operator:ann', undefined, s.now);
  const journal = openJournal({ file: join(dir, parts.journal), wall: () => s.now });
  for (const record of s.journal) journal.append(record);
  journal.close();
  const ledger = openLedgerLog({ dir: join(dir, parts.ledger), clock: createManualClock(s.now), boot });
  for (const record of s.ledger) ledger.append(record);
  ledger.flush();
  ledger.close();
  return s;
}

/** What the daemon makes of the folder at its start. */
async function restart(dir: string, now: number): Promise<Stand> {
  const state = await openState(join(dir, parts.state), { existing: true });
  const journal = openJournal({ file: join(dir, parts.journal), wall: () => now });
  const ledger = openLedgerLog({ dir: join(dir, parts.ledger), clock: createManualClock(now), boot });
  try {
    const again = new Stand(SETTINGS, now, undefined, g => {
      g.restore(state.read()?.governor, [...journal.after(state.read()?.governor.lastRecord ?? 0)]);
    });
    again.governor.restoreLedger(ledger.records, ledger.end, now);
    return again;
  } finally {
    journal.close();
    ledger.close();
  }
}

/** For each lane what it may do and has used, at moments from now on: larger is looser. */
function looseness(s: Stand): number[] {
  const { governor } = s;
  return [0, 10 * MINUTE, 50 * MINUTE, 2 * HOUR, 4 * HOUR, DAY].flatMap(later =>
    LANES.flatMap(lane => {
      const at = s.now + later;
      const { maxMsgPerHour, maxSmtpOut, attemptsLastHour } = governor.laneStatus(lane, at);
      const { verdict } = governor.explain(lane, {}, at);
      return [maxMsgPerHour, maxSmtpOut, -attemptsLastHour, verdict.go ? 1 : 0];
    }),
  );
}

const position = fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true });
const damage = fc.record({
  part: fc.constantFrom('state', 'journal', 'ledger'),
  how: fc.constantFrom('flip', 'digit', 'digit', 'overwrite', 'cut out', 'repeat', 'insert', 'lose a line', 'swap lines'),
  at: position,
  long: fc.integer({ min: 1, max: 200 }),
  byte: fc.integer({ min: 1, max: 255 }),
});
type Damage = typeof damage extends fc.Arbitrary<infer T> ? T : never;

function spoilt(bytes: Buffer, { how, at, long, byte }: Damage): Buffer {
  const from = Math.floor(at * (bytes.length - 2));
  const to = Math.min(from + long, bytes.length - 2);
  const lines = bytes.toString('latin1').split('\n');
  const line = Math.floor(at * (lines.length - 2));
  const text = (changed: readonly string[]): Buffer => Buffer.from(changed.join('\n'), 'latin1');
  switch (how) {
    case 'flip':
      return Buffer.from(bytes.map((b, i) => (i === from ? b ^ byte : b)));
    case 'digit': {
      const digits = [...bytes.keys()].filter(i => bytes[i]! >= 0x30 && bytes[i]! <= 0x39);
      const one = digits[Math.floor(at * digits.length)] ?? from;
      return Buffer.from(bytes.map((b, i) => (i === one ? 0x30 + (byte % 10) : b)));
    }
    case 'overwrite':
      return Buffer.from(bytes.map((b, i) => (i >= from && i < to ? 1 + ((b * byte) % 255) : b)));
    case 'cut out':
      return Buffer.concat([bytes.subarray(0, from), bytes.subarray(to)]);
    case 'repeat':
      return Buffer.concat([bytes.subarray(0, to), bytes.subarray(from)]);
    case 'insert':
      return Buffer.concat([bytes.subarray(0, from), Buffer.alloc(long, byte), bytes.subarray(from)]);
    case 'lose a line':
      return text(lines.filter((_, i) => i !== line));
    case 'swap lines':
      return text(lines.map((l, i) => (i === line ? lines[line + 1]! : i === line + 1 ? lines[line]! : l)));
  }
}

describe.each(BOTH)('damage, with sums: $sums', ({ sums }) => {
  const folder = mkdtempSync(join(tmpdir(), 'rampd-damage-'));
  const whole = join(folder, 'whole');
  let before: number[];
  let now: number;

  beforeAll(async () => {
    if (!sums) vi.mocked(zlib.crc32).mockReturnValue(0);
    mkdirSync(whole);
    const s = await live(whole);
    now = s.now;
    const copy = join(folder, 'sound');
    cpSync(whole, copy, { recursive: true });
    const again = await restart(copy, now);
    expect(again.governor.windows(now)).toEqual(s.governor.windows(now));
    expect(again.governor.windows(now)).toHaveLength(3);
    before = looseness(again);
  });

  afterAll(() => {
    vi.mocked(zlib.crc32).mockRestore();
    rmSync(folder, { recursive: true, force: true });
  });

  const property = async (): Promise<{ refused: number; started: number }> => {
    const came = { refused: 0, started: 0 };
    await fc.assert(
      fc.asyncProperty(damage, async harm => {
        const copy = mkdtempSync(join(folder, 'copy-'));
        try {
          cpSync(whole, copy, { recursive: true });
          const part = join(copy, parts[harm.part]);
          const file = harm.part === 'ledger' ? join(part, readdirSync(part).sort().at(-1)!) : part;
          writeFileSync(file, spoilt(readFileSync(file), harm));
          let again: Stand;
          try {
            again = await restart(copy, now);
          } catch (error) {
            if (sums && !(error instanceof FaultError)) throw error;
            came.refused++;
            return;
          }
          came.started++;
          looseness(again).forEach((value, i) => {
            if (value > before[i]!) throw new Error(`looser: ${value} instead of ${before[i]}`);
          });
        } finally {
          rmSync(copy, { recursive: true, force: true });
        }
      }),
      { numRuns: 400, seed: 7 },
    );
    return came;
  };

  if (sums) {
    it('is refused, or loosens nothing', async () => {
      const { refused, started } = await property();
      expect(refused).toBeGreaterThan(200);
      expect(started).toBeGreaterThan(0);
    });
  } else {
    it('counter-test: loosens limits', async () => {
      const error = await property().catch((e: unknown) => e);
      fails(() => {
        throw error as Error;
      }, /looser/);
    });
  }
});
