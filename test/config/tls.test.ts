import { describe, expect, it } from 'vitest';
import { settingsView } from '../../src/control/settings-view.js';
import { printFault } from '../../src/kernel/fault.js';
import { makeSelfSigned } from '../../src/rehearse/self-signed.js';
import { loadAlone, minimal, settingsOf } from './reading.js';

const { cert } = makeSelfSigned('root.example', Date.now());
const faults = (more: string, files: Record<string, string> = {}): string[] => loadAlone(minimal({}, more), files).faults.map(printFault);

describe('tls: and dns: of the configuration', () => {
  it('have defaults', () => {
    expect(settingsOf(loadAlone(minimal())).tls).toEqual({ mtaSts: true, minVersion: 'TLSv1.2', httpsPort: 443 });
    expect(settingsOf(loadAlone(minimal())).dns).toEqual({ servers: [] });
  });

  it('arrive', () => {
    const more = `dns: { servers: ["127.0.0.1:5353", "[::1]:53"], dnssec: true }
tls:
  mta-sts: false
  ca: roots.pem
  min-version: TLSv1.3
  https-port: 8443
  report: { from: tls@example.com, organization: Example Ltd, pool: main }
defaults: { verify-starttls: true }
`;
    const settings = settingsOf(loadAlone(minimal({}, more), { 'roots.pem': `a root\n${cert}` }));
    expect(settings.dns).toEqual({ servers: ['127.0.0.1:5353', '[::1]:53'], dnssec: true });
    expect(settings.tls).toEqual({
      mtaSts: false,
      ca: { file: 'roots.pem', pem: cert.trim() },
      minVersion: 'TLSv1.3',
      httpsPort: 8443,
      report: { from: 'tls@example.com', organization: 'Example Ltd', pool: 'main' },
    });
    expect(settings.defaults.verifyStarttls?.value).toBe(true);
    expect(JSON.stringify(settingsView(settings))).not.toContain('BEGIN CERTIFICATE');
  });

  it('believe validation from this machine alone', () => {
    expect(faults('dns: { servers: ["127.0.0.1", "192.0.2.53:53"], dnssec: true }\n')).toEqual([
      expect.stringMatching(/rampd\.yaml:\d+:\d+.*192\.0\.2\.53:53 is not on this machine/s),
    ]);
    expect(faults('dns: { servers: ["192.0.2.53:53"] }\n')).toEqual([]);
    expect(faults('dns: { dnssec: true }\n')).toEqual([expect.stringContaining('which resolver validates')]);
  });

  it('say where roots are missing or broken', () => {
    expect(faults('tls: { ca: none.pem }\n')).toEqual([expect.stringMatching(/rampd\.yaml:\d+:\d+.*none\.pem cannot be read/s)]);
    expect(faults('tls: { ca: roots.pem }\n', { 'roots.pem': 'nothing' })).toEqual([expect.stringContaining('holds no certificate')]);
    const broken = cert.replace(/MI.{8}/, 'AAAAAAAAAA');
    expect(faults('tls: { ca: roots.pem }\n', { 'roots.pem': broken })).toEqual([expect.stringContaining('a broken certificate')]);
  });

  it('know their pools, versions and contradictions', () => {
    expect(faults('tls: { report: { from: a@example.com, organization: E, pool: mian } }\n')).toEqual([
      expect.stringContaining('did you mean main?'),
    ]);
    expect(faults('tls: { min-version: TLSv1.1 }\n')).toEqual([expect.stringContaining('TLSv1.2, TLSv1.3')]);
    expect(faults('defaults: { use-starttls: false, verify-starttls: true }\n')).toEqual([
      expect.stringContaining('verify-starttls: true contradicts use-starttls: false'),
    ]);
  });
});
