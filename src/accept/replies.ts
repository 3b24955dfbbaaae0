/**
 * Replies to pipelined commands leave in one write (RFC 2920 §3.2 asks for it): half of the system calls of a message. The
 * library writes each by itself, so the socket is corked until the end of the turn.
 *
 * A client whose first replies all stood alone does not pipeline, and its replies leave at once from then on. TLS sockets
 * write for themselves.
 */
import type { Socket } from 'node:net';

/** Greeting, EHLO, a login and a transaction. */
const ALONE = 8;

export function batchReplies(socket: Pick<Socket, 'write' | 'cork' | 'uncork' | 'writableCorked'>): void {
  const write = socket.write.bind(socket) as (...args: unknown[]) => boolean;
  let alone = 0;
  let together = 0;
  const uncork = () => {
    if (together > 1) alone = -Infinity;
    else alone++;
    together = 0;
    if (alone >= ALONE) socket.write = write as Socket['write'];
    socket.uncork();
  };
  socket.write = (...args: unknown[]) => {
    if (socket.writableCorked === 0) {
      socket.cork();
      setImmediate(uncork);
    }
    together++;
    return write(...args);
  };
}
