/** Mail whose time is over without an attempt: all of it, by the bounce-after that holds for it, and not before its last attempt. */
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { Departures } from '../../src/deliver/departure.js';
import { Expiry } from '../../src/deliver/expiry.js';
import type { DeliverPorts } from '../../src/deliver/ports.js';
import { Underway } from '../../src/deliver/underway.js';
import type { QueuedRecipient } from '../../src/kernel/message.js';
import type { Queue } from '../../src/kernel/queue.js';
import { HOUR, MINUTE } from '../../src/kernel/units.js';
import { createManualClock } from '../../src/rehearse/manual-clock.js';
import { batch } from '../e2e/inject.js';
import { until } from '../e2e/world.js';
import { Scene } from './scene.js';

const START = 1_000_000.25;
const DAY_LONG = 24 * HOUR;

function queueOf(rows: readonly Pick<QueuedRecipient, 'due' | 'accepted'>[], running = () => true) {
  const clock = createManualClock(START);
  const left = rows.map((row, index) => ({ ...row, index, state: { address: `u${index}@y.example`, attempts: 0 } }));
  const ended: QueuedRecipient[] = [];
  let peeked = 0;
  const queue = {
    get nextDue() {
      return left[0]?.due ?? null;
    },
    peek(n: number) {
      peeked = Math.max(peeked, n);
      return left.slice(0, n);
    },
    take: (row: never) => left.splice(left.indexOf(row), 1).length > 0,
  } as unknown as Queue;
  const ports = { clock, store: { mail: () => Promise.resolve({ envelope: {}, content: [] }) } } as unknown as DeliverPorts;
  const departures = {
    finish: (_q: Queue, _m: unknown, ends: { row: QueuedRecipient }[]) => Promise.resolve(void ended.push(...ends.map(e => e.row))),
  } as unknown as Departures;
  const expiry = new Expiry(ports, departures, new Underway(), { bounceAfter: () => DAY_LONG, trouble: () => undefined, running });
  return { clock, queue, expiry, ended, left, peeked: () => peeked };
}

describe('the last attempt', () => {
  // As conclude.ts and the spool have it: the end itself, up to a whole millisecond.
  const last = { accepted: START, due: Math.ceil(START + DAY_LONG) };

  it('may begin a moment after the end', () => {
    const { clock, queue, expiry } = queueOf([last]);
    clock.advance(DAY_LONG + 20);
    expect(expiry.expired(queue)).toBe(false);
  });

  it('is waited for no longer than a minute', () => {
    const { clock, queue, expiry } = queueOf([last]);
    clock.advance(DAY_LONG + MINUTE + 1);
    expect(expiry.expired(queue)).toBe(true);
  });

  it('is none of mail that was due before', () => {
    const { clock, queue, expiry } = queueOf([{ ...last, due: last.due - 10 }]);
    clock.advance(DAY_LONG + 20);
    expect(expiry.expired(queue)).toBe(true);
  });
});

describe('a sweep', () => {
  const over = { accepted: START, due: START };

  it('ends all whose time is over, however many', async () => {
    const fresh = { accepted: START + DAY_LONG, due: START + DAY_LONG };
    const { clock, queue, expiry, ended, left } = queueOf([...Array.from({ length: 450 }, () => over), fresh]);
    clock.advance(DAY_LONG + HOUR);
    await expiry.sweep(queue);
    expect([ended.length, left.length]).toEqual([450, 1]);
  });

  it('does not read far into a queue that is not over, nor into one that is not due', async () => {
    const { clock, queue, expiry, peeked } = queueOf(Array.from({ length: 500 }, () => over));
    await expiry.sweep(queue);
    expect(peeked()).toBeLessThan(10);
    clock.advance(1);
    const later = queueOf([{ accepted: START, due: START + HOUR }]);
    await later.expiry.sweep(later.queue);
    expect(later.peeked()).toBe(0);
  });

  it('goes no further once the daemon stops', async () => {
    let running = true;
    const { clock, queue, expiry, ended } = queueOf(
      Array.from({ length: 500 }, () => over),
      () => running,
    );
    clock.advance(DAY_LONG + HOUR);
    const sweep = expiry.sweep(queue);
    running = false;
    await sweep;
    expect(ended.length).toBeLessThan(100);
  });
});

describe('bounce-after', () => {
  let scene: Scene;
  beforeEach(() => void (scene = new Scene()));
  afterEach(() => scene.stop());

  it('is that of the sources, though no attempt was made', async () => {
    const host = await scene.host();
    const { name } = host;
    host.stop();
    await scene.start(`
clients: [{ from: 127.0.0.1, pool: main, dsn: none }]
sources:
  a: { address: 127.0.1.1, host-name: a.test.example, warm-up: none, bounce-after: 30m }
  b: { address: 127.0.1.2, host-name: b.test.example, warm-up: none, bounce-after: 50m }
pools: { main: { sources: [a, b] } }
providers: { p: { domains: [p.example], smtp-hosts: ["${name}"] } }
`);
    await scene.send(...batch(1, 'u', 'p.example'));
    for (let minute = 0; minute < 50; minute++) await scene.clock.run(MINUTE);
    expect(scene.status().totals).toMatchObject({ waiting: 1, bounced: 0 });
    for (let minute = 0; minute < 20; minute++) await scene.clock.run(MINUTE);
    await until(
      () => scene.status().totals,
      ({ waiting, bounced }) => waiting === 0 && bounced === 1,
    );
  });

  it('is that of the provider while the mail is held', async () => {
    const host = await scene.host(line => (line.startsWith('RCPT') ? '451 4.7.1 domain is not taken now' : undefined));
    await scene.start(`
clients: [{ from: 127.0.0.1, pool: main, dsn: none }]
sources: { a: { address: 127.0.1.1, host-name: a.test.example, warm-up: none } }
pools: { main: { sources: [a] } }
providers:
  p:
    domains: [p.example]
    smtp-hosts: ["${host.name}"]
    limits: { bounce-after: 1h }
    rules: [{ id: held, match: { code: "451", text: domain is not taken }, class: transient, scope: recipient-domain, window: 6h, suspend: true }]
`);
    await scene.send(...batch(1, 'u', 'p.example'));
    await until(
      () => scene.journal().filter(r => r.type === 'window-opened').length,
      n => n === 1,
    );
    for (let minute = 0; minute < 75; minute++) await scene.clock.run(MINUTE);
    await until(
      () => scene.status().totals,
      ({ waiting, bounced }) => waiting === 0 && bounced === 1,
    );
  });
});
