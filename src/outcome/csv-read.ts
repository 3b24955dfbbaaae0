/**
 * One line of CSV (RFC 4180) as its cells. Pure, and linear in the length of the line.
 */

/** undefined when quotes do not match. */
export function csvCells(line: string): string[] | undefined {
  const cells: string[] = [];
  let at = 0;
  for (;;) {
    if (line[at] === '"') {
      let cell = '';
      for (;;) {
        const close = line.indexOf('"', at + 1);
        if (close < 0) return undefined;
        cell += line.slice(at + 1, close);
        at = close + 1;
        if (line[at] !== '"') break;
        cell += '"';
      }
      cells.push(cell);
      if (at < line.length && line[at] !== ',') return undefined;
    } else {
      const comma = line.indexOf(',', at);
      const end = comma < 0 ? line.length : comma;
      cells.push(line.slice(at, end));
      at = end;
    }
    if (at >= line.length) return cells;
    at++;
  }
}
