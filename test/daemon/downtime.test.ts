/** The daemon, started again: what it was down for is in its journal and its state, and no day is judged on it. */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { startDaemon, type Daemon } from '../../src/daemon.js';
import type { JournalRecord } from '../../src/kernel/journal.js';
import { HOUR } from '../../src/kernel/units.js';
import { createManualClock } from '../../src/rehearse/manual-clock.js';

const START = Date.UTC(2026, 2, 2, 5);

let dir: string;
beforeEach(() => void (dir = mkdtempSync(join(tmpdir(), 'rampd-down-'))));
afterEach(() => rmSync(dir, { recursive: true, force: true }));

async function started(at: number): Promise<{ daemon: Daemon; clock: ReturnType<typeof createManualClock> }> {
  const clock = createManualClock(at);
  const daemon = await startDaemon({ settingsFile: 'rampd.yaml', cwd: dir, debug: false, clock, virtual: true });
  return { daemon, clock };
}

describe('a daemon that was down', () => {
  it('says from when to when, and keeps it', async () => {
    writeFileSync(
      join(dir, 'rampd.yaml'),
      `host-name: mta.test.example
state-dir: state
listeners: [{ address: "127.0.0.1:0" }]
clients: [{ from: 127.0.0.1, pool: main }]
sources: { a: { address: 127.0.0.9, warm-up: { schedule: four-weeks } } }
pools: { main: { sources: [a] } }
log: { level: error }
`,
    );
    const first = await started(START);
    first.clock.advance(HOUR);
    await first.daemon.stop('test');
    await first.daemon.done;

    const second = await started(START + 3 * HOUR);
    const journal = () =>
      readFileSync(join(dir, 'state/journal.ndjson'), 'utf8')
        .trim()
        .split('\n')
        .map(line => JSON.parse(line) as JournalRecord)
        .filter(r => r.type === 'started' || r.type === 'stopped');
    expect(journal().map(r => [r.type, r.at - START])).toEqual([
      ['started', 0],
      ['stopped', HOUR],
      ['started', 3 * HOUR],
    ]);
    expect(journal()[0]?.state).toBeUndefined();
    const away = { 'away:all': [{ from: START + HOUR, to: START + 3 * HOUR }] };
    expect(journal()[2]?.state).toEqual(away);
    await second.daemon.stop('test');
    await second.daemon.done;
    const state = JSON.parse(readFileSync(join(dir, 'state/state.json'), 'utf8')) as { governor: { state: Record<string, unknown> } };
    expect(state.governor.state).toMatchObject(away);
  });
});
