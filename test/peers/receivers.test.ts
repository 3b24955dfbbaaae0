/**
 * Receivers of three makes: what they refuse, put off, demand and drop, and what rampd makes of it. Every reply in here was
 * said by the receiver itself.
 */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { MessageView } from '../../src/control/view.js';
import { Wire as Client } from '../accept/dialogue.js';
import { idOf, inject, type Injected } from '../e2e/inject.js';
import { until, World, zones } from '../e2e/world.js';
import { startWire, type Wire } from './cut.js';
import { accounting, accountsOf } from './accounts.js';
import type { Kept } from './maildir.js';
import { MAKES, type Peer, startAll, stopAll } from './makes.js';
import { PHASES } from './policy.js';

/** Last octets of the receivers' addresses; that of a breaking wire is ten higher, where no TLS is offered at all twenty. */
const OCTETS: Readonly<Record<string, number>> = { exim: 91, opensmtpd: 92, postfix: 93 };

/** A source and pool for each: what one meets slows no other down. */
const SOURCES: Readonly<Record<string, string>> = {
  main: '127.0.1.90',
  ...Object.fromEntries(PHASES.map((phase, i) => [phase, `127.0.1.9${i + 1}`])),
  grey1: '127.0.1.97',
  grey2: '127.0.1.98',
  naked: '127.0.1.99',
};

const w = new World();
const running = new Map<string, Peer>();
const wires = new Map<string, Wire>();
/** What the second MX took. */
const second: string[] = [];

beforeAll(async () => {
  await w.receiver({
    host: '127.0.2.90',
    hostName: 'second.example',
    onMessage: (peer, _m, ok) => void (ok && second.push(...peer.recipients)),
  });
  const port = w.smtpPort;
  const addressOf = (label: string, more = 0): string => `127.0.2.${(OCTETS[label] ?? 0) + more}`;
  const started = startAll(running, ({ label, brokenTls, choosesClients }) => ({
    address: addressOf(label),
    port,
    domain: `${label}.example`,
    alike: ['cut', 'clear', 'strict', 'grey'].map(name => `${name}.${label}.example`),
    users: ['ann', 'bob', 'cy', 'news', 'j\u00fcrgen'],
    maxSize: 200_000,
    tls: brokenTls === undefined ? 'required' : 'offered',
    clear: [SOURCES['naked'] as string],
    keep: true,
    more: choosesClients ? '' : `listen on ${addressOf(label, 20)} port ${port} hostname mx.${label}.example filter ask`,
  }));
  const domains = MAKES.flatMap(({ label }): [string, string[]][] => [
    [`${label}.example`, [`mx.${label}.example`]],
    [`cut.${label}.example`, [`wire.${label}.example`]],
    [`strict.${label}.example`, [`bare.${label}.example`]],
    ...['clear', 'grey'].map((name): [string, string[]] => [`${name}.${label}.example`, [`mx.${label}.example`]]),
    [`two.${label}.example`, [`mx.${label}.example`, 'mx.second.example']],
  ]);
  const hosts = MAKES.flatMap(({ label, choosesClients }): [string, string][] => [
    [`mx.${label}.example`, addressOf(label)],
    [`wire.${label}.example`, addressOf(label, 10)],
    [`bare.${label}.example`, addressOf(label, choosesClients ? 0 : 20)],
  ]);
  await w.prepare({
    zones: zones(Object.fromEntries(domains), { ...Object.fromEntries(hosts), 'mx.second.example': '127.0.2.90' }),
    config: `
clients: [{ from: [127.0.0.1], pool: main, allow-headers: true }]
defaults: { retry-after: [1h] }
${accounting(w)}
sources:
${Object.entries(SOURCES)
  .map(([name, address]) => `  ${name}: { address: ${address}, host-name: ${name}.test.example, warm-up: none }`)
  .join('\n')}
pools:
${['main', 'naked', ...PHASES].map(name => `  ${name}: { sources: [${name}] }`).join('\n')}
  grey: { sources: [grey1, grey2] }
providers:
  clear: { domains: ["clear.*"], limits: { use-starttls: false } }
  strict: { domains: ["strict.*"], limits: { require-starttls: true } }
`,
  });
  await Promise.all([w.start(), started]);
  for (const label of running.keys())
    wires.set(label, await startWire({ host: addressOf(label, 10), port }, { host: addressOf(label), port }));
});
afterAll(async () => {
  await w.stop();
  for (const wire of wires.values()) await wire.stop();
  await stopAll(running);
});

