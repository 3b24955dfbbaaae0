/** Undo through a real daemon: what a person did before a restart is taken back after it, and stays taken back. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { startDaemon, type Daemon } from '../../src/daemon.js';
import type { FeedView } from '../../src/control/view.js';
import { MINUTE } from '../../src/kernel/units.js';
import { createManualClock } from '../../src/rehearse/manual-clock.js';

const START = Date.UTC(2026, 2, 2, 5);
const ann = { author: 'ann', why: 'wrong one' };

let dir: string;
beforeEach(() => void (dir = mkdtempSync(join(tmpdir(), 'rampd-undo-'))));
afterEach(() => rmSync(dir, { recursive: true, force: true }));

const started = (at: number): Promise<Daemon> =>
  startDaemon({ settingsFile: 'rampd.yaml', cwd: dir, debug: false, clock: createManualClock(at), virtual: true });

async function journal({ operations }: Daemon, type: string): Promise<FeedView[]> {
  const found: FeedView[] = [];
  for await (const page of operations.journal({ type }, 0)) found.push(...page.lines);
  return found;
}
const stage = (daemon: Daemon) => daemon.operations.sources()[0]?.stage;

it('an act is undone after a restart, once, and stays undone after the next', async () => {
  writeFileSync(
    join(dir, 'rampd.yaml'),
    `host-name: mta.test.example
state-dir: state
listeners: [{ address: "127.0.0.1:0" }]
clients: [{ from: 127.0.0.1, pool: main }]
sources: { a: { address: 127.0.0.9, warm-up: { schedule: four-weeks, stage: 3 } } }
pools: { main: { sources: [a] } }
log: { level: error }
`,
  );
  const first = await started(START);
  await first.operations.stage('advance', 'a', { stage: 9 }, ann);
  await first.operations.pause('a', ann);
  await first.stop('test');
  await first.done;

  const second = await started(START + MINUTE);
  expect(stage(second)).toBe(9);
  const id = (await journal(second, 'stage-advanced'))[0]?.id ?? 0;
  await expect(second.operations.undo(id + 99, ann)).rejects.toThrow(`there is no record ${id + 99} in the journal`);
  expect(await second.operations.undo(id, ann)).toMatch(/^record \d+ is undone: a is at stage 3\/28, .* \(wrong one\)$/);
  expect(await second.operations.undo(id + 1, ann)).toContain('source a is no longer paused');
  await expect(second.operations.undo(id, ann)).rejects.toThrow('is undone already');
  await second.stop('test');
  await second.done;

  const third = await started(START + 2 * MINUTE);
  expect(stage(third)).toBe(3);
  expect(third.operations.sources()[0]?.state).toBe('warming');
  expect((await journal(third, 'undone')).map(line => [line.cause, line.author])).toEqual([
    [id, 'operator:ann'],
    [id + 1, 'operator:ann'],
  ]);
  await expect(third.operations.undo(id, ann)).rejects.toThrow('is undone already');
  await third.stop('test');
  await third.done;
});
