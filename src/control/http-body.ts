/**
 * The body of a request, read within a limit and within the memory all doors share.
 *
 * What is too large is refused before it is in memory. Bytes are given back when the answer is out.
 */
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Budget } from '../accept/body.js';

export class HttpError extends Error {
  constructor(
    readonly statusCode: number,
    message: string,
    /** Seconds after which it is worth asking again. */
    readonly retryAfter?: number,
  ) {
    super(message);
    this.name = 'HttpError';
  }
}

/** Rejects with HttpError: 400 for what is no JSON or was cut off, 413 above `most` bytes, 503 when there is no memory for it now. */
export async function readJsonBody(request: IncomingMessage, response: ServerResponse, most: number, budget: Budget): Promise<unknown> {
  const tooLarge = () => new HttpError(413, `the request has more than ${most} bytes`);
  if (Number(request.headers['content-length'] ?? 0) > most) throw tooLarge();
  const chunks: Buffer[] = [];
  let held = 0;
  const release = () => {
    budget.used -= held;
    held = 0;
  };
  response.once('close', release);
  try {
    for await (const chunk of request.iterator({ destroyOnReturn: false }) as AsyncIterable<Buffer>) {
      if (held + chunk.length > most) throw tooLarge();
      if (budget.used + chunk.length > budget.most) throw new HttpError(503, 'too much mail is arriving at once', 5);
      budget.used += chunk.length;
      held += chunk.length;
      chunks.push(chunk);
    }
  } catch (error) {
    release();
    // Nobody is there to be answered, and nothing here is broken.
    if (!(error instanceof HttpError)) throw request.destroyed && !request.complete ? new HttpError(400, 'the request was cut off') : error;
    // What still comes is thrown away, within node's time for a request: a client that sends everything first reads its answer then.
    request.resume();
    throw error;
  }
  try {
    return JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(Buffer.concat(chunks, held))) as unknown;
  } catch (error) {
    throw new HttpError(400, `the body is no JSON: ${(error as Error).message.slice(0, 200)}`);
  }
}
