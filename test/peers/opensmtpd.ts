/**
 * OpenSMTPD as a receiver, on an address and port of its own, with users it knows, STARTTLS, and a filter that asks a Policy
 * before every answer. What it takes it keeps in a maildir.
 *
 * Its spool and control socket stand where it was built to have them. It gets a mount table of its own, in which those folders
 * are empty; where that is not allowed it takes the real ones, and there can be one on the machine. Starts and stops nothing
 * but itself. `.ci/peers` says where the program comes from.
 */
import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import {
  chmodSync,
  chownSync,
  closeSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { kept, type Kept } from './maildir.js';
import type { Policy } from './policy.js';
import { ended, idsOf, makeRsa, type ReceiverOptions, up } from './receiving.js';

const PROGRAM = '/opt/rampd-peers/usr/sbin/smtpd';
/** Whom mail is kept for. */
const USER = 'opensmtpd';
const apart = process.getuid?.() === 0 && spawnSync('unshare', ['-m', 'true']).status === 0;

/** Why no OpenSMTPD can be had here; undefined when it can. */
export const noOpenSmtpd = !existsSync(PROGRAM)
  ? 'OpenSMTPD is not installed'
  : process.getuid?.() !== 0
    ? 'only root may run OpenSMTPD'
    : idsOf(USER) === undefined || idsOf('opensmtpq') === undefined
      ? `its users are missing`
      : !apart && existsSync('/run/smtpd.sock')
        ? 'another OpenSMTPD runs here'
        : undefined;

const APART = 'mount -t tmpfs -o mode=711 none /var/spool && mount -t tmpfs -o mode=755 none /run && exec "$@"';

/** Speaks smtpd-filters(7) version 0.6 on one side and Policy's lines on the other. */
const filter = (port: number): string => `#!${process.execPath}
const PHASES = { connect: 'connect', helo: 'helo', ehlo: 'helo', 'mail-from': 'mail', 'rcpt-to': 'rcpt', data: 'data', commit: 'end' };
const say = (...fields) => process.stdout.write(fields.join('|') + '\\n');
const policy = require('node:net').connect(${port}, '127.0.0.1');
const waiting = [];
const sources = new Map();
const lines = (stream, each) => {
  let text = '';
  stream.on('data', chunk => {
    const all = (text + chunk).split('\\n');
    text = all.pop();
    all.forEach(each);
  });
};
lines(policy, reply => {
  const [session, token] = waiting.shift();
  const verdict = reply === '' ? ['proceed'] : [reply.startsWith('421') ? 'disconnect' : 'reject', reply];
  say('filter-result', session, token, ...verdict);
});
lines(process.stdin, line => {
  if (line === 'config|ready') {
    for (const phase of Object.keys(PHASES)) say('register', 'filter', 'smtp-in', phase);
    say('register', 'ready');
  }
  const [kind, , , , phase, session, token, ...more] = line.split('|');
  if (kind !== 'filter') return;
  if (phase === 'connect') sources.set(session, more[1]);
  waiting.push([session, token]);
  policy.write('+' + PHASES[phase] + '|' + sources.get(session) + '|' + (phase === 'rcpt-to' ? more[0] : '') + '\\n');
});
process.stdin.on('end', () => process.exit(0));
`;

export class OpenSmtpd {
  readonly dir = mkdtempSync(join(tmpdir(), 'rampd-opensmtpd-'));
  #process: ChildProcess | undefined;

  private constructor(readonly options: ReceiverOptions & { readonly policy: Policy }) {}

  static async start(options: ReceiverOptions & { readonly policy: Policy }): Promise<OpenSmtpd> {
    const smtpd = new OpenSmtpd(options);
    smtpd.#write();
    const command = [PROGRAM, '-d', '-f', join(smtpd.dir, 'smtpd.conf')];
    const [program = '', ...args] = apart ? ['unshare', '-m', 'sh', '-c', APART, 'smtpd', ...command] : command;
    const log = openSync(join(smtpd.dir, 'log'), 'a');
    smtpd.#process = spawn(program, args, { stdio: ['ignore', log, log] });
    closeSync(log);
    try {
      await up(options, smtpd.#process, () => smtpd.log);
    } catch (error) {
      await smtpd.stop();
      throw error;
    }
    return smtpd;
  }

  get log(): string {
    return readFileSync(join(this.dir, 'log'), 'utf8');
  }

  get kept(): Kept[] {
    return kept(join(this.dir, 'mail'));
  }

  async stop(): Promise<void> {
    await ended(this.#process);
    rmSync(this.dir, { recursive: true, force: true });
  }

  #write(): void {
    const { address, port, domain, alike = [], users, maxSize, policy, tls = 'offered', more = '' } = this.options;
    const at = (name: string): string => join(this.dir, name);
    chmodSync(this.dir, 0o755);
    mkdirSync(at('mail'));
    chownSync(at('mail'), ...(idsOf(USER) ?? [0, 0]));
    // RSA: it cannot sign with other keys where its OpenSSL is version 3. And it refuses keys that others may read.
    makeRsa(`mx.${domain}`, at('cert.pem'), at('key.pem'));
    chmodSync(at('key.pem'), 0o600);
    writeFileSync(at('filter'), filter(policy.port), { mode: 0o755 });
    const domains = [domain, ...alike];
    const mailboxes = domains.flatMap(name => users.map(user => `${user}@${name}`));
    const security = { none: '', offered: 'tls pki own', required: 'tls-require pki own' }[tls];
    writeFileSync(
      at('smtpd.conf'),
      `table users { ${mailboxes.map(mailbox => `"${mailbox}" = "${USER}"`).join(', ')} }
pki own cert "${at('cert.pem')}"
pki own key "${at('key.pem')}"
smtp max-message-size ${maxSize}
filter ask proc-exec "${at('filter')}"
listen on ${address} port ${port} ${security} hostname mx.${domain} filter ask
${more}
action keep maildir "${at('mail')}" virtual <users>
match from any for domain { ${domains.map(name => `"${name}"`).join(', ')} } action keep
`,
    );
  }
}
