/**
 * The Unix socket as a file: who may open it, and whether somebody already answers there.
 *
 * Binds with mode 0600 from the first instant (the umask holds during the synchronous bind), so that no other user can
 * connect in between. Removes only a socket nobody answers on; never a socket in use, never a file of another kind.
 */
import { chmodSync, lstatSync, mkdirSync, unlinkSync } from 'node:fs';
import { connect, type Server } from 'node:net';
import { dirname } from 'node:path';

/** sun_path holds 108 bytes with its final zero (unix(7)). */
export const MAX_SOCKET_PATH = 107;

/** A sentence when the path cannot be a Unix socket's; undefined when it can. */
function socketPathTrouble(path: string): string | undefined {
  const bytes = Buffer.byteLength(path);
  if (bytes === 0) return 'the control socket needs a path';
  if (path.includes('\0')) return 'the path of the control socket holds a zero byte';
  if (bytes > MAX_SOCKET_PATH) {
    return `the path of the control socket has ${bytes} bytes, and the system takes ${MAX_SOCKET_PATH} at most: ${path}`;
  }
  return undefined;
}

/** Does anybody accept connections there? */
export function answers(path: string): Promise<boolean> {
  return new Promise((resolve, reject) => {
    const socket = connect({ path });
    socket.once('connect', () => {
      socket.destroy();
      resolve(true);
    });
    socket.once('error', (error: NodeJS.ErrnoException) => {
      socket.destroy();
      if (error.code === 'ENOENT' || error.code === 'ECONNREFUSED' || error.code === 'ENOTSOCK') resolve(false);
      else reject(error);
    });
  });
}

/**
 * Makes the path free: creates its folder, removes a socket left behind by a process that died.
 * Throws Error with a sentence when somebody answers there, or when the file is not a socket.
 */
export async function claim(path: string): Promise<void> {
  const trouble = socketPathTrouble(path);
  if (trouble) throw new Error(trouble);
  try {
    mkdirSync(dirname(path), { recursive: true });
  } catch (error) {
    throw unmade(path, error);
  }
  const found = lstatSync(path, { throwIfNoEntry: false });
  if (!found) return;
  if (!found.isSocket()) throw new Error(`${path} exists and is not a socket: move it away, or choose another control socket`);
  if (await answers(path)) throw new Error(`another daemon answers at ${path}: stop it first, or choose another control socket`);
  unlinkSync(path);
}

const unmade = (path: string, error: unknown): Error =>
  new Error(
    `the control socket ${path} cannot be made: ${(error as Error).message}; the account rampd runs as has to be able to write its folder`,
  );

/** Listens with mode 0600; resolves when connections are accepted. */
export function bindPrivately(server: Server, path: string): Promise<void> {
  return new Promise((resolve, reject) => {
    const failed = (error: Error): void => reject(unmade(path, error));
    server.once('error', failed);
    // A pipe is bound inside listen(): nothing else of this process runs under the narrow umask.
    const before = process.umask(0o177);
    try {
      server.listen({ path }, () => {
        server.off('error', failed);
        resolve();
      });
      if (server.listening) chmodSync(path, 0o600);
    } finally {
      process.umask(before);
    }
  });
}
