/** An independent reader of RFC 4180. */
export function parseCsv(text: string): string[][] {
  const rows: string[][] = [[]];
  let field = '';
  let quoted = false;
  for (let i = 0; i < text.length; i++) {
    const c = text[i] ?? '';
    const row = rows.at(-1) ?? [];
    if (quoted && c === '"' && text[i + 1] === '"') field += text[++i] ?? '';
    else if (c === '"') quoted = !quoted;
    else if (!quoted && (c === ',' || c === '\n')) {
      row.push(field);
      field = '';
      if (c === '\n') rows.push([]);
    } else field += c;
  }
  return rows.slice(0, -1);
}
