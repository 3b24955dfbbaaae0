/**
 * A small certificate authority in a temporary folder, by openssl: roots, certificates under them, dates at will.
 */
import { execFileSync } from 'node:child_process';
import { X509Certificate } from 'node:crypto';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

export interface Certificate {
  readonly cert: string;
  readonly key: string;
  readonly der: Buffer;
  readonly spki: Buffer;
}

export class Authority {
  readonly dir = mkdtempSync(join(tmpdir(), 'rampd-ca-'));
  #serial = 0;

  /** Signed by `issuer`, or by itself. */
  make(name: string, options: { issuer?: Certificate; ca?: boolean; days?: number; names?: readonly string[] } = {}): Certificate {
    const path = (kind: string): string => join(this.dir, `${++this.#serial}.${kind}`);
    const [key, request, cert, extensions] = [path('key'), path('csr'), path('pem'), path('ext')];
    const openssl = (...args: string[]): void => void execFileSync('openssl', args, { stdio: 'ignore', cwd: this.dir });
    openssl(
      'req',
      '-new',
      '-newkey',
      'ec',
      '-pkeyopt',
      'ec_paramgen_curve:prime256v1',
      '-nodes',
      '-keyout',
      key,
      '-out',
      request,
      '-subj',
      `/CN=${name}`,
    );
    writeFileSync(
      extensions,
      options.ca
        ? 'basicConstraints=critical,CA:TRUE\n'
        : `basicConstraints=CA:FALSE\nsubjectAltName=${(options.names ?? [name]).map(n => `DNS:${n}`).join(',')}\n`,
    );
    const signer = options.issuer ? this.#signer(options.issuer) : ['-signkey', key];
    openssl(
      'x509',
      '-req',
      '-in',
      request,
      '-out',
      cert,
      '-days',
      String(options.days ?? 30),
      '-set_serial',
      String(++this.#serial),
      '-extfile',
      extensions,
      ...signer,
    );
    const pem = readFileSync(cert, 'utf8');
    const parsed = new X509Certificate(pem);
    return { cert: pem, key: readFileSync(key, 'utf8'), der: parsed.raw, spki: parsed.publicKey.export({ type: 'spki', format: 'der' }) };
  }

  #signer(issuer: Certificate): string[] {
    const at = join(this.dir, `${++this.#serial}`);
    writeFileSync(`${at}.pem`, issuer.cert);
    writeFileSync(`${at}.key`, issuer.key);
    return ['-CA', `${at}.pem`, '-CAkey', `${at}.key`];
  }

  remove(): void {
    rmSync(this.dir, { recursive: true, force: true });
  }
}
