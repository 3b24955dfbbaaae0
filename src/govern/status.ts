/**
 * What the governor shows: the state of lanes and sources, and why a lane waits. Nothing here reserves or changes a limit.
 */
import type { LaneStatus, SourceStatus } from '../kernel/governor.js';
import type { Reason } from '../kernel/verdict.js';
import type { Instant } from '../kernel/units.js';
import type { Core } from './core.js';
import type { Lane, SourceState } from './floor.js';
import { bindingFirst } from './judge.js';
import { slotsAt, stopsAt } from './plan.js';

export interface Explanation {
  readonly verdict: { go: boolean; until: Instant | null; because: readonly Reason[] };
  readonly without: Instant | null;
}

const orNull = (at: Instant): Instant | null => (at === Infinity ? null : at);

export class Status {
  readonly #core: Core;

  constructor(core: Core) {
    this.#core = core;
  }

  explain(lane: Lane, who: { senderDomain?: string; recipientDomain?: string }, now: Instant): Explanation {
    const subjects = this.#core.subjects.of(lane.provider, who.senderDomain, who.recipientDomain, now);
    const { at, because } = this.#core.judge.reasons(lane, subjects, now);
    if (at <= now) return { verdict: { go: true, until: null, because: [] }, without: now };
    const second = because[1];
    return { verdict: { go: false, until: orNull(at), because }, without: second ? second.until : now };
  }

  lane(lane: Lane, now: Instant): LaneStatus {
    const { compiler, windows } = this.#core;
    const plan = compiler.lane(lane, now).plan;
    const source = compiler.source(lane.source, now);
    const stopped = plan.stopped || source.stopped;
    const { address } = lane.source;
    const { provider } = lane;
    const learnt = lane.concurrency?.limit ?? Infinity;
    return {
      lane: { source: lane.source.name, provider },
      connections: lane.account.connections,
      maxSmtpOut: stopped ? 0 : Math.min(plan.outNow, source.outNow, learnt),
      maxMsgPerHour: stopped ? 0 : Math.min(plan.hourNow, source.hourNow),
      attemptsLastHour: lane.account.inflight + lane.account.hour.used(now),
      windows: [
        ...windows.at({ scope: 'lane', address, provider }),
        ...windows.at({ scope: 'source', address }),
        ...windows.at({ scope: 'provider', provider }),
      ]
        .filter(w => now < w.recoverUntil)
        .map(w => w.id),
    };
  }

  source(source: SourceState, now: Instant): SourceStatus {
    const { ramp, compiler } = this.#core;
    const { name } = source;
    const plan = compiler.source(source, now);
    const stage = ramp.status(name, undefined, now);
    const today = ramp.today(name, undefined, now);
    const because: Reason[] = [];
    const day = { attempts: () => today.attempts, end: () => ramp.nextTick(name, now) };
    slotsAt(plan, source.account, 1, day, now, reason => because.push(reason));
    return {
      name,
      state: this.#state(source, now),
      ...(stage ? { schedule: stage.schedule, stage: stage.stage, stages: stage.of } : {}),
      ...(stage && !stage.graduated ? { earned: stage.earned } : {}),
      ...(stage?.unearnable ? { unearnable: stage.unearnable } : {}),
      maxMsgPerHour: plan.hourNow,
      maxMsgPerDay: plan.dayNow,
      attemptsLastHour: source.account.inflight + source.account.hour.used(now),
      attemptsToday: today.attempts + source.account.inflight,
      deliveredToday: today.delivered,
      deferredToday: today.deferred,
      bouncedToday: today.bounced,
      complaints: ramp.complaints(name, now),
      dayStart: ramp.dayStart(name, now),
      because: bindingFirst(because),
    };
  }

  /** The first that applies: what a person did or must do, then trouble, then the ordinary course. */
  #state(source: SourceState, now: Instant): SourceStatus['state'] {
    const { ramp, compiler, pauses, windows } = this.#core;
    if (pauses.reason({ kind: 'source', name: source.name })) return 'paused';
    if (stopsAt(compiler.source(source, now), now) > now || this.#allSuspended(source, now)) return 'suspended';
    const stage = ramp.status(source.name, undefined, now);
    if (stage?.held) return 'holding';
    const wide = windows.at({ scope: 'source', address: source.address }).some(w => now < w.until);
    if (wide || this.#mostlyWindowed(source, now)) return 'backing-off';
    return stage && !stage.graduated ? 'warming' : 'warm';
  }

  #allSuspended(source: SourceState, now: Instant): boolean {
    for (const lane of source.lanes.values()) {
      const { stops } = this.#core.compiler.lane(lane, now).plan;
      if (!stops.some(s => s.limit !== 'paused' && (s.until === null || s.until > now))) return false;
    }
    return source.lanes.size > 0;
  }

  /** Windows are open on lanes that carried half of today's attempts. */
  #mostlyWindowed(source: SourceState, now: Instant): boolean {
    const { ramp, windows } = this.#core;
    const providers = new Set<string>();
    for (const w of windows.all()) {
      const here = w.scope === 'provider' || (w.scope === 'lane' && w.address === source.address);
      if (here && now < w.until && w.provider !== undefined) providers.add(w.provider);
    }
    let windowed = 0;
    for (const provider of providers) windowed += ramp.attemptsToday(source.name, provider, now);
    return windowed > 0 && windowed * 2 >= ramp.attemptsToday(source.name, undefined, now);
  }
}
