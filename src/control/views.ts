/**
 * The governor's values as views: instants become ISO 8601 text, Infinity becomes null, remote text becomes printable.
 *
 * Pure; every function takes the `iso` that belongs to the daemon's clock. Decides nothing and looks nothing up: what a
 * view needs from several parts is an argument.
 */
import { printPlace } from '../kernel/fault.js';
import type { LaneStatus, SourceStatus, WindowState } from '../kernel/governor.js';
import type { JournalRecord } from '../kernel/journal.js';
import { printMessageId, type Envelope, type MessageNumber, type RecipientState } from '../kernel/message.js';
import type { Schedule } from '../kernel/schedule.js';
import type { Provider, Source } from '../kernel/settings.js';
import { printable } from '../kernel/text.js';
import { finiteOrNull, type Instant } from '../kernel/units.js';
import { printLane, type Reason } from '../kernel/verdict.js';
import type { ProviderView, ScheduleView } from './operations.js';
import { numberText, reasonText } from './reason-text.js';
import type { FeedView, LaneView, MessageView, ReasonView, SourceView, VerdictView, WindowView, SndsView } from './view.js';
import type { WhyView } from './why-view.js';

/** Latest instant a Date can hold (ECMA-262, time values). */
const LAST = 8.64e15;

export type Iso = (t: Instant) => string;

/** `offset` is clock.wall() - clock.now(), known to the millisecond. Instants no Date can hold are shown as the last one it can. */
export const isoWith =
  (offset: number): Iso =>
  t =>
    new Date(Math.min(LAST, Math.max(-LAST, Math.round(t + offset)))).toISOString();

const isoOrNull = (t: Instant | null, iso: Iso): string | null => (t === null || !Number.isFinite(t) ? null : iso(t));

export function reasonView(reason: Reason, iso: Iso): ReasonView {
  return {
    limit: reason.limit,
    value: reason.value === null ? null : finiteOrNull(reason.value),
    used: reason.used,
    from: printable(reason.from),
    ...(reason.window === undefined ? {} : { window: reason.window }),
    ...(reason.reply === undefined ? {} : { reply: printable(reason.reply) }),
    ...(reason.replied === undefined ? {} : { replied: iso(reason.replied) }),
    ...(reason.message === undefined ? {} : { message: reason.message }),
    until: isoOrNull(reason.until, iso),
  };
}

export interface Explained {
  readonly verdict: { readonly go: boolean; readonly until: Instant | null; readonly because: readonly Reason[] };
  readonly without: Instant | null;
}

function verdictView(verdict: Explained['verdict'], iso: Iso): VerdictView {
  return { go: verdict.go, until: isoOrNull(verdict.until, iso), because: verdict.because.map(reason => reasonView(reason, iso)) };
}

export function laneView(status: LaneStatus, verdict: Explained['verdict'], waiting: number, iso: Iso): LaneView {
  return {
    source: status.lane.source,
    provider: printable(status.lane.provider),
    connections: status.connections,
    maxSmtpOut: finiteOrNull(status.maxSmtpOut),
    maxMsgPerHour: finiteOrNull(status.maxMsgPerHour),
    attemptsLastHour: status.attemptsLastHour,
    waiting,
    verdict: verdictView(verdict, iso),
    windows: [...status.windows],
  };
}

/** `waiting`: recipients in the pools this source serves; `nextTick`: when its day is judged next. */
export function sourceView(
  status: SourceStatus,
  source: Pick<Source, 'address' | 'hostName'>,
  more: { readonly waiting: number; readonly nextTick: Instant | null; readonly snds?: SndsView | null },
  iso: Iso,
): SourceView {
  return {
    name: status.name,
    address: source.address,
    hostName: source.hostName,
    state: status.state,
    schedule: status.schedule ?? null,
    stage: status.stage ?? null,
    stages: status.stages ?? null,
    maxMsgPerHour: finiteOrNull(status.maxMsgPerHour),
    attemptsLastHour: status.attemptsLastHour,
    attemptsToday: status.attemptsToday,
    maxMsgPerDay: finiteOrNull(status.maxMsgPerDay),
    deliveredToday: status.deliveredToday,
    deferredToday: status.deferredToday,
    bouncedToday: status.bouncedToday,
    complaints: status.complaints,
    earned: status.earned ?? null,
    cannotEarn: cannotEarn(status),
    nextTick: isoOrNull(more.nextTick, iso),
    waiting: more.waiting,
    snds: more.snds ?? null,
    because: status.because.map(reason => reasonView(reason, iso)),
  };
}

/** `its volume cannot earn stage 12/28: it needs 1,640 recipients a day, the best of the last seven days had 410` */
function cannotEarn({ unearnable: u, stages }: SourceStatus): string | null {
  if (!u) return null;
  const needs = `${numberText(u.needs)} recipients a day`;
  return `its volume cannot earn stage ${u.stage}/${stages ?? '?'}: it needs ${needs}, the best of the last seven days had ${numberText(u.have)}`;
}

