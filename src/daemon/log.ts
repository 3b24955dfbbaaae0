/**
 * The daemon's log: JSON lines by pino, to stdout or a file. Remote text is made printable before it is logged, by its callers.
 */
import { pino, type Logger } from 'pino';
import type { Settings } from '../kernel/settings.js';

export type Log = Logger;

export function createLog(settings: Pick<Settings, 'log'>, debug: boolean): Log {
  const level = debug ? 'debug' : settings.log.level;
  const destination = pino.destination({ dest: settings.log.file ?? 1, sync: false, minLength: 0, mkdir: true });
  return pino(
    { level, base: null, timestamp: pino.stdTimeFunctions.isoTime, formatters: { level: label => ({ level: label }) } },
    destination,
  );
}
