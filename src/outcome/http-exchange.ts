/**
 * One HTTP request and its answer, bounded in time and in what is read: for webhooks and reports alike.
 *
 * Redirects are not followed. What the answer says is untrusted text, of which the beginning is kept, printable.
 */
import type { ClientRequest, IncomingMessage } from 'node:http';
import { printable } from '../kernel/text.js';
import { HOUR, printDuration, SECOND, type Ms } from '../kernel/units.js';

export interface HttpAnswer {
  readonly status: number;
  /** Status and the beginning of the text, printable. */
  readonly text: string;
  /** Of Retry-After. */
  readonly retryAfter?: Ms;
}

interface ExchangeOptions {
  readonly body: Buffer;
  /** For the whole of it: connection, request and answer. */
  readonly timeout: Ms;
  readonly signal: AbortSignal;
}

/** Of the answer so much is read; the rest is nobody's business. */
const MOST_READ = 16 * 1024;
const MOST_SHOWN = 200;
/** What setTimeout can count, about 24 days. */
const LONGEST = 2 ** 31 - 1;

/** `sent` is a request that nothing was written to. Rejects when no answer came in time. */
export function exchange(sent: ClientRequest, { body, timeout, signal }: ExchangeOptions): Promise<HttpAnswer> {
  return new Promise((resolve, reject) => {
    let answer: (() => void) | undefined;
    // An answer that is cut off is one: its status is known.
    const end = (why: Error): void => {
      answer?.();
      sent.destroy(why);
    };
    const stop = (): void => end(new Error('rampd stops'));
    const timer = setTimeout(() => end(new Error(`no answer within ${printDuration(timeout)}`)), Math.min(timeout, LONGEST));
    signal.addEventListener('abort', stop, { once: true });
    sent.on('close', () => {
      clearTimeout(timer);
      signal.removeEventListener('abort', stop);
    });
    sent.on('error', reject);
    sent.on('response', response => {
      let text = '';
      let read = 0;
      answer = () => resolve(answerOf(response, text));
      response.on('data', (chunk: Buffer) => {
        if (text.length < MOST_SHOWN) text += chunk.toString('latin1', 0, MOST_SHOWN);
        if ((read += chunk.length) > MOST_READ) end(new Error('the answer is too long'));
      });
      for (const event of ['end', 'error', 'close'] as const) response.on(event, answer);
    });
    if (signal.aborted) stop();
    else sent.end(body);
  });
}

function answerOf({ statusCode: status = 0, headers }: IncomingMessage, text: string): HttpAnswer {
  const asked = pauseIn(headers['retry-after'], headers.date);
  return {
    status,
    text: printable(`${status} ${text}`, MOST_SHOWN),
    ...(asked !== undefined && { retryAfter: Math.min(asked, HOUR) }),
  };
}

/** Seconds, or a date (RFC 9110 section 10.2.3), which is reckoned by the clock of who answers. */
function pauseIn(asked: string | undefined, date: string | undefined): Ms | undefined {
  if (asked === undefined) return undefined;
  if (/^\d{1,15}$/.test(asked)) return Number(asked) * SECOND;
  const pause = Date.parse(asked) - Date.parse(date ?? '');
  return pause > 0 ? pause : undefined;
}
