/**
 * What the doctor's tests stand on: a real DNS server with zones of the test's, settings from a text, and a patient that is
 * well: every test breaks one thing.
 */
import { generateKeyPairSync } from 'node:crypto';
import { recordText } from '../../../src/accept/dkim-record.js';
import type { BlockList } from '../../../src/config/block-lists.js';
import type { CheckView, DoctorView } from '../../../src/control/doctor-view.js';
import { examine, type Instruments, type Patient } from '../../../src/daemon/doctor/examine.js';
import { startDnsServer, type DnsServer } from '../../../src/rehearse/dns-server.js';
import type { Zones } from '../../../src/rehearse/dns-zones.js';
import { createNodeDns } from '../../../src/route/dns.js';
import { loadAlone, minimal, settingsOf } from '../../config/reading.js';

export const NOW = Date.parse('2026-11-20T12:00:00Z');
const key = generateKeyPairSync('ed25519').privateKey;
export const KEY_PEM = key.export({ type: 'pkcs8', format: 'pem' }).toString();
export const RECORD = recordText(key);

export const LIST: BlockList = {
  zone: 'bl.test',
  name: 'Test List',
  means: 'mail is refused',
  delist: 'https://bl.test/remove',
  ipv6: false,
  answers: { '127.0.0.4': 'an open relay' },
};

/** Addresses that the Internet routes; nothing is sent to them. */
export const ADDRESS = '8.8.4.10';

export const WELL: Zones = {
  'mta1.example.com': { a: [ADDRESS] },
  '10.4.8.8.in-addr.arpa': { ptr: ['mta1.example.com'] },
  'example.com': { txt: [`v=spf1 ip4:${ADDRESS} -all`] },
  's1._domainkey.example.com': { txt: [RECORD] },
  '_dmarc.example.com': { txt: ['v=DMARC1; p=reject; rua=mailto:dmarc@example.com'] },
  '2.0.0.127.bl.test': { a: ['127.0.0.2'] },
  'bl.test': { txt: ['a list'] },
};

const CONFIG = minimal(
  { sources: `sources: { warm: { address: ${ADDRESS}, host-name: mta1.example.com, warm-up: none } }` },
  'dkim: [{ domain: example.com, selector: s1, key: s1.pem }]\n',
);

export interface Case {
  readonly zones?: Zones;
  /** Names to leave out of WELL. */
  readonly without?: readonly string[];
  readonly config?: string;
  readonly domains?: readonly string[];
  readonly probes?: Patient['probes'];
  readonly instruments?: Partial<Instruments>;
}

/** Runs every check; each call has a DNS server of its own. */
export async function examined({ zones = {}, without = [], config = CONFIG, domains, probes = [], instruments }: Case = {}): Promise<{
  readonly view: DoctorView;
  readonly dns: DnsServer;
  /** The lines with this name. */
  of(check: string): CheckView[];
}> {
  const known = Object.fromEntries(Object.entries({ ...WELL, ...zones }).filter(([name]) => !without.includes(name)));
  const dns = await startDnsServer({ zones: known });
  const settings = settingsOf(loadAlone(config));
  try {
    const view = await examine(
      { settings, sources: [...settings.sources.values()], probes, ...(domains && { domains }) },
      {
        dns: createNodeDns({ servers: [dns.address], timeout: 500, tries: 1 }),
        binds: () => Promise.resolve(undefined),
        read: () => Buffer.from(KEY_PEM),
        lists: [LIST],
        wall: NOW,
        ...instruments,
      },
    );
    return { view, dns, of: name => view.groups.flatMap(group => group.checks).filter(({ check }) => check === name) };
  } finally {
    await dns.stop();
  }
}
