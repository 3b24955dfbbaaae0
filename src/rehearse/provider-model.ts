/**
 * A simulated mailbox provider: a receiver's policy with a memory of every source address.
 *
 * Promises: an address within its allowance and its connection limits meets only greylisting and unknown users; the same seed
 * and the same order of events give the same replies; memory is bounded. Never judges content.
 */
import { HOUR, type Instant } from '../kernel/units.js';
import { lotOf } from './dice.js';
import type { ModelReply, ProviderModel } from './models.js';
import type { Answer, Peer, ReceiverPolicy } from './receiver-policy.js';
import { Standing, type Judgement } from './standing.js';

/** How a provider sees an address now, for people. */
export interface StandingView {
  readonly source: string;
  readonly allowance: number;
  readonly acceptedLastHour: number;
  /** 0 to 1. */
  readonly reputation: number;
  readonly badHour: boolean;
  readonly blockedUntil?: Instant;
}

export interface SimulatedProvider extends ReceiverPolicy {
  readonly model: ProviderModel;
  standings(now: Instant): readonly StandingView[];
  /** Replies given by kind since the start. */
  readonly answers: Readonly<Record<AnswerKind, number>>;
}

export type AnswerKind = keyof ProviderModel['says'] | 'accepted';

const SOURCES_MOST = 10_000;
const GREYLIST_MOST = 100_000;

/** A bad time on request: from then until then this provider allows the address only a part of what it would. */
export interface BadTime {
  readonly provider: string;
  /** Source address. */
  readonly source: string;
  readonly from: Instant;
  readonly until: Instant;
  /** What is left of the allowance, 0 to 1. */
  readonly mood: number;
}

/**
 * `known`: addresses with a past, and the recipients an hour they are known for; everybody else is a stranger. `badTimes`
 * come on top of the bad hours that the seed brings.
 */
export function createSimulatedProvider(
  model: ProviderModel,
  seed: number,
  known: ReadonlyMap<string, number> = new Map(),
  badTimes: readonly BadTime[] = [],
): SimulatedProvider {
  const standings = new Map<string, Standing>();
  const open = new Map<string, number>();
  /** First contact by (address, sender, recipient). */
  const greylist = new Map<string, Instant>();
  const answers: Record<AnswerKind, number> = {
    accepted: 0,
    over: 0,
    wellAbove: 0,
    blocked: 0,
    tooManyConnections: 0,
    tooManyMessages: 0,
    unknownUser: 0,
    greylisted: 0,
  };

  const standingOf = (source: string, now: Instant): Standing => {
    let standing = standings.get(source);
    if (!standing) {
      standings.set(source, (standing = new Standing(model.allowance, now, known.get(source))));
      shed(standings, SOURCES_MOST);
    }
    return standing;
  };
  const own = badTimes.filter(b => b.provider === model.name);
  const moodAt = (source: string, now: Instant): number =>
    own.find(b => b.source === source && b.from <= now && now < b.until)?.mood ??
    (lotOf(seed, model.name, source, Math.floor(now / HOUR)) < model.badHour.chance ? model.badHour.mood : 1);
  const say = (kind: keyof ProviderModel['says'], peer: Peer, rcpt = ''): Answer => {
    answers[kind]++;
    return filled(model.says[kind], peer.source, rcpt);
  };
  /** undefined: one recipient more is welcome. */
  const refusal = (peer: Peer): Answer | undefined => {
    const now = peer.clock.now();
    const judgement = standingOf(peer.source, now).judge(now, moodAt(peer.source, now));
    return judgement === 'welcome' ? undefined : say(SAYS[judgement], peer);
  };
  const isGreylisted = (peer: Peer, rcpt: string): boolean => {
    if (model.greylist === undefined) return false;
    const now = peer.clock.now();
    const key = `${peer.source} ${peer.sender} ${rcpt}`.toLowerCase();
    const first = greylist.get(key);
    if (first !== undefined) return now - first < model.greylist;
    greylist.set(key, now);
    shed(greylist, GREYLIST_MOST);
    return true;
  };

  return {
    model,
    answers,
    onConnect(peer) {
      const connections = (open.get(peer.source) ?? 0) + 1;
      open.set(peer.source, connections);
      return connections > model.maxConnections ? say('tooManyConnections', peer) : undefined;
    },
    onMail(peer) {
      if (peer.mails >= model.maxMessagesPerConnection) return say('tooManyMessages', peer);
      return model.refusesAt === 'mail' ? refusal(peer) : undefined;
    },
    onRcpt(peer, rcpt) {
      const local = rcpt.slice(0, rcpt.lastIndexOf('@')).toLowerCase();
      if (lotOf(seed, model.name, 'user', local) < model.unknownUsers) return say('unknownUser', peer, rcpt);
      return isGreylisted(peer, rcpt) ? say('greylisted', peer, rcpt) : undefined;
    },
    onMessage(peer) {
      const refused = model.refusesAt === 'message' ? refusal(peer) : undefined;
      if (refused) return refused;
      const now = peer.clock.now();
      standingOf(peer.source, now).accept(now, peer.recipients.length);
      answers.accepted += peer.recipients.length;
      return undefined;
    },
    onClose(peer) {
      const left = (open.get(peer.source) ?? 1) - 1;
      if (left > 0) open.set(peer.source, left);
      else open.delete(peer.source);
    },
    standings: now =>
      [...standings].map(([source, standing]) => {
        const mood = moodAt(source, now);
        return {
          source,
          allowance: standing.allowance(now, mood),
          acceptedLastHour: standing.acceptedLastHour(now),
          reputation: standing.reputation,
          badHour: mood < 1,
          ...(standing.blockedUntil > now ? { blockedUntil: standing.blockedUntil } : {}),
        };
      }),
  };
}

const SAYS: Readonly<Record<Exclude<Judgement, 'welcome'>, 'over' | 'wellAbove' | 'blocked'>> = {
  over: 'over',
  'well-above': 'wellAbove',
  blocked: 'blocked',
};

function filled({ reply, close }: ModelReply, ip: string, rcpt: string): Answer {
  const text = reply.replaceAll('{ip}', () => ip).replaceAll('{rcpt}', () => rcpt);
  return close ? { reply: text, close } : { reply: text };
}

/** Lets the entries that came first go until at most `most` are left. */
function shed<V>(map: Map<string, V>, most: number): void {
  for (const key of map.keys()) {
    if (map.size <= most) return;
    map.delete(key);
  }
}
