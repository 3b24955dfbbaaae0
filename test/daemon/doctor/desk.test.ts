/** The doctor in the daemon: when it looks by itself, at whom, and what it leaves in the log. */
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { DoctorDesk } from '../../../src/daemon/doctor-desk.js';
import type { Settings } from '../../../src/kernel/settings.js';
import { startDnsServer, type DnsServer } from '../../../src/rehearse/dns-server.js';
import { loadAlone, minimal, settingsOf } from '../../config/reading.js';
import { ADDRESS, KEY_PEM, LIST, NOW, WELL } from './ground.js';

let dns: DnsServer;
let current: Settings;
const logged: { level: string; fields: object; text: string }[] = [];
const noting = (level: string) => (fields: object, text: string) => void logged.push({ level, fields, text });

beforeEach(async () => {
  logged.length = 0;
  dns = await startDnsServer({ zones: WELL });
});
afterEach(() => dns.stop());

const config = (sources: string, more = '') =>
  settingsOf(
    loadAlone(
      minimal(
        { sources: `sources:\n${sources}`, pools: 'pools: { main: { sources: [one] } }' },
        `dns: { servers: ["${dns.address}"] }\n${more}`,
      ),
    ),
  );
const ONE = `  one: { address: ${ADDRESS}, host-name: mta1.example.com, warm-up: none }\n`;
const LOCAL = '  one: { address: 127.0.1.1, host-name: mta1.example.com, warm-up: none }\n';
const KEY = 'dkim: [{ domain: example.com, selector: s1, key: s1.pem }]\n';

const desk = (enabled = true) =>
  new DoctorDesk({
    clock: { wall: () => NOW },
    settings: () => current,
    log: { info: noting('info'), warn: noting('warn'), error: noting('error') },
    enabled,
    instruments: { binds: () => Promise.resolve(undefined), lists: [LIST], read: () => Buffer.from(KEY_PEM) },
  });

describe('the doctor at the start', () => {
  it('says each failure in a line, and keeps what it found', async () => {
    dns.delete('10.4.8.8.in-addr.arpa');
    dns.set('example.com', { txt: ['v=spf1 -all'] });
    current = config(ONE, KEY);
    const doctor = desk();
    expect(doctor.last()).toBeNull();
    await doctor.look();
    expect(logged).toEqual([
      {
        level: 'warn',
        fields: { source: 'one', check: 'ptr', publish: ['10.4.8.8.in-addr.arpa. IN PTR mta1.example.com.'] },
        text: expect.stringMatching(/^doctor: 8\.8\.4\.10 has no PTR record.*; /) as string,
      },
      {
        level: 'warn',
        fields: expect.objectContaining({ source: 'one', check: 'spf', about: 'example.com' }) as object,
        text: expect.any(String) as string,
      },
      { level: 'info', fields: { ok: 6, warn: 0, fail: 2, unknown: 1 }, text: 'doctor: fail' },
    ]);
    expect(doctor.last()).toMatchObject({ state: 'fail', at: new Date(NOW).toISOString() });
  });

  it('leaves out private addresses, unless told, and everybody when told not to', async () => {
    const asked = async (settings: Settings, enabled = true): Promise<boolean> => {
      current = settings;
      const doctor = desk(enabled);
      await doctor.look();
      return doctor.last() !== null;
    };
    expect(await asked(config(LOCAL, 'allow-private: true\n'))).toBe(false);
    expect(await asked(config(ONE), false)).toBe(false);
    expect(await asked(config(ONE, 'doctor: { at-start: false }\n'))).toBe(false);
    expect(dns.queries()).toBe(0);
    expect(await asked(config(LOCAL, 'allow-private: true\ndoctor: { at-start: true }\n'))).toBe(true);
    expect(await asked(config(ONE))).toBe(true);
    expect(dns.queries()).toBeGreaterThan(0);
  });

  it('looks again when asked meanwhile, at what is in force then', async () => {
    current = config(ONE, KEY);
    const doctor = desk();
    const looking = doctor.look();
    dns.delete('10.4.8.8.in-addr.arpa');
    current = config(LOCAL);
    await Promise.all([looking, doctor.look(), doctor.look()]);
    expect(doctor.last()).toBeNull();
    expect(logged.filter(({ text }) => /^doctor: (ok|warn|fail)$/.test(text))).toHaveLength(1);
  });

  it('forgets what it finds after the end', async () => {
    current = config(ONE, KEY);
    const doctor = desk();
    const looking = doctor.look();
    doctor.stop();
    await looking;
    expect([doctor.last(), logged]).toEqual([null, []]);
  });
});
