/** Addresses that could not be used: tried last, for longer each time, one attempt at a time finding out. */
import { beforeEach, describe, expect, it } from 'vitest';
import { HostMemory, type Met } from '../../src/deliver/host-memory.js';
import { HOUR, MINUTE } from '../../src/kernel/units.js';
import { createManualClock, type ManualClock } from '../../src/rehearse/manual-clock.js';

const A = '192.0.2.1';
const met = (address = A): Met => ({ source: 'hot', provider: 'p', host: 'mx', address });
let clock: ManualClock;
let memory: HostMemory;
beforeEach(() => {
  clock = createManualClock(1_000_000);
  memory = new HostMemory(clock);
});

/** How long the address is avoided from now on, by asking every minute without finding out. */
const avoidedFor = (): number => {
  const until = memory.troubles('hot', 'p').find(t => t.address === A && t.kind === 'unreachable')?.until;
  return (until ?? clock.now()) - clock.now();
};

describe('an address that failed', () => {
  it('is avoided for 5 minutes, and twice as long each time, up to an hour', () => {
    const spans: number[] = [];
    for (let i = 0; i < 6; i++) {
      memory.failed(met(), 'no answer');
      spans.push(avoidedFor());
      clock.advance(avoidedFor());
    }
    expect(spans.map(s => s / MINUTE)).toEqual([5, 10, 20, 40, 60, 60]);
  });

  it('is found out about by one attempt at a time', () => {
    memory.failed(met(), 'no answer');
    expect(memory.avoids('hot', A)).toBe(true);
    clock.advance(5 * MINUTE);
    expect([memory.avoids('hot', A), memory.avoids('hot', A), memory.avoids('hot', A)]).toEqual([false, true, true]);
    // That attempt was never heard of again: another may find out.
    clock.advance(5 * MINUTE);
    expect([memory.avoids('hot', A), memory.avoids('hot', A)]).toEqual([false, true]);
    memory.answered('hot', A);
    expect([memory.avoids('hot', A), memory.avoids('hot', A)]).toEqual([false, false]);
  });

  it('is avoided by the source that met it: a firewall may shut out one', () => {
    memory.failed(met(), 'no answer');
    expect(memory.avoids('cold', A)).toBe(false);
    expect([memory.troubles('hot', 'p'), memory.troubles('cold', 'p'), memory.troubles('hot', 'q')].map(t => t.length)).toEqual([1, 0, 0]);
  });

  it('starts over once it has answered', () => {
    memory.failed(met(), 'no answer');
    memory.failed(met(), 'no answer');
    memory.answered('hot', A);
    memory.failed(met(), 'no answer');
    expect(avoidedFor()).toBe(5 * MINUTE);
  });
});

describe('broken TLS', () => {
  it('is remembered for ten minutes, with its reason', () => {
    memory.tlsFailed(met(), 'handshake failure');
    clock.advance(10 * MINUTE - 1);
    expect(memory.brokenTls(A)).toBe('handshake failure');
    expect(memory.troubles('hot', 'p')).toEqual([
      { host: 'mx', address: A, kind: 'broken-tls', why: 'handshake failure', until: clock.now() + 1 },
    ]);
    clock.advance(1);
    expect(memory.brokenTls(A)).toBeUndefined();
    expect(memory.troubles('hot', 'p')).toEqual([]);
  });
});

describe('memory', () => {
  it('is bounded, the oldest goes first', () => {
    for (let i = 0; i < 10_001; i++) memory.failed(met(`10.${i >> 16}.${(i >> 8) & 255}.${i & 255}`), 'no answer');
    expect(memory.troubles('hot', 'p')).toHaveLength(10_000);
    expect(memory.avoids('hot', '10.0.0.0')).toBe(false);
    expect(memory.avoids('hot', '10.0.39.16')).toBe(true);
    clock.advance(HOUR);
    expect(memory.troubles('hot', 'p')).toEqual([]);
  });
});
