/** Which DMARC record holds for a domain, and whose domain it is: the tree walk of draft-ietf-dmarc-dmarcbis. */
import { describe, expect, it } from 'vitest';
import { findDmarc } from '../../src/route/dmarc.js';
import type { DnsPort } from '../../src/route/dns.js';

/** Records by the domain they are for; null cannot be asked. */
function walked(records: Record<string, string[] | null>) {
  const asked: string[] = [];
  const dns: Pick<DnsPort, 'txt'> = {
    txt: name => {
      asked.push(name.replace(/^_dmarc\./, ''));
      const found = records[name.replace(/^_dmarc\./, '')];
      if (found === null) return Promise.resolve({ kind: 'failed', text: 'SERVFAIL' });
      return Promise.resolve(found ? { kind: 'found', records: found, ttl: 60_000 } : { kind: 'no-data', ttl: 60_000 });
    },
  };
  return { asked, find: (domain: string) => findDmarc(domain, dns) };
}
const P = 'v=DMARC1; p=reject';

describe('the tree walk', () => {
  it('asks every parent to the top, eight questions at most', async () => {
    const short = walked({});
    expect(await short.find('a.b.example.co.uk')).toEqual({ kind: 'none' });
    expect(short.asked).toEqual(['a.b.example.co.uk', 'b.example.co.uk', 'example.co.uk', 'co.uk', 'uk']);
    const long = walked({});
    await long.find('a.b.c.d.e.f.g.h.i.j.example.com');
    expect(long.asked).toHaveLength(8);
    expect(long.asked.slice(0, 2)).toEqual(['a.b.c.d.e.f.g.h.i.j.example.com', 'f.g.h.i.j.example.com']);
    expect(long.asked.at(-1)).toBe('com');
  });

  it('takes the record of the domain, else that of the organization, not the nearest', async () => {
    const { find } = walked({ 'b.example.com': ['v=DMARC1; p=none'], 'example.com': [P] });
    expect(await find('a.b.example.com')).toMatchObject({ kind: 'found', at: 'example.com', organization: 'example.com' });
    expect(await find('b.example.com')).toMatchObject({ kind: 'found', at: 'b.example.com', organization: 'example.com' });
    expect(await find('example.com')).toMatchObject({ kind: 'found', at: 'example.com', organization: 'example.com' });
  });

  it('stops where a record says that it is an organization, and below a public suffix', async () => {
    const own = walked({ 'unit.example.com': [`${P}; psd=n`], 'example.com': [P] });
    expect(await own.find('a.unit.example.com')).toMatchObject({ at: 'unit.example.com', organization: 'unit.example.com' });
    expect(own.asked).toEqual(['a.unit.example.com', 'unit.example.com']);
    const suffix = walked({ bank: [`${P}; psd=y`], 'giant.bank': ['v=DMARC1; p=none'] });
    expect(await suffix.find('mail.giant.bank')).toMatchObject({ at: 'giant.bank', organization: 'giant.bank' });
    expect(await suffix.find('mail.mega.bank')).toMatchObject({ at: 'bank', organization: 'mega.bank' });
  });

  it('passes over what it cannot read or ask, but not at the domain itself', async () => {
    const { find } = walked({ 'two.example.com': [P, P], 'mute.example.com': null, 'example.com': [P] });
    expect(await find('a.two.example.com')).toMatchObject({ kind: 'found', at: 'example.com' });
    expect(await find('two.example.com')).toMatchObject({ kind: 'broken', at: 'two.example.com' });
    expect(await find('a.mute.example.com')).toMatchObject({ kind: 'found', at: 'example.com' });
    expect(await find('mute.example.com')).toEqual({ kind: 'failed', text: 'SERVFAIL' });
    expect(await walked({ 'example.com': null }).find('a.example.com')).toEqual({ kind: 'failed', text: 'SERVFAIL' });
    expect(await walked({ 'example.com': ['v=DMARC1; p=x'] }).find('a.example.com')).toMatchObject({ kind: 'broken', at: 'example.com' });
  });
});
