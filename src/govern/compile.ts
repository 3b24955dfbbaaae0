/**
 * Makes the plans: what settings, warm-up, windows and pauses say about one lane, one source or the daemon, compiled once and
 * kept until one of them changes.
 */
import { DIRECTIVES, type Limits } from '../kernel/limits.js';
import type { Settings } from '../kernel/settings.js';
import type { Reason } from '../kernel/verdict.js';
import { HOUR, type Instant, MINUTE } from '../kernel/units.js';
import type { LaneLimits, WindowState } from '../kernel/governor.js';
import type { Floor, Lane, LanePlan, SourceState } from './floor.js';
import { BUILT_IN_LIMITS, laneLimitsOf, statedPlan, type WindowCaps } from './limits.js';
import type { Pauses, Target } from './pause.js';
import { type Plan, refresh, type Stop, valueOf } from './plan.js';
import type { Ramp, StageCaps } from './ramp.js';
import { quoted } from './window.js';
import type { Windows } from './windows.js';

/** The provider file that serves providers without a file of their own. */
const GENERIC = 'generic';

export interface CompilerParts {
  readonly floor: Floor;
  readonly windows: Windows;
  readonly pauses: Pauses;
  readonly ramp: Ramp;
}

const NOTHING: WindowCaps = () => [];

export class Compiler {
  readonly #parts: CompilerParts;
  #settings: Settings | undefined;

  constructor(parts: CompilerParts) {
    this.#parts = parts;
  }

  configure(settings: Settings): void {
    this.#settings = settings;
  }

  get settings(): Settings | undefined {
    return this.#settings;
  }

  /** The lane's plan, fresh at `now`. */
  lane(lane: Lane, now: Instant): LanePlan {
    const epoch = this.#parts.floor.epoch(lane);
    if (lane.compiled === undefined || lane.compiledAt !== epoch) {
      lane.compiled = this.#lane(lane, now);
      lane.compiledAt = epoch;
    }
    if (now >= lane.compiled.plan.validUntil) refresh(lane.compiled.plan, now);
    return lane.compiled;
  }

  /** What the lane's connections must observe, windows included. */
  connection(lane: Lane, now: Instant): LaneLimits {
    const { plan, limits } = this.lane(lane, now);
    const windows = [...plan.perConnection, ...this.source(lane.source, now).perConnection];
    if (windows.length === 0) return limits;
    return { ...limits, maxMsgPerConnection: Math.min(limits.maxMsgPerConnection, ...windows.map(c => valueOf(c, now))) };
  }

