/**
 * Entries of `smtp-hosts`: a host as text, or a map for a smart host that wants a password or its own manner of TLS.
 *
 * A password stands in the entry or in a file of its own, read when the configuration is read; what cannot be read is a
 * fault. A password never travels in the clear unless the entry says `tls: none`, and then `check` warns.
 */
import type { SmtpHost } from '../kernel/settings.js';
import type { Findings } from './findings.js';
import { either, mapping, oneOf, quoted } from './shape.js';
import { path, port, smtpHost, textOf } from './words.js';
import type { Path, YamlText } from './yaml-text.js';

/** Submission over implicit TLS (RFC 8314 §3.3). */
const SUBMISSIONS = 465;

/** What reading a host needs besides its entry. */
export interface HostDefaults {
  readonly smtpPort: number;
  /** The text of a password file; undefined when it cannot be read. */
  secret(path: string): string | undefined;
}

/** `tls` and the credentials belong to maps only. */
interface Entry {
  readonly host: { readonly host: string; readonly port?: number };
  readonly port?: number | undefined;
  readonly user?: string | undefined;
  readonly password?: string | undefined;
  readonly 'password-file'?: string | undefined;
  readonly tls?: SmtpHost['tls'] | undefined;
}

export const smtpHostShape = either('a host such as 10.0.0.5:25, or a map of host, port, user, password, password-file, tls', [
  smtpHost.transform((host): Entry => ({ host })),
  mapping('a host', {
    host: smtpHost,
    port: port.optional(),
    user: textOf('a user name').optional(),
    password: textOf('a password').optional(),
    'password-file': path.optional(),
    tls: oneOf('starttls: TLS or nothing; implicit: TLS from the first byte; none: in the clear', [
      'starttls',
      'implicit',
      'none',
    ]).optional(),
  }),
]);

/** undefined when faults were added. */
export function toSmtpHost(entry: Entry, yaml: YamlText, at: Path, defaults: HostDefaults, findings: Findings): SmtpHost | undefined {
  const { user, tls } = entry;
  const own = entry.port ?? entry.host.port;
  if (entry.port !== undefined && entry.host.port !== undefined && entry.port !== entry.host.port) {
    findings.fault(yaml.place([...at, 'port']), {
      code: 'contradiction',
      what: `host says port ${entry.host.port}, port says ${entry.port}`,
    });
    return undefined;
  }
  const place = { host: entry.host.host, port: own ?? (tls === 'implicit' ? SUBMISSIONS : defaults.smtpPort) };
  const read = readPassword(entry, yaml, at, defaults, findings);
  if (!read) return undefined;
  const { password } = read;
  if (user === undefined || password === undefined) return { ...place, ...(tls !== undefined && { tls }) };
  if (tls === 'none')
    findings.warn(yaml.place([...at, 'tls']), {
      code: 'clear-password',
      what: `the password of ${place.host} travels in the clear`,
      hint: 'leave tls out: TLS is then required before the password is sent',
    });
  return { ...place, tls: tls ?? 'starttls', auth: { user, password } };
}

/** undefined when faults were added. */
function readPassword(
  entry: Entry,
  yaml: YamlText,
  at: Path,
  defaults: HostDefaults,
  findings: Findings,
): { readonly password?: string } | undefined {
  const { user, password, 'password-file': file } = entry;
  const fault = (what: string): undefined =>
    void findings.fault(yaml.place(at), { code: 'bad-host', what, allowed: 'user with password or password-file, or none of them' });
  if (password !== undefined && file !== undefined) return fault('a host says password and password-file');
  if (user === undefined) return password === undefined && file === undefined ? {} : fault('a host says a password and no user');
  if (password !== undefined) return { password };
  if (file === undefined) return fault(`user ${quoted(user)} has no password`);
  const text = defaults.secret(file)?.replace(/\r?\n$/, '');
  if (text !== undefined && text !== '') return { password: text };
  findings.fault(yaml.place([...at, 'password-file']), {
    code: 'unreadable',
    what: `the password file ${quoted(file)} ${text === undefined ? 'cannot be read' : 'is empty'}`,
    hint: 'relative paths start at the configuration file',
  });
  return undefined;
}