/** `source`: the name of the source that has the window's address now; null when none has, or when it concerns all. */
export function windowView(window: WindowState, source: string | null, iso: Iso): WindowView {
  return {
    id: window.id,
    source,
    provider: window.provider === undefined ? null : printable(window.provider),
    scope: window.scope,
    ...(window.subject === undefined ? {} : { subject: printable(window.subject) }),
    rule: window.rule,
    from: window.from,
    opened: iso(window.opened),
    until: iso(window.until),
    recoverUntil: iso(window.recoverUntil),
    hits: window.hits,
    maxSmtpOut: finiteOrNull(window.maxSmtpOut ?? Infinity),
    maxMsgPerHour: finiteOrNull(window.maxMsgPerHour ?? Infinity),
    suspend: window.suspend,
    reply: printable(window.reply),
    ...(window.replied === undefined ? {} : { replied: iso(window.replied) }),
    ...(window.message === undefined ? {} : { message: window.message }),
  };
}

export function feedView(record: JournalRecord): FeedView {
  return {
    id: record.id,
    time: record.time,
    type: record.type,
    ...(record.source === undefined ? {} : { source: record.source }),
    ...(record.provider === undefined ? {} : { provider: printable(record.provider) }),
    ...(record.window === undefined ? {} : { window: record.window }),
    author: printable(record.author),
    text: printable(record.text),
    ...(record.reply === undefined ? {} : { reply: printable(record.reply) }),
    ...(record.message === undefined ? {} : { message: record.message }),
    ...(record.cause === undefined ? {} : { cause: record.cause }),
  };
}

export interface WaitingRecipient {
  readonly state: RecipientState;
  /** `domain@pool` */
  readonly queue: string;
  readonly due: Instant;
}

export function messageView(
  message: { readonly node: number; readonly number: MessageNumber; readonly envelope: Envelope; readonly bytes: number },
  recipients: readonly WaitingRecipient[],
  iso: Iso,
): MessageView {
  const { envelope } = message;
  return {
    id: printMessageId(message.node, message.number),
    client: printable(envelope.client),
    sender: printable(envelope.sender),
    recipients: recipients.map(({ state, queue, due }) => ({
      address: printable(state.address),
      queue: printable(queue),
      attempts: state.attempts,
      due: iso(due),
      ...(state.last === undefined
        ? {}
        : {
            last: {
              time: iso(state.last.at),
              class: state.last.class,
              reply: printable(state.last.reply),
              source: state.last.source,
              host: printable(state.last.host),
            },
          }),
    })),
    accepted: iso(envelope.accepted),
    bytes: message.bytes,
    ...(envelope.job === undefined ? {} : { job: printable(envelope.job) }),
  };
}

export function providerView(provider: Provider): ProviderView {
  return {
    name: provider.name,
    mx: [...provider.mx],
    domains: [...provider.domains],
    rules: provider.rules.length,
    from: printPlace(provider.from),
  };
}

/** `usedBy`: names of the sources that warm up by it. */
export function scheduleView(schedule: Schedule, usedBy: readonly string[]): ScheduleView {
  return {
    name: schedule.name,
    description: schedule.description,
    stages: schedule.stages.length,
    tick: schedule.tick,
    timezone: schedule.timezone,
    usedBy: [...usedBy],
  };
}

export function whyLane(lane: LaneStatus['lane'], explained: Explained, iso: Iso): WhyView['lanes'][number] {
  return { lane: printable(printLane(lane)), verdict: verdictView(explained.verdict, iso), without: isoOrNull(explained.without, iso) };
}

/**
 * One sentence over all lanes: whether something can go now, else the lane that goes first and its binding reason.
 * `elsewhere` says why nothing can leave when no lane is at fault (a paused queue, no route, not yet due).
 */
export function whySummary(name: string, lanes: WhyView['lanes'], elsewhere?: string): string {
  if (elsewhere !== undefined) return printable(`${name} waits: ${elsewhere}`);
  if (lanes.length === 0) return printable(`${name} has no lane in use`);
  const going = lanes.filter(lane => lane.verdict.go);
  if (going.length > 0) {
    return printable(lanes.length === 1 ? `${name} goes now` : `${name} goes now on ${going.length} of ${lanes.length} lanes`);
  }
  const first = lanes.reduce((a, b) => ((b.verdict.until ?? '~') < (a.verdict.until ?? '~') ? b : a));
  const binding = first.verdict.because[0];
  return printable(
    `${name} waits${first.lane === name ? '' : `, first for ${first.lane}`}${binding === undefined ? '' : `: ${reasonText(binding)}`}`,
  );
}
