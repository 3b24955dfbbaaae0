/**
 * Which process of a receiver speaks with a client: found by the connection, as /proc shows it (proc(5)).
 */
import { execFileSync } from 'node:child_process';
import { readdirSync, readFileSync, readlinkSync } from 'node:fs';

interface Server {
  readonly address: string;
  readonly port: number;
}

interface Row {
  readonly inode: string;
  /** Octets that have come and were not read. */
  readonly unread: number;
}

/** The receiver's end of its connection with `client`. */
function row({ address, port }: Server, client: string): Row {
  const local = `${hex(address)}:${port.toString(16).toUpperCase().padStart(4, '0')}`;
  const ESTABLISHED = '01';
  for (const line of readFileSync('/proc/net/tcp', 'utf8').split('\n')) {
    const [, here, there = '', state, queues = '', , , , , inode] = line.trim().split(/\s+/);
    if (here !== local || state !== ESTABLISHED || !there.startsWith(`${hex(client)}:`) || inode === undefined) continue;
    return { inode, unread: parseInt(queues.split(':')[1] ?? '', 16) };
  }
  throw new Error(`${client} has no connection with ${address}:${port}`);
}

/** As /proc/net/tcp writes an IPv4 address on a little-endian machine. */
const hex = (address: string): string => Buffer.from(address.split('.').map(Number)).reverse().toString('hex').toUpperCase();

export const unread = (server: Server, client: string): number => row(server, client).unread;

/** Its process id; throws when there is none. */
export function serving(server: Server, client: string): number {
  const socket = `socket:[${row(server, client).inode}]`;
  const pid = readdirSync('/proc').find(name => /^\d+$/.test(name) && holds(name, socket));
  if (pid === undefined) throw new Error(`no process holds the connection of ${client}`);
  return Number(pid);
}

function holds(pid: string, socket: string): boolean {
  try {
    return readdirSync(`/proc/${pid}/fd`).some(fd => readlinkSync(`/proc/${pid}/fd/${fd}`) === socket);
  } catch {
    // It has gone meanwhile.
    return false;
  }
}

/** Processes of this name that this one started. */
export function childrenOf(parent: number, name: string): number[] {
  return readdirSync('/proc')
    .filter(pid => /^\d+$/.test(pid))
    .filter(pid => {
      try {
        const [, comm, ppid] = /^\d+ \((.*)\) \S (\d+)/.exec(readFileSync(`/proc/${pid}/stat`, 'utf8')) ?? [];
        return comm === name && Number(ppid) === parent;
      } catch {
        return false;
      }
    })
    .map(Number);
}

/**
 * From now on the process may write no file beyond that many octets: the kernel kills it there (SIGXFSZ, setrlimit(2)). Asked
 * for as the user it is, whose right it is; root may do it for others on some machines only.
 */
export function limitFiles(pid: number, octets: number): void {
  const status = readFileSync(`/proc/${pid}/status`, 'utf8');
  const id = (name: string): number => Number(new RegExp(`^${name}:\\s+(\\d+)`, 'm').exec(status)?.[1]);
  execFileSync('prlimit', [`--pid=${pid}`, `--fsize=${octets}:${octets}`], { uid: id('Uid'), gid: id('Gid') });
}
