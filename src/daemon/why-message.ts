/**
 * Why a message waits: what keeps each of its recipients back by itself (a pause of its queue, no route, the time of its next
 * attempt, MX hosts at rest, mail left to cold sources), and the lanes that could carry it.
 *
 * Every hold says what would be without its first reason: the earliest instant at which the others and a lane let it go.
 */
import { Refusal } from '../control/operations.js';
import type { WhyView } from '../control/why-view.js';
import { reasonView, whySummary } from '../control/views.js';
import { reaches } from '../deliver/reach.js';
import type { Waiting } from '../deliver/waiting.js';
import { bindingFirst } from '../govern/judge.js';
import { printPlace } from '../kernel/fault.js';
import { domainOf, type QueuedRecipient } from '../kernel/message.js';
import type { Queue } from '../kernel/queue.js';
import { printable } from '../kernel/text.js';
import type { Instant } from '../kernel/units.js';
import { printLane, type LaneName, type Reason } from '../kernel/verdict.js';
import { queueName } from './jobs.js';
import { expiring, laneWhy, type WhyParts } from './why-lane.js';

/** Recipients looked at, and told one by one; a message may have thousands. */
const LOOKED_AT = 200;
const TOLD = 20;

interface Row {
  readonly id: string;
  readonly row: QueuedRecipient;
  readonly queue: Queue;
  readonly waiting: Waiting | undefined;
}

export async function whyMessage(target: string, number: number, parts: WhyParts): Promise<WhyView> {
  const { settings, dispatcher, clock, iso } = parts;
  const found = await parts.mailroom.message(number, iso);
  if (!found) throw new Refusal(`no recipient of message ${target} waits: it was delivered, bounced or deleted, or never was here`);
  const now = clock.now();
  const lanes = new Map<string, WhyView['lanes'][number]>();
  const holds: NonNullable<WhyView['holds']> = [];
  let ahead = 0;
  let free = false;
  let elsewhere: string | undefined;
  for (const { row, queue } of found.rows.slice(0, LOOKED_AT)) {
    const waiting = dispatcher.backlog.waiting.get(queue.id);
    ahead = Math.max(ahead, queue.dueCountUpTo(row.due - 1));
    const names: LaneName[] = [];
    if (waiting?.provider !== undefined) {
      const ask = askOf(row, queue);
      const reach = { provider: waiting.provider, families: waiting.route?.families };
      for (const { source } of settings().pools.get(queue.pool)?.sources ?? []) {
        const known = settings().sources.get(source);
        if (known && !reaches(known, reach, settings())) continue;
        const name = { source, provider: waiting.provider };
        names.push(name);
        const key = printLane(name);
        if (!lanes.has(key)) lanes.set(key, laneWhy(name, ask, parts));
      }
    }
    const because = reasonsOf({ id: target, row, queue, waiting }, names, parts);
    const [first, ...others] = because;
    if (!first) {
      free = true;
      continue;
    }
    elsewhere ??= first.text;
    if (holds.length === TOLD) continue;
    holds.push({
      what: printable(row.state.address),
      until: isoOrNull(first.reason.until, iso),
      because: because.map(b => reasonView(b.reason, iso)),
      without: isoOrNull(without(others, askOf(row, queue), names, parts, now), iso),
    });
  }
  const all = [...lanes.values()];
  return {
    what: 'message',
    name: target,
    summary: whySummary(target, all, free ? undefined : elsewhere),
    lanes: all,
    ...(holds.length > 0 ? { holds } : {}),
    ...(ahead > 0 ? { ahead } : {}),
    ...expiring(
      found.rows.map(({ queue }) => queue.pool),
      parts,
    ),
    message: found.view,
  };
}

/** A reason, and how a sentence says that the message waits for it. */
interface Cause {
  readonly reason: Reason;
  readonly text: string;
}

