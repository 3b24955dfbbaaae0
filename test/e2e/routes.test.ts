/**
 * Ways to a receiver, through the daemon: both address families, smart hosts with a password, the next MX host, several
 * recipients a message.
 */
import { writeFileSync } from 'node:fs';
import type { AddressInfo } from 'node:net';
import { networkInterfaces } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { SMTPServer } from 'smtp-server';
import type { ReceiverPolicy } from '../../src/rehearse/receiver-policy.js';
import { makeSelfSigned } from '../../src/rehearse/self-signed.js';
import { idOf, inject } from './inject.js';
import { until, World } from './world.js';

const hasIpv6 = Object.values(networkInterfaces()).some(list => list?.some(i => i.address === '::1'));

interface Taken {
  readonly host: string;
  readonly source: string;
  readonly recipients: readonly string[];
}

const w = new World();
const taken: Taken[] = [];
const of = (...recipients: string[]): Taken[] => taken.filter(t => t.recipients.some(r => recipients.includes(r)));
let smart: SMTPServer;
/** Recipients for whom a connection had had its fill. */
const refused: string[] = [];
/** What the smart host took, and from whom. */
const relayed: { readonly user: string; readonly to: readonly string[]; readonly secure: boolean }[] = [];

const receiver = (host: string, hostName: string, greeting?: string, policy: ReceiverPolicy = {}): Promise<unknown> =>
  w.receiver({
    host,
    hostName,
    policy: greeting === undefined ? policy : { onConnect: () => ({ reply: greeting, close: true }) },
    onMessage(peer, _message, accepted) {
      if (accepted) taken.push({ host: hostName, source: peer.source, recipients: [...peer.recipients] });
    },
  });

async function smartHost(): Promise<number> {
  const made = new SMTPServer({
    ...makeSelfSigned('smart.example', Date.now()),
    disableReverseLookup: true,
    onAuth: ({ username, password }, _session, done) =>
      username === 'relay' && password === 'open sesame' ? done(null, { user: username }) : done(new Error('no')),
    onData(stream, session, done) {
      stream.resume();
      stream.on('end', () => {
        relayed.push({ user: String(session.user), to: session.envelope.rcptTo.map(r => r.address), secure: session.secure });
        done();
      });
    },
  });
  smart = made;
  await new Promise<void>(done => made.listen(0, '127.0.2.5', done));
  return (made.server.address() as AddressInfo).port;
}

