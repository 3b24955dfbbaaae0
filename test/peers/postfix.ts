/**
 * Postfix as a receiver: an instance of its own in a temporary folder, on an address and port of its own, with users it knows
 * and STARTTLS. Its mail log is what tests look at. Starts and stops nothing but itself.
 */
import { execFile } from 'node:child_process';
import { chownSync, existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { promisify } from 'node:util';
import { until } from '../e2e/world.js';
import type { Policy } from './policy.js';
import { idsOf, makeRsa, type ReceiverOptions } from './receiving.js';
import { Running } from './running.js';
import { childrenOf, serving, unread } from './serving.js';

const run = promisify(execFile);
const MASTER = '/usr/lib/postfix/sbin/master';

/** The folders of its queue. */
const QUEUES = 'active bounce corrupt defer deferred flush hold incoming maildrop private public saved trace'.split(' ');

/** Why no Postfix can be had here; undefined when it can. */
export const noPostfix = !existsSync(MASTER)
  ? 'Postfix is not installed'
  : process.getuid?.() !== 0
    ? 'only root may run Postfix'
    : !existsSync('/usr/bin/openssl')
      ? 'openssl is not installed'
      : undefined;

export class Postfix extends Running {
  readonly #config = this.at('etc');
  // Without `postfix start`, which looks at every file of the installation first.
  protected readonly command = { program: MASTER, args: ['-c', this.#config, '-s'] };
  protected override readonly logFile = 'mail.log';

  private constructor(options: ReceiverOptions) {
    super('postfix', options);
    this.#write();
  }

  static start(options: ReceiverOptions): Promise<Postfix> {
    return new Postfix(options).begin();
  }

  /** Recipients of what was taken and delivered, in order. */
  get delivered(): string[] {
    return [...this.log.matchAll(/ to=<([^>]*)>, .*status=sent/g)].map(m => m[1] ?? '');
  }

  /**
   * Its cleanup takes no more, so that what speaks with the client stops to read when it has handed on what the way between
   * them holds; there it is killed.
   */
  async dieInTheMiddle(client: string): Promise<void> {
    const server = serving(this.options, client);
    const master = Number(readFileSync(this.at('queue', 'pid', 'master.pid'), 'utf8'));
    const writers = childrenOf(master, 'cleanup');
    for (const pid of writers) process.kill(pid, 'SIGSTOP');
    try {
      await until(
        () => unread(this.options, client),
        octets => octets > 0,
      );
      process.kill(server, 'SIGKILL');
    } finally {
      for (const pid of writers) process.kill(pid, 'SIGCONT');
    }
  }

  /** Tries anew what it put off. */
  async flush(): Promise<void> {
    await run('/usr/sbin/postqueue', ['-c', this.#config, '-f']);
  }

  #write(): void {
    const {
      address,
      port,
      domain,
      alike = [],
      users,
      maxSize,
      policy,
      tls = 'offered',
      clear = [],
      keep = false,
      relayTo,
      impatientAt,
      screened = false,
      more = '',
    } = this.options;
    for (const name of ['etc', 'queue', 'data', 'mail']) mkdirSync(this.at(name));
    const domains = [domain, ...alike];
    const mailboxes = domains.flatMap(name => users.map(user => `${user}@${name}`));
    const [uid, gid] = idsOf('postfix') ?? [0, 0];
    mkdirSync(this.at('queue', 'pid'));
    for (const name of QUEUES) mkdirSync(this.at('queue', name), { mode: 0o700 });
    for (const name of ['data', 'mail', ...QUEUES.map(queue => `queue/${queue}`)]) chownSync(this.at(name), uid, gid);
    const [cert, key] = [this.at('cert.pem'), this.at('key.pem')];
    makeRsa(`mx.${domain}`, cert, key);
    writeFileSync(
      this.at('etc', 'main.cf'),
      `compatibility_level = 3.6
queue_directory = ${this.at('queue')}
data_directory = ${this.at('data')}
maillog_file = ${this.at('mail.log')}
maillog_file_prefixes = ${this.dir}
myhostname = mx.${domain}
mydestination =
mynetworks = ${relayTo ? '127.0.0.0/8' : ''}
${relayTo ? `relayhost = [127.0.0.1]:${relayTo}` : ''}
inet_interfaces = 127.0.0.1
inet_protocols = ipv4
alias_maps =
virtual_mailbox_domains = ${domains.join(', ')}
virtual_mailbox_maps = inline:{ ${mailboxes.map(mailbox => `${mailbox}=./`).join(', ')} }
virtual_transport = ${keep ? 'virtual' : 'discard'}:
virtual_mailbox_base = ${this.at('mail')}
virtual_uid_maps = static:${uid}
virtual_gid_maps = static:${gid}
smtpd_peername_lookup = no
${policy ? asking(policy) : 'smtpd_recipient_restrictions = permit_mynetworks, reject_unauth_destination'}
smtpd_tls_security_level = ${{ none: 'none', offered: 'may', broken: 'may', required: 'encrypt' }[tls]}
smtpd_discard_ehlo_keyword_address_maps = inline:{ ${['0.0.0.0', ...clear].map(host => `${host}=starttls`).join(', ')} }
smtpd_tls_cert_file = ${cert}
smtpd_tls_key_file = ${key}
smtpd_tls_loglevel = 1
message_size_limit = ${maxSize}
postscreen_greet_wait = 1s
postscreen_bare_newline_enable = yes
in_flow_delay = 0
service_throttle_time = 1s
${more}
`,
    );
    // inet_interfaces takes configured addresses only; what is listened on stands here.
    const services = [
      ...(screened
        ? [`${address}:${port} inet n - n - 1 postscreen`, 'smtpd pass - - n - - smtpd', 'dnsblog unix - - n - 0 dnsblog']
        : [`${address}:${port} inet n - n - - smtpd`]),
      ...(impatientAt === undefined ? [] : [`${impatientAt}:${port} inet n - n - - smtpd -o smtpd_timeout=2s`]),
      'cleanup unix n - n - 0 cleanup',
      'qmgr unix n - n 300 1 qmgr',
      'rewrite unix - - n - - trivial-rewrite',
      'bounce unix - - n - 0 bounce',
      'defer unix - - n - 0 bounce',
      'trace unix - - n - 0 bounce',
      'verify unix - - n - 1 verify',
      'proxymap unix - - n - - proxymap',
      'error unix - - n - - error',
      'retry unix - - n - - error',
      'discard unix - - n - - discard',
      'pickup unix n - n 60 1 pickup',
      'smtp unix - - n - - smtp',
      'virtual unix - n n - - virtual',
      'anvil unix - - n - 1 anvil',
      'tlsmgr unix - - n 1000? 1 tlsmgr',
      'postlog unix-dgram n - n - 1 postlogd',
    ];
    writeFileSync(this.at('etc', 'master.cf'), `${services.join('\n')}\n`);
  }
}

/** Restrictions that ask before every answer. */
function asking(policy: Policy): string {
  const ask = `check_policy_service { inet:127.0.0.1:${policy.port}, timeout=10s, try_limit=1, default_action=DUNNO }`;
  return `smtpd_delay_reject = no
smtpd_client_restrictions = ${ask}
smtpd_helo_required = yes
smtpd_helo_restrictions = ${ask}
smtpd_sender_restrictions = ${ask}
smtpd_recipient_restrictions = reject_unauth_destination, ${ask}
smtpd_data_restrictions = ${ask}
smtpd_end_of_data_restrictions = ${ask}`;
}
