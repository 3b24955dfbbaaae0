/**
 * Verifiers that others wrote: OpenDKIM (in its test mode, over libunbound) and dkimpy. Both get the public key from a DNS
 * server, as a receiver would.
 */
import { execFile, spawnSync } from 'node:child_process';
import { existsSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';

const run = promisify(execFile);
const OPENDKIM = '/usr/sbin/opendkim';
/** Debian's, for which its packages are installed. */
const PYTHON = '/usr/bin/python3';

export const hasOpendkim = existsSync(OPENDKIM);
export const hasDkimpy = existsSync(PYTHON) && spawnSync(PYTHON, ['-c', 'import dkim, dns.resolver, nacl']).status === 0;

/** Per signature, from the top: selector and verdict (`s1 pass`). `dir` is for its files. */
export async function opendkim(message: Buffer, dns: string, dir: string): Promise<string[]> {
  const [host = '', port = ''] = dns.split(':');
  const file = (name: string, text: string | Buffer): string => {
    writeFileSync(join(dir, name), text);
    return join(dir, name);
  };
  const resolver = `server:
  do-not-query-localhost: no
  username: ""
  chroot: ""
  use-syslog: no
forward-zone:
  name: "."
  forward-addr: ${host}@${port}
`;
  const config = `Mode v\nSyslog no\nAlwaysAddARHeader yes\nResolverConfiguration ${file('unbound.conf', resolver)}\n`;
  const args = ['-x', file('opendkim.conf', config), '-vvv', '-t', file('message.eml', message)];
  // Its exit code is that of the last signature.
  const { stdout } = await run(OPENDKIM, args).catch((error: { stdout?: string }) => ({ stdout: error.stdout ?? '' }));
  return [...stdout.matchAll(/dkim=(\w+)(?:(?!dkim=)[^])*?header\.s=([\w.-]+)/g)].map(([, verdict, selector]) => `${selector} ${verdict}`);
}

const SCRIPT = `
import sys, dkim, dns.resolver
resolver = dns.resolver.Resolver(configure=False)
resolver.nameservers, resolver.port = [sys.argv[1]], int(sys.argv[2])
def txt(name, timeout=5):
    try:
        return b''.join(list(resolver.resolve(name.decode().rstrip('.'), 'TXT'))[0].strings)
    except dns.resolver.NXDOMAIN:
        return None
verifier = dkim.DKIM(sys.stdin.buffer.read())
for i, (name, value) in enumerate(h for h in verifier.headers if h[0].lower() == b'dkim-signature'):
    try:
        good = verifier.verify(idx=i, dnsfunc=txt)
    except dkim.DKIMException:
        good = False
    print(dkim.parse_tag_value(value)[b's'].decode(), 'pass' if good else 'fail')
`;

/** As above. */
export async function dkimpy(message: Buffer, dns: string): Promise<string[]> {
  const [host = '', port = ''] = dns.split(':');
  const child = run(PYTHON, ['-c', SCRIPT, host, port]);
  child.child.stdin?.end(message);
  return (await child).stdout.split('\n').filter(line => line !== '');
}
