/**
 * Ports below 1024 need root to bind; nothing else does. After binding, `user:` becomes that user for good.
 */
import { chownSync, readFileSync } from 'node:fs';
import { FaultError } from '../kernel/fault.js';
import type { Settings } from '../kernel/settings.js';
import type { Log } from './log.js';

export interface Account {
  readonly uid: number;
  readonly gid: number;
  readonly name: string;
}

/** Looks a name or uid up in /etc/passwd; undefined when there is none. */
function findAccount(user: string, passwd: string = readFileSync('/etc/passwd', 'utf8')): Account | undefined {
  for (const line of passwd.split('\n')) {
    const [name, , uid, gid] = line.split(':');
    if (name && uid && gid && (name === user || uid === user)) return { name, uid: Number(uid), gid: Number(gid) };
  }
  return undefined;
}

/** Gives the state folder to the account and becomes it. Only root can; anybody else stays who they are. */
export function become(account: Account, stateDir: string): void {
  chownSync(stateDir, account.uid, account.gid);
  process.setgroups?.([account.gid]);
  process.setgid?.(account.gid);
  process.setuid?.(account.uid);
}

const isRoot = (): boolean => process.getuid?.() === 0;

/** After binding: becomes `user:`; warns loudly when nobody said whom to become. Throws FaultError for an unknown user. */
export function dropRoot(settings: Settings, log: Log): void {
  if (!isRoot()) return;
  if (settings.user === undefined) {
    log.warn({}, 'running as root: set `user:` to an account that owns nothing else, and rampd becomes it after binding its ports');
    return;
  }
  const account = findAccount(settings.user);
  if (!account) {
    throw new FaultError([
      {
        code: 'unknown-user',
        place: { file: settings.file, line: 0, col: 0 },
        what: `there is no user ${settings.user} on this machine`,
        allowed: 'a name or number in /etc/passwd',
      },
    ]);
  }
  become(account, settings.stateDir);
  log.info({ user: account.name }, 'no longer root');
}
