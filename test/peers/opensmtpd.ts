/**
 * OpenSMTPD as a receiver, on an address and port of its own, with users it knows, STARTTLS, and a filter that asks a Policy
 * before every answer. What it takes it keeps in a maildir.
 *
 * Its spool and control socket stand where it was built to have them. It gets a mount table of its own, in which those folders
 * are empty; where that is not allowed it takes the real ones, and there can be one on the machine. Starts and stops nothing
 * but itself. `.ci/peers` says where the program comes from.
 */
import { spawnSync } from 'node:child_process';
import { chmodSync, chownSync, existsSync, mkdirSync, readdirSync, writeFileSync } from 'node:fs';
import type { Policy } from './policy.js';
import { idsOf, makeRsa, type ReceiverOptions } from './receiving.js';
import { Running } from './running.js';
import { limitFiles, serving } from './serving.js';

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

/**
 * Its keys are in another process: in its own there are public halves, which sign by way of OpenSSL 1's methods. OpenSSL 3 reads
 * keys in a manner in which that link is lost, unless an engine has to do with keys; this one leaves its keys alone.
 */
const ENGINE = readdirSync('/usr/lib')
  .map(name => `/usr/lib/${name}/engines-3/pkcs11.so`)
  .find(file => existsSync(file));

/** Why OpenSMTPD breaks every handshake here; undefined when it does not. */
export const noOpenSmtpdTls = ENGINE === undefined ? 'libengine-pkcs11-openssl is not installed' : undefined;

const OPENSSL = `openssl_conf = init
[init]
engines = engines
[engines]
pkcs11 = pkcs11
[pkcs11]
engine_id = pkcs11
dynamic_path = ${ENGINE}
default_algorithms = PKEY
init = 0
`;

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

type Options = ReceiverOptions & { readonly policy: Policy };

export class OpenSmtpd extends Running<Options> {
  protected readonly command;

  private constructor(options: Options) {
    super('opensmtpd', options);
    this.#write();
    const command = [PROGRAM, '-d', '-f', this.at('smtpd.conf')];
    const [program = '', ...args] = apart ? ['unshare', '-m', 'sh', '-c', APART, 'smtpd', ...command] : command;
    this.command = { program, args, env: ENGINE === undefined || options.tls === 'broken' ? {} : { OPENSSL_CONF: this.at('openssl.cnf') } };
  }

  static start(options: Options): Promise<OpenSmtpd> {
    return new OpenSmtpd(options).begin();
  }

  /** It writes the message itself, and serves all clients: they all see the end of it. */
  async dieInTheMiddle(client: string): Promise<void> {
    limitFiles(serving(this.options, client), 500_000);
  }

  /** None of its processes goes on without the one that died. */
  override recover(): Promise<void> {
    return this.again();
  }

  #write(): void {
    const { address, port, domain, alike = [], users, maxSize, policy, tls = 'offered', more = '' } = this.options;
    mkdirSync(this.at('mail'));
    chownSync(this.at('mail'), ...(idsOf(USER) ?? [0, 0]));
    // It refuses keys that others may read.
    makeRsa(`mx.${domain}`, this.at('cert.pem'), this.at('key.pem'));
    chmodSync(this.at('key.pem'), 0o600);
    writeFileSync(this.at('openssl.cnf'), OPENSSL);
    writeFileSync(this.at('filter'), filter(policy.port), { mode: 0o755 });
    const domains = [domain, ...alike];
    const mailboxes = domains.flatMap(name => users.map(user => `${user}@${name}`));
    const security = { none: '', offered: 'tls pki own', broken: 'tls pki own', required: 'tls-require pki own' }[tls];
    writeFileSync(
      this.at('smtpd.conf'),
      `table users { ${mailboxes.map(mailbox => `"${mailbox}" = "${USER}"`).join(', ')} }
pki own cert "${this.at('cert.pem')}"
pki own key "${this.at('key.pem')}"
smtp max-message-size ${maxSize}
filter ask proc-exec "${this.at('filter')}"
listen on ${address} port ${port} ${security} hostname mx.${domain} filter ask
${more}
action keep maildir "${this.at('mail')}" virtual <users>
match from any for domain { ${domains.map(name => `"${name}"`).join(', ')} } action keep
`,
    );
  }
}