  source(source: SourceState, now: Instant): Plan {
    const epoch = Math.max(source.version, this.#parts.floor.totalVersion);
    if (source.plan === undefined || source.planAt !== epoch) {
      source.plan = this.#source(source);
      source.planAt = epoch;
      refresh(source.plan, now);
    }
    if (now >= source.plan.validUntil) refresh(source.plan, now);
    return source.plan;
  }

  /** What is stated for a provider's lanes, of any source; per key the last that speaks. */
  stated(provider: string): readonly Limits[] {
    const known = this.#settings?.providers.get(provider);
    // The generic file speaks for providers without one, where `defaults:` says nothing.
    const generic = known ? {} : (this.#settings?.providers.get(GENERIC)?.limits ?? {});
    return [BUILT_IN_LIMITS, generic, this.#settings?.defaults ?? {}, known?.limits ?? {}];
  }

  total(now: Instant): Plan {
    const { floor } = this.#parts;
    if (floor.totalPlan === undefined || floor.totalPlanAt !== floor.totalVersion) {
      const total = this.#settings?.total ?? {};
      floor.totalPlan = statedPlan({ base: [total], besides: [] }, 'total', [this.#settings?.defaults ?? {}, total], NOTHING, []);
      floor.totalPlanAt = floor.totalVersion;
      refresh(floor.totalPlan, now);
    }
    return floor.totalPlan;
  }

  /** The plan of one sender's or recipient's domain under its windows. */
  subject(windows: readonly WindowState[], now: Instant): Plan {
    const plan = statedPlan({ base: [], besides: [] }, 'lane', [], capsOf(windows), suspensions(windows));
    refresh(plan, now);
    return plan;
  }

  #lane(lane: Lane, now: Instant): LanePlan {
    const { windows, pauses, ramp, floor } = this.#parts;
    const { source, provider } = lane;
    const caps = source.config && ramp.laneCaps(source.name, provider, now);
    const found = [...windows.at({ scope: 'lane', address: source.address, provider }), ...windows.at({ scope: 'provider', provider })];
    const stops = [
      ...this.#paused(pauses, { kind: 'lane', name: `${source.name}/${provider}` }),
      ...this.#paused(pauses, { kind: 'provider', name: provider }),
      ...stageStops(caps, 'lane'),
      ...suspensions(found),
    ];
    const plain = caps === undefined && found.length === 0 && stops.length === 0;
    const epoch = Math.max(source.version, floor.totalVersion);
    if (source.sharedAt !== epoch) {
      source.shared.clear();
      source.sharedAt = epoch;
    }
    const key = this.#settings?.providers.has(provider) ? provider : '';
    const shared = plain ? source.shared.get(key) : undefined;
    if (shared) return shared;
    const base = this.stated(provider);
    const own = source.config?.limits ?? {};
    const stage = (source.config && ramp.sourceCaps(source.name)?.limits) ?? {};
    const laneStage = caps?.limits ?? {};
    const manners: Limits[] = [...base, own, stage, laneStage];
    const made: LanePlan = {
      plan: statedPlan({ base, besides: [laneStage] }, 'lane', manners, capsOf(found), stops),
      limits: laneLimitsOf({ base, besides: [own, stage, laneStage] }, manners),
      shared: plain,
    };
    refresh(made.plan, now);
    if (plain) source.shared.set(key, made);
    return made;
  }

  #source(source: SourceState): Plan {
    const { windows, pauses, ramp } = this.#parts;
    const caps = source.config && ramp.sourceCaps(source.name);
    const found = windows.at({ scope: 'source', address: source.address });
    const own = source.config?.limits ?? {};
    const stage = caps?.limits ?? {};
    const stops = [...this.#paused(pauses, { kind: 'source', name: source.name }), ...stageStops(caps, 'source'), ...suspensions(found)];
    const manners = [this.#settings?.defaults ?? {}, own, stage];
    return statedPlan({ base: [own], besides: [stage] }, 'source', manners, capsOf(found), stops);
  }

  #paused(pauses: Pauses, target: Target): Stop[] {
    const stop = pauses.stop(target);
    return stop ? [stop] : [];
  }
}

/** Warm-up lets nothing leave: a brake at stage 1, three step-backs, an earliest day not yet come. */
function stageStops(caps: StageCaps | undefined, scope: Reason['scope']): Stop[] {
  return caps?.suspended ? [{ limit: 'suspended', scope, until: caps.suspended.until, from: caps.suspended.from }] : [];
}

function suspensions(windows: readonly WindowState[]): Stop[] {
  return windows
    .filter(w => w.suspend)
    .map(w => ({ limit: 'window', scope: w.scope, until: w.until, from: w.from, window: w.id, quote: quoted(w) }));
}

/** A connect rate binds within the minute too: an hour's connections are not to be opened at once. */
function capsOf(windows: readonly WindowState[]): WindowCaps {
  return (limit, normal) =>
    windows
      .filter(w => w[limit] !== undefined || (w.suspend && (limit === 'maxMsgPerHour' || limit === 'maxSmtpOut')))
      .flatMap(state => {
        const window = { state, limit, normal };
        const cap = { limit: DIRECTIVES[limit], scope: state.scope, value: Infinity, per: HOUR, from: state.from, window };
        return limit === 'maxConnectRate' ? [cap, { ...cap, per: MINUTE }] : [cap];
      });
}
