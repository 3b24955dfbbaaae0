import { expect, it } from 'vitest';
import { parseSize, printSpan } from '../../src/kernel/units.js';

it('prints spans no finer than people need', () => {
  expect([0, 999, 1_000, 1_400, 59_400, 59_600].map(printSpan)).toEqual(['0s', '0s', '1s', '1s', '59s', '1m']);
  expect([599_000, 601_000, 3_661_000].map(printSpan)).toEqual(['9m59s', '10m', '1h1m']);
  expect([90_000_000, 200_000_000, 3 * 86_400_000 + 1].map(printSpan)).toEqual(['1d1h', '2d8h', '3d']);
});

it('reads sizes, of which none is nothing', () => {
  expect(['20MB', '64KiB', '1.5k', '0.6', '1000000'].map(parseSize)).toEqual(
    [20 * 1024 ** 2, 65_536, 1_536, 1, 1_000_000].map(value => ({ ok: true, value })),
  );
  for (const text of ['0', '0.4', '0MB', '-1', '', 'MB', '1 2', '1PB']) expect(parseSize(text)).toMatchObject({ ok: false });
});
