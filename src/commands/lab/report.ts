/**
 * What the lab prints: a line now and then, and the table at the end. Pure.
 */
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

export function resultTable(results: readonly SourceResult[]): string {
  const head = [
    'source',
    'address',
    'stage',
    'advanced',
    'held',
    'back',
    'attempts',
    'accepted',
    'windows',
    'cap now',
    'peak hour',
    'above its cap',
  ];
  const rows = results.map(({ source, firstStage, check, accepted, windows, advanced, held, back }) => [
    source.name,
    source.address,
    source.stage === null ? source.state : `${firstStage ?? '?'} → ${source.stage} of ${source.stages}`,
    String(advanced),
    String(held),
    String(back),
    String(check?.attempts ?? 0),
    String(accepted),
    String(windows),
    cap(source.maxMsgPerHour),
    String(check?.peak ?? 0),
    check && check.violations > 0 ? `${check.violations} times, by ${check.over}` : 'never',
  ]);
  const widths = head.map((h, i) => Math.max(h.length, ...rows.map(r => r[i]?.length ?? 0)));
  const line = (cells: readonly string[]): string =>
    cells
      .map((c, i) => c.padEnd(widths[i] ?? 0))
      .join('  ')
      .trimEnd();
  return [line(head), line(widths.map(w => '-'.repeat(w))), ...rows.map(line)].join('\n');
}
