/** What `rampd doctor` prints: a table for each source, domain and listener, with what to do below what is wrong. Pure. */
import { cut, page, textWidth, wrap, type Screen } from './page.js';
import type { CheckView, DoctorGroup, DoctorView } from './doctor-view.js';

const INDENT = 2;
/** Columns the texts need beside the table; with less they stand below each row. */
const ROOM = 40;
const BELOW = 11;

export function renderDoctor({ groups, counts, state }: DoctorView, screen: Pick<Screen, 'width'>): string {
  const rows = groups.flatMap(({ checks }) => checks);
  const names = widest(rows.map(({ check }) => check));
  const abouts = Math.min(32, widest(rows.map(({ about }) => about ?? '')));
  const lines = groups.flatMap((group, i) => [
    ...(i > 0 ? [''] : []),
    title(group),
    ...group.checks.flatMap(row => rowLines(row, names, abouts, screen.width)),
  ]);
  const verdict = {
    ok: counts.unknown === 0 ? 'nothing is wrong' : 'nothing was found wrong, as far as it could be looked at',
    warn: 'nothing is broken, some things could be better',
    fail: 'receivers will hold this against the mail',
  }[state];
  return page([
    ...lines,
    ...(lines.length > 0 ? [''] : []),
    `${counts.ok} ok, ${counts.warn} warn, ${counts.fail} fail, ${counts.unknown} unknown: ${verdict}`,
  ]);
}

function title({ kind, name, address, hostName }: DoctorGroup): string {
  return [kind, name, address, hostName].filter(part => part !== undefined).join('  ');
}

function rowLines(row: CheckView, names: number, abouts: number, width: number): string[] {
  const front = `${' '.repeat(INDENT)}${pad(row.state, 7)}  ${pad(row.check, names)}  ${abouts > 0 ? `${pad(cut(row.about ?? '', abouts), abouts)}  ` : ''}`;
  const beside = width - textWidth(front) >= ROOM;
  const indent = beside ? textWidth(front) : BELOW;
  const [first = '', ...rest] = wrap(row.text, width, indent);
  return [
    ...(beside ? [front + first.trimStart()] : [front.trimEnd(), first]),
    ...rest,
    ...(row.mend === undefined ? [] : wrap(`→ ${row.mend}`, width, indent)),
    // Records are to be copied: never wrapped.
    ...(row.publish ?? []).map(line => ' '.repeat(indent + 2) + line),
  ];
}

const pad = (text: string, width: number): string => text + ' '.repeat(Math.max(0, width - textWidth(text)));
const widest = (texts: readonly string[]): number => texts.reduce((most, text) => Math.max(most, textWidth(text)), 0);
