/**
 * One HTTP request to a webhook: signed the way of Standard Webhooks, bounded in time and in what is read of the answer.
 *
 * Certificates are verified, redirects are not followed. What the answer says is untrusted text.
 */
import { createHmac } from 'node:crypto';
import http from 'node:http';
import https from 'node:https';
import type { Place } from '../kernel/fault.js';
import type { HookTarget } from '../kernel/telling.js';
import { printable } from '../kernel/text.js';
import { HOUR, SECOND, type Ms } from '../kernel/units.js';
import { readNamedFile, readSecretFile } from './secret-file.js';

export interface HookRequest {
  /** The same for each try of the same body. */
  readonly id: string;
  /** Epoch seconds. */
  readonly timestamp: number;
  readonly contentType: string;
  readonly body: Buffer;
}

export interface HookAnswer {
  readonly status: number;
  /** Status and the beginning of the text, printable. */
  readonly text: string;
  /** Of Retry-After. */
  readonly retryAfter?: Ms;
}

/** Rejects when there is no answer in time. */
export type Post = (request: HookRequest, signal: AbortSignal) => Promise<HookAnswer>;

/** Of the answer so much is read; the rest is nobody's business. */
const MOST_READ = 16 * 1024;

/** What stands in the files a target names. */
export interface Credentials {
  readonly secret?: Buffer;
  readonly ca?: string;
}

/** Throws FaultError when a file cannot be read or is no good. */
export function credentialsOf({ secretFile, ca }: HookTarget, place: Place): Credentials {
  return {
    ...(secretFile !== undefined && { secret: readSecretFile(secretFile, place) }),
    ...(ca !== undefined && { ca: readNamedFile(ca, 'file of CAs', place).toString() }),
  };
}

/** Standard Webhooks: HMAC-SHA256 over id, timestamp and body, joined by dots. */
export function hookSignature(secret: Buffer, { id, timestamp, body }: Pick<HookRequest, 'id' | 'timestamp' | 'body'>): string {
  return `v1,${createHmac('sha256', secret).update(`${id}.${timestamp}.`).update(body).digest('base64')}`;
}

/** `close` ends idle connections. */
export function createPost(target: HookTarget, credentials: Credentials): { post: Post; close(): void } {
  const url = new URL(target.url);
  const tls = url.protocol === 'https:';
  const agent = tls
    ? new https.Agent({ keepAlive: true, maxSockets: 1, ...(credentials.ca !== undefined && { ca: credentials.ca }) })
    : new http.Agent({ keepAlive: true, maxSockets: 1 });
  const post: Post = (request, signal) =>
    new Promise((resolve, reject) => {
      const timeout = AbortSignal.timeout(target.timeout);
      const sent = (tls ? https : http).request(
        url,
        {
          method: 'POST',
          agent,
          signal: AbortSignal.any([signal, timeout]),
          headers: {
            ...target.headers,
            'content-type': request.contentType,
            'content-length': request.body.length,
            'user-agent': 'rampd',
            'webhook-id': request.id,
            'webhook-timestamp': String(request.timestamp),
            ...(credentials.secret && { 'webhook-signature': hookSignature(credentials.secret, request) }),
          },
        },
        response => {
          let text = '';
          let read = 0;
          const answer = (): void => resolve(answerOf(response, text));
          response.on('data', (chunk: Buffer) => {
            if (text.length < 200) text += chunk.toString('latin1', 0, 200);
            if ((read += chunk.length) <= MOST_READ) return;
            answer();
            response.destroy();
          });
          response.on('end', answer);
          // The status is the answer, whatever becomes of the text.
          response.on('error', answer);
          response.on('close', answer);
        },
      );
      sent.on('error', error => {
        const late = timeout.aborted ? new Error(`no answer within ${target.timeout / SECOND} s`) : error;
        reject(late);
      });
      sent.end(request.body);
    });
  return { post, close: () => agent.destroy() };
}

function answerOf(response: http.IncomingMessage, text: string): HookAnswer {
  const status = response.statusCode ?? 0;
  const seconds = /^\d{1,6}$/.exec(response.headers['retry-after'] ?? '')?.[0];
  return {
    status,
    text: printable(`${status} ${text}`, 200),
    ...(seconds !== undefined && { retryAfter: Math.min(Number(seconds) * SECOND, HOUR) }),
  };
}
