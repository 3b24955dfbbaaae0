/**
 * Lines of a webhook's spool, and the request made of them. A line is a JSON object that begins with its id, and an id with the
 * time it was made. Pure.
 */
import type { HookRequest } from './hook-request.js';
import type { SpooledLine } from './hook-spool.js';
import { SECOND } from '../kernel/units.js';

/** ndjson: a line each; json: one list; single: one object in each request. */
export type HookFormat = 'ndjson' | 'json' | 'single';

/** The same lines make the same request, but for its time. `wall`: epoch milliseconds. */
export function requestOf(lines: readonly SpooledLine[], format: HookFormat, wall: number): HookRequest {
  const texts = lines.map(line => line.text);
  const body = format === 'ndjson' ? `${texts.join('\n')}\n` : format === 'json' ? `[${texts.join(',')}]` : (texts[0] ?? '');
  return {
    id: `${idOf(texts[0])}.${texts.length}`,
    timestamp: Math.floor(wall / SECOND),
    contentType: format === 'ndjson' ? 'application/x-ndjson' : 'application/json',
    body: Buffer.from(body),
  };
}

/** Epoch milliseconds; NaN for a line that is none of ours. */
export const writtenAt = (text: string): number => parseInt(idOf(text).split('-')[0] ?? '', 36);

const idOf = (text: string | undefined): string => /^\{"id":"([0-9a-z-]+)"/.exec(text ?? '')?.[1] ?? '';
