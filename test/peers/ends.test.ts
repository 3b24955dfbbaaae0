/**
 * Transactions that end badly at receivers of three makes, by their own doing: the process that speaks with rampd dies in the
 * middle of a message, or has it all and dies before it answers; it waits no longer for its client; it told no size and finds
 * the message too large when it has read it; its TLS is broken. Every message is for two recipients: neither may be lost, or
 * get it twice.
 */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { MessageView } from '../../src/control/view.js';
import { idOf, inject, type Injected } from '../e2e/inject.js';
import { freePort, until, World, zones } from '../e2e/world.js';
import { accounting, accountsOf } from './accounts.js';
import { MAKES, type Peer, startAll, stopAll } from './makes.js';

const MB = 1_000_000;
/** More than sockets hold on a connection whose receiver has read half a megabyte: the sender cannot be rid of it. */
const LARGE = 10 * MB;
const MOST = LARGE + MB / 2;
const OCTETS: Readonly<Record<string, number>> = { exim: 121, opensmtpd: 122, postfix: 123 };
/** A source and pool for each kind of end. */
const SOURCES: Readonly<Record<string, string>> = {
  middle: '127.0.1.121',
  silent: '127.0.1.122',
  unsized: '127.0.1.123',
  slow: '127.0.1.124',
  idle: '127.0.1.125',
};

const w = new World();
const running = new Map<string, Peer>();

beforeAll(async () => {
  w.smtpPort = await freePort();
  const started = startAll(running, ({ label }) => ({
    address: `127.0.2.${OCTETS[label]}`,
    port: w.smtpPort,
    domain: `${label}.example`,
    alike: [`slow.${label}.example`],
    users: ['ann', 'bob', 'news'],
    maxSize: MOST,
    keep: true,
    tls: 'broken',
    impatientAt: `127.0.2.${(OCTETS[label] ?? 0) + 10}`,
  }));
  await w.prepare({
    zones: zones(
      Object.fromEntries(MAKES.flatMap(({ label }) => ['', 'slow.'].map(at => [`${at}${label}.example`, `mx.${at}${label}.example`]))),
      Object.fromEntries(
        MAKES.flatMap(({ label }) => [
          [`mx.${label}.example`, `127.0.2.${OCTETS[label]}`],
          [`mx.slow.${label}.example`, `127.0.2.${(OCTETS[label] ?? 0) + 10}`],
        ]),
      ),
    ),
    config: `
clients: [{ from: [127.0.0.1], pool: middle, allow-headers: true }]
defaults: { retry-after: [1h], idle-timeout: 1m }
max-message-size: 30MB
${accounting(w)}
sources:
${Object.entries(SOURCES)
  .map(([name, address]) => `  ${name}: { address: ${address}, host-name: ${name}.test.example, warm-up: none }`)
  .join('\n')}
pools:
${Object.keys(SOURCES)
  .map(name => `  ${name}: { sources: [${name}] }`)
  .join('\n')}
`,
  });
  await Promise.all([w.start(), started]);
});
afterAll(async () => {
  await w.stop();
  await stopAll(running);
});

