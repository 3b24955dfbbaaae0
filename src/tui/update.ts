/**
 * The UI's reducer: a model and what happened give the next model and what is to be done.
 *
 * Pure. Nothing that changes the daemon is done without a `y` to a question that names it; a question forgets nothing and
 * any other key than `y` refuses it.
 */
import type { FeedView, StatusView } from '../control/view.js';
import type { Key } from './keys.js';
import {
  chosenIndex,
  itemIndex,
  itemsOf,
  SORTS,
  sourceOf,
  sourcesOf,
  windowsOf,
  type Deed,
  type Model,
  type Note,
  type Size,
} from './model.js';

export type Message =
  | { readonly type: 'status'; readonly status: StatusView }
  | { readonly type: 'feed'; readonly lines: readonly FeedView[] }
  | { readonly type: 'away'; readonly text: string; readonly since: number }
  | { readonly type: 'done'; readonly ok: boolean; readonly text: string }
  | { readonly type: 'resize'; readonly size: Size }
  | { readonly type: 'key'; readonly key: Key };

export type Intent = { readonly type: 'quit' } | { readonly type: 'do'; readonly deed: Deed };

export interface Step {
  readonly model: Model;
  readonly intents: readonly Intent[];
}

/** Feed lines kept. */
const FEED = 200;
/** Answers of the daemon a good note outlives. */
const NOTE = 8;
/** Lines of a page key. */
const PAGE = 10;

const only = (model: Model): Step => ({ model, intents: [] });
const note = (tone: Note['tone'], text: string): { note: Note } => ({ note: { tone, text, left: NOTE } });

export function update(model: Model, message: Message): Step {
  switch (message.type) {
    case 'status':
      return only(aged(closedIfGone({ ...model, status: message.status, away: null })));
    case 'feed':
      return only({ ...model, feed: merged(model.feed, message.lines) });
    case 'away':
      return only({ ...model, away: { text: message.text, since: message.since } });
    case 'done':
      return only({ ...model, ...note(message.ok ? 'good' : 'bad', message.text) });
    case 'resize':
      return only({ ...model, size: message.size });
    case 'key':
      return pressed(model, message.key);
  }
}

/** Ids rise for ever: what is known already comes again only after a reconnection. */
function merged(feed: readonly FeedView[], lines: readonly FeedView[]): readonly FeedView[] {
  const last = feed.at(-1)?.id ?? 0;
  const fresh = lines.filter(line => line.id > last);
  return fresh.length === 0 ? feed : [...feed, ...fresh].slice(-FEED);
}

function aged(model: Model): Model {
  if (model.note === null || model.note.tone === 'bad') return model;
  return { ...model, note: model.note.left > 1 ? { ...model.note, left: model.note.left - 1 } : null };
}

/** A reload may have taken the open source away. */
function closedIfGone(model: Model): Model {
  if (model.open === null || model.status?.sources.some(source => source.name === model.open)) return model;
  return { ...model, open: null, item: null, ask: null, ...note('info', `${model.open} is not configured any more`) };
}

function pressed(before: Model, key: Key): Step {
  if (key.name === 'interrupt') return { model: before, intents: [{ type: 'quit' }] };
  if (before.ask !== null) return answered(before, before.ask, key);
  const model = before.note === null ? before : { ...before, note: null };
  if (model.help) return only({ ...model, help: false });
  if (model.typing) return only(typed(model, key));
  switch (key.name) {
    case 'escape':
    case 'left':
    case 'backspace':
      return only(left(model));
    case 'enter':
    case 'right':
      return only(entered(model));
    case 'char':
      return commanded(model, key.char);
    default:
      return only(moved(model, key.name));
  }
}

function answered(model: Model, ask: NonNullable<Model['ask']>, key: Key): Step {
  const asked = { ...model, ask: null };
  if (key.name !== 'char' || key.char.toLowerCase() !== 'y') return only({ ...asked, ...note('info', 'nothing was changed') });
  return { model: { ...asked, ...note('info', `${doing(ask.deed)} …`) }, intents: [{ type: 'do', deed: ask.deed }] };
}

function doing(deed: Deed): string {
  switch (deed.verb) {
    case 'pause':
      return `pausing ${deed.target}`;
    case 'resume':
      return `resuming ${deed.target}`;
    case 'hold':
      return `holding ${deed.source}`;
    case 'release':
      return `releasing ${deed.source}`;
    case 'lift':
      return `lifting window ${deed.window}`;
  }
}

