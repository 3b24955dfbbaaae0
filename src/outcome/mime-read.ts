/**
 * A message as far as reports need it: header fields, parts, and what a part says once its transfer encoding is undone.
 *
 * Reads what anybody may have sent: never throws, looks at a bounded number of parts to a bounded depth, takes lines that end
 * in LF as well as CRLF, and a message that was cut off anywhere. Pure. RFC 5322 §2.2, RFC 2045 §5 and §6, RFC 2046 §5.1.
 */

export interface Part {
  /** Unfolded, in order, names in lower case. Bytes above 127 as Latin-1. */
  readonly fields: readonly (readonly [name: string, value: string])[];
  /** `message/delivery-status`; text/plain where nothing is said. */
  readonly type: string;
  readonly params: Readonly<Record<string, string>>;
  /** Decoded; of a multipart its raw text. Bytes above 127 as Latin-1. */
  readonly text: string;
  /** Of a multipart. */
  readonly parts: readonly Part[];
}

const MOST_PARTS = 64;
const DEEPEST = 6;
const MOST_FIELDS = 1_000;

export function readMail(bytes: Buffer): Part {
  return readPart(bytes.toString('latin1'), 0, { left: MOST_PARTS });
}

export function fieldOf(part: Pick<Part, 'fields'>, name: string): string | undefined {
  return part.fields.find(([n]) => n === name)?.[1];
}

/** The part itself and all below it, outer ones first. */
export function* everyPart(part: Part): Generator<Part> {
  yield part;
  for (const child of part.parts) yield* everyPart(child);
}

/** UTF-8 where it is UTF-8. */
export function peopleText(part: Part): string {
  return Buffer.from(part.text, 'latin1').toString('utf8');
}

/** Blocks of fields that blank lines part: message/delivery-status (RFC 3464 §2.1), message/feedback-report is one of them. */
export function fieldBlocks(text: string): Part['fields'][] {
  return text
    .split(/\r?\n[ \t]*(?:\r?\n[ \t]*)+/)
    .slice(0, MOST_PARTS)
    .map(readFields)
    .filter(fields => fields.length > 0);
}

export function readFields(text: string): Part['fields'] {
  const fields: [name: string, lines: string[]][] = [];
  for (const line of text.split(/\r?\n/)) {
    if (/^[ \t]/.test(line)) {
      fields.at(-1)?.[1].push(line.trim());
      continue;
    }
    const colon = line.indexOf(':');
    if (colon <= 0 || fields.length >= MOST_FIELDS) continue;
    const name = line.slice(0, colon).trimEnd();
    if (/^[!-9;-~]+$/.test(name)) fields.push([name.toLowerCase(), [line.slice(colon + 1).trim()]]);
  }
  return fields.map(([name, lines]) => [name, lines.join(' ').trim()] as const);
}

function readPart(raw: string, depth: number, budget: { left: number }): Part {
  const [head, body] = divided(raw);
  const fields = readFields(head);
  const { type, params } = contentType(fields.find(([name]) => name === 'content-type')?.[1]);
  if (type.startsWith('multipart/') && params.boundary !== undefined && depth < DEEPEST) {
    const parts: Part[] = [];
    for (const piece of pieces(body, params.boundary)) {
      if (budget.left-- <= 0) break;
      parts.push(readPart(piece, depth + 1, budget));
    }
    return { fields, type, params, text: body, parts };
  }
  const encoding = fields.find(([name]) => name === 'content-transfer-encoding')?.[1] ?? '';
  return { fields, type, params, text: decoded(body, encoding), parts: [] };
}

/** Header and body; a part without a header begins with its blank line. */
function divided(raw: string): [head: string, body: string] {
  const blank = /^\r?\n/.exec(raw) ?? /\r?\n\r?\n/.exec(raw);
  return blank ? [raw.slice(0, blank.index), raw.slice(blank.index + blank[0].length)] : [raw, ''];
}

function contentType(value: string | undefined): Pick<Part, 'type' | 'params'> {
  const params: Record<string, string> = {};
  const [first = '', ...rest] = (value ?? 'text/plain').split(';');
  for (const param of rest) {
    const match = /^\s*([a-z0-9-]+)\s*=\s*(?:"([^"]*)"?|([^\s"]*))/i.exec(param);
    if (match?.[1] !== undefined) params[match[1].toLowerCase()] ??= match[2] ?? match[3] ?? '';
  }
  return { type: first.trim().toLowerCase(), params };
}

/** What stands between the delimiters of a multipart, cut off or not. */
function pieces(body: string, boundary: string): string[] {
  const delimiter = `--${boundary}`;
  const found: string[] = [];
  let current: string[] | undefined;
  for (const line of body.split('\n')) {
    const trimmed = line.trimEnd();
    if (trimmed === delimiter || trimmed === `${delimiter}--`) {
      if (current) found.push(current.join('\n'));
      if (found.length >= MOST_PARTS || trimmed.length > delimiter.length) return found;
      current = [];
    } else current?.push(line);
  }
  if (current) found.push(current.join('\n'));
  return found;
}

function decoded(text: string, encoding: string): string {
  switch (encoding.trim().toLowerCase()) {
    case 'base64':
      return Buffer.from(text.replace(/[^A-Za-z0-9+/]/g, ''), 'base64').toString('latin1');
    case 'quoted-printable':
      return text
        .split('\n')
        .map(line => line.trimEnd())
        .join('\n')
        .replace(/=\n/g, '')
        .replace(/=([0-9a-f]{2})/gi, (_, hex: string) => String.fromCharCode(parseInt(hex, 16)));
    default:
      return text;
  }
}
