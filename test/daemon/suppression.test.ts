/** The suppression list as outcomes, acceptance and people use it: one form of an address, whoever wrote it. */
import { rmSync, mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, describe, expect, it } from 'vitest';
import { SuppressionDesk } from '../../src/daemon/suppression-desk.js';
import { SuppressionList } from '../../src/daemon/suppression.js';
import type { Governor } from '../../src/kernel/governor.js';
import type { Settings } from '../../src/kernel/settings.js';
import type { SuppressionSettings } from '../../src/kernel/suppression.js';
import { DAY } from '../../src/kernel/units.js';
import { createManualClock } from '../../src/rehearse/manual-clock.js';
import { openStore } from '../../src/spool/store.js';
import { suppressionRow } from '../../src/spool/suppression-rows.js';

const START = Date.parse('2026-11-20T12:00:00Z');
const ann = { author: 'ann' };
const ends: (() => Promise<void>)[] = [];
afterEach(async () => {
  for (const end of ends.splice(0)) await end();
});

async function world(more: Partial<SuppressionSettings> = {}) {
  const dir = mkdtempSync(join(tmpdir(), 'rampd-suppression-'));
  const clock = createManualClock(START);
  const store = await openStore({ dir, node: 0, clock, minFree: 0, ballast: 0, onFailure: () => undefined });
  ends.push(async () => {
    await store.close();
    rmSync(dir, { recursive: true, force: true });
  });
  const noted: string[] = [];
  const suppression: SuppressionSettings = {
    on: ['mailbox.unknown', 'complaint'],
    scope: 'global',
    at: 'refuse',
    expireAfter: Infinity,
    from: { file: 'rampd.yaml', line: 1, col: 1 },
    ...more,
  };
  const list = new SuppressionList({ clock, store: () => store, settings: () => ({ suppression }) as Settings });
  const governor: Pick<Governor, 'note'> = { note: (type, _by, text) => void noted.push(`${type}: ${text}`) };
  const desk = new SuppressionDesk({ clock, store, governor });
  return { list, desk, store, clock, noted };
}

async function* pieces(...all: string[]): AsyncGenerator<Buffer> {
  for (const piece of all) yield Buffer.from(piece);
}

describe('what people write on the list', () => {
  it('keeps mail from the address in the form in which mail has it', async () => {
    const { list, desk } = await world();
    await desk.add(['Ann@Bücher.example'], { scope: '' }, ann);
    expect(list.refused('ann@xn--bcher-kva.example', 's@shop.example')).toMatchObject({ reason: 'manual' });
    await desk.import(pieces('joe@例え.jp,例え.jp\n'), { scope: '' }, ann);
    expect(list.refused('joe@xn--r8jz45g.jp', 'news@xn--r8jz45g.jp')).toBeDefined();
    expect(list.refused('joe@xn--r8jz45g.jp', 'news@other.example')).toBeUndefined();
    expect(await desk.list({ scope: '例え.JP', limit: 9 })).toHaveLength(1);
    expect(await desk.list({ match: '*@Bücher.example', limit: 9 })).toHaveLength(1);
    expect(await desk.list({ match: 'ANN*', limit: 9 })).toHaveLength(1);
    await expect(desk.add(['a@b.example;c'], { scope: '' }, ann)).rejects.toThrow('is no address');
  });

  it('is imported to the end, whatever stands in a line', async () => {
    const { list, desk } = await world();
    const text = 'address,since,until\na@b.example,45000,\nb@b.example;2026,,\nc@b.example,,+200000-01-01T00:00:00Z\nd@b.example,,\n';
    expect(await desk.import(pieces(text.slice(0, 30), text.slice(30)), { scope: '' }, ann)).toMatchObject({ taken: 2, faulty: 2 });
    expect(list.refused('c@b.example', '')).toBeDefined();
  });

  it('is no entry when its line is longer than any', async () => {
    const { list, desk } = await world();
    const long = `x@b.example,,manual,,,"${'n'.repeat(70_000)}`;
    const result = await desk.import(
      pieces('a@b.example\n', long.slice(0, 30_000), long.slice(30_000), '"\nz@b.example\n'),
      { scope: '' },
      ann,
    );
    expect(result).toMatchObject({ taken: 2, faulty: 1, faults: [{ line: 2 }] });
    expect(list.refused('x@b.example', '')).toBeUndefined();
  });

  it('can be taken off although it is no address', async () => {
    const { desk, store } = await world();
    const old = { address: 'a@b.example;2026', scope: 'my_shop.example', reason: 'manual', since: START } as const;
    await store.settle([], [], [suppressionRow(old)]);
    expect(await desk.remove(['A@b.example;2026'], 'My_Shop.example', ann)).toBe(1);
    expect(store.suppression.get(old.scope, old.address, START)).toBeUndefined();
    await expect(desk.remove(['a@b.example'], '', ann)).rejects.toThrow('is not on the suppression list');
  });

  it('is never replaced by an entry of a cause that ends sooner', async () => {
    const { list, desk, store, clock } = await world({ expireAfter: 180 * DAY });
    await desk.add(['a@b.example'], { scope: '' }, ann);
    expect(list.entry('A@b.example', 's@shop.example', 'complaint', 'x')).toEqual([]);
    await desk.add(['b@b.example'], { scope: '', expireAfter: DAY }, ann);
    await store.settle([], [], list.entry('b@b.example', 's@shop.example', 'complaint', 'x'));
    clock.advance(2 * DAY);
    expect(list.refused('b@b.example', '')?.reason).toBe('complaint');
    await desk.prune();
    expect(store.suppression.count()).toBe(2);
  });
});

it('makes entries for as long as the settings say, which may be longer than any calendar', async () => {
  const { list, desk, store } = await world({ expireAfter: 1e9 * DAY });
  await store.settle([], [], list.entry('a@b.example', 's@shop.example', 'complaint', 'x'));
  expect(list.refused('a@b.example', '')).toBeDefined();
  expect((await desk.list({ limit: 1 }))[0]?.until).toMatch(/^\+010889/);
  let csv = '';
  for await (const piece of desk.export()) csv += piece;
  expect(await desk.import(pieces(csv), { scope: '' }, ann)).toMatchObject({ taken: 1, faulty: 0 });
});

it('makes an entry for the domain that mailed, and none for everybody of a notice that bounces', async () => {
  const { list, store } = await world({ scope: 'sender-domain' });
  await store.settle([], [], list.entry('a@b.example', 's@shop.example', 'mailbox.unknown', '550 5.1.1 x'));
  expect(list.refused('a@b.example', 'news@shop.example')).toBeDefined();
  expect(list.refused('a@b.example', 'news@other.example')).toBeUndefined();
  expect(list.entry('c@b.example', '', 'mailbox.unknown', '550 5.1.1 x')).toEqual([]);
});
