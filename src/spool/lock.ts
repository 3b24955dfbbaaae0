/**
 * One daemon per state folder: an abstract Unix socket named after the folder's device and inode. The kernel releases it with
 * the process, however that ends, so there is never a stale lock; and another path to the same folder is the same lock.
 *
 * Abstract sockets are Linux's (unix(7)); they belong to a network namespace: daemons in different containers that share a
 * folder do not see each other's lock.
 */
import { statSync } from 'node:fs';
import { createServer } from 'node:net';
import { FaultError } from '../kernel/fault.js';

export interface Lock {
  release(): Promise<void>;
}

/** Rejects with a FaultError when another process has the folder. The folder must exist. */
export async function lockStateDir(dir: string): Promise<Lock> {
  const { dev, ino } = statSync(dir, { bigint: true });
  // Whoever connects learns nothing and is let go.
  const server = createServer(socket => socket.destroy());
  try {
    await new Promise<void>((resolve, reject) => {
      server.once('error', reject);
      server.listen({ path: `\0rampd-state-${dev}-${ino}` }, resolve);
    });
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EADDRINUSE') throw error;
    throw new FaultError([
      {
        code: 'state-dir-in-use',
        place: { file: dir, line: 0, col: 0 },
        what: 'another rampd is running with this state folder',
        hint: 'stop it first (rampd stop), or give this one a state-dir of its own',
      },
    ]);
  }
  server.unref();
  return {
    release: () => new Promise(resolve => server.close(() => resolve())),
  };
}
