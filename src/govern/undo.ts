/**
 * Taking back an act of a person: pause, resume, lift, or a word on a stage.
 *
 * An act keeps what was before it; undoing assigns that again, and nothing looser. It is refused when a later record has
 * changed the same keys: then somebody, or a rule, has decided anew. What time has done meanwhile stays done: a window comes
 * back with its old deadlines, and hours in which nothing could leave count as such. Undoing is itself a record, `undone`,
 * caused by the act; it cannot be undone, because the act can simply be done again.
 */
import type { JournalRecord, PastAct } from '../kernel/journal.js';
import type { WindowState } from '../kernel/governor.js';
import type { Instant } from '../kernel/units.js';
import type { Core } from './core.js';
import { PAUSE_KEY, type Pause, placeOf, stopsLanes, type Target, targetOf } from './pause.js';
import type { Progress } from './ramp.js';
import { AWAY_KEY } from './warm-up-absence.js';
import { HELD_KEY } from './held-times.js';
import { WINDOW_KEY } from './windows.js';

type Recorded = Omit<JournalRecord, 'time'>;

/** Facts of time: any number of records may add to them. */
const isFact = (key: string): boolean => key.startsWith(AWAY_KEY) || key.startsWith(HELD_KEY);
const keysOf = (record: Recorded): string[] => Object.keys(record.state ?? {}).filter(key => !isFact(key));

/** Watches records go by, oldest first, and keeps what concerns one act: its own, those it caused, the first that overtook it. */
export class Trace {
  readonly #id: number;
  readonly #family: Recorded[] = [];
  readonly #keys = new Set<string>();
  #later: Recorded | undefined;

  constructor(id: number) {
    this.#id = id;
  }

  note(record: Recorded): void {
    const [act] = this.#family;
    if (!act) {
      if (record.id === this.#id) this.#join(record);
      return;
    }
    // What an act causes is recorded within it, by the same author.
    const caused = record.before !== undefined && record.cause === act.id && record.author === act.author && this.#later === undefined;
    if (caused) this.#join(record);
    else if (keysOf(record).some(key => this.#keys.has(key))) this.#later ??= record;
  }

  /** `records` is empty when the act was not seen. */
  get found(): PastAct {
    return { records: this.#family, ...(this.#later ? { later: this.#later } : {}) };
  }

  #join(record: Recorded): void {
    this.#family.push(record);
    for (const key of keysOf(record)) this.#keys.add(key);
  }
}

export function undo(core: Core, past: PastAct, author: string, why: string | undefined, now: Instant): string {
  const [act] = past.records;
  if (!act) throw new Error('there is no such record in the journal');
  refuse(act, past.later);
  const before = beforeAll(past.records);
  const told = (inForce: string): { at: Instant; type: 'undone'; author: string; cause: number; text: string } => {
    const text = `record ${act.id} is undone: ${inForce}${why ? ` (${why})` : ''}`;
    return { at: now, type: 'undone', author, cause: act.id, text };
  };
  const [key = '', value] = Object.entries(before)[0] ?? [];
  if (key.startsWith(WINDOW_KEY)) return bringBack(core, value as WindowState, told);
  if (key.startsWith(PAUSE_KEY)) return turn(core, targetOf(key), value as Pause | null, told);
  let text = '';
  core.ramp.putBack(
    before as Readonly<Record<string, Progress>>,
    author,
    (source, provider, inForce, state) => {
      const record = told(inForce);
      text = record.text;
      return core.chronicle.record({ ...record, source, ...(provider === undefined ? {} : { provider }), state });
    },
    now,
  );
  return text;
}

function refuse(act: Recorded, later: Recorded | undefined): void {
  const name = `record ${act.id} (${act.type}, ${act.author})`;
  if (act.type === 'undone') throw new Error(`${name} is itself an undo: do again what it took back`);
  if (act.cause !== undefined && act.before) throw new Error(`${name} is a part of record ${act.cause}: undo that one`);
  if (!act.before) throw new Error(`${name} cannot be undone: only pause, resume, lift and a person's word on a stage can`);
  if (!later) return;
  const by = `by record ${later.id} (${later.type}, ${later.author})`;
  if (later.type === 'undone' && later.cause === act.id) throw new Error(`${name} is undone already, ${by}`);
  throw new Error(`${name} is overtaken ${by}: ${later.text}`);
}

/** Of several records that changed a key, the first knows what was before. */
function beforeAll(records: readonly Recorded[]): Readonly<Record<string, unknown>> {
  return Object.assign({}, ...[...records].reverse().map(record => record.before ?? {})) as Record<string, unknown>;
}

type Told = (inForce: string) => { at: Instant; type: 'undone'; author: string; cause: number; text: string };

function bringBack(core: Core, window: WindowState, told: Told): string {
  const record = told(`window ${window.id} is in force again`);
  core.windows.putBack(window, record);
  return record.text;
}

/** A pause that is back counts from now: in between mail could leave. */
function turn(core: Core, target: Target, was: Pause | null, told: Told): string {
  const record = told(`${target.kind} ${target.name} is ${was ? 'paused again' : 'no longer paused'}`);
  const { source, provider } = placeOf(target);
  const since = core.pauses.since(target);
  const away = was || since === undefined || !stopsLanes(target) ? {} : core.ramp.noteAway(source, since, record.at, provider);
  core.pauses.put(target, was, record, away);
  if (stopsLanes(target)) core.limitsChanged(source, provider);
  return record.text;
}