function reasonsOf({ id, row, queue, waiting }: Row, names: readonly LaneName[], parts: WhyParts): Cause[] {
  const { governor, settings, iso, clock } = parts;
  const now = clock.now();
  const causes = new Map<Reason, string>();
  const add = (text: string, reason: Pick<Reason, 'limit' | 'from' | 'until'> & Partial<Reason>): void =>
    void causes.set({ scope: 'recipient', value: null, used: null, ...reason }, text);
  const pool = settings().pools.get(queue.pool);
  const poolPlace = pool ? printPlace(pool.from) : '';
  const paused = governor.mailPaused(queue);
  if (paused) add(`${pausedThing(paused, queue)} is paused (${paused.from})`, paused);
  else if (waiting?.note !== undefined) {
    const until = waiting.holdUntil > now ? waiting.holdUntil : null;
    add(waiting.note, { limit: 'route', scope: 'recipient-domain', from: waiting.note, until });
  }
  const { last, stick, attempts } = row.state;
  if (row.due > now) {
    const quote = last ? { reply: printable(last.reply), replied: last.at, message: id } : {};
    const answered = last ? `; attempt ${attempts} was answered "${last.reply}"` : '';
    const from = retryPlace(waiting?.provider, parts);
    add(`it is due again at ${iso(row.due)}${answered}`, { limit: 'retry-after', used: attempts, from, ...quote, until: row.due });
  }
  const rest = waiting && restingAt(waiting, now);
  if (rest) {
    const text = `its MX hosts could not be used ("${rest.reply}"); the next attempt is at ${iso(rest.until)}`;
    add(text, { limit: 'mx-hosts', scope: 'recipient-domain', from: 'feedback', reply: printable(rest.reply), until: rest.until });
  }
  const goes = names.filter(name => parts.governor.explain(name, askOf(row, queue), now).verdict.go);
  if (stick && stick.until > now && names.some(n => n.source === stick.source) && !goes.some(n => n.source === stick.source)) {
    const text = `it goes back to ${stick.source}, which greylisted it`;
    add(text, { limit: 'sticky-for', from: [stick.source, poolPlace].join(', '), until: stick.until });
  } else if (waiting && goes.length > 0 && goes.every(n => governor.isWarm(n.source)) && parts.dispatcher.withholds(waiting)) {
    const text = 'the warm sources of its pool leave it to the cold ones, which have slots for it within cold-wait';
    add(text, { limit: 'cold-wait', from: poolPlace, until: null });
  }
  return bindingFirst([...causes.keys()]).map(reason => ({ reason, text: causes.get(reason) ?? '' }));
}

const pausedThing = (paused: Reason, queue: Queue): string =>
  paused.scope === 'recipient-domain' ? `its queue ${queueName(queue)}` : `its job ${printable(queue.job)}`;

const askOf = (row: QueuedRecipient, queue: Queue) => ({ senderDomain: domainOf(row.sender), recipientDomain: queue.domain });

/** When a lane would take it were the first reason not there; null when nobody can tell. */
function without(
  others: readonly Cause[],
  ask: ReturnType<typeof askOf>,
  names: readonly LaneName[],
  parts: WhyParts,
  now: Instant,
): Instant | null {
  const cold = others.some(o => o.reason.limit === 'cold-wait');
  let lane = Infinity;
  for (const name of names) {
    if (cold && parts.governor.isWarm(name.source)) continue;
    const { verdict } = parts.governor.explain(name, ask, now);
    lane = Math.min(lane, verdict.go ? now : (verdict.until ?? Infinity));
  }
  const rest = others.filter(o => o.reason.limit !== 'cold-wait').map(o => o.reason.until ?? Infinity);
  const at = Math.max(now, lane, ...rest);
  return names.length === 0 || at === Infinity ? null : at;
}

const isoOrNull = (at: Instant | null, iso: WhyParts['iso']): string | null => (at === null ? null : iso(at));

/** Where the retry intervals of its provider stand. */
function retryPlace(provider: string | undefined, { settings }: WhyParts): string {
  const stated = settings().providers.get(provider ?? '')?.limits.retryAfter ?? settings().defaults.retryAfter;
  return stated ? printPlace(stated.from) : 'built-in';
}

/** Set when no lane of the pool can reach the MX hosts of this queue just now. */
function restingAt({ site }: Waiting, now: Instant): { readonly until: Instant; readonly reply: string } | undefined {
  const lanes = site?.group.lanes ?? [];
  if (!site || lanes.length === 0 || !lanes.every(l => l.siteRests(site.key, now))) return undefined;
  const [first] = lanes.map(l => l.deadSites.get(site.key)).sort((a, b) => (a?.until ?? 0) - (b?.until ?? 0));
  return first;
}
