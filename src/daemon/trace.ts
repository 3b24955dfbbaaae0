/**
 * Whose dialogue is followed: a lane's, a source's or a message's, for `rampd trace`; everybody's in the log, under --debug.
 */
import { Refusal } from '../control/operations.js';
import type { TraceLine } from '../control/trace-view.js';
import type { Dialogue, DialogueLine, Wanted } from '../deliver/dialogue.js';
import type { Dispatcher } from '../deliver/dispatcher.js';
import type { DeliverLog } from '../deliver/ports.js';
import { parseMessageId, printMessageId } from '../kernel/message.js';
import type { Settings } from '../kernel/settings.js';
import type { Store } from '../spool/store.js';

export interface TraceParts {
  readonly dialogue: Dialogue;
  readonly settings: () => Settings;
  readonly dispatcher: Pick<Dispatcher, 'lanes'>;
  readonly store: Pick<Store, 'find'>;
}

/** Rejects with Refusal when nothing is called `target`. */
export async function traced(target: string, hear: (line: TraceLine) => void, parts: TraceParts): Promise<() => void> {
  const { node } = parts.settings();
  const wanted = await filterOf(target, parts);
  return parts.dialogue.follow(wanted, line => {
    const { at, message, ...rest } = line;
    hear({ at: new Date(at).toISOString(), ...rest, ...(message !== undefined && { message: printMessageId(node, message) }) });
  });
}

async function filterOf(target: string, { settings, dispatcher, store }: TraceParts): Promise<Wanted> {
  const id = parseMessageId(target);
  if (id) {
    for await (const _waiting of store.find(id.number)) return (_about, message) => message === id.number;
    throw new Refusal(`no recipient of message ${target} waits: it was delivered, bounced or deleted, or never was here`);
  }
  const [source = '', provider, ...rest] = target.split('/');
  const { sources, providers } = settings();
  if (sources.has(source) && provider === undefined) return about => about.source === source;
  const lane = rest.length === 0 && sources.has(source) && (providers.has(provider ?? '') || dispatcher.lanes.all.has(target));
  if (!lane) throw new Refusal(`there is no message, lane or source called ${target}`);
  return about => about.source === source && about.provider === provider;
}

export function logDialogue({ source, provider, host, address, connection, phase, side, text }: DialogueLine, log: DeliverLog): void {
  log.debug({ lane: `${source}/${provider}`, smtp: `${host}[${address}]`, connection, phase, side: side === 'client' ? 'C' : 'S' }, text);
}
