/**
 * `why`: for a message, a lane or a source, every lane that could carry it with its verdict, the binding reason first, and
 * what would be without that reason.
 */
import { Refusal } from '../control/operations.js';
import type { LaneView, SourceView, WhyView, WindowView } from '../control/view.js';
import { type Iso, whyLane, whySummary } from '../control/views.js';
import type { Dispatcher } from '../deliver/dispatcher.js';
import type { Waiting } from '../deliver/waiting.js';
import type { Clock } from '../kernel/clock.js';
import type { Governor } from '../kernel/governor.js';
import { domainOf, parseMessageId } from '../kernel/message.js';
import type { Settings } from '../kernel/settings.js';
import type { LaneName } from '../kernel/verdict.js';
import { type Mailroom, queueName } from './mailroom.js';

export interface WhyParts {
  readonly clock: Clock;
  readonly settings: () => Settings;
  readonly governor: Governor;
  readonly dispatcher: Dispatcher;
  readonly mailroom: Mailroom;
  readonly iso: Iso;
  readonly lanes: readonly LaneView[];
  readonly sources: readonly SourceView[];
  readonly windows: readonly WindowView[];
}

export async function whyOf(target: string, parts: WhyParts): Promise<WhyView> {
  const id = parseMessageId(target);
  if (id) return whyMessage(target, id.number, parts);
  if (target.includes('/')) return whyLaneNamed(target, parts);
  const source = parts.sources.find(s => s.name === target);
  if (!source) throw new Refusal(`there is no message, lane or source called ${target}`);
  const lanes = parts.lanes.filter(l => l.source === target).map(l => explained({ source: l.source, provider: l.provider }, {}, parts));
  return { what: 'source', name: target, summary: `${target} is ${source.state}; ${whySummary(target, lanes)}`, lanes, source };
}

async function whyMessage(target: string, number: number, parts: WhyParts): Promise<WhyView> {
  const { settings, dispatcher, governor, clock } = parts;
  const found = await parts.mailroom.message(number, parts.iso);
  if (!found) throw new Refusal(`no recipient of message ${target} waits: it was delivered, bounced or deleted, or never was here`);
  const lanes = new Map<string, WhyView['lanes'][number]>();
  let elsewhere: string | undefined;
  for (const { row, queue } of found.rows) {
    const waiting = dispatcher.backlog.waiting.get(queue.id);
    const paused = governor.queuePaused(queueName(queue));
    if (paused) elsewhere = `its queue ${queueName(queue)} is paused (${paused.from})`;
    else if (waiting?.note !== undefined) elsewhere = waiting.note;
    else if (row.due > clock.now()) {
      const last = row.state.last;
      elsewhere = `it is due again at ${parts.iso(row.due)}${last ? `; attempt ${row.state.attempts} was answered "${last.reply}"` : ''}`;
    }
    if (waiting?.provider === undefined) continue;
    const resting = restingAt(waiting, parts);
    if (resting !== undefined) elsewhere ??= resting;
    const ask = { senderDomain: domainOf(row.sender), recipientDomain: queue.domain };
    for (const { source } of settings().pools.get(queue.pool)?.sources ?? []) {
      const lane = explained({ source, provider: waiting.provider }, ask, parts);
      lanes.set(lane.lane, lane);
    }
  }
  const all = [...lanes.values()];
  return { what: 'message', name: target, summary: whySummary(target, all, elsewhere), lanes: all, message: found.view };
}

function whyLaneNamed(target: string, parts: WhyParts): WhyView {
  const slash = target.indexOf('/');
  const name: LaneName = { source: target.slice(0, slash), provider: target.slice(slash + 1) };
  const known =
    parts.settings().sources.has(name.source) && (parts.settings().providers.has(name.provider) || parts.dispatcher.lanes.all.has(target));
  if (!known) throw new Refusal(`there is no lane ${target}: a lane is source/provider, as \`rampd show lanes\` lists them`);
  const lanes = [explained(name, {}, parts)];
  return { what: 'lane', name: target, summary: whySummary(target, lanes), lanes };
}

function explained(lane: LaneName, ask: { senderDomain?: string; recipientDomain?: string }, parts: WhyParts): WhyView['lanes'][number] {
  const now = parts.clock.now();
  const onLane = new Set(parts.governor.laneStatus(lane, now).windows);
  const concerns = (w: WindowView): boolean =>
    onLane.has(w.id) ||
    (w.provider === lane.provider &&
      w.subject !== undefined &&
      w.subject === (w.scope === 'sender-domain' ? ask.senderDomain : ask.recipientDomain));
  const windows = parts.windows.filter(concerns);
  return { ...whyLane(lane, parts.governor.explain(lane, ask, now), parts.iso), ...(windows.length > 0 ? { windows } : {}) };
}

/** Set when no lane of the pool can reach the MX hosts of this queue just now. */
function restingAt(waiting: Waiting, parts: WhyParts): string | undefined {
  const { site } = waiting;
  const now = parts.clock.now();
  const lanes = site?.group.lanes ?? [];
  if (!site || lanes.length === 0 || !lanes.every(l => l.siteRests(site.key, now))) return undefined;
  const [first] = lanes.map(l => l.deadSites.get(site.key)).sort((a, b) => (a?.until ?? 0) - (b?.until ?? 0));
  return first && `its MX hosts could not be used ("${first.reply}"); the next attempt is at ${parts.iso(first.until)}`;
}
