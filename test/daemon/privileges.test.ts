/** What root does before it becomes somebody else. Its steps are written down; only root could take them. */
import { existsSync, mkdtempSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { become } from '../../src/daemon/privileges.js';

let dir: string;
beforeEach(() => void (dir = mkdtempSync(join(tmpdir(), 'rampd-user-'))));
afterEach(() => rmSync(dir, { recursive: true, force: true }));

it('becomes a member of all groups of the account, before it can no longer, and makes the folder of the control socket', () => {
  const steps: unknown[] = [];
  const step =
    (name: string) =>
    (...given: unknown[]): void =>
      void steps.push([name, ...given]);
  const { uid, gid } = statSync(dir);
  const socket = join(dir, 'run', 'rampd', 'rampd.sock');
  become(
    { uid, gid, name: 'rampd' },
    { stateDir: dir, control: { socket } },
    { initgroups: step('initgroups'), setgid: step('setgid'), setuid: step('setuid') },
  );
  expect(steps).toEqual([
    ['initgroups', 'rampd', gid],
    ['setgid', gid],
    ['setuid', uid],
  ]);
  expect(existsSync(join(dir, 'run', 'rampd'))).toBe(true);
});
