/**
 * The signature over a text, with one key (RFC 6376 §3.3.1, RFC 8463 §3).
 *
 * RSA takes a fifth of a millisecond and goes to the thread pool, each signature with a handle of its own on the key: node
 * locks a handle while a thread signs with it, and who asks for the next signature with the same handle waits for that lock
 * inside the event loop. Ed25519 takes 20 microseconds, less than to hand it to a thread and to be woken, and is made at once.
 */
import { createHash, createPrivateKey, sign, type KeyObject } from 'node:crypto';

export type Algorithm = 'rsa-sha256' | 'ed25519-sha256';

/** Base64 of the signature over a text. Rejects when the key cannot sign. */
export type Sign = (text: Buffer) => Promise<string>;

/** As many as keep the pool's threads busy until the event loop comes round again; more would only lengthen its queue. */
const MOST_HANDLES = 64;

export function signWith(key: KeyObject, algorithm: Algorithm): Sign {
  if (algorithm === 'rsa-sha256') {
    const handles = new RsaHandles(key);
    return async text => (await handles.sign(text)).toString('base64');
  }
  // Signed is the SHA-256 of the text, not the text (RFC 8463 §3).
  return async text => sign(null, createHash('sha256').update(text).digest(), key).toString('base64');
}

interface Work {
  readonly text: Buffer;
  readonly done: (signature: Buffer) => void;
  readonly failed: (error: Error) => void;
}

/** Handles on an RSA key: as many as signatures were ever under way at once, up to `most`; what comes beyond waits here. */
export class RsaHandles {
  readonly #key: KeyObject;
  readonly #most: number;
  readonly #free: KeyObject[];
  #made = 1;
  readonly #waiting: Work[] = [];

  constructor(key: KeyObject, most = MOST_HANDLES) {
    this.#key = key;
    this.#most = most;
    this.#free = [key];
  }

  /** Handles made so far, the first included. */
  get made(): number {
    return this.#made;
  }

  sign(text: Buffer): Promise<Buffer> {
    return new Promise((done, failed) => {
      const handle = this.#free.pop() ?? this.#another();
      const work = { text, done, failed };
      if (handle) this.#start(handle, work);
      else this.#waiting.push(work);
    });
  }

  #another(): KeyObject | undefined {
    if (this.#made >= this.#most) return undefined;
    const handle = createPrivateKey({ key: this.#key.export({ type: 'pkcs8', format: 'der' }), type: 'pkcs8', format: 'der' });
    this.#made++;
    return handle;
  }

  #start(handle: KeyObject, { text, done, failed }: Work): void {
    sign('sha256', text, handle, (error, signature) => {
      const next = this.#waiting.shift();
      if (next) this.#start(handle, next);
      else this.#free.push(handle);
      if (error) failed(error);
      else done(signature);
    });
  }
}
