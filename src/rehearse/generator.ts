/**
 * Injects test mail into a listener over real SMTP, paced by policy time.
 *
 * Promises: message n is not sent before its time; a 4xx makes its connection wait, longer each time, and try the same message
 * again; a 5xx is counted and passed over; when the listener cannot be reached five times in a row the
 * campaign ends and says so. Memory is bounded by the number of connections.
 */
import type { Clock, Timer } from '../kernel/clock.js';
import { HOUR, MINUTE, SECOND, type Instant, type Ms } from '../kernel/units.js';
import { createMessages, type Campaign, type TestMessage } from './campaign.js';
import { Injector } from './injector.js';

export interface GeneratorOptions {
  readonly host: string;
  readonly port: number;
  readonly clock: Clock;
  /** Connections; default 4. */
  readonly connections?: number;
  /** Name in EHLO; default `generator.example`. */
  readonly name?: string;
}

export interface GeneratorStats {
  /** Messages the listener answered 250. */
  readonly accepted: number;
  readonly refused: number;
  /** 4xx answers; each was tried again. */
  readonly later: number;
  /** Connections that failed or broke. */
  readonly lost: number;
  /** The last answer that was not 2xx. */
  readonly lastReply: string;
}

export interface GeneratorSummary extends GeneratorStats {
  /** all: every message was accepted or refused; stopped: on request; unreachable: the listener was not there. */
  readonly ended: 'all' | 'stopped' | 'unreachable';
  /** Policy time from the first message to the last answer. */
  readonly took: Ms;
}

export interface RunningCampaign {
  readonly done: Promise<GeneratorSummary>;
  stats(): GeneratorStats;
  /** No new message; those under way are finished. */
  stop(): void;
}

const FIRST_WAIT = SECOND;
const LONGEST_WAIT = MINUTE;
const LOST_MOST = 5;

export function startCampaign(options: GeneratorOptions, campaign: Campaign): RunningCampaign {
  const { clock } = options;
  const messageAt = createMessages(campaign);
  const gap = HOUR / (campaign.rate ?? Infinity);
  const started = clock.now();
  const stats = { accepted: 0, refused: 0, later: 0, lost: 0, lastReply: '' };
  const sleepers = new Map<Timer, () => void>();
  let next = 0;
  let stopped = false;
  let unreachable = false;

  const until = (t: Instant): Promise<void> =>
    new Promise(resolve => {
      const timer = clock.at(t, () => {
        sleepers.delete(timer);
        resolve();
      });
      sleepers.set(timer, resolve);
    });
  const stop = () => {
    stopped = true;
    for (const [timer, resolve] of sleepers) {
      timer.cancel();
      resolve();
    }
    sleepers.clear();
  };

  /** Tries one message until it is accepted or refused; false when there is no use. */
  const deliver = async (injector: Injector, message: TestMessage): Promise<boolean> => {
    let wait = FIRST_WAIT;
    for (let lost = 0; !stopped; wait = Math.min(LONGEST_WAIT, wait * 2)) {
      const result = await injector.send(message);
      if (result.kind === 'accepted') stats.accepted++;
      else stats.lastReply = result.reply;
      if (result.kind === 'refused') stats.refused++;
      if (result.kind === 'accepted' || result.kind === 'refused') return true;
      stats[result.kind]++;
      if (result.kind === 'lost' && ++lost >= LOST_MOST) return false;
      if (result.kind === 'later') lost = 0;
      await until(clock.now() + wait);
    }
    return true;
  };

  const work = async (): Promise<void> => {
    const injector = new Injector({ host: options.host, port: options.port, name: options.name ?? 'generator.example' });
    while (!stopped && next < campaign.count) {
      const n = next++;
      const due = started + n * gap;
      if (due > clock.now()) await until(due);
      if (stopped) break;
      if (await deliver(injector, messageAt(n, clock.wall()))) continue;
      unreachable = true;
      stop();
    }
    injector.close();
  };

  const connections = Math.max(1, Math.min(options.connections ?? 4, campaign.count));
  const done = Promise.all(Array.from({ length: connections }, work)).then((): GeneratorSummary => ({
    ...stats,
    ended: unreachable ? 'unreachable' : stats.accepted + stats.refused >= campaign.count ? 'all' : 'stopped',
    took: clock.now() - started,
  }));
  return { done, stats: () => ({ ...stats }), stop };
}