beforeAll(async () => {
  await receiver('127.0.2.1', 'mx.four.example');
  await receiver('127.0.2.2', 'mx.dual.example');
  await receiver('127.0.2.3', 'mx1.busy.example', '421 4.3.2 closing for maintenance');
  await receiver('127.0.2.4', 'mx2.busy.example');
  const offline: ReceiverPolicy = { onRcpt: () => ({ reply: '550 5.1.1 mailbox store offline, no such user here' }) };
  await receiver('127.0.2.6', 'mx1.half.example', undefined, offline);
  await receiver('127.0.2.7', 'mx2.half.example');
  const once: ReceiverPolicy = {
    onRcpt(peer, recipient) {
      if (peer.messages === 0) return undefined;
      refused.push(recipient);
      return { reply: '452 message threshold exceeded' };
    },
  };
  await receiver('127.0.2.8', 'mx.once.example', undefined, once);
  if (hasIpv6) await receiver('::1', 'mx.six.example');
  const port = await smartHost();
  const password = join(w.dir, 'relay.secret');
  writeFileSync(password, 'open sesame\n');
  await w.prepare({
    zones: {
      'four.example': { mx: [{ preference: 10, exchange: 'mx.four.example' }] },
      'mx.four.example': { a: ['127.0.2.1'] },
      'six.example': { mx: [{ preference: 10, exchange: 'mx.six.example' }] },
      'mx.six.example': { aaaa: ['::1'] },
      'dual.example': { mx: [{ preference: 10, exchange: 'mx.dual.example' }] },
      'mx.dual.example': { a: ['127.0.2.2'], aaaa: ['::1'] },
      'busy.example': {
        mx: [
          { preference: 10, exchange: 'mx1.busy.example' },
          { preference: 20, exchange: 'mx2.busy.example' },
        ],
      },
      'half.example': {
        mx: [
          { preference: 10, exchange: 'mx1.half.example' },
          { preference: 20, exchange: 'mx2.half.example' },
        ],
      },
      'mx1.half.example': { a: ['127.0.2.6'] },
      'once.example': { mx: [{ preference: 10, exchange: 'mx.once.example' }] },
      'mx.once.example': { a: ['127.0.2.8'] },
      'mx2.half.example': { a: ['127.0.2.7'] },
      'mx1.busy.example': { a: ['127.0.2.3'] },
      'mx2.busy.example': { a: ['127.0.2.4'] },
    },
    config: `
clients: [{ from: ["127.0.0.0/8"], pool: main, allow-headers: true }]
sources:
  four: { address: 127.0.1.1, host-name: four.test.example, warm-up: none }
${hasIpv6 ? '  six: { address: "::1", host-name: six.test.example, warm-up: none }' : ''}
pools:
  main: { sources: [four${hasIpv6 ? ', six' : ''}] }
  old: { sources: [four] }
queue-to: { "*.behind.example": relay.internal, "*.shut.example": wrong.internal }
providers:
  four: { domains: [four.example], limits: { max-rcpt-per-message: 2 } }
  dual: { domains: [dual.example], address-family: prefer-ipv6 }
  half:
    domains: [half.example]
    rules: [{ id: offline, match: { code: "5xx", text: "mailbox store offline" }, class: transient, action: skip-mx }]
  once:
    domains: [once.example]
    limits: { max-smtp-out: 1, idle-timeout: 10m }
    rules: [{ id: full, match: { text: message threshold exceeded }, class: throttle.per-connection, scope: connection }]
  relay: { domains: [relay.internal], smtp-hosts: { host: "127.0.2.5:${port}", user: relay, password-file: ${password} } }
  wrong: { domains: [wrong.internal], smtp-hosts: [{ host: "127.0.2.5:${port}", user: relay, password: nonsense }] }
`,
  });
  await w.start();
});
afterAll(async () => {
  await w.stop();
  await new Promise<void>(done => smart.close(done));
});

const send = async (to: readonly string[], headers: readonly string[] = []): Promise<string> =>
  idOf((await inject(w.listenPort, { from: 'news@sender.example', to, headers }))[0]);

const some = (domain: string, count: number): string[] => Array.from({ length: count }, (_, i) => `user-${i}@${domain}`);

describe.skipIf(!hasIpv6)(`address families${hasIpv6 ? '' : ' (SKIPPED: this machine has no ::1)'}`, () => {
  it('decide which source reaches a host', async () => {
    const six = some('six.example', 6);
    const four = some('four.example', 6);
    for (const to of [...six, ...four]) await send([to]);
    await until(
      () => of(...six, ...four).length,
      n => n === 12,
    );
    expect(of(...six).map(t => t.source)).toEqual(six.map(() => '::1'));
    expect(of(...four).map(t => t.source)).toEqual(four.map(() => '127.0.1.1'));
    // Nobody tried what could not be: no lane of the other family came to be.
    const lanes = (await w.status()).lanes.map(l => `${l.source}/${l.provider}`);
    expect(lanes).toContain('six/mx.six.example');
    expect(lanes).not.toContain('four/mx.six.example');
  });

  it('that a provider prefers go first', async () => {
    const dual = some('dual.example', 8);
    for (const to of dual) await send([to]);
    await until(
      () => of(...dual).length,
      n => n === 8,
    );
    expect(of(...dual).map(t => t.source)).toEqual(dual.map(() => '::1'));
  });

  it('that a provider prefers keep nothing waiting', async () => {
    await w.run('pause', 'six', '-c', w.file, '--why', 'test');
    await send(['later@dual.example']);
    await until(
      () => of('later@dual.example'),
      list => list.length === 1,
    );
    expect(of('later@dual.example')[0]?.source).toBe('127.0.1.1');
    await w.run('resume', 'six', '-c', w.file, '--why', 'test');
  });

  it('that no source of the pool has keep the mail waiting, and `why` says so', async () => {
    const id = await send(['a@six.example'], ['X-Pool: old']);
    const why = await until(
      () => w.client.why(id),
      told => /IPv6/.test(told.summary),
    );
    expect(why.summary).toMatch(/its MX hosts have IPv6 addresses only, and pool old has no IPv6 source/);
    expect(of('a@six.example')).toEqual([]);
  });
});

