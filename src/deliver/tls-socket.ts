/**
 * What a TLS handshake showed, read from the socket under nodemailer's connection.
 */
import { TLSSocket } from 'node:tls';
import type { X509Certificate } from 'node:crypto';
import type SMTPConnection from 'nodemailer/lib/smtp-connection';
import type { TlsPeer } from './tls-peer.js';

/** Certificates of one peer that are looked at. */
const CHAIN_MOST = 12;

/** `socket` is undefined for a connection in the clear. */
export function peerOf(connection: SMTPConnection): { readonly socket: TLSSocket | undefined; readonly peer: TlsPeer } {
  const socket = connection._socket;
  if (!(socket instanceof TLSSocket)) return { socket: undefined, peer: { chain: [], resumed: false } };
  const chain: X509Certificate[] = [];
  let next = socket.getPeerX509Certificate();
  while (next && chain.length < CHAIN_MOST) {
    chain.push(next);
    next = next.issuerCertificate;
  }
  const untrusted = socket.authorized ? undefined : codeOf(socket.authorizationError);
  return { socket, peer: { chain, untrusted, resumed: socket.isSessionReused() } };
}

/** A text at runtime, an Error in the types. */
const codeOf = (error: Error | string | null): string =>
  error instanceof Error ? ((error as NodeJS.ErrnoException).code ?? error.message) : (error ?? 'not verified');
