/**
 * The lanes and sources there are, what each has in use, and how old each one's limits are.
 *
 * A lane exists from its first connection or departure until its history, connections, closings and windows are gone; asking
 * about one that does not exist makes a passing one. Sources are known by address: histories survive renaming. Every change of a
 * limit takes the next number of one sequence; the epoch of a lane is the highest number among its own, its source's and the
 * daemon's, so that any change voids permits not yet presented.
 */
import type { Settings, Source } from '../kernel/settings.js';
import type { KnownLane, LaneName } from '../kernel/verdict.js';
import type { Instant } from '../kernel/units.js';
import { Account } from './account.js';
import type { Concurrency } from './concurrency.js';
import type { LaneLimits } from '../kernel/governor.js';
import type { Plan } from './plan.js';
import { Slabs } from './slab.js';

/** A lane's plan and what its connections must observe. */
export interface LanePlan {
  readonly plan: Plan;
  readonly limits: LaneLimits;
  /** Used by every lane without windows, pauses or caps of its own. */
  readonly shared: boolean;
}

/**
 * A lane is its own account, and what whoever asks about it holds in hand: among a hundred thousand of them every other object
 * on the way to a verdict is one more place of memory that no cache has.
 */
export class Lane extends Account implements KnownLane {
  /** One of its source's lanes; otherwise a passing one, that nobody uses (any more). */
  kept = false;
  /** The last naming of the sources in which its name was found to mean it. */
  naming = 0;
  version = 0;
  compiled: LanePlan | undefined;
  compiledAt = -1;
  concurrency: Concurrency | undefined;
  /** When its newest connection began. */
  newest: Instant = -Infinity;
  /** The name it was made under; its source may have another by now. */
  readonly knownAs: LaneName;

  constructor(
    readonly source: SourceState,
    readonly provider: string,
    slabs: Slabs,
  ) {
    super(slabs);
    this.knownAs = { source: source.name, provider };
  }

  get account(): Account {
    return this;
  }

  /** For people and for warm-up; the address when no source of that address is configured. */
  get sourceName(): string {
    return this.source.name;
  }

  override forget(): void {
    super.forget();
    this.concurrency = undefined;
    this.newest = -Infinity;
  }
}

export const nameOf = (lane: LaneName | KnownLane): LaneName => (lane instanceof Lane ? lane.knownAs : (lane as LaneName));

export class SourceState {
  readonly account: Account;
  readonly lanes = new Map<string, Lane>();
  name: string;
  config: Source | undefined;
  version = 0;
  plan: Plan | undefined;
  planAt = -1;
  /** Plans of lanes without anything of their own, by provider; cleared with the source's plan. */
  readonly shared = new Map<string, LanePlan>();
  sharedAt = -1;

  constructor(
    readonly address: string,
    slabs: Slabs,
  ) {
    this.name = address;
    this.account = new Account(slabs);
  }
}

export class Floor {
  readonly slabs = new Slabs();
  readonly total = new Account(this.slabs);
  totalVersion = 0;
  totalPlan: Plan | undefined;
  totalPlanAt = -1;
  readonly #byName = new Map<string, SourceState>();
  readonly #byAddress = new Map<string, SourceState>();
  #sequence = 0;
  /** Counts the times at which a name may have changed its source. */
  #naming = 0;
  #sweep: Iterator<Lane> | undefined;

  configure(settings: Settings): void {
    this.#naming++;
    this.#byName.clear();
    for (const state of this.#byAddress.values()) state.config = undefined;
    for (const source of settings.sources.values()) {
      const state = this.address(source.address);
      state.config = source;
      state.name = source.name;
      this.#byName.set(source.name, state);
    }
    this.touchAll();
  }

  source(name: string): SourceState | undefined {
    return this.#byName.get(name);
  }

  /** What the configuration calls an address. */
  named(address: string): string | undefined {
    return this.#byAddress.get(address)?.config?.name;
  }

  /** The source of an address, known to the configuration or not. */
  address(address: string): SourceState {
    let state = this.#byAddress.get(address);
    if (!state) this.#byAddress.set(address, (state = new SourceState(address, this.slabs)));
    return state;
  }

  sources(): Iterable<SourceState> {
    return this.#byAddress.values();
  }

  /** The lane, or a passing one; undefined when no such source is configured. */
  lane(asked: LaneName | KnownLane): Lane | undefined {
    const known = asked instanceof Lane ? asked : undefined;
    return known?.kept && known.naming === this.#naming ? known : this.#find(nameOf(asked), known);
  }

  /** By name; of a lane that is not kept any more, the one that has taken its place or itself. */
  #find(name: LaneName, known: Lane | undefined): Lane | undefined {
    const source = this.#byName.get(name.source);
    if (!source) return undefined;
    const found = source.lanes.get(name.provider) ?? (known?.source === source ? known : new Lane(source, name.provider, this.slabs));
    if (found.knownAs.source === source.name) found.naming = this.#naming;
    // Of a change of its limits a passing lane hears nothing.
    if (!found.kept) found.compiled = undefined;
    return found;
  }

  /** Makes a passing lane stay. */
  keep(lane: Lane): void {
    if (lane.kept) return;
    lane.kept = true;
    lane.source.lanes.set(lane.provider, lane);
  }

  *lanes(): Generator<Lane> {
    for (const source of this.#byAddress.values()) yield* source.lanes.values();
  }

  epoch(lane: Lane): number {
    return Math.max(lane.version, lane.source.version, this.totalVersion);
  }

  touchAll(): void {
    this.totalVersion = ++this.#sequence;
  }

  touchSource(source: SourceState): void {
    source.version = ++this.#sequence;
  }

  /** Lanes of a provider, of every source. */
  touchProvider(provider: string): void {
    for (const source of this.#byAddress.values()) this.touchLane(source, provider);
  }

  touchLane(source: SourceState, provider: string): void {
    const lane = source.lanes.get(provider);
    if (lane) lane.version = ++this.#sequence;
  }

  /** Looks at a few lanes and forgets those with nothing left, `windowed` ones aside; called often, never long. */
  sweep(now: Instant, windowed: (lane: Lane) => boolean, few: number): void {
    for (let i = 0; i < few; i++) {
      const next = (this.#sweep ??= this.lanes()).next();
      if (next.done) {
        this.#sweep = undefined;
        return;
      }
      const lane = next.value;
      if (lane.account.inflight > 0 || lane.account.connections > 0) continue;
      if (!lane.compiled?.shared) lane.compiled = undefined;
      if (!lane.account.idle(now) || !(lane.concurrency?.forgettable(now) ?? true) || windowed(lane)) continue;
      lane.source.lanes.delete(lane.provider);
      lane.kept = false;
      lane.account.forget();
    }
  }
}
