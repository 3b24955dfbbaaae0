/**
 * The last word of a receiver that hung up with it.
 *
 * nodemailer acts upon one reply a turn. When replies to pipelined commands come with the end of the connection, as Postfix
 * sends its 421, it learns of the end first and the rest stays unread: the reason would be lost, and the host taken for
 * unreachable. Before DATA was answered only a 421 is taken from there, which is about the connection (RFC 5321 §3.8): which
 * command any other reply belongs to is not known here. After 354 one answer is due, and the first that stayed unread is it;
 * only a refusal, since no word from before the end of data is a promise.
 */
export interface Unread {
  /** Replies received and not acted upon; nodemailer's own, absent from its types. */
  readonly _responseQueue?: readonly unknown[];
}

/** `goneOn`: DATA was answered 354. */
export function closingWord(connection: object, goneOn: boolean): string | undefined {
  const unread = (connection as Unread)._responseQueue;
  const word = goneOn ? unread?.[0] : unread?.at(-1);
  return typeof word === 'string' && (goneOn ? /^[45]\d\d[ -]/ : /^421[ -]/).test(word)
    ? Buffer.from(word, 'latin1').toString('utf8')
    : undefined;
}
