/**
 * The parts of a governor and how they hear of one another: which change of limits touches which lanes, and whom to wake.
 */
import type { GovernorPorts } from '../kernel/governor.js';
import type { Instant } from '../kernel/units.js';
import type { Account } from './account.js';
import { Chronicle } from './chronicle.js';
import { Compiler } from './compile.js';
import { Floor, type Lane } from './floor.js';
import { Judge } from './judge.js';
import { Pauses, type Target } from './pause.js';
import type { Ramp, RampPorts } from './ramp.js';
import { Subjects } from './subjects.js';
import type { WindowPlace } from './window.js';
import { Windows } from './windows.js';

export type MakeRamp = (ports: RampPorts) => Ramp;

export class Core {
  readonly ports: GovernorPorts;
  readonly chronicle: Chronicle;
  readonly floor = new Floor();
  readonly pauses: Pauses;
  readonly windows: Windows;
  readonly ramp: Ramp;
  readonly compiler: Compiler;
  readonly judge: Judge;
  readonly subjects: Subjects;
  /** Nobody is to be woken: the caller is configuring or restoring. */
  quiet = false;
  #seed: number;
  readonly #windowed = ({ source: { address }, provider }: Lane): boolean =>
    this.windows.at({ scope: 'lane', address, provider }).length > 0;

  constructor(ports: GovernorPorts, makeRamp: MakeRamp, seed: number) {
    this.ports = ports;
    this.#seed = seed;
    const chronicle = new Chronicle(record => ports.journal(record));
    this.chronicle = chronicle;
    this.pauses = new Pauses(chronicle);
    this.windows = new Windows({
      chronicle,
      changed: place => this.placeChanged(place),
      nameOf: address => this.floor.address(address).name,
    });
    this.ramp = makeRamp({
      record: record => chronicle.record(record),
      changed: (source, provider) => this.limitsChanged(source, provider),
      windowOpen: (source, provider, from, to) => this.#holdTime(source, provider, from, to),
      pausedSince: (source, provider) => this.#pausedSince(source, provider),
    });
    this.compiler = new Compiler({ floor: this.floor, windows: this.windows, pauses: this.pauses, ramp: this.ramp });
    this.judge = new Judge(this.floor, this.compiler, this.ramp);
    this.subjects = new Subjects(this.windows, this.compiler, this.floor.slabs);
  }

  /** Limits of a source, of one of its lanes, of a provider's lanes, or of all changed. */
  limitsChanged(source: string | undefined, provider: string | undefined): void {
    const state = source === undefined ? undefined : this.floor.source(source);
    if (source === undefined && provider === undefined) this.floor.touchAll();
    else if (source === undefined) this.floor.touchProvider(provider as string);
    else if (state && provider !== undefined) this.floor.touchLane(state, provider);
    else if (state) this.floor.touchSource(state);
    if (!this.quiet) this.ports.changed(source, provider);
  }

  /** Forgets lanes of which nothing is left: a few a call. */
  sweep(now: Instant, few = 4): void {
    this.floor.sweep(now, this.#windowed, few);
  }

  placeChanged(place: WindowPlace): void {
    if (place.subject !== undefined) this.subjects.changed(place);
    const source = place.address === undefined ? undefined : this.floor.address(place.address);
    if (source && place.provider !== undefined) this.floor.touchLane(source, place.provider);
    else if (source) this.floor.touchSource(source);
    else this.floor.touchProvider(place.provider as string);
    if (!this.quiet) this.ports.changed(source?.name, place.provider);
  }

  /** Something was given back on these accounts: whoever waits for it is woken. */
  released(lane: Lane): void {
    const { floor } = this;
    const freed = (account: Account): boolean => {
      const awaited = account.awaited;
      account.awaited = false;
      return awaited && !this.quiet;
    };
    const [own, source, total] = [freed(lane.account), freed(lane.source.account), freed(floor.total)];
    if (total) this.ports.changed();
    else if (source) this.ports.changed(lane.source.name);
    else if (own) this.ports.changed(lane.source.name, lane.provider);
  }

  /** The next number of a fixed sequence in [0, 1): Marsaglia's 32-bit xorshift, "Xorshift RNGs", 2003. */
  spread(): number {
    let x = this.#seed | 0 || 0x9e3779b9 | 0;
    x ^= x << 13;
    x ^= x >>> 17;
    x ^= x << 5;
    this.#seed = x;
    return (x >>> 0) / 2 ** 32;
  }

  #pausedSince(source: string, provider: string | undefined): Instant | undefined {
    const targets: Target[] = [{ kind: 'source', name: source }];
    if (provider !== undefined) targets.push({ kind: 'provider', name: provider }, { kind: 'lane', name: `${source}/${provider}` });
    const since = targets.flatMap(target => this.pauses.since(target) ?? []);
    return since.length > 0 ? Math.min(...since) : undefined;
  }

  #holdTime(source: string, provider: string | undefined, from: Instant, to: Instant): number {
    const state = this.floor.source(source);
    if (!state) return 0;
    const schedule = this.compiler.settings?.schedules.get(state.config?.warmUp?.schedule ?? '');
    const ofStage = (p: string | undefined): boolean =>
      provider === undefined ? p === undefined || !schedule?.providers.has(p) : p === undefined || p === provider;
    return this.windows.holdTime(
      place =>
        (place.scope === 'lane' || place.scope === 'source' || place.scope === 'provider') &&
        (place.address === undefined || place.address === state.address) &&
        ofStage(place.provider),
      from,
      to,
    );
  }
}
