/**
 * The requests of a webhook: signed the way of Standard Webhooks, over a connection that is kept. Certificates are verified.
 */
import { createHmac } from 'node:crypto';
import http from 'node:http';
import https from 'node:https';
import type { Place } from '../kernel/fault.js';
import type { HookTarget } from '../kernel/telling.js';
import { exchange, type HttpAnswer } from './http-exchange.js';
import { readRootsFile, readSecretFile } from './secret-file.js';

export interface HookRequest {
  /** The same for each try of the same body. */
  readonly id: string;
  /** Epoch seconds. */
  readonly timestamp: number;
  readonly contentType: string;
  readonly body: Buffer;
}

/** Rejects when there is no answer in time. */
export type Post = (request: HookRequest, signal: AbortSignal) => Promise<HttpAnswer>;

/** What stands in the files a target names. */
export interface Credentials {
  readonly secret?: Buffer;
  readonly ca?: string;
}

/** Throws FaultError when a file cannot be read or is no good. */
export function credentialsOf({ secretFile, ca }: HookTarget, place: Place): Credentials {
  return {
    ...(secretFile !== undefined && { secret: readSecretFile(secretFile, place) }),
    ...(ca !== undefined && { ca: readRootsFile(ca, place) }),
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
  const post: Post = async (request, signal) => {
    const sent = (tls ? https : http).request(url, {
      method: 'POST',
      agent,
      headers: {
        ...target.headers,
        'content-type': request.contentType,
        'content-length': request.body.length,
        'user-agent': 'rampd',
        'webhook-id': request.id,
        'webhook-timestamp': String(request.timestamp),
        ...(credentials.secret && { 'webhook-signature': hookSignature(credentials.secret, request) }),
      },
    });
    return exchange(sent, { body: request.body, timeout: target.timeout, signal });
  };
  return { post, close: () => agent.destroy() };
}
