/**
 * The last word of a receiver that hung up with it.
 *
 * nodemailer acts upon one reply a turn. When replies to pipelined commands come with the end of the connection, as Postfix
 * sends its 421, it learns of the end first and the rest stays unread: the reason would be lost, and the host taken for
 * unreachable. Only a 421 is taken from there, which is about the connection (RFC 5321 §3.8): which command any other reply
 * belongs to is not known here.
 */
export interface Unread {
  /** Replies received and not acted upon; nodemailer's own, absent from its types. */
  readonly _responseQueue?: readonly unknown[];
}

export function closingWord(connection: object): string | undefined {
  const last = (connection as Unread)._responseQueue?.at(-1);
  return typeof last === 'string' && /^421[ -]/.test(last) ? Buffer.from(last, 'latin1').toString('utf8') : undefined;
}
