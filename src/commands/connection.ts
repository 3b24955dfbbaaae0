/**
 * What every command that talks to the daemon shares: where it answers, who asks, how wide the terminal is.
 *
 * Loads only the client; the settings, the server and the UI stay out of memory.
 */
import type { Command } from 'commander';
import { connectControl, type ControlClient } from '../control/client.js';
import { jsonText } from '../control/json-text.js';
import type { Act } from '../control/operations.js';
import { page, type Screen } from '../control/page.js';
import { printable } from '../kernel/text.js';
import type { Io } from './io.js';
import { socketPath, type Where } from './socket-path.js';

/** A subcommand with the options that say where the daemon answers. */
export function daemonCommand(program: Command, name: string, description: string): Command {
  return program
    .command(name)
    .description(description)
    .option('-c, --config <file>', 'configuration whose daemon is meant (default: ./rampd.yaml, /etc/rampd/rampd.yaml)')
    .option('--socket <path>', 'socket the daemon answers at');
}

export async function connect(where: Where, io: Io): Promise<ControlClient> {
  return connectControl(await socketPath(where, io));
}

/** The person behind the command, for the journal. */
export function act(io: Io, why?: string): Act {
  const author = printable(io.env.SUDO_USER || io.env.USER || io.env.LOGNAME || 'operator', 100) || 'operator';
  const reason = why === undefined ? '' : printable(why);
  return reason === '' ? { author } : { author, why: reason };
}

export function screen(io: Io, client: ControlClient): Screen {
  return { now: client.now(), width: io.stdout.isTTY ? io.stdout.columns || 80 : Infinity };
}

/** JSON with --json, else the text; text is rendered after the answer came, because the screen's time comes with it. */
export function show<T>(io: Io, json: boolean | undefined, value: T, render: (value: T) => string): void {
  io.out(json ? `${jsonText(value)}\n` : render(value));
}

/** One printable line on stdout. */
export const say = (io: Io, text: string): void => io.out(page([text]));
