/**
 * Postfix as a receiver: an instance of its own in a temporary folder, on an address and port of its own, with users it knows
 * and STARTTLS. Its mail log is what tests look at. Starts and stops nothing but itself.
 */
import { execFile, execFileSync } from 'node:child_process';
import { chmodSync, chownSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import net from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { until } from '../e2e/world.js';

const run = promisify(execFile);
const PROGRAM = '/usr/sbin/postfix';

/** Why no Postfix can be had here; undefined when it can. */
export const noPostfix = !existsSync(PROGRAM)
  ? 'Postfix is not installed'
  : process.getuid?.() !== 0
    ? 'only root may run Postfix'
    : !existsSync('/usr/bin/openssl')
      ? 'openssl is not installed'
      : undefined;

export interface PostfixOptions {
  readonly address: string;
  readonly port: number;
  readonly domain: string;
  readonly users: readonly string[];
  /** Octets. */
  readonly maxSize: number;
  /** Further lines of main.cf. */
  readonly more?: string;
}

export class Postfix {
  readonly dir = mkdtempSync(join(tmpdir(), 'rampd-postfix-'));
  readonly #config = join(this.dir, 'etc');

  private constructor(readonly options: PostfixOptions) {}

  static async start(options: PostfixOptions): Promise<Postfix> {
    const postfix = new Postfix(options);
    postfix.#write();
    await run(PROGRAM, ['-c', postfix.#config, 'start']);
    await until(
      () => answers(options.address, options.port),
      up => up,
    );
    return postfix;
  }

  /** The mail log so far. */
  get log(): string {
    const file = join(this.dir, 'mail.log');
    return existsSync(file) ? readFileSync(file, 'utf8') : '';
  }

  /** Recipients of what was taken and delivered, in order. */
  get delivered(): string[] {
    return [...this.log.matchAll(/ to=<([^>]*)>, .*status=sent/g)].map(m => m[1] ?? '');
  }

  async stop(): Promise<void> {
    // `stop` waits until master and its children are gone.
    await run(PROGRAM, ['-c', this.#config, 'stop']).catch(() => undefined);
    rmSync(this.dir, { recursive: true, force: true });
  }

  #write(): void {
    const { address, port, domain, users, maxSize, more = '' } = this.options;
    // Postfix's daemons drop root and must pass through.
    chmodSync(this.dir, 0o755);
    for (const name of ['etc', 'queue', 'data']) mkdirSync(join(this.dir, name));
    const [, , uid, gid] = (/^postfix:.*$/m.exec(readFileSync('/etc/passwd', 'utf8'))?.[0] ?? '').split(':');
    chownSync(join(this.dir, 'data'), Number(uid), Number(gid));
    const [cert, key] = [join(this.dir, 'cert.pem'), join(this.dir, 'key.pem')];
    const subject = ['-subj', `/CN=mx.${domain}`, '-days', '2'];
    execFileSync('openssl', ['req', '-x509', '-newkey', 'rsa:2048', '-nodes', '-keyout', key, '-out', cert, ...subject], {
      stdio: 'ignore',
    });
    writeFileSync(
      join(this.#config, 'main.cf'),
      `compatibility_level = 3.6
queue_directory = ${join(this.dir, 'queue')}
data_directory = ${join(this.dir, 'data')}
maillog_file = ${join(this.dir, 'mail.log')}
maillog_file_prefixes = ${this.dir}
myhostname = mx.${domain}
mydestination =
mynetworks =
inet_interfaces = 127.0.0.1
inet_protocols = ipv4
alias_maps =
virtual_mailbox_domains = ${domain}
virtual_mailbox_maps = inline:{ ${users.map(user => `${user}@${domain}=here`).join(', ')} }
virtual_transport = discard:
smtpd_peername_lookup = no
smtpd_recipient_restrictions = reject_unauth_destination
smtpd_tls_security_level = may
smtpd_tls_cert_file = ${cert}
smtpd_tls_key_file = ${key}
smtpd_tls_loglevel = 1
message_size_limit = ${maxSize}
in_flow_delay = 0
${more}
`,
    );
    // inet_interfaces takes configured addresses only; what is listened on stands here.
    const services = [
      `${address}:${port} inet n - n - - smtpd`,
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
      'anvil unix - - n - 1 anvil',
      'tlsmgr unix - - n 1000? 1 tlsmgr',
      'postlog unix-dgram n - n - 1 postlogd',
    ];
    writeFileSync(join(this.#config, 'master.cf'), `${services.join('\n')}\n`);
  }
}

function answers(host: string, port: number): Promise<boolean> {
  return new Promise(done => {
    const socket = net.connect({ host, port });
    socket.once('connect', () => {
      socket.destroy();
      done(true);
    });
    socket.once('error', () => done(false));
  });
}
