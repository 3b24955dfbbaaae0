/** What a turn owes the disk, and in which order. */
import { beforeEach, describe, expect, it } from 'vitest';
import { Outbox } from '../../src/deliver/outbox.js';

let done: string[];
let waiting: (() => void)[];
let failures: Error[];
let refuse: Error | undefined;
let outbox: Outbox;

const settled = () => new Promise<void>(resolve => setImmediate(resolve));
/** Lets the oldest disk operation end. */
const end = async (): Promise<void> => {
  waiting.shift()?.();
  await settled();
};
const onDisk = (what: string): Promise<void> => {
  done.push(what);
  if (refuse) return Promise.reject(refuse);
  return new Promise(resolve => waiting.push(resolve));
};
const outcome = (name: string, day = 0) => ({
  changes: [{ name }] as never,
  days: [{ address: 'a', provider: 'p', day, name }] as never,
  committed: () => void done.push(`told ${name}`),
});

beforeEach(() => {
  done = [];
  waiting = [];
  failures = [];
  refuse = undefined;
  outbox = new Outbox({
    flushLedger: () => {
      done.push('ledger');
      if (refuse) throw refuse;
    },
    flushAccounting: () => onDisk('accounting'),
    store: {
      settle: (changes: readonly { name: string }[], days: readonly { name: string }[]) =>
        onDisk(`commit ${changes.map(c => c.name).join(' ')} (${days.map(d => d.name).join(' ')})`),
    } as never,
    failed: error => void failures.push(error),
  });
});

describe('settlements', () => {
  it('commit behind their accounting; those that come meanwhile go together into the next', async () => {
    outbox.settle(outcome('a'));
    outbox.settle(outcome('b', 1));
    await settled();
    expect(done).toEqual(['accounting']);
    outbox.settle(outcome('c'));
    await end();
    outbox.settle(outcome('d'));
    expect(done).toEqual(['accounting', 'commit a b (a b)']);
    await end();
    expect(done.splice(0)).toEqual(['accounting', 'commit a b (a b)', 'told a', 'told b', 'accounting']);
    await end();
    expect(done).toEqual(['commit c d (d)']);
  });

  it('are drained when the last is told', async () => {
    let drained = false;
    outbox.settle(outcome('a'));
    void outbox.drained().then(() => (drained = true));
    await settled();
    await end();
    expect(drained).toBe(false);
    await end();
    expect([drained, done.at(-1)]).toEqual([true, 'told a']);
    await outbox.drained();
  });

  it('end with the first that fails', async () => {
    refuse = new Error('disk');
    outbox.settle(outcome('a'));
    await settled();
    outbox.settle(outcome('b'));
    await settled();
    expect(failures).toEqual([refuse]);
    expect(done).toEqual(['accounting']);
  });
});

describe('departures', () => {
  it('of a turn follow one write of the ledger', async () => {
    for (const name of ['x', 'y']) outbox.depart(() => void done.push(name));
    expect(done).toEqual([]);
    await settled();
    expect(done).toEqual(['ledger', 'x', 'y']);
  });

  it('do not happen without it', async () => {
    refuse = new Error('disk');
    outbox.depart(() => void done.push('x'));
    await settled();
    expect([done, failures]).toEqual([['ledger'], [refuse]]);
  });
});
