/**
 * Fetches an MTA-STS policy: https://mta-sts.DOMAIN/.well-known/mta-sts.txt (RFC 8461 section 3.3).
 *
 * The certificate must be trusted and name the host; redirects are not followed; only 200 with text/plain counts; at most
 * 64 KB and 60 s. The host's addresses come from the router, which hands out none that mail may not go to either: a stranger's
 * DNS cannot make this machine ask its own network. Never rejects.
 */
import { request } from 'node:https';
import type { LookupFunction } from 'node:net';
import { rootCertificates } from 'node:tls';
import { TLS_DEFAULTS, type Settings } from '../kernel/settings.js';
import { printable } from '../kernel/text.js';
import type { TlsFailure } from '../kernel/tls.js';
import { SECOND, type Ms } from '../kernel/units.js';
import type { HostAddresses, MxHost } from './router.js';

export type StsFetched =
  { readonly ok: true; readonly text: string } | { readonly ok: false; readonly failure: TlsFailure; readonly text: string };

export interface StsFetchPorts {
  readonly settings: () => Settings;
  readonly addresses: (host: MxHost) => Promise<HostAddresses>;
  readonly timeout?: Ms;
}

const TIMEOUT = 60 * SECOND;
const BYTES_MOST = 64 * 1024;

export function createStsFetch({ settings, addresses, timeout = TIMEOUT }: StsFetchPorts): (domain: string) => Promise<StsFetched> {
  return async domain => {
    const { tls = TLS_DEFAULTS } = settings();
    const host = `mta-sts.${domain}`;
    const found = await addresses({ name: host, preference: 0, port: tls.httpsPort, static: false });
    if (!('addresses' in found)) return failed('temporary' in found ? found.temporary : found.none);
    return get(host, tls.httpsPort, found.addresses, tls.ca && [...rootCertificates, tls.ca.pem], timeout);
  };
}

function get(host: string, port: number, addresses: readonly string[], ca: string[] | undefined, timeout: Ms): Promise<StsFetched> {
  const list = addresses.map(address => ({ address, family: address.includes(':') ? 6 : 4 }));
  const lookup: LookupFunction = (_name, options, callback) => {
    if (options.all) callback(null, list);
    else callback(null, list[0]?.address ?? '', list[0]?.family);
  };
  return new Promise(resolve => {
    const asked = request({
      host,
      port,
      path: '/.well-known/mta-sts.txt',
      headers: { accept: 'text/plain' },
      agent: false,
      lookup,
      servername: host,
      minVersion: 'TLSv1.2',
      rejectUnauthorized: true,
      ...(ca && { ca }),
      signal: AbortSignal.timeout(timeout),
    });
    const end = (result: StsFetched): void => {
      resolve(result);
      asked.destroy();
    };
    asked.on('error', (error: NodeJS.ErrnoException) => end(trouble(error, timeout)));
    asked.on('response', response => {
      const type = response.headers['content-type'] ?? '';
      if (response.statusCode !== 200) return end(failed(`the policy server answered ${response.statusCode}`));
      if (!/^text\/plain\s*(;|$)/i.test(type))
        return end(failed(`the policy is of type ${printable(type, 80) || 'unknown'}, not text/plain`));
      const parts: Buffer[] = [];
      let size = 0;
      response.on('data', (part: Buffer) => {
        parts.push(part);
        size += part.length;
        if (size > BYTES_MOST) end(failed(`the policy is longer than ${BYTES_MOST} bytes`));
      });
      response.on('error', error => end(trouble(error, timeout)));
      response.on('end', () => end({ ok: true, text: Buffer.concat(parts).toString('utf8') }));
    });
    asked.end();
  });
}

/** Codes node gives to certificates it does not accept. */
const UNTRUSTED = /CERT|SELF_SIGNED|UNABLE_TO|ALTNAME|CRL|HOSTNAME/;

function trouble(error: NodeJS.ErrnoException, timeout: Ms): StsFetched {
  if (error.name === 'AbortError' || error.name === 'TimeoutError') return failed(`the policy did not come within ${timeout / SECOND} s`);
  const text = printable(error.message, 300);
  return UNTRUSTED.test(error.code ?? '') ? { ok: false, failure: 'sts-webpki-invalid', text } : failed(text);
}

const failed = (text: string): StsFetched => ({ ok: false, failure: 'sts-policy-fetch-error', text });
