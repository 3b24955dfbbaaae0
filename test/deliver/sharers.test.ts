import { describe, expect, it } from 'vitest';
import { countedFor, policiesAt } from '../../src/deliver/sharers.js';
import { Group, Site, Waiting } from '../../src/deliver/waiting.js';
import type { Queue } from '../../src/kernel/queue.js';
import { noPolicy, type TlsPolicy } from '../../src/kernel/tls.js';
import type { MxHost } from '../../src/route/router.js';

const policy = (domain: string): TlsPolicy => ({
  ...noPolicy(domain, 'mx.host.example'),
  level: 'verify',
  origin: 'mta-sts',
  enforce: true,
  text: [`of ${domain}`],
});
const host = (of?: TlsPolicy): MxHost => ({
  name: 'mx.host.example',
  preference: 0,
  port: 25,
  static: false,
  ...(of && { demand: { key: 'sts-enforce', policy: of, dane: false, refused: false } }),
});

function site(policies: readonly (TlsPolicy | undefined)[]): Site {
  const site = new Site('key', new Group('pool', 'provider'), [host(policies[0])]);
  policies.forEach((of, id) => {
    const waiting = new Waiting({ id, domain: of?.domain ?? '', priority: 'normal' } as Queue);
    waiting.route = { kind: 'hosts', provider: 'provider', hosts: [host(of)], expires: 0 };
    site.rings[id % 2 === 0 ? 'allow' : 'never'].add(waiting);
  });
  return site;
}

describe('a connection that domains share', () => {
  it('is counted for each of them that has mail ready, by its own policy', () => {
    const [a, b] = [policy('a.example'), policy('b.example')];
    const sharing = policiesAt(site([a, b, b, undefined]), 'mx.host.example');
    expect(new Set(sharing)).toEqual(new Set([a, b]));
    expect(policiesAt(site([a]), 'other.host.example')).toEqual([]);
    expect(countedFor(a, sharing)).toEqual(sharing);
  });

  it('is counted by what DANE says of the host, under each domain’s name', () => {
    const dane: TlsPolicy = { ...policy('a.example'), level: 'dane', origin: 'dane', text: ['3 1 1 AB'] };
    expect(countedFor(dane, [policy('a.example'), policy('b.example')]).map(p => [p.domain, p.text])).toEqual([
      ['a.example', ['3 1 1 AB']],
      ['b.example', ['3 1 1 AB']],
    ]);
  });

  it('is counted once where nobody demands anything, and for fifty domains at most', () => {
    expect(countedFor(noPolicy('', 'mx'), [])).toEqual([noPolicy('', 'mx')]);
    expect(policiesAt(site(Array.from({ length: 200 }, (_, i) => policy(`d${i}.example`))), 'mx.host.example')).toHaveLength(50);
  });
});
