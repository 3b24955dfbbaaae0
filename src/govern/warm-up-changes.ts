/**
 * The changes of stages: brakes, judgements, acts of people. Each is recorded with the key it assigns, then lanes hear of it.
 */
import { printPlace } from '../kernel/fault.js';
import type { StageVerb } from '../kernel/governor.js';
import type { JournalType } from '../kernel/journal.js';
import type { Instant } from '../kernel/units.js';
import { brakes, mayBrake, tell } from './gate.js';
import type { Facts } from './gate.js';
import type { Progress, Ramp, RampPorts } from './ramp.js';
import { adapt } from './warm-up-begin.js';
import { attempts, brakeFacts, gather, reach, sourceFacts, units } from './warm-up-climb.js';
import type { Climb, Records, Unit } from './warm-up-climb.js';
import { at, fallTo, judge, struck } from './warm-up-judge.js';
import type { Case, Judgement } from './warm-up-judge.js';
import { keyOf } from './warm-up-register.js';
import type { Register } from './warm-up-register.js';
import { quantities, stageAt, tighter } from './warm-up-stages.js';
import { act } from './warm-up-verbs.js';

export interface Change {
  readonly type: JournalType;
  readonly author: string;
  readonly text: string;
  readonly cause?: number | undefined;
  /** A person's act: what was before is kept with it. */
  readonly undoable?: boolean;
}

export class Changes {
  readonly #ports: RampPorts;
  readonly #register: Register;
  readonly #records: Records;

  constructor(ports: RampPorts, register: Register, records: Records) {
    this.#ports = ports;
    this.#register = register;
    this.#records = records;
  }

