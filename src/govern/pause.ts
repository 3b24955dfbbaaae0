/**
 * What people have paused: sources, providers, lanes, queues, jobs. Only a person takes a pause away; no rule, tick or reload
 * does: that of a source, or of a lane of one, stays with the source's address, whatever a reload calls that.
 */
import type { PauseTarget as Target } from '../kernel/governor.js';
import type { Reason } from '../kernel/verdict.js';
import type { Instant } from '../kernel/units.js';
import type { Chronicle } from './chronicle.js';
import type { Stop } from './plan.js';
import type { NewRecord } from './ramp.js';

export interface Pause {
  readonly by: string;
  readonly why?: string;
  readonly at: Instant;
  /** Of the source it is about, when one is known. */
  readonly address?: string;
}

/** What sources are called now. */
export interface Names {
  addressOf(source: string): string | undefined;
  sourceOf(address: string): string | undefined;
}

/** A record but for the target's place and state. */
type Told = Omit<NewRecord, 'source' | 'provider' | 'state'>;

export type { Target };

/** Does a pause of it keep lanes from sending? One of a queue or a job keeps only that mail. */
export const stopsLanes = ({ kind }: Target): boolean => kind !== 'queue' && kind !== 'job';

export const PAUSE_KEY = 'paused:';
const keyOf = (target: Target): string => `${PAUSE_KEY}${target.kind}:${target.name}`;

/** The target of a state key. */
export function targetOf(key: string): Target {
  const [, kind = '', ...name] = key.split(':');
  return { kind: kind as Target['kind'], name: name.join(':') };
}

export class Pauses {
  readonly #pauses = new Map<string, Pause>();
  readonly #chronicle: Chronicle;

  constructor(chronicle: Chronicle) {
    this.#chronicle = chronicle;
  }

  /** False when it was paused already: the first pause stands. `address` is that of the source it is about. */
  pause(target: Target, author: string, why: string | undefined, now: Instant, address?: string): boolean {
    const key = keyOf(target);
    if (this.#pauses.has(key)) return false;
    const pause: Pause = { by: author, ...(why === undefined ? {} : { why }), at: now, ...(address === undefined ? {} : { address }) };
    this.#pauses.set(key, pause);
    const text = `${target.kind} ${target.name} paused${why ? `: ${why}` : ''}`;
    this.#tell({ type: 'paused', author, text, at: now, before: { [key]: null } }, target, pause);
    return true;
  }

  /** Since when it has been paused; undefined when it is not. */
  since(target: Target): Instant | undefined {
    return this.#pauses.get(keyOf(target))?.at;
  }

  /** `besides`: keys of the state that the same record assigns. */
  resume(target: Target, author: string, now: Instant, besides: Readonly<Record<string, unknown>> = {}): void {
    const key = keyOf(target);
    const pause = this.#pauses.get(key);
    if (!pause) return;
    this.#pauses.delete(key);
    const text = `${target.kind} ${target.name} resumed`;
    this.#tell({ type: 'resumed', author, text, at: now, before: { [key]: pause } }, target, null, besides);
  }

  /** What a person's undo makes of a target: paused as it was, from `record.at` on, or paused no more. */
  put(target: Target, was: Pause | null, record: Told, besides: Readonly<Record<string, unknown>> = {}): void {
    const pause = was && { ...was, at: record.at };
    if (pause) this.#pauses.set(keyOf(target), pause);
    else this.#pauses.delete(keyOf(target));
    this.#tell(record, target, pause, besides);
  }

  /** Sources may have other names now, or other addresses under their names. */
  follow(names: Names, now: Instant): void {
    const moved = new Map<string, Pause>();
    const left: string[] = [];
    const said: string[] = [];
    for (const [key, pause] of this.#pauses) {
      const target = targetOf(key);
      const { source = '', provider } = placeOf(target);
      if (target.kind !== 'source' && target.kind !== 'lane') continue;
      const name = (pause.address === undefined ? undefined : names.sourceOf(pause.address)) ?? source;
      const address = names.addressOf(name) ?? pause.address;
      if (name === source && address === pause.address) continue;
      const called = { kind: target.kind, name: provider === undefined ? name : `${name}/${provider}` };
      const known = { ...pause, ...(address === undefined ? {} : { address }) };
      if (pause.address === undefined) this.#pauses.set(key, known);
      else {
        left.push(key);
        if (!moved.has(keyOf(called))) moved.set(keyOf(called), known);
        said.push(
          `${target.kind} ${target.name} stays paused: ${name === source ? `its address is ${address}` : `it is called ${called.name}`} now`,
        );
      }
    }
    if (left.length === 0) return;
    for (const key of left) this.#pauses.delete(key);
    for (const [key, pause] of moved) this.#pauses.set(key, pause);
    const state = { ...Object.fromEntries(left.map(key => [key, null])), ...Object.fromEntries(moved) };
    this.#chronicle.record({ type: 'paused', author: 'reload', text: said.join('; '), at: now, state });
  }

  reason(target: Target): Reason | undefined {
    const pause = this.#pauses.get(keyOf(target));
    if (!pause) return undefined;
    const scope = target.kind === 'queue' ? 'recipient-domain' : target.kind === 'job' ? 'recipient' : target.kind;
    return { limit: 'paused', scope, value: null, used: null, from: pauseOrigin(pause), until: null };
  }

  stop(target: Target): Stop | undefined {
    const pause = this.#pauses.get(keyOf(target));
    if (!pause || target.kind === 'queue' || target.kind === 'job') return undefined;
    return { limit: 'paused', scope: target.kind, until: null, from: pauseOrigin(pause) };
  }

  names(kind: Target['kind']): string[] {
    return [...this.#pauses.keys()].map(targetOf).flatMap(target => (target.kind === kind ? [target.name] : []));
  }

  restore(key: string, value: unknown): void {
    if (value === null) this.#pauses.delete(key);
    else this.#pauses.set(key, value as Pause);
  }

  snapshot(): Record<string, unknown> {
    return Object.fromEntries(this.#pauses);
  }

  #tell(record: Told, target: Target, value: Pause | null, besides: Readonly<Record<string, unknown>> = {}): void {
    this.#chronicle.record({ ...record, ...placeOf(target), state: { [keyOf(target)]: value, ...besides } });
  }
}

const pauseOrigin = (pause: Pause): string => (pause.why ? `${pause.by}: ${pause.why}` : pause.by);

/** The lanes a target means; a queue or a job means none in particular. */
export function placeOf({ kind, name }: Target): { source?: string; provider?: string } {
  if (kind === 'source') return { source: name };
  if (kind === 'provider') return { provider: name };
  if (kind === 'queue' || kind === 'job') return {};
  const slash = name.indexOf('/');
  return { source: name.slice(0, slash), provider: name.slice(slash + 1) };
}
