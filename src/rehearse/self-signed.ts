/**
 * A self-signed X.509 certificate, made anew at every start: rehearsal receivers offer STARTTLS without a key in the package.
 *
 * DER by hand, since node signs bytes but makes no certificates: version 3, P-256, ECDSA with SHA-256 (RFC 5280, RFC 5758).
 * For loopback rehearsal only: nobody vouches for it.
 */
import { createSecureContext, type SecureContext } from 'node:tls';
import { generateKeyPairSync, randomBytes, sign } from 'node:crypto';

const SEQUENCE = 0x30;
const SET = 0x31;
const OID = { commonName: '550403', ecdsaWithSha256: '2a8648ce3d040302', subjectAltName: '551d11' } as const;

/** One tag-length-value. */
function der(tag: number, ...parts: readonly Buffer[]): Buffer {
  const content = Buffer.concat(parts);
  if (content.length < 0x80) return Buffer.concat([Buffer.from([tag, content.length]), content]);
  const length = Buffer.from(content.length.toString(16).padStart(content.length > 0xff ? 4 : 2, '0'), 'hex');
  return Buffer.concat([Buffer.from([tag, 0x80 | length.length]), length, content]);
}

const oid = (hex: string) => der(0x06, Buffer.from(hex, 'hex'));
const generalizedTime = (ms: number) => der(0x18, Buffer.from(`${new Date(ms).toISOString().replace(/[-:T]/g, '').slice(0, 14)}Z`));
const bitString = (bytes: Buffer) => der(0x03, Buffer.from([0]), bytes);

export interface SelfSigned {
  readonly key: string;
  readonly cert: string;
}

/** `hostName` becomes common name and DNS name; valid from a year before `now` (epoch ms) to ten years after. */
export function makeSelfSigned(hostName: string, now: number): SelfSigned {
  const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve: 'prime256v1' });
  const year = 365 * 86_400_000;
  const algorithm = der(SEQUENCE, oid(OID.ecdsaWithSha256));
  const name = der(SEQUENCE, der(SET, der(SEQUENCE, oid(OID.commonName), der(0x0c, Buffer.from(hostName.slice(0, 64))))));
  const serial = randomBytes(8);
  serial[0] = ((serial[0] ?? 0) & 0x3f) | 0x40;
  const altNames = der(SEQUENCE, der(0x82, Buffer.from(hostName)));
  const certificate = der(
    SEQUENCE,
    der(0xa0, der(0x02, Buffer.from([2]))),
    der(0x02, serial),
    algorithm,
    name,
    der(SEQUENCE, generalizedTime(now - year), generalizedTime(now + 10 * year)),
    name,
    publicKey.export({ type: 'spki', format: 'der' }),
    der(0xa3, der(SEQUENCE, der(SEQUENCE, oid(OID.subjectAltName), der(0x04, altNames)))),
  );
  const signature = sign('sha256', certificate, privateKey);
  const whole = der(SEQUENCE, certificate, algorithm, bitString(signature));
  const lines = whole.toString('base64').replace(/.{64}/g, '$&\n').trimEnd();
  return {
    key: privateKey.export({ type: 'pkcs8', format: 'pem' }).toString(),
    cert: `-----BEGIN CERTIFICATE-----\n${lines}\n-----END CERTIFICATE-----\n`,
  };
}

/** What a TLS server needs to answer with such a certificate. */
export function selfSignedContext(hostName: string, now: number): SecureContext {
  return createSecureContext({ ...makeSelfSigned(hostName, now), minVersion: 'TLSv1.2' });
}