const send = async (pool: string, to: string | readonly string[], more: Partial<Injected> = {}): Promise<string> =>
  idOf(
    (
      await inject(w.listenPort, {
        from: more.from ?? 'news@sender.example',
        to: [to].flat() as string[],
        headers: [`X-Pool: ${pool}`],
        ...more,
      })
    )[0],
  );

const find = async (id: string): Promise<MessageView | undefined> => (await w.client.messages()).find(m => m.id === id);
type Last = NonNullable<MessageView['recipients'][number]['last']>;
/** The last attempt at each recipient, once there was one at all of them. */
const attempts = (id: string): Promise<Last[]> =>
  until(
    async () => (await find(id))?.recipients.map(r => r.last) ?? [],
    all => all.length > 0 && all.every(last => last !== undefined),
  ) as Promise<Last[]>;
const attempt = async (id: string): Promise<Last> => (await attempts(id))[0] as Last;
const gone = (id: string): Promise<unknown> =>
  until(
    () => find(id),
    m => m === undefined,
  );

/** One line for each recipient and attempt, in order of the alphabet. */
const accountLines = async (id: string, expected: number): Promise<string[]> =>
  (await accountsOf(w, id, expected)).map(a => `${a.type} ${a.rcpt} ${a.class} ${a.uncertain}`).sort();

const SHUTTING_DOWN = '421 4.3.2 Service shutting down, try again later';

// Such a host rests for 15 s: the last test looks for the mail.
describe.each(MAKES)('421 at connect from the only MX host', ({ name, label, missing }) => {
  it.skipIf(missing !== undefined)(
    `keeps mail for ${name} waiting, without an attempt being counted${missing ? ` (SKIPPED: ${missing})` : ''}`,
    async () => {
      running.get(label)?.policy.refuseOnce('connect', SOURCES['connect'] as string, SHUTTING_DOWN);
      const id = await send('connect', `cy@cut.${label}.example`);
      const why = await until(
        () => w.client.why(id),
        told => JSON.stringify(told).includes('Service shutting down'),
      );
      expect(why.lanes.every(l => !l.verdict.go)).toBe(true);
      expect(await find(id)).toMatchObject({ recipients: [{ attempts: 0 }] });
    },
  );
});

