/**
 * Exim as a receiver: an instance of its own in a temporary folder, on an address and port of its own, with users it knows,
 * STARTTLS, and ACLs that ask a Policy before every answer. What it takes it keeps in a maildir. Starts and stops nothing but
 * itself. `.ci/peers` says where the program comes from.
 */
import { chownSync, existsSync, mkdirSync, writeFileSync } from 'node:fs';
import { makeSelfSigned } from '../../src/rehearse/self-signed.js';
import { PHASES, type Phase } from './policy.js';
import { idsOf, type ReceiverOptions } from './receiving.js';
import { Running } from './running.js';
import { limitFiles, serving } from './serving.js';

const PROGRAM = '/opt/rampd-peers/usr/sbin/exim4';
const USER = 'Debian-exim';

/** Why no Exim can be had here; undefined when it can. */
export const noExim = !existsSync(PROGRAM)
  ? 'Exim is not installed'
  : process.getuid?.() !== 0
    ? 'only root may run Exim'
    : idsOf(USER) === undefined
      ? `there is no user ${USER}`
      : undefined;

export class Exim extends Running {
  protected readonly command = { program: PROGRAM, args: ['-C', this.at('exim.conf'), '-bdf'] };
  protected override readonly logFile = 'log/mainlog';

  private constructor(options: ReceiverOptions) {
    super('exim', options);
    this.#write();
  }

  static start(options: ReceiverOptions): Promise<Exim> {
    return new Exim(options).begin();
  }

  /** It writes the message itself, and each client has its own. */
  async dieInTheMiddle(client: string): Promise<void> {
    limitFiles(serving(this.options, client), 500_000);
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
      impatientAt = '',
      more = '',
    } = this.options;
    const [uid, gid] = idsOf(USER) ?? [0, 0];
    for (const name of ['spool', 'log', 'mail']) {
      mkdirSync(this.at(name));
      chownSync(this.at(name), uid, gid);
    }
    const { cert, key } = makeSelfSigned(`mx.${domain}`, Date.now());
    const [certFile, keyFile] = [this.at('cert.pem'), this.at('key.pem')];
    writeFileSync(certFile, cert);
    writeFileSync(keyFile, key);
    chownSync(keyFile, uid, gid);
    const at: Readonly<Record<Phase, string>> = {
      connect: 'connect',
      helo: 'helo',
      mail: 'mail',
      rcpt: 'rcpt',
      data: 'predata',
      end: 'data',
    };
    const ask = (phase: Phase, recipient: string): string =>
      policy
        ? `  warn set acl_c_said = \${readsocket{inet:127.0.0.1:${policy.port}}{${phase}|$sender_host_address|${recipient}\\n}{10s}{}{}}
  defer condition = \${if match{$acl_c_said}{^4}}
    message = $acl_c_said
  deny condition = \${if match{$acl_c_said}{^5}}
    message = $acl_c_said
`
        : '';
    const domains = [domain, ...alike].join(' : ');
    const own: Partial<Record<Phase, string>> = {
      mail: tls === 'required' ? '  deny !encrypted = *\n    message = 530 5.7.0 Must issue a STARTTLS command first\n' : '',
      rcpt: `  require message = 550 5.7.1 relay not permitted
    domains = ${domains}
  require verify = recipient
`,
    };
    writeFileSync(
      this.at('exim.conf'),
      `exim_path = ${PROGRAM}
primary_hostname = mx.${domain}
local_interfaces = ${[address, impatientAt].filter(Boolean).join(' : ')}
daemon_smtp_ports = ${port}
spool_directory = ${this.at('spool')}
log_file_path = ${this.at('log')}/%slog
pid_file_path = ${this.at('pid')}
notifier_socket =
keep_environment =
disable_ipv6
host_lookup =
rfc1413_query_timeout = 0s
# Its 421 after a timeout is in the clear, also within TLS.
smtp_receive_timeout = \${if eq{\$received_ip_address}{${impatientAt}}{2s}{5m}}
tls_advertise_hosts = ${tls === 'none' ? '' : `\${if eq{\$received_ip_address}{${impatientAt}}{}{${[...clear.map(host => `! ${host}`), '*'].join(' : ')}}}`}
tls_certificate = ${certFile}
tls_privatekey = ${keyFile}
smtputf8_advertise_hosts = *
dsn_advertise_hosts = *
smtp_enforce_sync = false
message_size_limit = ${maxSize}
log_selector = +received_recipients +smtp_connection +dnssec
${PHASES.map(phase => `acl_smtp_${at[phase]} = at_${phase}`).join('\n')}
${more}
begin acl
${PHASES.map(phase => `at_${phase}:\n${ask(phase, phase === 'rcpt' ? '$local_part@$domain' : '')}${own[phase] ?? ''}  accept\n`).join('\n')}
begin routers
here:
  driver = accept
  domains = ${domains}
  local_parts = ${users.join(' : ')}
  transport = keep

begin transports
keep:
  driver = appendfile
  directory = ${this.at('mail')}
  maildir_format
  create_directory
  envelope_to_add
  return_path_add
  user = ${USER}
`,
    );
  }
}
