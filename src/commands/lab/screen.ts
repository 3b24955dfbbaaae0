/**
 * The lab on the terminal UI, fed from the daemon in the same process.
 */
import type { Io } from '../io.js';
import { runTop } from '../../tui/run.js';
import { overOperations } from '../feedable.js';
import type { Lab } from './run.js';

/** Real milliseconds between two looks: at 1440 times real time an hour passes in 2.5 s. */
const EVERY = 250;

/** Resolves when the last day is over, or the person quits. */
export async function showLab(lab: Lab, io: Io, end: Promise<void>): Promise<void> {
  const over = new AbortController();
  let broken: unknown;
  end.then(
    () => over.abort(),
    error => {
      broken = error;
      over.abort();
    },
  );
  await runTop({
    backend: overOperations(lab.daemon.operations, { author: 'lab', why: 'from the UI' }),
    stdin: io.stdin as NodeJS.ReadStream,
    stdout: io.stdout,
    every: EVERY,
    colours: (io.env.NO_COLOR ?? '') === '',
    title: `lab · a day in ${(86_400 / lab.clock.speed).toFixed(0)} s`,
    signal: over.signal,
  });
  if (broken !== undefined) throw broken;
}