describe.each(MAKES)('$name', ({ label, missing, brokenTls, smtpUtf8, namesOriginals }) => {
  const domain = `${label}.example`;
  const it_ = it.skipIf(missing !== undefined);
  const skipped = missing ? ` (SKIPPED: ${missing})` : '';
  const noTls = missing ?? brokenTls;
  const withoutTls = noTls ? ` (SKIPPED: ${noTls})` : '';
  const peer = (): Peer => running.get(label) as Peer;
  const wire = (): Wire => wires.get(label) as Wire;
  const kept = (recipient: string): Kept[] => peer().receiver.kept.filter(k => k.recipient === recipient);
  const arrives = (recipient: string, copies = 1): Promise<Kept[]> =>
    until(
      () => kept(recipient),
      list => list.length === copies,
    );

  it_(`takes mail for two recipients and refuses an unknown one, who alone bounces${skipped}`, async () => {
    const { bounced } = (await w.status()).totals;
    const id = await send('main', [`ann@${domain}`, `bob@${domain}`, `nobody@${domain}`], { from: `news@${domain}` });
    await arrives(`ann@${domain}`);
    await arrives(`bob@${domain}`);
    await gone(id);
    expect((await w.status()).totals.bounced).toBe(bounced + 1);
    expect(await accountLines(id, 3)).toEqual([
      `b nobody@${domain} mailbox.unknown false`,
      `d ann@${domain} delivered false`,
      `d bob@${domain} delivered false`,
    ]);
    const [notice] = await arrives(`news@${domain}`);
    expect(notice?.content.toString()).toMatch(new RegExp(`^Final-Recipient: rfc822; *nobody@${domain}\\n[^]*^Status: 5\\.`, 'm'));
    expect(notice?.content.toString()).not.toMatch(/^Final-Recipient: .*(ann|bob)@/m);
  });

  it_(`takes ${smtpUtf8 ? 'SMTPUTF8, ' : ''}8-bit text, long lines and dots as they were sent${skipped}`, async () => {
    const to = smtpUtf8 ? `j\u00fcrgen@${domain}` : `cy@${domain}`;
    const body = ['.', '..', '.dot', 'caf\u00e9 \u2713', '', 'x'.repeat(998), '.'.repeat(998), ' space at the end ', '\ttab', '', ''].join(
      '\r\n',
    );
    const subject = smtpUtf8 ? 'Gr\u00fc\u00dfe' : 'Greetings';
    const header = [
      'From: Ann <ann@sender.example>',
      `Subject: ${subject}`,
      'MIME-Version: 1.0',
      'Content-Type: text/plain; charset=utf-8',
      'Content-Transfer-Encoding: 8bit',
    ];
    const wire = await Client.open(w.listenPort);
    await wire.reply();
    await wire.ask('EHLO app.example.com');
    await wire.say(`MAIL FROM:<ann@sender.example> BODY=8BITMIME${smtpUtf8 ? ' SMTPUTF8' : ''}`, `RCPT TO:<${to}>`, 'DATA');
    expect(await wire.ask(`${[...header, '', body].join('\r\n').replace(/^\./gm, '..')}.`)).toMatch(/^250/);
    wire.destroy();
    const [mail] = await arrives(to);
    const text = mail?.content.toString('utf8').replaceAll('\r\n', '\n') ?? '';
    expect(text.slice(text.indexOf('\n\n') + 2)).toBe(body.replaceAll('\r\n', '\n'));
    expect(text).toContain(`\nSubject: ${subject}\n`);
  });

  it_(`announces a size; what is larger bounces with not a byte of it sent${skipped}`, async () => {
    const { bounced } = (await w.status()).totals;
    const before = kept(`news@${domain}`).length;
    const id = await send('main', `ann@${domain}`, { from: `news@${domain}`, size: 300_000 });
    await gone(id);
    expect((await w.status()).totals.bounced).toBe(bounced + 1);
    expect(await accountLines(id, 1)).toEqual([`b ann@${domain} message false`]);
    const notices = await arrives(`news@${domain}`, before + 1);
    expect(notices.filter(n => /^Status: 5\.3\.4/m.test(n.content.toString()))).toHaveLength(1);
  });

  it.skipIf(noTls !== undefined)(`demands TLS: what may not use it is put off${withoutTls}`, async () => {
    const id = await send('main', `ann@clear.${domain}`);
    const last = await attempt(id);
    expect(last).toMatchObject({ class: 'tls' });
    expect(last.reply).toMatch(/^5\d\d .*STARTTLS/i);
    expect(await accountLines(id, 1)).toEqual([`t ann@clear.${domain} tls false`]);
    expect(kept(`ann@clear.${domain}`)).toEqual([]);
  });

  it_(`offers no TLS where it is required: nothing is said${skipped}`, async () => {
    const id = await send('naked', `ann@strict.${domain}`);
    await until(
      () => w.client.why(id),
      told => /STARTTLS/i.test(JSON.stringify(told)),
    );
    expect(await find(id)).toMatchObject({ recipients: [{ attempts: 0 }] });
    expect(await accountLines(id, 0)).toEqual([]);
    expect(kept(`ann@strict.${domain}`)).toEqual([]);
  });

  it_(`greylists: the same source comes back, and is let in${skipped}`, async () => {
    const first = new Map<string, string>();
    peer().policy.decide = ({ phase, source, recipient }) => {
      if (phase !== 'rcpt' || !recipient.includes('@grey.')) return undefined;
      if (first.get(recipient) === source) return undefined;
      first.set(recipient, first.get(recipient) ?? source);
      return '451 4.7.1 Greylisted, please try again in 300 seconds';
    };
    const recipients = ['ann', 'bob', 'cy'].map(user => `${user}@grey.${domain}`);
    const ids = await Promise.all(recipients.map(recipient => send('grey', recipient)));
    for (const id of ids) expect(await attempt(id)).toMatchObject({ class: 'greylist' });
    expect(await w.client.retry(`grey.${domain}@grey`, { author: 'ann' })).toBe(3);
    for (const recipient of recipients) await arrives(recipient);
    for (const [i, id] of ids.entries()) {
      expect(await accountLines(id, 2)).toEqual([`d ${recipients[i]} delivered false`, `t ${recipients[i]} greylist false`]);
      const [first, second] = await accountsOf(w, id, 2);
      expect(second?.vmta).toBe(first?.vmta);
    }
    expect(peer().policy.refused.filter(r => r.recipient.includes('@grey.'))).toHaveLength(3);
  });

  for (const [when, phase, skip, lacking] of [
    ['connect', 'connect', 0, missing],
    ['EHLO', 'helo', 0, missing],
    ['EHLO within TLS', 'helo', 1, noTls],
  ] as const) {
    const because = lacking ? ` (SKIPPED: ${lacking})` : '';
    it.skipIf(lacking !== undefined)(
      `says 421 at ${when}: the next MX host gets the mail, and no attempt is counted${because}`,
      async () => {
        const source = SOURCES[phase] as string;
        peer().policy.refuseOnce(phase, source, SHUTTING_DOWN, { skip });
        const users = ['ann', 'bob'].map(user => `${user}.${when.replaceAll(' ', '.')}@two.${domain}`);
        const id = await send(phase, users);
        await gone(id);
        expect(peer().policy.refused.at(-1)).toMatchObject({ phase, source });
        expect(second.filter(recipient => users.includes(recipient)).sort()).toEqual(users);
        const accounts = await accountsOf(w, id, 2);
        expect(accounts.map(a => `${a.type} ${a.rcpt} ${a.dsnMta}`).sort()).toEqual(
          users.map(user => `d ${user} mx.second.example (127.0.2.90)`),
        );
        expect((await w.status()).lanes.filter(l => l.source === phase).flatMap(l => l.windows)).toEqual([]);
      },
    );
  }

  it.skipIf(missing !== undefined).each([
    ['MAIL', 'mail', ''],
    ['the first RCPT', 'rcpt', 'ann@'],
    ['the second RCPT', 'rcpt', 'bob@'],
    ['DATA', 'data', ''],
    ['the end of data', 'end', ''],
  ] as const)(
    `says 421 at %s: all are put off, the connection ends, the lane stays open, and each gets it once${skipped}`,
    async (_when, phase, recipient) => {
      const [ann, bob] = [`ann@${domain}`, `bob@${domain}`];
      const before = [kept(ann).length, kept(bob).length];
      const connections = (): number => peer().policy.connected.filter(source => source === SOURCES[phase]).length;
      peer().policy.refuseOnce(phase, SOURCES[phase] as string, SHUTTING_DOWN, { recipient });
      const id = await send(phase, [ann, bob]);
      for (const last of await attempts(id)) {
        expect(last).toMatchObject({ class: 'transient', source: phase, host: `mx.${domain}` });
        expect(last.reply).toMatch(/^421 4\.3\.2 .*Service shutting down/);
      }
      const until421 = connections();
      const lane = (await w.status()).lanes.find(l => l.source === phase && l.provider === `mx.${domain}`);
      expect(lane).toMatchObject({ connections: 0, windows: [], verdict: { go: true } });
      expect(await w.client.retry(`${domain}@${phase}`, { author: 'ann' })).toBe(2);
      await gone(id);
      await arrives(ann, (before[0] as number) + 1);
      await arrives(bob, (before[1] as number) + 1);
      expect(connections()).toBeGreaterThan(until421);
      const accounts = await accountsOf(w, id, 4);
      expect(await accountLines(id, 4)).toEqual(
        [ann, bob].flatMap(rcpt => [`d ${rcpt} delivered false`, `t ${rcpt} transient false`]).sort(),
      );
      for (const { type, dsnDiag, dsnMta } of accounts) {
        expect(dsnDiag).toMatch(type === 't' ? /^smtp;421 4\.3\.2 .*Service shutting down/ : /^smtp;250/);
        expect(dsnMta).toMatch(`mx.${domain} (127.0.2.`);
      }
    },
  );

  it.skipIf(missing !== undefined).each([
    ['middle', 'while the message is on its way', 'ann', 50_000],
    ['answer', 'after it has it all', 'bob', 150_000],
  ] as const)(`is cut off (%s) %s, and gets it again${skipped}`, async (where, _when, user, octets) => {
    const recipient = `${user}@cut.${domain}`;
    const { uncertain } = (await w.status()).totals;
    wire().breakNext(where, octets);
    const id = await send('main', recipient, { size: 150_000 });
    expect(await attempt(id)).toMatchObject({ class: 'network' });
    expect(wire().broken).toBe(where === 'middle' ? 1 : 2);
    // In the other case it depends on whether the network had taken all of it.
    if (where === 'answer') expect((await w.status()).totals.uncertain).toBe(uncertain + 1);
    expect(await w.client.retry(`cut.${domain}@main`, { author: 'ann' })).toBe(1);
    await gone(id);
    await arrives(recipient, where === 'middle' ? 1 : 2);
    expect((await accountLines(id, 2)).map(line => line.replace(/ (true|false)$/, ''))).toEqual([
      `d ${recipient} delivered`,
      `t ${recipient} network`,
    ]);
  });

  it_(`reports what was relayed when the sender asked for it, with the sender’s envelope id${skipped}`, async () => {
    const before = kept(`news@${domain}`).length;
    const wire = await Client.open(w.listenPort);
    await wire.reply();
    await wire.ask('EHLO app.example.com');
    await wire.say(`MAIL FROM:<news@${domain}> ENVID=batch+2B17 RET=HDRS`);
    await wire.say(`RCPT TO:<ann@${domain}> NOTIFY=SUCCESS,FAILURE ORCPT=rfc822;ann+2Bx@elsewhere.example`, 'DATA');
    expect(await wire.ask('From: news@sender.example\r\nSubject: told\r\n\r\nbody\r\n.')).toMatch(/^250/);
    wire.destroy();
    const notices = await arrives(`news@${domain}`, before + 1);
    const notice = notices.map(n => n.content.toString()).find(text => /^Action: (delivered|relayed)/m.test(text));
    expect(notice).toMatch(new RegExp(`^Reporting-MTA: dns; ?mx\\.${label}\\.example`, 'm'));
    expect(notice).toContain('text/rfc822-headers');
    if (!namesOriginals) return;
    // Exim leaves the escapes of RFC 3461 §4 in.
    expect(notice).toMatch(/^Original-Envelope-ID: batch\+(2B)?17$/im);
    expect(notice).toMatch(/^Original-Recipient: rfc822; ?ann\+(2B)?x@elsewhere\.example$/im);
  });
});

describe('what one host alone refused at its greeting', () => {
  const there = MAKES.filter(make => make.missing === undefined);
  it.skipIf(there.length === 0).each(there)(
    'arrives at $name when the host has rested',
    async ({ label }) => {
      await until(
        () => running.get(label)?.receiver.kept.filter(k => k.recipient === `cy@cut.${label}.example`).length,
        n => n === 1,
        40_000,
      );
    },
    60_000,
  );
});
