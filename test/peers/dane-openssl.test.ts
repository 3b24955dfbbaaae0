/**
 * TLSA records as OpenSSL judges them and as rampd does: the same verdict for the same records, chain and name.
 */
import { spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync } from 'node:fs';
import type { AddressInfo } from 'node:net';
import { createServer, type Server } from 'node:tls';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { TlsaRecord } from '../../src/kernel/tls.js';
import { matchesTlsa } from '../../src/route/tlsa.js';
import { Authority, type Certificate } from '../route/certificates.js';

const OPENSSL = '/usr/bin/openssl';

describe.skipIf(!existsSync(OPENSSL))(
  `TLSA records, as OpenSSL judges them${existsSync(OPENSSL) ? '' : ' (SKIPPED: openssl is not installed)'}`,
  () => {
    const ca = new Authority();
    const root = ca.make('Root', { ca: true });
    const middle = ca.make('Middle', { ca: true, issuer: root });
    const leaf = ca.make('mx.example', { issuer: middle });
    const other = ca.make('mx.example', { ca: true });
    const certificates: Readonly<Record<string, Certificate>> = { leaf, middle, root, other };
    let server: Server;

    beforeAll(async () => {
      server = createServer({ key: leaf.key, cert: leaf.cert + middle.cert + root.cert }, socket =>
        socket.on('error', () => undefined).end(),
      );
      server.on('tlsClientError', () => undefined);
      await new Promise<void>(up => server.listen(0, '127.0.0.1', up));
    });
    afterAll(() => {
      server.close();
      ca.remove();
    });

    const openssl = ({ usage, selector, matching, data }: TlsaRecord, name: string): Promise<boolean> => {
      const rrdata = `${usage} ${selector} ${matching} ${Buffer.from(data).toString('hex')}`;
      const args = [
        's_client',
        '-connect',
        `127.0.0.1:${(server.address() as AddressInfo).port}`,
        '-verify_return_error',
        '-dane_ee_no_namechecks',
      ];
      const child = spawn(OPENSSL, [...args, '-dane_tlsa_domain', name, '-dane_tlsa_rrdata', rrdata], {
        stdio: ['ignore', 'pipe', 'ignore'],
      });
      let out = '';
      child.stdout.on('data', chunk => (out += chunk));
      return new Promise(done => child.once('close', () => done(/Verify return code: 0 \(ok\)/.test(out) && /Verification: OK/.test(out))));
    };

    const cases = [2, 3].flatMap(usage =>
      [0, 1].flatMap(selector =>
        [0, 1].flatMap(matching => ['leaf', 'middle', 'root', 'other'].map(of => [usage, selector, matching, of] as const)),
      ),
    );

    it.each(cases)('%i %i %i of the %s certificate', async (usage, selector, matching, of) => {
      const { der, spki } = certificates[of] as Certificate;
      const content = selector === 0 ? der : spki;
      const data =
        matching === 0
          ? content
          : createHash(matching === 1 ? 'sha256' : 'sha512')
              .update(content)
              .digest();
      const record = { usage, selector, matching, data };
      const names = ['mx.example', 'elsewhere.example'];
      const ours = names.map(name => matchesTlsa([record], [leaf.der, middle.der, root.der], [name], Date.now()).ok);
      expect(ours).toEqual(await Promise.all(names.map(name => openssl(record, name))));
    });
  },
);
