/**
 * A reload as a transaction: what happens when one of its last steps fails, and once a stop has begun. Parts are fakes.
 */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { nodeFiles } from '../../src/config/files.js';
import { loadSettings } from '../../src/config/load.js';
import { Refusal } from '../../src/control/operations.js';
import { createReloads, type ReloadParts } from '../../src/daemon/reload.js';
import type { Settings } from '../../src/kernel/settings.js';

let dir: string;
let said: string[];
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'rampd-reload-'));
  said = [];
  writeFileSync(
    join(dir, 'rampd.yaml'),
    `host-name: mta.test.example
state-dir: ./state
listeners: [{ address: "127.0.0.1:2525" }]
clients: [{ from: ["127.0.0.0/8"], pool: main }]
sources: { s: { address: 127.0.1.1, host-name: s.test.example, warm-up: none } }
pools: { main: { sources: [s] } }
`,
  );
});
afterEach(() => rmSync(dir, { recursive: true, force: true }));

function reloads(parts: { http?: (next: Settings) => Promise<void>; listen?: () => Promise<void> } = {}) {
  const read = loadSettings('rampd.yaml', nodeFiles(dir)).settings;
  if (!read) throw new Error('the configuration of this test is faulty');
  let settings = read;
  const note = (text: string) => (): void => void said.push(text);
  const all: ReloadParts = {
    settingsFile: 'rampd.yaml',
    cwd: dir,
    settings: () => settings,
    signer: { prepare: () => ({ apply: note('keys'), warnings: [] }) } as unknown as ReloadParts['signer'],
    feedback: { prepare: () => note('secret') },
    tellers: [{ prepare: async () => ({ adopt: note('adopted files'), drop: async () => note('dropped files')() }) }],
    http: { apply: parts.http ?? (async () => note('http')()) },
    acceptor: { applySettings: parts.listen ?? (async () => note('listeners')()) },
    adopt: next => (settings = next),
    adopted: author => void said.push(`by ${author}`),
  };
  return createReloads(all);
}

it('prepares, then changes all in one turn', async () => {
  await reloads().reload('ann');
  expect(said).toEqual(['http', 'listeners', 'keys', 'secret', 'adopted files', 'by ann']);
});

it('lets go of what it prepared when a listener cannot be opened, even where HTTP cannot go back either', async () => {
  let asked = 0;
  const http = async (): Promise<void> => {
    if (++asked === 2) throw new Error('its certificate has gone');
  };
  const listen = () => Promise.reject(new Error('the port is taken'));
  await expect(reloads({ http, listen }).reload('ann')).rejects.toThrow('the port is taken');
  expect(said).toEqual(['dropped files']);
  expect(asked).toBe(2);
});

it('is refused once a stop has begun, which waits for the one under way', async () => {
  let release: () => void = () => undefined;
  const { reload, close } = reloads({ listen: () => new Promise(resolve => (release = resolve)) });
  const first = reload('ann');
  const second = reload('bob');
  const refused = expect(second).rejects.toThrow(Refusal);
  await new Promise(resolve => setImmediate(resolve));
  const closed = close().then(() => void said.push('closed'));
  await new Promise(resolve => setImmediate(resolve));
  expect(said).toEqual(['http']);
  release();
  await Promise.all([first, closed, refused]);
  expect(said).toEqual(['http', 'keys', 'secret', 'adopted files', 'by ann', 'closed']);
});
