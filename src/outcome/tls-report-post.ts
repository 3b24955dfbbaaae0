/**
 * A TLS report on its way to an `https:` address (RFC 8460 sections 3 and 5): POST of the gzipped JSON.
 *
 * A stranger's DNS names the address. So the certificate must be trusted and name the host, redirects are not followed, the
 * host's addresses are those that mail may go to (a private one is not asked), and time and the answer's size are bounded.
 */
import { request } from 'node:https';
import type { LookupFunction } from 'node:net';
import { rootCertificates } from 'node:tls';
import { SECOND, type Ms } from '../kernel/units.js';
import { exchange, type HttpAnswer } from './http-exchange.js';

type Resolved = { readonly addresses: readonly string[] } | { readonly temporary: string } | { readonly none: string };

export interface ReportPostPorts {
  /** The addresses of a host that may be asked. */
  readonly addresses: (host: string, port: number) => Promise<Resolved>;
  /** PEM of roots to trust beside the well-known ones. */
  readonly ca: () => string | undefined;
  /** Where the address says no port. */
  readonly port: () => number;
  readonly timeout?: Ms;
}

/** Rejects when there is no answer in time, when the host may not be asked or is not who it says. */
export type ReportPost = (url: string, gzipped: Buffer, signal: AbortSignal) => Promise<HttpAnswer>;

const TIMEOUT = 30 * SECOND;

export function createReportPost({ addresses, ca, port, timeout = TIMEOUT }: ReportPostPorts): ReportPost {
  return async (written, gzipped, signal) => {
    const url = new URL(written);
    const host = url.hostname.replace(/^\[(.*)\]$/, '$1');
    const at = url.port === '' ? port() : Number(url.port);
    const found = await addresses(host, at);
    if (!('addresses' in found)) throw new Error('temporary' in found ? found.temporary : found.none);
    const roots = ca();
    const sent = request({
      method: 'POST',
      host,
      port: at,
      path: `${url.pathname}${url.search}`,
      agent: false,
      lookup: answering(found.addresses),
      minVersion: 'TLSv1.2',
      rejectUnauthorized: true,
      ...(roots !== undefined && { ca: [...rootCertificates, roots] }),
      headers: { 'content-type': 'application/tlsrpt+gzip', 'content-length': gzipped.length, 'user-agent': 'rampd' },
    });
    return exchange(sent, { body: gzipped, timeout, signal });
  };
}

/** Nobody is asked a second time: the answer could be another one. */
function answering(addresses: readonly string[]): LookupFunction {
  const list = addresses.map(address => ({ address, family: address.includes(':') ? 6 : 4 }));
  return (_host, options, callback) => {
    if (options.all) callback(null, list);
    else callback(null, list[0]?.address ?? '', list[0]?.family);
  };
}
