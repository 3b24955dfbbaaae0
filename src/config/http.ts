/**
 * `control: { http: … }` → HttpSettings. A token that could do nothing, or could be read on the wire by everybody, is a fault.
 */
import ipaddr from 'ipaddr.js';
import type { z } from 'zod';
import type { HttpSettings, HttpToken } from '../kernel/settings.js';
import { injection, type httpShape } from './http-shape.js';
import { mustBeDefined } from './references.js';
import { injectionOf, type SettingsText } from './settings.js';
import type { Path } from './yaml-text.js';

const LOOPBACK = ['127.0.0.0/8', '::1/128'];
const HERE: Path = ['control', 'http'];

/** `resolve` makes paths absolute. */
export function readHttp(text: SettingsText, resolve: (path: string) => string): HttpSettings | undefined {
  const value = text.section('control')?.http;
  if (!value) return undefined;
  const { address, port } = value.address;
  checkTls(text, address, value.tls);
  return {
    address,
    port,
    ...(value.tls !== undefined && value.tls !== 'none' && { tls: { cert: resolve(value.tls.cert), key: resolve(value.tls.key) } }),
    allow: value.allow ?? LOOPBACK,
    tokens: readTokens(text, value.tokens),
    from: text.yaml.key(HERE),
  };
}

type Written = z.output<typeof httpShape>;

function readTokens(text: SettingsText, written: Written['tokens']): HttpToken[] {
  const names = new Set<string>();
  return written.flatMap((one, i): HttpToken[] => {
    const path: Path = [...HERE, 'tokens', i];
    const place = text.yaml.place(path);
    const token = typeof one === 'string' ? { token: one, name: `token-${i + 1}`, role: 'read' as const } : one;
    const fault = (what: string, allowed?: string): HttpToken[] => {
      text.findings.fault(place, { code: 'bad-token', what, ...(allowed !== undefined && { allowed }) });
      return [];
    };
    if (names.has(token.name)) return fault(`two tokens are called ${token.name}`);
    names.add(token.name);
    const role = token.role ?? 'inject';
    const pool = 'pool' in token ? token.pool : undefined;
    if (pool === undefined) {
      if (role === 'inject') return fault(`token ${token.name} hands mail in and has no pool`, 'pool: NAME, or role: read');
      if (Object.keys(injection).some(key => key in token))
        return fault(`token ${token.name} has no pool, and says what its mail may`, 'pool: NAME');
      return [{ name: token.name, token: token.token, role }];
    }
    if (role === 'read') return fault(`token ${token.name} only reads, and has a pool`, 'role: inject or operator');
    mustBeDefined('pool', pool, text.names('pools'), text.yaml.place([...path, 'pool']), `token ${token.name} uses`, text.findings);
    const client = { from: [], pool, ...injectionOf('pool' in token ? token : {}), place };
    return [{ name: token.name, token: token.token, role, client }];
  });
}

/** Tokens are passwords: over a network they travel encrypted, unless somebody says that they need not. */
function checkTls(text: SettingsText, address: string, tls: Written['tls']): void {
  if (ipaddr.process(address).range() === 'loopback' || (tls !== undefined && tls !== 'none')) return;
  if (tls === 'none')
    text.findings.warn(text.yaml.place([...HERE, 'tls']), {
      code: 'plain-http',
      what: `tokens and mail travel in clear text to ${address}`,
      hint: 'let only a proxy that speaks TLS reach it',
    });
  else
    text.findings.fault(text.yaml.place([...HERE, 'address']), {
      code: 'plain-http',
      what: `HTTP on ${address} would show tokens and mail to the network`,
      allowed: 'a loopback address, or tls: { cert: FILE, key: FILE }',
      hint: 'tls: none says that something in front encrypts',
    });
}