  record(climb: Climb, unit: Unit, progress: Progress, change: Change, now: Instant): number {
    const before = unit.progress;
    const kept = sentLast(unit, progress);
    this.#register.set(unit, kept);
    return this.#ports.record({
      at: now,
      type: change.type,
      author: change.author,
      text: change.text,
      source: climb.source.name,
      ...(unit.provider === undefined ? {} : { provider: unit.provider }),
      ...(change.cause === undefined ? {} : { cause: change.cause }),
      state: { [unit.key]: kept },
      ...(change.undoable ? { before: { [unit.key]: before } } : {}),
    });
  }

  /** The step-back conditions, after an outcome. */
  brakeIfMet(climb: Climb, unit: Unit, now: Instant): void {
    if (!this.#mayBrake(unit) || !mayBrake(climb.schedule, unit.tally, !this.#records.complaints.empty)) return;
    const facts = brakeFacts(this.#records, climb, unit, now);
    const met = brakes(climb.schedule, facts);
    const first = met[0];
    if (first) this.brake(climb, unit, `${tell(met, facts, true)} (${printPlace(first.from)})`, 'gate', undefined, now);
  }

  /** Caps fall at once; the stage follows at the tick. Once a day. */
  brake(climb: Climb, unit: Unit, why: string, author: string, cause: number | undefined, now: Instant): void {
    if (!this.#mayBrake(unit)) return;
    const p = struck({ ...unit.progress, braked: true, brakedDay: unit.progress.judgedThrough });
    const below = p.stage > 1 ? stageAt(unit.stages, p.stage - 1) : undefined;
    const next: Progress = below ? { ...p, caps: tighter(p.caps ?? {}, quantities(below.limits)) } : { ...p, stopped: true };
    const cap = next.caps?.maxMsgPerHour;
    const effect = below
      ? `caps of stage ${p.stage - 1}/${unit.stages.length}${cap === undefined ? '' : `, ${cap}/h`}, until the tick`
      : 'nothing leaves until the tick';
    const text = `${why}: ${p.suspended ? 'third step back without an earned day: suspended until a person releases it' : effect}`;
    this.record(climb, unit, next, { type: 'stage-braked', author, text, cause }, now);
    this.#ports.changed(climb.source.name, unit.provider);
  }

  #mayBrake({ progress: p }: Unit): boolean {
    return !p.graduated && !p.suspended && !p.braked && p.brakedDay !== p.judgedThrough;
  }

  caseOf(climb: Climb, unit: Unit, facts: Facts, tick: Instant): Case {
    return {
      progress: unit.progress,
      schedule: climb.schedule,
      stages: unit.stages,
      facts,
      tick,
      lastSent: unit.lastSent,
      startsAt: climb.startsAt,
      held: unit.progress.held || climb.unit.progress.held,
      mayReach: this.#mayReach(climb, unit),
      attempts: attempts(this.#records, climb, unit, tick),
      stated: climb.source.limits,
    };
  }

  /** A provider's last stage waits for its source to be warm. */
  #mayReach(climb: Climb, unit: Unit): number {
    return Math.min(reach(climb, unit), unit === climb.unit || climb.unit.progress.graduated ? Infinity : unit.stages.length);
  }

  /** All stages of an address, on the day as it was; providers are placed below the stage their source has after it. */
  judge(climb: Climb, tick: Instant, now: Instant): void {
    const own = [...climb.own.values()].map(unit => ({ unit, facts: gather(this.#records, climb, unit, tick) }));
    const { verdict, id } = this.#judgeOne(climb, climb.unit, sourceFacts(this.#records, climb, tick), tick, now);
    for (const { unit, facts } of own) this.#judgeOne(climb, unit, facts, tick, now);
    this.keepBelow(climb, id, 'tick', now);
    if (verdict.type === 'stage-advanced' || verdict.type === 'graduated') this.#dropLeft(climb, id, now);
  }

  #judgeOne(climb: Climb, unit: Unit, facts: Facts, tick: Instant, now: Instant): { verdict: Judgement; id: number } {
    const verdict = judge(this.caseOf(climb, unit, facts, tick));
    const { type, author, text } = verdict;
    return { verdict, id: this.record(climb, unit, verdict.progress, { type, author, text }, now) };
  }

  /** Providers whose stage leads their source's after it fell come down with it. */
  keepBelow(climb: Climb, cause: number | undefined, author: string, now: Instant, undoable = false): void {
    for (const unit of climb.own.values()) {
      const most = reach(climb, unit);
      const here = unit.progress.graduated ? Infinity : unit.progress.stage;
      if (here <= most) continue;
      const progress = fallTo(unit.progress, unit.stages, Math.min(most, unit.stages.length));
      const text = `with its source: ${at(progress, unit.stages)}`;
      this.record(climb, unit, progress, { type: 'stage-back', author, text, cause, undoable }, now);
      this.#ports.changed(climb.source.name, unit.provider);
    }
  }

  #dropLeft(climb: Climb, cause: number, now: Instant): void {
    for (const provider of climb.left.keys()) {
      const key = keyOf(climb.address, provider);
      this.#register.forget(key);
      this.#ports.record({
        at: now,
        type: 'stage-advanced',
        author: 'tick',
        text: 'its schedule gives it no stage of its own any more: it shares its source’s',
        source: climb.source.name,
        provider,
        cause,
        state: { [key]: null },
      });
    }
    climb.left = new Map();
  }

  verb(
    climb: Climb,
    verb: StageVerb,
    options: { provider?: string; stage?: number },
    author: string,
    why: string | undefined,
    now: Instant,
  ) {
    const { provider, stage } = options;
    const unit = provider === undefined ? climb.unit : climb.own.get(provider);
    if (!unit)
      throw new Error(
        `${provider} has no stage of its own on ${climb.source.name}: schedule ${climb.schedule.name} names ${[...climb.own.keys()].join(', ') || 'no provider'}`,
      );
    const name = provider === undefined ? climb.source.name : `${provider} on ${climb.source.name}`;
    const stated = climb.source.limits;
    const done = act({ verb, progress: unit.progress, stages: unit.stages, name, stage, mayReach: reach(climb, unit), stated, now });
    const reason = why ? ` (${why})` : '';
    const id = this.record(climb, unit, done.progress, { type: done.type, author, text: done.text + reason, undoable: true }, now);
    if (verb === 'restart' && unit === climb.unit) {
      for (const own of climb.own.values()) {
        const again = act({ verb, progress: own.progress, stages: own.stages, name, stage: undefined, mayReach: 1, stated, now });
        this.record(climb, own, again.progress, { type: again.type, author, text: again.text + reason, cause: id, undoable: true }, now);
      }
    }
    this.keepBelow(climb, id, author, now, true);
    for (const changed of units(climb)) this.#ports.changed(climb.source.name, changed.provider);
    return done.text;
  }

  /** See Ramp.putBack. */
  putBack(
    climb: Climb,
    before: Readonly<Record<string, Progress>>,
    author: string,
    record: Parameters<Ramp['putBack']>[2],
    now: Instant,
  ): void {
    const named = units(climb).filter(unit => before[unit.key]);
    const first = named[0];
    if (!first || named.length < Object.keys(before).length) {
      const own = Object.values(before).find(p => p.provider !== undefined && !climb.own.has(p.provider))?.provider;
      throw new Error(
        `${own ?? climb.source.name} has no stage of its own on ${climb.source.name} any more: its schedule has changed since`,
      );
    }
    const state: Record<string, Progress> = {};
    for (const unit of named) {
      // Like a reload: what the schedule would raise meanwhile waits for an earned day.
      const was = adapt(before[unit.key] as Progress, climb.schedule, unit.stages, reach(climb, unit));
      const kept = sentLast(unit, was);
      this.#register.set(unit, kept);
      state[unit.key] = kept;
    }
    const { progress, stages, provider } = first;
    const inForce = `${provider === undefined ? '' : `${provider} on `}${climb.source.name} is ${progress.graduated ? '' : 'at '}${at(progress, stages)}`;
    const id = record(climb.source.name, provider, inForce + (progress.held ? ', held' : progress.suspended ? ', suspended' : ''), state);
    this.keepBelow(climb, id, author, now);
    for (const changed of units(climb)) this.#ports.changed(climb.source.name, changed.provider);
  }
}

const sentLast = ({ lastSent }: Unit, progress: Progress): Progress => (lastSent === undefined ? progress : { ...progress, lastSent });
