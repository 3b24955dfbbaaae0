/**
 * The dialogue of a connection as debug lines: commands and replies, no bodies; nodemailer leaves the secrets of AUTH out.
 */
import { printable } from '../kernel/text.js';
import type { DeliverLog } from './ports.js';

/** nodemailer's logger interface. */
export function dialogueLogger(log: DeliverLog, label: string): Record<string, (...args: unknown[]) => void> {
  const write = (entry: unknown, text?: unknown): void => {
    const kind = (entry as { tnx?: string } | undefined)?.tnx;
    if (kind === 'client' || kind === 'server')
      log.debug({ smtp: label, side: kind === 'client' ? 'C' : 'S' }, printable(String(text), 4_000));
  };
  const quiet = (): void => undefined;
  return { trace: quiet, debug: write, info: quiet, warn: quiet, error: quiet, fatal: quiet, level: quiet };
}
