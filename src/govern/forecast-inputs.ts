/**
 * What a forecast reckons with, read off the governor as it stands: limits in force, the stages ahead, windows and how they
 * end, pauses, what today has used up. Changes nothing.
 */
import type { WaitingMail } from '../kernel/forecast.js';
import type { WindowState } from '../kernel/governor.js';
import type { Limits } from '../kernel/limits.js';
import { DAY, type Instant } from '../kernel/units.js';
import type { Core } from './core.js';
import type { SourceState } from './floor.js';
import type { MailAhead } from './forecast-mail.js';
import type { PoolAhead } from './forecast-pool.js';
import type { LaneAhead, SourceAhead, Spell } from './forecast-sender.js';
import type { Stop } from './plan.js';
import type { RampAhead } from './ramp.js';
import { hourlyOf } from './warm-up-ahead.js';
import { changeAfter, valueAt } from './window.js';

export function poolAhead(core: Core, sources: readonly string[], mail: readonly WaitingMail[], now: Instant): PoolAhead {
  const states = sources.flatMap(name => core.floor.source(name) ?? []);
  const providers = new Map(mail.map(m => [m.provider, m.providers ?? 1]));
  return {
    sources: states.map(state => sourceAhead(core, state, providers, now)),
    mail: mail.map(m => mailAhead(core, states[0], m, now)),
    perHour: hourlyOf(core.compiler.settings?.total ?? {}),
  };
}

function mailAhead(core: Core, state: SourceState | undefined, { provider, warmOnly, ages }: WaitingMail, now: Instant): MailAhead {
  const lane = state && core.floor.lane({ source: state.name, provider });
  const bounceAfter = lane ? core.compiler.lane(lane, now).limits.bounceAfter : Infinity;
  return { provider, warmOnly, batches: ages.map(({ accepted, count }) => ({ expires: accepted + bounceAfter, count })) };
}

function sourceAhead(core: Core, state: SourceState, providers: ReadonlyMap<string, number>, now: Instant): SourceAhead {
  const { compiler, ramp, windows } = core;
  const { name, address } = state;
  const ahead = ramp.ahead(name, now);
  // A graduated source keeps what its last stage gave it.
  const kept = ahead ? {} : (ramp.sourceCaps(name)?.limits ?? {});
  const own = state.config?.limits ?? {};
  const perHour = Math.min(hourlyOf(own), hourlyOf(kept));
  const { stops } = compiler.source(state, now);
  const stopped = stops.find(s => s.until === null);
  const nextTick = ramp.nextTick(name, now) ?? now + DAY;
  return {
    name,
    perHour,
    perDay: Math.min(own.maxMsgPerDay?.value ?? Infinity, kept.maxMsgPerDay?.value ?? Infinity),
    spells: spellsOf(windows.at({ scope: 'source', address }), Math.min(perHour, ahead?.climb.path[0]?.perHour ?? Infinity), now),
    ...(ahead ? { climb: ahead.climb } : {}),
    lanes: [...providers].flatMap(([provider, many]) => laneAhead(core, state, provider, many, ahead, nextTick, now) ?? []),
    takenToday: ramp.attemptsToday(name, undefined, now) + state.account.inflight,
    nextTick,
    stoppedUntil: stopsUntil(stops, now),
    ...(stopped ? { stopped: `${stopped.limit} (${stopped.from})` } : {}),
  };
}

/** `many`: providers taken together, each with limits of its own. */
function laneAhead(
  core: Core,
  state: SourceState,
  provider: string,
  many: number,
  ahead: RampAhead | undefined,
  nextTick: Instant,
  now: Instant,
): LaneAhead | undefined {
  const { compiler, ramp, windows, floor } = core;
  const lane = floor.lane({ source: state.name, provider });
  if (!lane) return undefined;
  const stated = Object.assign({}, ...compiler.stated(provider)) as Limits;
  const { address, name } = state;
  const climb = ahead?.own.get(provider);
  const left = ahead?.left.get(provider);
  const growth = ramp.growth(name, provider, now);
  const perHour = hourlyOf(stated) * many;
  const found = [...windows.at({ scope: 'lane', address, provider }), ...windows.at({ scope: 'provider', provider })];
  const spells = spellsOf(found, Math.min(perHour, climb?.path[0]?.perHour ?? Infinity), now);
  return {
    provider,
    perHour,
    perDay: (stated.maxMsgPerDay?.value ?? Infinity) * many,
    spells: left?.maxMsgPerHour === undefined ? spells : [...spells, { until: nextTick, perHour: left.maxMsgPerHour }],
    ...(climb ? { climb } : {}),
    ...(growth ? { growth: { factor: growth.factor, floor: growth.floor * many, best: growth.best } } : {}),
    takenToday: ramp.attemptsToday(name, provider, now) + lane.account.inflight,
    stoppedUntil: stopsUntil(compiler.lane(lane, now).plan.stops, now),
  };
}

/** The course of each window's rate until it is normal again. */
function spellsOf(windows: readonly WindowState[], normal: number, now: Instant): Spell[] {
  const spells: Spell[] = [];
  for (const window of windows) {
    for (let t = now; t < window.recoverUntil;) {
      const perHour = valueAt(window, 'maxMsgPerHour', normal, t);
      const until = changeAfter(window, t);
      if (perHour !== Infinity) spells.push({ until, perHour });
      t = until;
    }
  }
  return spells;
}

function stopsUntil(stops: readonly Stop[], now: Instant): Instant {
  const ends = stops.map(s => s.until ?? Infinity).filter(until => until > now);
  return Math.max(-Infinity, ...ends);
}
