/**
 * Programs of others that hand mail to rampd: Postfix's smtp-source, and swaks.
 */
import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { promisify } from 'node:util';

const run = promisify(execFile);
export const SMTP_SOURCE = '/usr/sbin/smtp-source';
export const SWAKS = '/usr/bin/swaks';
export const hasSmtpSource = existsSync(SMTP_SOURCE);
export const hasSwaks = existsSync(SWAKS);

export interface Campaign {
  readonly messages: number;
  readonly sessions: number;
  /** Octets. */
  readonly size: number;
  readonly from: string;
  readonly to: string;
}

/** Resolves when every message was answered 250; smtp-source fails at the first refusal. */
export async function smtpSource(port: number, { messages, sessions, size, from, to }: Campaign): Promise<void> {
  const numbers = ['-m', messages, '-s', sessions, '-l', size].map(String);
  await run(SMTP_SOURCE, ['-c', ...numbers, '-f', from, '-t', to, `inet:127.0.0.1:${port}`]);
}

/** The dialogue, and the code swaks ends with: 0 when the message was taken. */
export async function swaks(port: number, ...args: readonly string[]): Promise<{ code: number; dialogue: string }> {
  try {
    const { stdout } = await run(SWAKS, ['--server', `127.0.0.1:${port}`, '--timeout', '10', ...args]);
    return { code: 0, dialogue: stdout };
  } catch (error) {
    const { code, stdout = '' } = error as { code?: number; stdout?: string };
    return { code: code ?? -1, dialogue: stdout };
  }
}
