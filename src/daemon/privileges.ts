/**
 * Ports below 1024 need root to bind; nothing else does. After binding, rampd becomes `user:` for good.
 */
import { chownSync, mkdirSync, readFileSync } from 'node:fs';
import { dirname } from 'node:path';
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

/** Of the process; the types of node leave the first out. */
interface Identity {
  initgroups?(user: string, group: number): void;
  setgid?(gid: number): void;
  setuid?(uid: number): void;
}

/** Gives the account the folders it needs and becomes it, a member of all its groups. Only root can. */
export function become(account: Account, { stateDir, control }: Pick<Settings, 'stateDir' | 'control'>, who: Identity = process): void {
  chownSync(stateDir, account.uid, account.gid);
  // /run is empty after each boot, and the account may make nothing in it.
  const folder = dirname(control.socket);
  if (mkdirSync(folder, { recursive: true }) !== undefined) chownSync(folder, account.uid, account.gid);
  // A key may be readable for a group the account is in, ssl-cert say.
  who.initgroups?.(account.name, account.gid);
  who.setgid?.(account.gid);
  who.setuid?.(account.uid);
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
  become(account, settings);
  log.info({ user: account.name }, 'no longer root');
}
