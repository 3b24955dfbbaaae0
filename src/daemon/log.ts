/**
 * The daemon's log: JSON lines by pino, to stdout or a file. Remote text is made printable before it is logged, by its callers.
 */
import { pino, type Logger } from 'pino';
import { FaultError } from '../kernel/fault.js';
import type { Settings } from '../kernel/settings.js';
import { LogSink, openLogFile } from './log-sink.js';

export interface Log extends Logger {
  /** Begins the file anew where another program has moved it away; keeps the old one when that fails, and says so. */
  reopen?(): void;
}

const STDOUT = 1;

/** Throws FaultError when the file cannot be opened. What fails later stops nothing, and is told on stderr. */
export function createLog(settings: Pick<Settings, 'log' | 'fixedFrom'>, debug: boolean): Log {
  const { file, level } = settings.log;
  const sink = new LogSink(file === undefined ? STDOUT : opened(file, settings), error =>
    process.stderr.write(`rampd: the log cannot be written, and is tried again: ${error.message}\n`),
  );
  const log: Log = pino(
    {
      level: debug ? 'debug' : level,
      base: null,
      timestamp: pino.stdTimeFunctions.isoTime,
      formatters: { level: label => ({ level: label }) },
    },
    sink,
  );
  if (file === undefined) return log;
  return Object.assign(log, {
    reopen(): void {
      try {
        sink.follow(file);
      } catch (error) {
        log.error({ error: (error as Error).message }, 'the log could not be opened again: it goes on where it was');
      }
    },
  });
}

function opened(file: string, { fixedFrom }: Pick<Settings, 'fixedFrom'>): number {
  try {
    return openLogFile(file);
  } catch (error) {
    const place = fixedFrom?.['log.file'] ?? { file, line: 0, col: 0 };
    const what = `the log ${file} cannot be opened: ${(error as Error).message}`;
    throw new FaultError([{ code: 'log-unwritable', place, what, hint: 'its folder has to be writable for the account rampd starts as' }]);
  }
}