describe('a smart host', () => {
  it('is given the password behind TLS, and all mail that queue-to sends its way', async () => {
    const to = ['a@one.behind.example', 'b@two.behind.example'];
    for (const one of to) await send([one]);
    await until(
      () => relayed.length,
      n => n === 2,
    );
    expect(
      relayed
        .map(r => r.to)
        .flat()
        .sort(),
    ).toEqual(to);
    expect(relayed.every(r => r.user === 'relay' && r.secure)).toBe(true);
  });

  it('that does not take the password keeps the mail waiting, loudly', async () => {
    const id = await send(['a@one.shut.example']);
    const why = await until(
      () => w.client.why(id),
      told => /535/.test(told.summary),
    );
    expect(why.summary).toMatch(/its MX hosts could not be used \("535 /);
    await until(
      () => w.log.join('\n'),
      log => log.includes('a smart host refuses our password'),
    );
    expect(w.log.join('\n')).not.toMatch(/nonsense|open sesame/);
    expect((await w.run('show', 'settings', '-c', w.file)).out).not.toMatch(/nonsense|open sesame/);
    expect((await w.status()).totals.bounced).toBe(0);
  });
});

describe('a host that says 421', () => {
  it('is passed over to the next one, at once', async () => {
    await send(['a@busy.example']);
    await until(
      () => of('a@busy.example'),
      list => list.length === 1,
    );
    expect(of('a@busy.example')[0]?.host).toBe('mx2.busy.example');
    const { out } = await w.run('why', 'four/mx1.busy.example,mx2.busy.example', '-c', w.file);
    expect(out.replace(/\s+/g, ' ')).toMatch(
      /mx1\.busy\.example\[127\.0\.2\.3\] is tried after the others until .*: 421 4\.3\.2 closing for maintenance/,
    );
  });
});

describe('a reply whose rule says skip-mx', () => {
  it('keeps the mail, though it is a 5xx, and the next attempt goes to the next host', async () => {
    const id = await send(['a@half.example']);
    await until(
      async () => (await w.run('why', 'four/half', '-c', w.file)).out.replace(/\s+/g, ' '),
      out => /mx1\.half\.example\[127\.0\.2\.6\] is tried after the others until .*mailbox store offline/.test(out),
    );
    await until(
      async () => (await w.run('why', id, '-c', w.file)).out,
      out => out.includes('mailbox store offline'),
    );
    await w.run('retry', id, '-c', w.file);
    await until(
      () => of('a@half.example'),
      list => list.length === 1,
    );
    expect(of('a@half.example')[0]?.host).toBe('mx2.half.example');
    expect((await w.status()).totals.bounced).toBe(0);
  });
});

describe('a reply of scope connection', () => {
  it('ends the connection: the next message goes over another one', async () => {
    await send(['first@once.example']);
    await until(
      () => of('first@once.example').length,
      n => n === 1,
    );
    await send(['second@once.example']);
    await until(
      () => refused.length,
      n => n > 0,
    );
    await send(['third@once.example']);
    await until(
      () => of('third@once.example').length,
      n => n === 1,
    );
    expect(refused).toEqual(['second@once.example']);
  });
});

describe('max-rcpt-per-message', () => {
  it('parts a message', async () => {
    const to = ['p1', 'p2', 'p3', 'p4', 'p5'].map(name => `${name}@four.example`);
    await send(to);
    await until(
      () => of(...to).flatMap(t => t.recipients).length,
      n => n === 5,
    );
    expect(
      of(...to)
        .map(t => t.recipients.length)
        .sort(),
    ).toEqual([1, 2, 2]);
    expect(
      of(...to)
        .flatMap(t => t.recipients)
        .sort(),
    ).toEqual(to);
  });
});
