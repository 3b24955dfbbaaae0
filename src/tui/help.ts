/** The help screen: keys, states, what the columns mean. Pure. */
import type { SourceState } from '../control/view.js';
import { boxed } from './layout.js';
import { bold, dim, span, STATE_COLOURS, title, type Line } from './line.js';
import { fill } from './text.js';

const KEYS: readonly (readonly [string, string])[] = [
  ['↑ ↓', 'choose (also k j, PgUp PgDn, Home End)'],
  ['⏎', 'open the source: its windows, its lanes and why each waits'],
  ['esc', 'back; on the list: forget the filter'],
  ['p', 'pause or resume the source: stops all its mail until a person resumes it'],
  ['h', 'hold or release its stage: ticks neither advance it nor step it back'],
  ['l', 'lift the chosen window, or the only one there is'],
  ['s', 'sort the list: by state, hour used, waiting, stage, name'],
  ['/', 'filter by name, address, state or schedule; * and ? are wildcards'],
  ['q', 'leave; the daemon goes on'],
];

const STATES: readonly (readonly [SourceState, string])[] = [
  ['warming', 'climbs its schedule'],
  ['warm', 'has no schedule, or has climbed it'],
  ['holding', 'its stage is held by a person'],
  ['backing-off', 'windows slow down half of its mail, or all of it'],
  ['suspended', 'nothing leaves: a brake or windows; h releases'],
  ['paused', 'nothing leaves until a person resumes it'],
];

export function helpLines(width: number, height: number): Line[] {
  const keys = KEYS.map(([key, what]): Line => [span('  '), bold(fill(key, 6)), span(what)]);
  const states = STATES.map(([state, what]): Line => [span('  '), span(fill(state, 13), { colour: STATE_COLOURS[state] }), span(what)]);
  const columns: Line = [span('  '), dim('HOUR: the 60 minutes before now; D/T/B: delivered, deferred, bounced today')];
  return boxed([title('Keys', [], width), ...keys, title('States', [], width), ...states, title('Columns', [], width), columns], height);
}