describe.each(MAKES)('$name', ({ label, missing, impatient }) => {
  const domain = `${label}.example`;
  const [ann, bob, news] = [`ann@${domain}`, `bob@${domain}`, `news@${domain}`];
  const it_ = it.skipIf(missing !== undefined);
  const skipped = missing ? ` (SKIPPED: ${missing})` : '';
  const peer = (): Peer => running.get(label) as Peer;
  const copies = (): Record<string, number> => {
    const all = peer().receiver.kept.map(k => k.recipient);
    return Object.fromEntries([ann, bob, news].map(user => [user, all.filter(recipient => recipient === user).length]));
  };
  const find = async (id: string): Promise<MessageView | undefined> => (await w.client.messages()).find(m => m.id === id);
  const gone = (id: string): Promise<unknown> =>
    until(
      () => find(id),
      m => m === undefined,
    );
  const send = async (pool: string, more: Partial<Injected> = {}): Promise<string> =>
    idOf((await inject(w.listenPort, { from: news, to: [ann, bob], headers: [`X-Pool: ${pool}`], ...more }))[0]);

  /** It was put off for both because the connection broke; on its second way it arrives, once. */
  async function arrivesOnceAfterABreak(id: string, source: string, uncertain: boolean): Promise<void> {
    const before = copies();
    const message = await until(
      () => find(id),
      m => m?.recipients.every(r => r.last !== undefined) === true,
    );
    for (const { attempts, last } of message?.recipients ?? []) {
      expect(attempts).toBe(1);
      expect(last).toMatchObject({ class: 'network', source, host: `mx.${domain}` });
    }
    await peer().receiver.recover();
    const lane = (await w.status()).lanes.find(l => l.source === source && l.provider === `mx.${domain}`);
    expect(lane).toMatchObject({ connections: 0, windows: [], verdict: { go: true } });
    expect(await w.client.retry(`${domain}@${source}`, { author: 'ann' })).toBe(2);
    await gone(id);
    await until(copies, now => now[ann] === (before[ann] as number) + 1 && now[bob] === (before[bob] as number) + 1);
    const accounts = await accountsOf(w, id, 4);
    expect(accounts.map(a => `${a.type} ${a.rcpt} ${a.class} ${a.uncertain}`).sort()).toEqual(
      [ann, bob].flatMap(rcpt => [`d ${rcpt} delivered false`, `t ${rcpt} network ${uncertain}`]).sort(),
    );
  }

  // As it does wherever nobody helps it; the others' is sound.
  if (label === 'opensmtpd')
    it_(`breaks every TLS handshake: mail goes in the clear, which later connections begin with${skipped}`, async () => {
      const connections = (source: string): number => peer().policy.connected.filter(from => from === SOURCES[source]).length;
      const before = copies();
      await gone(await send('middle'));
      expect(connections('middle')).toBe(2);
      await gone(await send('silent'));
      expect(connections('silent')).toBe(1);
      await until(copies, now => now[ann] === (before[ann] as number) + 2 && now[bob] === (before[bob] as number) + 2);
    });

  it_(`dies in the middle of a message, which arrives once on its second way${skipped}`, async () => {
    const { uncertain } = (await w.status()).totals;
    const { policy, receiver } = peer();
    const death = new Promise<void>(died => {
      policy.once('data', SOURCES['middle'] as string, () => void died(receiver.dieInTheMiddle(SOURCES['middle'] as string)));
    });
    const id = await send('middle', { size: LARGE });
    await death;
    await arrivesOnceAfterABreak(id, 'middle', false);
    expect((await w.status()).totals.uncertain).toBe(uncertain);
  });

  it_(`has the whole message and dies before it answers: uncertain, and it arrives once on its second way${skipped}`, async () => {
    const { uncertain } = (await w.status()).totals;
    const { policy, receiver } = peer();
    policy.once('end', SOURCES['silent'] as string, () => void receiver.kill(SOURCES['silent'] as string));
    const id = await send('silent');
    await arrivesOnceAfterABreak(id, 'silent', true);
    expect((await w.status()).totals.uncertain).toBe(uncertain + 2);
  });

  it_(`knows no EHLO and so tells no size: what is too large is refused when it is there, and bounces${skipped}`, async () => {
    const before = copies();
    const { bounced } = (await w.status()).totals;
    peer().policy.refuseOnce('helo', SOURCES['unsized'] as string, '502 5.5.1 Command not implemented');
    const id = await send('unsized', { size: MOST + MB / 2 });
    await gone(id);
    expect((await w.status()).totals.bounced).toBe(bounced + 2);
    const accounts = await accountsOf(w, id, 2);
    expect(accounts.map(a => `${a.type} ${a.rcpt} ${a.class} ${a.uncertain}`)).toEqual([
      `b ${ann} message false`,
      `b ${bob} message false`,
    ]);
    for (const { dsnDiag, dsnMta } of accounts) {
      expect(dsnDiag).toMatch(/^smtp;55[24] .*(size|too big)/i);
      expect(dsnMta).toMatch(`mx.${domain} (127.0.2.`);
    }
    await until(copies, now => now[news] === (before[news] as number) + 1);
    const notice = peer().receiver.kept.find(k => k.recipient === news && k.content.includes(`Final-Recipient: rfc822; ${bob}`));
    expect(notice?.content.toString()).toMatch(/^Status: 5\./m);
    expect(copies()).toMatchObject({ [ann]: before[ann], [bob]: before[bob] });
    // The lane is as open as it was.
    await gone(await send('unsized'));
    await until(copies, now => now[ann] === (before[ann] as number) + 1 && now[bob] === (before[bob] as number) + 1);
  });

  it.skipIf(missing !== undefined || !impatient)(
    `waits in vain for a message it said 354 to, and for the next command: 421, and it arrives once on its second way${
      missing ? skipped : impatient ? '' : ' (SKIPPED: it waits for minutes)'
    }`,
    async () => {
      const slow = [`ann@slow.${domain}`, `bob@slow.${domain}`];
      const slowCopies = (): number[] => slow.map(user => peer().receiver.kept.filter(k => k.recipient === user).length);
      const said = peer().receiver.log.length;
      await gone(await send('idle', { to: slow }));
      await until(slowCopies, now => now.every(n => n === 1));
      peer().policy.once('data', SOURCES['slow'] as string, () => void w.signal('SIGSTOP'));
      const id = await send('slow', { to: slow });
      try {
        // One that was told to go on, one that was asked nothing.
        await until(
          () =>
            peer()
              .receiver.log.slice(said)
              .match(/timeout/g)?.length,
          n => n === 2,
        );
      } finally {
        w.signal('SIGCONT');
      }
      const message = await until(
        () => find(id),
        m => m?.recipients.every(r => r.last !== undefined) === true,
      );
      for (const { last } of message?.recipients ?? []) expect(last).toMatchObject({ class: 'transient' });
      const lanes = (await w.status()).lanes.filter(l => l.provider === `mx.slow.${domain}`);
      for (const lane of lanes) expect(lane).toMatchObject({ connections: 0, windows: [], verdict: { go: true } });
      expect(await w.client.retry(`slow.${domain}@slow`, { author: 'ann' })).toBe(2);
      await gone(id);
      await until(slowCopies, now => now.every(n => n === 2));
      const accounts = await accountsOf(w, id, 4);
      expect(accounts.map(a => `${a.type} ${a.rcpt} ${a.class} ${a.uncertain}`).sort()).toEqual(
        slow.flatMap(rcpt => [`d ${rcpt} delivered false`, `t ${rcpt} transient false`]).sort(),
      );
      await gone(await send('idle', { to: slow }));
      await until(slowCopies, now => now.every(n => n === 3));
    },
  );
});
