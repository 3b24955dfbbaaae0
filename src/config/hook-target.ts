/**
 * Where the requests of a webhook go, as it is written → HookTarget, and the name of one that was given none.
 */
import { createHash } from 'node:crypto';
import type { HookTarget } from '../kernel/telling.js';
import { DAY, SECOND } from '../kernel/units.js';
import type { SettingsText } from './settings.js';
import { quoted } from './shape.js';
import type { Path } from './yaml-text.js';

interface Target {
  url: string;
  headers?: Record<string, string> | undefined;
  'secret-file'?: string | undefined;
  ca?: string | undefined;
  timeout?: number | undefined;
  'give-up-after'?: number | undefined;
  'max-spool'?: number | undefined;
}

/** `resolve` makes paths absolute; `maxSpool` holds where nothing is said. */
export function targetOf(value: Target, maxSpool: number, resolve: (path: string) => string, text: SettingsText, path: Path): HookTarget {
  const headers = value.headers ?? {};
  for (const name of Object.keys(headers)) {
    const ours = /^(content-type|content-length|transfer-encoding|host|connection|user-agent|webhook-.*)$/i.test(name);
    if (/^[!#$%&'*+.^_`|~0-9A-Za-z-]{1,100}$/.test(name) && !ours) continue;
    text.findings.fault(text.yaml.key([...path, 'headers', name]), {
      code: 'bad-header',
      what: ours ? `${name} is set by rampd` : `${quoted(name)} is no name of a header field`,
      allowed: 'names such as Authorization',
    });
  }
  if (value.url.startsWith('http:') && !/^(127(\.\d+){3}|\[::1\]|localhost)$/.test(new URL(value.url).hostname))
    text.findings.warn(text.yaml.place(path), {
      code: 'plain-http',
      what: `addresses of recipients would cross the network in plain text to ${new URL(value.url).host}`,
      hint: 'say https',
    });
  if (value.ca !== undefined && value.url.startsWith('http:'))
    text.findings.fault(text.yaml.place([...path, 'ca']), { code: 'no-tls', what: 'ca is for https', hint: 'say https, or leave it out' });
  return {
    url: value.url,
    headers,
    ...(value['secret-file'] !== undefined && { secretFile: resolve(value['secret-file']) }),
    ...(value.ca !== undefined && { ca: resolve(value.ca) }),
    timeout: value.timeout ?? 10 * SECOND,
    giveUpAfter: value['give-up-after'] ?? 3 * DAY,
    maxSpool: value['max-spool'] ?? maxSpool,
  };
}

/** Fit for a folder and the same after a restart: the host, and what tells addresses on one host apart. */
export function nameOf(url: string): string {
  const digest = createHash('sha256').update(`${url}\n`).digest('hex').slice(0, 8);
  return `${new URL(url).hostname.replace(/[^A-Za-z0-9.-]/g, '').slice(0, 48) || 'hook'}-${digest}`;
}
