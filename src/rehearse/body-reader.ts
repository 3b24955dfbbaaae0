/**
 * Reads the message after DATA, up to the final dot (RFC 5321 §4.5.2), however the network cuts it.
 *
 * Only CRLF . CRLF ends a message: a bare LF never does. Content is kept only up to the limit given; octets are counted all.
 */

const END = Buffer.from('\r\n.\r\n');
const NOTHING = Buffer.alloc(0);

export class BodyReader {
  readonly #keepMost: number;
  #kept: Buffer[] = [];
  #keptBytes = 0;
  #bytes = 0;
  /** Nothing of this message has been seen: a dot here would be a line's first character. */
  #fresh = true;

  /** Content beyond `keepMost` octets is counted and thrown away. */
  constructor(keepMost: number) {
    this.#keepMost = keepMost;
  }

  /** Takes what belongs to the message. `rest` is to be given again, in front of what comes next. */
  take(buffer: Buffer): { readonly done: boolean; readonly rest: Buffer } {
    if (this.#fresh) {
      const dot = END.subarray(2);
      if (buffer.length < dot.length && dot.subarray(0, buffer.length).equals(buffer)) return { done: false, rest: buffer };
      if (buffer.subarray(0, dot.length).equals(dot)) return { done: true, rest: buffer.subarray(dot.length) };
      this.#fresh = false;
    }
    const end = buffer.indexOf(END);
    if (end >= 0) {
      this.#keep(buffer.subarray(0, end + 2));
      return { done: true, rest: buffer.subarray(end + END.length) };
    }
    // The last octets may be the beginning of the end.
    const safe = Math.max(0, buffer.length - END.length + 1);
    this.#keep(buffer.subarray(0, safe));
    return { done: false, rest: buffer.subarray(safe) };
  }

  /** The message read, and a fresh start. */
  end(): { readonly bytes: number; readonly content: Buffer } {
    const result = { bytes: this.#bytes, content: this.#kept.length === 0 ? NOTHING : unstuffed(Buffer.concat(this.#kept)) };
    this.#kept = [];
    this.#keptBytes = this.#bytes = 0;
    this.#fresh = true;
    return result;
  }

  #keep(part: Buffer): void {
    this.#bytes += part.length;
    const room = this.#keepMost - this.#keptBytes;
    if (room <= 0 || part.length === 0) return;
    this.#kept.push(part.subarray(0, room));
    this.#keptBytes += Math.min(room, part.length);
  }
}

function unstuffed(content: Buffer): Buffer {
  return Buffer.from(content.toString('latin1').replace(/(^|\r\n)\./g, '$1'), 'latin1');
}