function typed(model: Model, key: Key): Model {
  switch (key.name) {
    case 'char':
      return model.filter.length < 60 ? { ...model, filter: model.filter + key.char } : model;
    case 'backspace':
      return { ...model, filter: [...model.filter].slice(0, -1).join('') };
    case 'enter':
      return { ...model, typing: false };
    case 'escape':
      return { ...model, typing: false, filter: '' };
    case 'up':
    case 'down':
      return moved(model, key.name);
    default:
      return model;
  }
}

/** Back by one: out of a source, else out of a filter. */
function left(model: Model): Model {
  if (model.open !== null) return { ...model, open: null, item: null };
  return model.filter === '' ? model : { ...model, filter: '' };
}

function entered(model: Model): Model {
  const source = sourceOf(model);
  if (model.open !== null || source === undefined) return model;
  return { ...model, open: source.name, chosen: source.name, item: null };
}

type Move = 'up' | 'down' | 'pageup' | 'pagedown' | 'home' | 'end';

const STEPS: Readonly<Record<Move, number>> = { up: -1, down: 1, pageup: -PAGE, pagedown: PAGE, home: -Infinity, end: Infinity };

function moved(model: Model, move: Move): Model {
  const to = (at: number, count: number): number => Math.max(0, Math.min(count - 1, at + STEPS[move]));
  if (model.open !== null) {
    const items = itemsOf(model);
    return { ...model, item: items[to(itemIndex(model, items), items.length)]?.key ?? null };
  }
  const sources = sourcesOf(model);
  return { ...model, chosen: sources[to(chosenIndex(model, sources), sources.length)]?.name ?? null };
}

function commanded(model: Model, char: string): Step {
  switch (char) {
    case 'q':
      return { model, intents: [{ type: 'quit' }] };
    case 'k':
      return only(moved(model, 'up'));
    case 'j':
      return only(moved(model, 'down'));
    case '?':
      return only({ ...model, help: true });
    case '/':
      return only({ ...model, open: null, item: null, typing: true });
    case 's':
      return only(model.open === null ? { ...model, sort: SORTS[(SORTS.indexOf(model.sort) + 1) % SORTS.length] ?? SORTS[0] } : model);
    case 'p':
    case 'h':
      return only(asking(model, char));
    case 'l':
      return only(lifting(model));
    default:
      return only(model);
  }
}

function asking(model: Model, char: 'p' | 'h'): Model {
  const source = sourceOf(model);
  if (source === undefined) return { ...model, ...note('info', 'no source is chosen') };
  const { name, state } = source;
  const ask = ((): NonNullable<Model['ask']> => {
    if (char === 'p') {
      return state === 'paused'
        ? { question: `resume ${name}: let its mail go again?`, deed: { verb: 'resume', target: name } }
        : { question: `pause ${name}: stop all its mail?`, deed: { verb: 'pause', target: name } };
    }
    return state === 'holding' || state === 'suspended'
      ? { question: `release ${name}: let its stage move again?`, deed: { verb: 'release', source: name } }
      : { question: `hold ${name} at its stage? limits stay as they are`, deed: { verb: 'hold', source: name } };
  })();
  return { ...model, ask, note: null };
}

/** The chosen window; else the only one of the chosen lane or source. */
function lifting(model: Model): Model {
  const source = sourceOf(model);
  if (source === undefined || model.status === null) return { ...model, ...note('info', 'no source is chosen') };
  const item = model.open === null ? undefined : itemsOf(model)[itemIndex(model)];
  const ids =
    item === undefined
      ? windowsOf(model.status, source.name).map(window => window.id)
      : item.kind === 'window'
        ? [item.window.id]
        : item.lane.windows;
  const whose = item?.kind === 'lane' ? `${item.lane.source}/${item.lane.provider}` : source.name;
  const [id] = ids;
  if (id === undefined) return { ...model, ...note('info', `${whose} has no window to lift`) };
  if (ids.length > 1) {
    const how = model.open === null ? 'open it with ⏎ and choose one' : 'choose one above';
    return { ...model, ...note('info', `${whose} has ${ids.length} windows: ${how}`) };
  }
  return { ...model, ask: { question: `lift window ${id}: end it before its time?`, deed: { verb: 'lift', window: id } }, note: null };
}
