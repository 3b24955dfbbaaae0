/**
 * What the lab prints: a line now and then, and the table at the end. Pure.
 */
import { table, type Column } from '../../control/page.js';
import type { FeedView, SourceView, StatusView } from '../../control/view.js';
import type { SourceCheck } from '../../rehearse/ledger-check.js';

const cap = (n: number | null): string => (n === null ? '-' : `${Math.round(n)}/h`);

/** `day 2 11:40  hot-1 warm 412/h …` */
export function progressLine(status: StatusView, begun: number): string {
  const now = Date.parse(status.now);
  const day = Math.floor((now - begun) / 86_400_000) + 1;
  const sources = status.sources.map(s => {
    const stage = s.stage === null ? s.state : `${s.stage}/${s.stages} ${s.state}`;
    return `${s.name} ${stage} ${s.attemptsLastHour}${s.maxMsgPerHour === null ? '' : `/${Math.round(s.maxMsgPerHour)}`}`;
  });
  const { delivered, waiting } = status.totals;
  return `day ${day} ${status.now.slice(11, 16)}  ${sources.join('  ')}  delivered ${delivered}  waiting ${waiting}${status.windows.length > 0 ? `  windows ${status.windows.length}` : ''}`;
}

/** Journal lines worth a line of their own. */
export function eventLine(line: FeedView): string | undefined {
  if (!/^(window-(opened|closed|extended)|stage-|graduated|held|released)/.test(line.type)) return undefined;
  return `    ${line.time.slice(11, 16)} ${line.type}: ${line.text}${line.reply === undefined ? '' : ` “${line.reply.slice(0, 100)}”`}`;
}

export interface SourceResult {
  readonly source: SourceView;
  readonly firstStage: number | null;
  readonly check: SourceCheck | undefined;
  readonly accepted: number;
  readonly windows: number;
  readonly advanced: number;
  readonly held: number;
  readonly back: number;
}

/** Lines no wider than `width`: what an eye misses least goes first. */
export function resultTable(results: readonly SourceResult[], width: number): string[] {
  const columns: Column<SourceResult>[] = [
    { head: 'source', cell: r => r.source.name },
    { head: 'address', cell: r => r.source.address, drop: 5 },
    {
      head: 'stage',
      cell: ({ source: s, firstStage }) => (s.stage === null ? s.state : `${firstStage ?? '?'} → ${s.stage} of ${s.stages}`),
    },
    { head: 'advanced', cell: r => String(r.advanced), right: true },
    { head: 'held', cell: r => String(r.held), right: true, drop: 2 },
    { head: 'back', cell: r => String(r.back), right: true, drop: 1 },
    { head: 'attempts', cell: r => String(r.check?.attempts ?? 0), right: true, drop: 4 },
    { head: 'accepted', cell: r => String(r.accepted), right: true },
    { head: 'windows', cell: r => String(r.windows), right: true, drop: 3 },
    { head: 'cap now', cell: r => cap(r.source.maxMsgPerHour), right: true },
    { head: 'peak hour', cell: r => String(r.check?.peak ?? 0), right: true },
    {
      head: 'above its cap',
      cell: ({ check }) => (check && check.violations > 0 ? `${check.violations} times, by ${check.over}` : 'never'),
    },
  ];
  return table(columns, results, width);
}
