/**
 * The governor's state as a flat map, and back: the keys that journal records assign. Replay is assignment in order, so a
 * record already in the snapshot changes nothing.
 *
 * Keys: `window:<id>`, `hold-time:<id>`, `trigger:<rule> <place>`, `paused:<kind>:<name>`; all others are warm-up's, `away:<whom>` among them.
 */
import type { GovernorState } from '../kernel/governor.js';
import type { JournalRecord } from '../kernel/journal.js';
import type { Core } from './core.js';
import { PAUSE_KEY } from './pause.js';
import type { Progress } from './ramp.js';
import { AWAY_KEY } from './warm-up-absence.js';
import { HELD_KEY } from './held-times.js';
import { TRIGGER_KEY, WINDOW_KEY } from './windows.js';

export function snapshotState(core: Core): GovernorState {
  return {
    lastRecord: core.chronicle.last,
    nextWindow: core.windows.next,
    state: { ...core.windows.snapshot(), ...core.pauses.snapshot(), ...core.ramp.snapshot(), ...core.ramp.snapshotAway() },
  };
}

export function restoreState(core: Core, snapshot: GovernorState | undefined, after: readonly Omit<JournalRecord, 'time'>[]): void {
  core.quiet = true;
  if (snapshot) {
    core.chronicle.last = Math.max(core.chronicle.last, snapshot.lastRecord);
    core.windows.next = Math.max(core.windows.next, snapshot.nextWindow);
    for (const [key, value] of Object.entries(snapshot.state)) assign(core, key, value);
  }
  for (const record of after) {
    core.chronicle.last = Math.max(core.chronicle.last, record.id);
    for (const [key, value] of Object.entries(record.state ?? {})) assign(core, key, value);
  }
  core.floor.touchAll();
  core.quiet = false;
}

function assign(core: Core, key: string, value: unknown): void {
  if ([WINDOW_KEY, HELD_KEY, TRIGGER_KEY].some(kind => key.startsWith(kind))) core.windows.restore(key, value);
  else if (key.startsWith(PAUSE_KEY)) core.pauses.restore(key, value);
  else if (key.startsWith(AWAY_KEY)) core.ramp.restoreAway(key, value);
  else core.ramp.restore(key, value as Progress | null);
}
