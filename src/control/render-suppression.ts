/** What `rampd suppress list` prints. Pure. */
import { page, table, timeText, type Column, type Screen } from './page.js';
import { numberText } from './reason-text.js';
import type { SuppressionFilter } from './suppression-operations.js';
import type { SuppressionView } from './suppression-view.js';

/** What was asked for. */
export function renderSuppression(entries: readonly SuppressionView[], { limit, match, scope }: SuppressionFilter, screen: Screen): string {
  if (entries.length === 0) {
    const all = match === undefined && scope === undefined;
    return page([all ? 'Nobody is on the suppression list.' : 'No entry of the suppression list matches.']);
  }
  const columns: Column<SuppressionView>[] = [
    { head: 'ADDRESS', cell: e => e.address, gives: true },
    { head: 'FOR', cell: e => e.scope ?? 'all' },
    { head: 'REASON', cell: e => e.reason },
    { head: 'SINCE', cell: e => timeText(e.since, screen) },
    { head: 'UNTIL', cell: e => (e.until === null ? '–' : timeText(e.until, screen)) },
    { head: 'NOTE', cell: e => e.note ?? '', gives: true },
  ];
  const more = entries.length === limit ? [`the first ${numberText(limit)}: --limit shows more`] : [];
  return page([...table(columns, entries, screen.width), ...more]);
}
