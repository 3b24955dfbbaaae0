/**
 * Exim as a receiver: an instance of its own in a temporary folder, on an address and port of its own, with users it knows,
 * STARTTLS, and ACLs that ask a Policy before every answer. What it takes it keeps in a maildir. Starts and stops nothing but
 * itself. `.ci/peers` says where the program comes from.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { chmodSync, chownSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { makeSelfSigned } from '../../src/rehearse/self-signed.js';
import { kept, type Kept } from './maildir.js';
import { PHASES, type Phase } from './policy.js';
import { ended, idsOf, type ReceiverOptions, up } from './receiving.js';

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

export class Exim {
  readonly dir = mkdtempSync(join(tmpdir(), 'rampd-exim-'));
  readonly address: string;
  #process: ChildProcess | undefined;

  private constructor(readonly options: ReceiverOptions) {
    this.address = options.address;
  }

  static async start(options: ReceiverOptions): Promise<Exim> {
    const exim = new Exim(options);
    exim.#write();
    exim.#process = spawn(PROGRAM, ['-C', join(exim.dir, 'exim.conf'), '-bdf'], { stdio: 'ignore' });
    try {
      await up(options, exim.#process, () => exim.log);
    } catch (error) {
      await exim.stop();
      throw error;
    }
    return exim;
  }

  /** The main log so far. */
  get log(): string {
    const file = join(this.dir, 'log', 'mainlog');
    return existsSync(file) ? readFileSync(file, 'utf8') : '';
  }

  get kept(): Kept[] {
    return kept(join(this.dir, 'mail'));
  }

  async stop(): Promise<void> {
    await ended(this.#process);
    rmSync(this.dir, { recursive: true, force: true });
  }

  #write(): void {
    const { address, port, domain, alike = [], users, maxSize, policy, tls = 'offered', clear = [], more = '' } = this.options;
    chmodSync(this.dir, 0o755);
    const [uid, gid] = idsOf(USER) ?? [0, 0];
    for (const name of ['spool', 'log', 'mail']) {
      mkdirSync(join(this.dir, name));
      chownSync(join(this.dir, name), uid, gid);
    }
    const { cert, key } = makeSelfSigned(`mx.${domain}`, Date.now());
    const [certFile, keyFile] = [join(this.dir, 'cert.pem'), join(this.dir, 'key.pem')];
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
      rcpt: `  require domains = ${domains}
    message = 550 5.7.1 relay not permitted
  require verify = recipient
    message = 550 5.1.1 <$local_part@$domain>: User unknown
`,
    };
    writeFileSync(
      join(this.dir, 'exim.conf'),
      `exim_path = ${PROGRAM}
primary_hostname = mx.${domain}
local_interfaces = ${address}
daemon_smtp_ports = ${port}
spool_directory = ${join(this.dir, 'spool')}
log_file_path = ${join(this.dir, 'log')}/%slog
pid_file_path = ${join(this.dir, 'pid')}
notifier_socket =
keep_environment =
disable_ipv6
host_lookup =
rfc1413_query_timeout = 0s
tls_advertise_hosts = ${tls === 'none' ? '' : [...clear.map(host => `! ${host}`), '*'].join(' : ')}
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
  directory = ${join(this.dir, 'mail')}
  maildir_format
  create_directory
  envelope_to_add
  return_path_add
  user = ${USER}
`,
    );
  }
}
