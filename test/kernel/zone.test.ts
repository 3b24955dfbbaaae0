import { describe, expect, it } from 'vitest';
import { DAY, HOUR, MINUTE } from '../../src/kernel/units.js';
import { clockFields, instantOfLocal, startOfDate, zoneOffset } from '../../src/kernel/zone.js';

const iso = (t: number) => new Date(t).toISOString().replace('.000', '');
const local = (text: string) => Date.parse(`${text}Z`);

describe('offsets', () => {
  it('follow the zone through its year', () => {
    expect(zoneOffset('UTC', 0)).toBe(0);
    expect(zoneOffset('Europe/Berlin', Date.UTC(2026, 0, 1))).toBe(HOUR);
    expect(zoneOffset('Europe/Berlin', Date.UTC(2026, 6, 1))).toBe(2 * HOUR);
    expect(zoneOffset('Asia/Kathmandu', Date.UTC(2026, 6, 1, 0, 0, 0, 123))).toBe(5 * HOUR + 45 * MINUTE);
    expect(zoneOffset('America/New_York', Date.UTC(2026, 0, 1))).toBe(-5 * HOUR);
  });
});

it('what a clock shows is in two digits, the year in four', () => {
  const shown = { year: '2026', month: '03', day: '02', hour: '00', minute: '05', second: '09' };
  expect(clockFields(Date.UTC(2026, 2, 1, 23, 5, 9), 'Europe/Berlin')).toMatchObject(shown);
});

describe('a local time', () => {
  it.each([
    ['plain', 'Europe/Berlin', '2026-06-01T04:00', '2026-06-01T02:00:00Z'],
    ['skipped', 'Europe/Berlin', '2026-03-29T02:30', '2026-03-29T01:00:00Z'],
    ['first skipped minute', 'Europe/Berlin', '2026-03-29T02:00', '2026-03-29T01:00:00Z'],
    ['just after the gap', 'Europe/Berlin', '2026-03-29T03:00', '2026-03-29T01:00:00Z'],
    ['just before the gap', 'Europe/Berlin', '2026-03-29T01:59', '2026-03-29T00:59:00Z'],
    ['twice', 'Europe/Berlin', '2026-10-25T02:30', '2026-10-25T00:30:00Z'],
    ['after it came twice', 'Europe/Berlin', '2026-10-25T03:00', '2026-10-25T02:00:00Z'],
    ['skipped', 'America/New_York', '2026-03-08T02:30', '2026-03-08T07:00:00Z'],
    ['twice', 'America/New_York', '2026-11-01T01:30', '2026-11-01T05:30:00Z'],
    ['in half an hour’s gap', 'Australia/Lord_Howe', '2026-10-04T02:15', '2026-10-03T15:30:00Z'],
    ['in half an hour’s overlap', 'Australia/Lord_Howe', '2026-04-05T01:45', '2026-04-04T14:45:00Z'],
    ['of a day that never was', 'Pacific/Apia', '2011-12-30T04:00', '2011-12-30T10:00:00Z'],
  ])('%s, %s %s', (_, zone, text, expected) => {
    expect(iso(instantOfLocal(zone, local(text)))).toBe(expected);
  });

  it('comes back from its instant, except in gaps', () => {
    for (let t = Date.UTC(2026, 0, 1, 0, 30); t < Date.UTC(2027, 0, 1); t += 7 * HOUR) {
      const there = t + zoneOffset('America/Santiago', t);
      const back = instantOfLocal('America/Santiago', there);
      expect(back === t || back === t - HOUR).toBe(true);
    }
  });
});

describe('a date', () => {
  it('begins at local midnight, or at the first instant after it', () => {
    expect(iso(startOfDate('America/New_York', '2026-03-04'))).toBe('2026-03-04T05:00:00Z');
    // Beirut's clocks go forward at midnight: the day begins at one.
    expect(iso(startOfDate('Asia/Beirut', '2026-03-29'))).toBe('2026-03-28T22:00:00Z');
    expect(zoneOffset('Asia/Beirut', startOfDate('Asia/Beirut', '2026-03-29') + 1)).toBe(3 * HOUR);
    expect(startOfDate('UTC', '2026-03-04') % DAY).toBe(0);
    expect(startOfDate('UTC', 'soon')).toBeNaN();
  });
});
