/**
 * `tls:` and `dns:` of rampd.yaml: how receivers' certificates and policies are judged, and whose DNS is believed.
 *
 * The roots of `ca` are read here, so that a file that is missing or holds none is a fault with a place, and never a daemon
 * that suddenly trusts nobody. AD is believed from loopback only (RFC 7672 section 2.2 asks for a trusted path).
 */
import { X509Certificate } from 'node:crypto';
import ipaddr from 'ipaddr.js';
import { certificatesIn } from '../kernel/pem.js';
import { TLS_DEFAULTS, type Settings, type TlsSettings } from '../kernel/settings.js';
import type { FileReader } from './files.js';
import type { SettingsText } from './settings.js';

export function readTls(text: SettingsText, read: FileReader, absolute: (path: string) => string): TlsSettings {
  const tls = text.section('tls');
  const ca = tls?.ca === undefined ? undefined : readRoots(text, read, absolute(tls.ca));
  return {
    mtaSts: tls?.['mta-sts'] ?? TLS_DEFAULTS.mtaSts,
    ...(ca && { ca }),
    minVersion: tls?.['min-version'] ?? TLS_DEFAULTS.minVersion,
    httpsPort: tls?.['https-port'] ?? TLS_DEFAULTS.httpsPort,
    ...(tls?.report && {
      report: {
        from: tls.report.from,
        organization: tls.report.organization,
        ...(tls.report.pool !== undefined && { pool: tls.report.pool }),
      },
    }),
  };
}

function readRoots(text: SettingsText, read: FileReader, file: string): TlsSettings['ca'] {
  const place = text.yaml.place(['tls', 'ca']);
  const content = read.text(file);
  const roots = certificatesIn(content ?? '');
  if (content !== undefined && roots.length > 0 && roots.every(isCertificate)) return { file, pem: roots.join('\n') };
  text.findings.fault(place, {
    code: 'bad-certificates',
    what: content === undefined ? `${file} cannot be read` : `${file} holds ${roots.length === 0 ? 'no' : 'a broken'} certificate`,
    allowed: 'a file of certificates in PEM',
  });
  return undefined;
}

function isCertificate(pem: string): boolean {
  try {
    return new X509Certificate(pem).raw.length > 0;
  } catch {
    return false;
  }
}

export function readDns(text: SettingsText): Settings['dns'] {
  const dns = text.section('dns');
  const servers = dns?.servers ?? [];
  if (dns?.dnssec !== true) return { servers };
  const place = text.yaml.place(['dns', 'dnssec']);
  if (servers.length === 0)
    text.findings.fault(place, {
      code: 'dnssec-server',
      what: 'dnssec: true says nothing about which resolver validates',
      allowed: 'servers: ["127.0.0.1"], a validating resolver on this machine',
    });
  const far = servers.find(server => !isLoopback(server));
  if (far !== undefined)
    text.findings.fault(place, {
      code: 'dnssec-server',
      what: `${far} is not on this machine: what it says of validation could be forged on the way`,
      allowed: 'servers on loopback addresses, such as 127.0.0.1 or [::1]:5353',
      hint: 'run unbound or another validating resolver here, and name it alone',
    });
  return { servers, dnssec: true };
}

const isLoopback = (server: string): boolean =>
  ipaddr.process(server.replace(/^\[(.*)\](:\d+)?$/, '$1').replace(/^([\d.]+):\d+$/, '$1')).range() === 'loopback';
