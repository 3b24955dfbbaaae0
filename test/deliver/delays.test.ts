/** Mail that is late although no attempt ended: told once, and put behind those not told yet. */
import { describe, expect, it } from 'vitest';
import { Delays } from '../../src/deliver/delays.js';
import type { Outbox, Settlement } from '../../src/deliver/outbox.js';
import type { DeliverPorts } from '../../src/deliver/ports.js';
import { Underway } from '../../src/deliver/underway.js';
import type { QueuedRecipient, RecipientState } from '../../src/kernel/message.js';
import type { Queue } from '../../src/kernel/queue.js';
import { HOUR } from '../../src/kernel/units.js';
import { createManualClock } from '../../src/rehearse/manual-clock.js';
import { settings } from '../govern/ground.js';

const START = Date.UTC(2026, 2, 2);

async function sweep(states: readonly Partial<RecipientState>[], age: number, due = 0) {
  const clock = createManualClock(START + age);
  const rows = states.map((state, index): QueuedRecipient => ({
    message: 1,
    index,
    due: START + due,
    accepted: START,
    size: 9,
    sender: 'a@b.example',
    body: { segment: 0, offset: 0, length: 0 },
    state: { address: `x${index}@y.example`, attempts: 0, ...state },
  }));
  const notices: string[] = [];
  const settled: Settlement[] = [];
  const envelope = { sender: 'a@b.example', pool: 'main', warmUp: 'allow', accepted: START, client: 'c' };
  const ports = {
    clock,
    settings: () => ({ ...settings(), dsn: { ...settings().dsn, delayAfter: [4 * HOUR, 24 * HOUR] } }),
    store: {
      mail: () => Promise.resolve({ envelope, content: [Buffer.from('Subject: x\r\n\r\n')] }),
      accept: (_e: unknown, _r: unknown, content: Buffer) => Promise.resolve(notices.push(content.toString())),
    },
  } as unknown as DeliverPorts;
  const outbox = { settle: (s: Settlement) => (settled.push(s), s.committed()) } as unknown as Outbox;
  const taken = new Set<QueuedRecipient>();
  const queue = {
    pool: 'main',
    domain: 'y.example',
    get nextDue() {
      return rows.find(row => !taken.has(row))?.due ?? null;
    },
    peek: (n: number) => rows.filter(row => !taken.has(row)).slice(0, n),
    take: (row: QueuedRecipient) => taken.add(row),
  } as unknown as Queue;
  await new Delays(
    ports,
    outbox,
    new Underway(),
    () => 100 * HOUR,
    () => true,
  ).sweep(queue, 'no route yet: SERVFAIL');
  const changes = settled.flatMap(s => s.changes);
  return {
    notices,
    told: changes.map(c => c.to?.state.told),
    due: changes.map(c => (c.to?.due ?? 0) - START),
    counts: changes.map(c => c.count),
  };
}

describe('mail that cannot leave', () => {
  it('is told of when it is late, with the trouble and the end of its time', async () => {
    const { notices, told, due, counts } = await sweep([{}], 5 * HOUR);
    expect(notices).toHaveLength(1);
    expect(notices[0]).toContain(
      'Action: delayed\r\nStatus: 4.0.0\r\nDiagnostic-Code: X-Rampd; no route yet: SERVFAIL\r\nWill-Retry-Until: Fri, 06 Mar 2026 04:00:00 +0000',
    );
    expect({ told, due, counts }).toEqual({ told: [1], due: [5 * HOUR], counts: [undefined] });
  });

  it('is not when it is not late, not due, or told already; without a wish for it, it is only noted', async () => {
    expect(await sweep([{}], 3 * HOUR)).toMatchObject({ notices: [], told: [] });
    expect(await sweep([{}], 5 * HOUR, 6 * HOUR)).toMatchObject({ notices: [], told: [] });
    expect(await sweep([{ told: 1 }], 5 * HOUR)).toMatchObject({ notices: [], told: [] });
    expect(await sweep([{ notify: ['NEVER'] }, {}], 5 * HOUR)).toMatchObject({ notices: [expect.any(String)], told: [1, 1] });
  });

  it('is told of in a message of its own each time', async () => {
    const id = /^Message-ID: .*$/m;
    const [first] = (await sweep([{}], 5 * HOUR)).notices;
    const [second] = (await sweep([{ told: 1 }], 30 * HOUR)).notices;
    const ids = [first, second].map(notice => id.exec(notice ?? '')?.[0]);
    expect(ids).toEqual([expect.stringContaining('<'), expect.stringContaining('<')]);
    expect(ids[0]).not.toBe(ids[1]);
  });

  it('is told of to the last recipient, however many there are', async () => {
    const { notices } = await sweep(
      Array.from({ length: 250 }, () => ({})),
      5 * HOUR,
    );
    expect(notices).toHaveLength(250);
  });
});
