import { describe, expect, it } from 'vitest';
import { DAY, MINUTE } from '../../src/kernel/units.js';
import { startDnsServer } from '../../src/rehearse/dns-server.js';
import { createManualClock } from '../../src/rehearse/manual-clock.js';
import { createNodeDns, type DnsAnswer } from '../../src/route/dns.js';
import { Lookups } from '../../src/route/lookups.js';

describe('the cache of lookups', () => {
  const clock = createManualClock(0);
  const counting = (ttl: number, most = 1_000) => {
    const asked: string[] = [];
    const lookups = new Lookups<string>(
      name => {
        asked.push(name);
        return Promise.resolve<DnsAnswer<string>>({ kind: 'found', records: [name], ttl });
      },
      clock,
      most,
    );
    return { asked, lookups };
  };

  it('holds an answer at least a minute and at most a day, whatever its TTL', async () => {
    const short = await counting(0).lookups.get('a');
    const long = await counting(400 * DAY).lookups.get('a');
    expect([short.expires - clock.now(), long.expires - clock.now()]).toEqual([MINUTE, DAY]);
  });

  it('lets the name asked longest ago go when it is full', async () => {
    const { asked, lookups } = counting(DAY, 3);
    for (const name of ['a', 'b', 'c', 'd', 'd', 'c', 'b']) await lookups.get(name);
    expect(asked).toEqual(['a', 'b', 'c', 'd']);
    await lookups.get('a');
    expect(asked).toEqual(['a', 'b', 'c', 'd', 'a']);
  });
});

describe("node's resolver", () => {
  it('has at most a hundred questions outstanding', async () => {
    const server = await startDnsServer({ zones: { '*.mute.example': { fail: 'silent' } } });
    const dns = createNodeDns({ servers: [server.address], timeout: 300, tries: 1 });
    const answers = Array.from({ length: 130 }, (_, i) => dns.mx(`c${i}.mute.example`));
    // The first hundred are out and unanswered; nothing more comes until the first of them times out.
    await Promise.race([...answers]);
    const outstanding = server.queries();
    const all = await Promise.all(answers);
    await server.stop();
    expect(outstanding).toBeLessThanOrEqual(100);
    expect(server.queries()).toBe(130);
    expect(all.every(answer => answer.kind === 'failed')).toBe(true);
  });

  it('tells what kind of trouble it was', async () => {
    const server = await startDnsServer({ zones: { 'fail.example': { fail: 'servfail' }, 'refused.example': { fail: 'refused' } } });
    const dns = createNodeDns({ servers: [server.address], timeout: 200, tries: 1 });
    expect(await dns.mx('fail.example')).toEqual({ kind: 'failed', text: 'the name server answered SERVFAIL' });
    expect(await dns.a('refused.example')).toEqual({ kind: 'failed', text: 'the name server refused to answer' });
    await server.stop();
    expect(await dns.aaaa('fail.example')).toMatchObject({ kind: 'failed' });
  });
});
