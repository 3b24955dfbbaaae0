/**
 * The order of a stop, and that nothing which fails in it keeps the rest from being closed.
 */
import { describe, expect, it } from 'vitest';
import { createStop, type StopParts } from '../../src/daemon/stop.js';

type Step =
  | 'acceptor'
  | 'http'
  | 'dispatcher'
  | 'ticks'
  | 'chores'
  | 'doctor'
  | 'tls'
  | 'feedback'
  | 'note'
  | 'keeper'
  | 'watch'
  | 'alerts'
  | 'books'
  | 'ledger'
  | 'store'
  | 'journal'
  | 'lock'
  | 'control';

/** Parts that write down what is asked of them; those in `failing` fail, by throwing or rejecting. */
function stand(failing: readonly Step[] = []) {
  const steps: Step[] = [];
  const errors: string[] = [];
  let code: number | undefined;
  let finished: () => void = () => undefined;
  const done = new Promise<void>(resolve => (finished = resolve));
  const now = (step: Step): void => {
    steps.push(step);
    if (failing.includes(step)) throw new Error(`no ${step}`);
  };
  const soon = (step: Step) => async (): Promise<void> => {
    await Promise.resolve();
    now(step);
  };
  const parts = {
    clock: { now: () => 0 },
    log: { info: () => undefined, error: ({ error }: { error: string }) => errors.push(error) },
    settings: () => ({ drain: 0 }),
    reloads: { close: () => Promise.resolve() },
    lock: { release: soon('lock') },
    kept: { ledger: { close: () => now('ledger') }, store: { close: soon('store') }, journal: { close: () => now('journal') } },
    acceptor: { stop: soon('acceptor') },
    http: { close: soon('http') },
    governor: { note: () => now('note') },
    keeper: { stop: soon('keeper') },
    ticks: { stop: () => now('ticks') },
    chores: { stop: () => now('chores') },
    doctor: { stop: () => now('doctor') },
    delivery: {
      dispatcher: { stop: soon('dispatcher') },
      tls: { stop: soon('tls') },
      feedback: { close: () => now('feedback') },
      watch: { stop: () => now('watch') },
    },
    alerts: { close: soon('alerts') },
    books: { close: soon('books') },
    control: { close: soon('control') },
    finish: (with_: 0 | 1) => {
      code = with_;
      finished();
    },
  } as unknown as StopParts;
  return { stop: createStop(parts), steps, errors, done, code: () => code };
}

const ORDER: readonly Step[] = [
  'acceptor',
  'http',
  'dispatcher',
  'ticks',
  'chores',
  'doctor',
  'tls',
  'feedback',
  'note',
  'keeper',
  'watch',
  'alerts',
  'books',
  'ledger',
  'store',
  'journal',
  'lock',
  'control',
];

describe('a stop', () => {
  it('takes all steps in order, once, whoever asks', async () => {
    const s = stand();
    await Promise.all([s.stop('operator:eve', 0), s.stop('signal:SIGTERM', 0)]);
    await s.done;
    expect([s.steps, s.code(), s.errors]).toEqual([ORDER, 0, []]);
  });

  it('in which the spool fails was not in order, whoever had asked for it', async () => {
    const s = stand();
    const stopping = s.stop('operator:eve', 0);
    await Promise.all([stopping, s.stop('daemon', 1)]);
    await s.done;
    expect([s.code(), s.steps.includes('ledger')]).toEqual([1, false]);
  });

  it('in trouble waits for nothing and promises nothing: no note, no snapshot, no clean end of the ledger', async () => {
    const s = stand();
    await s.stop('daemon', 1);
    await s.done;
    expect([s.steps, s.code()]).toEqual([ORDER.filter(step => !['note', 'keeper', 'ledger'].includes(step)), 1]);
  });

  it.each(ORDER)('whose %s fails goes on to its end and says that it was not in order', async step => {
    const s = stand([step]);
    await s.stop('operator:eve', 0);
    await s.done;
    expect(s.errors).toEqual([`no ${step}`]);
    expect(s.code()).toBe(1);
    for (const other of ['store', 'journal', 'lock', 'control'] as const) expect(s.steps).toContain(other);
  });
});
