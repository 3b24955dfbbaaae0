/**
 * What the UI knows: the daemon's last status, the feed, what is chosen. One immutable value; update.ts makes the next one.
 *
 * Pure data and questions about it. Time is the daemon's: the instant of its last answer, so that countdowns follow an
 * accelerated clock and stand still while it is away.
 */
import type { FeedView, LaneView, SourceState, SourceView, StatusView, WindowView } from '../control/view.js';
import { globMatches } from '../kernel/text.js';
import type { Moment } from './text.js';

export interface Size {
  readonly columns: number;
  readonly rows: number;
}

/** What a person may have done through the UI. */
export type Deed =
  | { readonly verb: 'pause' | 'resume'; readonly target: string }
  | { readonly verb: 'hold' | 'release'; readonly source: string }
  | { readonly verb: 'lift'; readonly window: string };

export const SORTS = ['as configured', 'by state', 'by hour used', 'by waiting', 'by stage', 'by name'] as const;
export type Sort = (typeof SORTS)[number];

export interface Note {
  readonly tone: 'good' | 'bad' | 'info';
  readonly text: string;
  /** Answers of the daemon it outlives; a bad one stays until a key is pressed. */
  readonly left: number;
}

export interface Model {
  readonly size: Size;
  readonly title?: string;
  readonly zone?: string;
  readonly colours: boolean;
  readonly status: StatusView | null;
  /** Newest last, bounded. */
  readonly feed: readonly FeedView[];
  /** Why the daemon does not answer, and for how long, in real milliseconds. */
  readonly away: { readonly text: string; readonly since: number } | null;
  /** Name of the chosen source. */
  readonly chosen: string | null;
  /** Source whose lanes are shown. */
  readonly open: string | null;
  /** Chosen lane or window of the open source, see itemsOf. */
  readonly item: string | null;
  readonly sort: Sort;
  readonly filter: string;
  readonly typing: boolean;
  readonly help: boolean;
  readonly ask: { readonly question: string; readonly deed: Deed } | null;
  readonly note: Note | null;
}

export function startModel(
  size: Size,
  options: { readonly title?: string; readonly zone?: string; readonly colours?: boolean } = {},
): Model {
  return {
    size,
    ...(options.title === undefined ? {} : { title: options.title }),
    ...(options.zone === undefined ? {} : { zone: options.zone }),
    colours: options.colours ?? true,
    status: null,
    feed: [],
    away: null,
    chosen: null,
    open: null,
    item: null,
    sort: SORTS[0],
    filter: '',
    typing: false,
    help: false,
    ask: null,
    note: null,
  };
}

export function momentOf(model: Model): Moment {
  const now = Date.parse(model.status?.now ?? '');
  return { now: Number.isFinite(now) ? now : 0, ...(model.zone === undefined ? {} : { zone: model.zone }) };
}

/** Worst first. */
const URGENCY: readonly SourceState[] = ['suspended', 'backing-off', 'holding', 'paused', 'warming', 'warm'];

/** Part of the cap used in the last hour; 0 without a cap, or when nothing may leave. */
export const hourUse = (source: Pick<SourceView, 'attemptsLastHour' | 'maxMsgPerHour'>): number =>
  source.maxMsgPerHour ? source.attemptsLastHour / source.maxMsgPerHour : 0;

/** How far up its ramp; past the end without one. */
export const climbed = (source: Pick<SourceView, 'stage' | 'stages'>): number =>
  source.stage === null ? Infinity : source.stage / (source.stages ?? source.stage);

const compare = (a: number, b: number): number => (a === b ? 0 : a < b ? -1 : 1);

const ORDERS: Readonly<Record<Sort, (a: SourceView, b: SourceView) => number>> = {
  'as configured': () => 0,
  'by state': (a, b) => URGENCY.indexOf(a.state) - URGENCY.indexOf(b.state),
  'by hour used': (a, b) => compare(hourUse(b), hourUse(a)),
  'by waiting': (a, b) => b.waiting - a.waiting,
  'by stage': (a, b) => compare(climbed(a), climbed(b)),
  'by name': (a, b) => (a.name < b.name ? -1 : 1),
};

/** Part of the name, the address, the state or the schedule; with `*` or `?` the whole of one of them. */
function passes(source: SourceView, filter: string): boolean {
  if (filter === '') return true;
  const pattern = /[*?]/.test(filter) ? filter : `*${filter}*`;
  return [source.name, source.address, source.state, source.schedule ?? ''].some(text => globMatches(pattern, text));
}

/** The sources the list shows, in its order. */
export function sourcesOf(model: Model): SourceView[] {
  const sources = (model.status?.sources ?? []).filter(source => passes(source, model.filter));
  return sources.sort(ORDERS[model.sort]);
}

/** Place of the chosen source in the list; 0 when it is not there any more. */
export function chosenIndex(model: Model, sources: readonly SourceView[] = sourcesOf(model)): number {
  return Math.max(
    0,
    sources.findIndex(source => source.name === model.chosen),
  );
}

/** The source the next key concerns. */
export function sourceOf(model: Model): SourceView | undefined {
  if (model.open !== null) return model.status?.sources.find(source => source.name === model.open);
  const sources = sourcesOf(model);
  return sources[chosenIndex(model, sources)];
}

/** Windows that bind a source: its own, its lanes', and those of a provider it sends to. */
export function windowsOf(status: StatusView, source: string): WindowView[] {
  const ids = new Set(status.lanes.filter(lane => lane.source === source).flatMap(lane => lane.windows));
  return status.windows.filter(window => window.source === source || ids.has(window.id));
}

export type Item =
  | { readonly key: string; readonly kind: 'window'; readonly window: WindowView }
  | { readonly key: string; readonly kind: 'lane'; readonly lane: LaneView };

/** What can be chosen in an open source: its windows, then its lanes, those with windows and those with mail first. */
export function itemsOf(model: Model): Item[] {
  const { status, open } = model;
  if (status === null || open === null) return [];
  const lanes = status.lanes.filter(lane => lane.source === open);
  lanes.sort(
    (a, b) =>
      Number(b.windows.length > 0) - Number(a.windows.length > 0) ||
      Number(b.waiting > 0) - Number(a.waiting > 0) ||
      (a.provider < b.provider ? -1 : 1),
  );
  return [
    ...windowsOf(status, open).map((window): Item => ({ key: `window ${window.id}`, kind: 'window', window })),
    ...lanes.map((lane): Item => ({ key: `lane ${lane.provider}`, kind: 'lane', lane })),
  ];
}

/** Place of the chosen item; the first lane, else the first window, when none is chosen or it is gone. */
export function itemIndex(model: Model, items: readonly Item[] = itemsOf(model)): number {
  const found = items.findIndex(item => item.key === model.item);
  if (found >= 0) return found;
  return Math.max(
    0,
    items.findIndex(item => item.kind === 'lane'),
  );
}
