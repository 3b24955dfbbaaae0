/**
 * What receivers, their DNS and their networks get wrong, each met once: who is told, what is retried and from where, what
 * is never bounced.
 */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { MessageView } from '../../src/control/view.js';
import type { Peer, ReceiverPolicy } from '../../src/rehearse/receiver-policy.js';
import type { Receiver } from '../../src/rehearse/receiver.js';
import { selfSignedContext } from '../../src/rehearse/self-signed.js';
import { idOf, inject, type Injected } from './inject.js';
import { until, World, zones } from './world.js';

const SENDER = 'news@sender.example';
const w = new World();

interface Taken {
  readonly source: string;
  readonly sender: string;
  readonly recipients: readonly string[];
  readonly tls: boolean;
  readonly text: string;
}

/** Whatever was accepted, by the host that took it. */
const taken = new Map<string, Taken[]>();
const at = (host: string): Taken[] => taken.get(host) ?? [];

async function receiver(hostName: string, host: string, policy: ReceiverPolicy = {}, tls = false): Promise<Receiver> {
  return w.receiver({
    host,
    hostName,
    policy,
    keepContent: true,
    ...(tls ? { tls: selfSignedContext(hostName, Date.now()) } : {}),
    onMessage(peer, { content }, accepted) {
      if (!accepted) return;
      const { source, sender, recipients, tls } = peer;
      taken.set(hostName, [...at(hostName), { source, sender, recipients: [...recipients], tls, text: content?.toString() ?? '' }]);
    },
  });
}

const send = async (to: string | readonly string[], more: Partial<Injected> = {}): Promise<string> =>
  idOf((await inject(w.listenPort, { from: SENDER, to: [to].flat() as string[], ...more }))[0]);

/** The notification that names this recipient, at the sender's own MX. */
const notification = async (recipient: string): Promise<Taken> => {
  const found = await until(
    () => at('mx.sender.example').filter(m => m.text.includes(`Final-Recipient: rfc822; ${recipient}`)),
    list => list.length > 0,
  );
  expect(found).toHaveLength(1);
  return found[0] as Taken;
};

const waitingMessage = async (id: string): Promise<MessageView | undefined> => (await w.client.messages()).find(m => m.id === id);

/** A message whose last attempt is known. */
const attempted = (id: string): Promise<MessageView['recipients'][number]> =>
  until(
    async () => (await waitingMessage(id))?.recipients[0],
    r => r?.last !== undefined,
  ) as Promise<MessageView['recipients'][number]>;

const HOSTS = {
  'mx.sender.example': '127.0.2.1',
  'mx.plain.example': '127.0.2.2',
  'mx.grey.example': '127.0.2.3',
  'mx.second.example': '127.0.2.4',
  'mx.greeting.example': '127.0.2.5',
  'mx.cut.example': '127.0.2.6',
  'mx.tls.example': '127.0.2.7',
  'mx.dying.example': '127.0.2.8',
  // Nobody listens there.
  'mx.refused.example': '127.0.2.9',
};

const greylisted = new Map<string, string>();
let greeting: string | undefined = '554 5.7.1 mx.greeting.example no SMTP service here for your address';
let cuts = 0;

beforeAll(async () => {
  await receiver('mx.sender.example', HOSTS['mx.sender.example']);
  await receiver('mx.plain.example', HOSTS['mx.plain.example'], {
    onRcpt: (_peer, recipient) =>
      recipient.startsWith('no-') ? { reply: `550 5.1.1 <${recipient}>: Recipient address rejected: User unknown` } : undefined,
  });
  await receiver('mx.grey.example', HOSTS['mx.grey.example'], {
    onRcpt(peer: Peer, recipient) {
      const first = greylisted.get(recipient);
      if (first === undefined) greylisted.set(recipient, peer.source);
      return first === peer.source ? undefined : { reply: '451 4.7.1 Greylisted, please try again in a moment' };
    },
  });
  await receiver('mx.second.example', HOSTS['mx.second.example']);
  await receiver('mx.greeting.example', HOSTS['mx.greeting.example'], {
    onConnect: () => (greeting === undefined ? undefined : { reply: greeting, close: true }),
  });
  const cut: Receiver = await receiver('mx.cut.example', HOSTS['mx.cut.example'], {
    onMessage() {
      // The message is taken; the answer never leaves.
      if (cuts++ === 0) cut.cut();
      return undefined;
    },
  });
  await receiver('mx.tls.example', HOSTS['mx.tls.example'], {}, true);
  await receiver('mx.dying.example', HOSTS['mx.dying.example'], { onRcpt: () => ({ reply: '450 4.2.1 mailbox busy, try again later' }) });
  const domains = ['sender', 'plain', 'grey', 'greeting', 'cut', 'tls', 'dying'].map(d => [`${d}.example`, `mx.${d}.example`]);
  await w.prepare({
    zones: {
      ...zones(
        {
          ...(Object.fromEntries(domains) as Record<string, string>),
          'two-mx.example': ['mx.refused.example', 'mx.second.example'],
          'strict.example': 'mx.plain.example',
          'refused.example': 'mx.refused.example',
        },
        HOSTS,
      ),
      'null-mx.example': { mx: null },
    },
    config: `
clients: [{ from: ["127.0.0.0/8"], pool: main, allow-headers: true }]
sources:
  hot-1: { address: 127.0.1.1, host-name: hot-1.test.example, warm-up: none }
  hot-2: { address: 127.0.1.2, host-name: hot-2.test.example, warm-up: none }
pools:
  main: { sources: [hot-1, hot-2] }
defaults: { retry-after: [1s, 1s, 10m] }
providers:
  strict: { domains: [strict.example], limits: { require-starttls: true } }
  dying: { domains: [dying.example], limits: { bounce-after: 3s, retry-after: [1s] } }
  refused: { domains: [refused.example], limits: { bounce-after: 3s } }
accounting: { file: acct.csv, compress: none }
`,
  });
  await w.start();
});
afterAll(() => w.stop());

describe('an unknown user', () => {
  it('is bounced with a notification that arrives at the sender', async () => {
    await send('no-body@plain.example', { headers: ['Message-ID: <original@sender.example>'] });
    const dsn = await notification('no-body@plain.example');
    expect(dsn.sender).toBe('');
    expect(dsn.recipients).toEqual([SENDER]);
    expect(dsn.text).toMatch(/^Content-Type: multipart\/report; report-type=delivery-status;/m);
    expect(dsn.text).toMatch(/^Auto-Submitted: auto-replied/m);
    expect(dsn.text).toMatch(/^Reporting-MTA: dns; mta\.test\.example/m);
    expect(dsn.text).toMatch(
      /^Action: failed\r\nStatus: 5\.1\.1\r\nRemote-MTA: dns; mx\.plain\.example\r\nDiagnostic-Code: smtp; 550 5\.1\.1 /m,
    );
    expect(dsn.text).toContain('Message-ID: <original@sender.example>');
  });

  it('among others of one message is bounced alone', async () => {
    await send(['yes-1@plain.example', 'no-1@plain.example', 'yes-2@plain.example']);
    const dsn = await notification('no-1@plain.example');
    expect(dsn.text).not.toContain('Final-Recipient: rfc822; yes-');
    const got = at('mx.plain.example').filter(m => m.recipients.some(r => r.startsWith('yes-')));
    expect(got.map(m => [...m.recipients].sort())).toEqual([['yes-1@plain.example', 'yes-2@plain.example']]);
  });

  it('causes no notification when there is nobody to tell, nor when nobody wants it', async () => {
    const { bounced } = (await w.status()).totals;
    await send('no-2@plain.example', { from: '' });
    await until(
      () => w.status(),
      s => s.totals.bounced === bounced + 1,
    );
    // A later one has come, this one has not.
    await send('no-3@plain.example');
    await notification('no-3@plain.example');
    expect(at('mx.sender.example').filter(m => m.text.includes('no-2@plain.example'))).toEqual([]);
  });
});

describe('greylisting', () => {
  it('is met again from the same source, whichever of the two it was', async () => {
    const people = ['a', 'b', 'c', 'd', 'e', 'f'].map(name => `${name}@grey.example`);
    for (const person of people) await send(person);
    await until(
      () => at('mx.grey.example').length,
      n => n === people.length,
    );
    for (const { source, recipients } of at('mx.grey.example')) expect(source).toBe(greylisted.get(recipients[0] ?? ''));
  });
});

describe('a domain', () => {
  it('with a null MX is bounced at once', async () => {
    await send('a@null-mx.example');
    const dsn = await notification('a@null-mx.example');
    expect(dsn.text).toMatch(/^Status: 5\.1\.10\r\nDiagnostic-Code: X-Rampd; null-mx\.example accepts no mail/m);
  });

  it('that does not exist is bounced at once', async () => {
    await send('a@nowhere.invalid');
    const dsn = await notification('a@nowhere.invalid');
    expect(dsn.text).toMatch(/^Status: 5\.1\.2\r\nDiagnostic-Code: X-Rampd; nowhere\.invalid does not exist/m);
  });

  it('whose first MX refuses connections is reached by its second', async () => {
    await send('a@two-mx.example');
    await until(
      () => at('mx.second.example').length,
      n => n === 1,
    );
    expect(at('mx.second.example')[0]?.recipients).toEqual(['a@two-mx.example']);
  });
});

describe('a greeting of 554', () => {
  it('is about the address: the mail waits, and goes when it is over', async () => {
    const { bounced } = (await w.status()).totals;
    // A site that cannot be used rests for 15 s; the one of the test after next does so meanwhile.
    await send('a@refused.example');
    const id = await send('a@greeting.example');
    const why = await until(
      () => w.client.why(id),
      told => JSON.stringify(told).includes('no SMTP service here'),
    );
    expect(why.lanes.every(l => !l.verdict.go)).toBe(true);
    expect((await w.status()).totals.bounced).toBe(bounced);
    expect(await waitingMessage(id)).toBeDefined();
    greeting = undefined;
    await until(
      () => at('mx.greeting.example').length,
      n => n === 1,
      40_000,
    );
  }, 60_000);
});

describe('a connection that goes after the final dot', () => {
  it('leaves the message uncertain: it is sent again, and counted', async () => {
    const id = await send('a@cut.example');
    await until(
      () => w.status(),
      s => s.totals.uncertain === 1,
    );
    await until(
      () => at('mx.cut.example').length,
      n => n === 2,
    );
    await until(
      async () => waitingMessage(id),
      m => m === undefined,
    );
    expect((await w.status()).totals.uncertain).toBe(1);
  });
});

describe('STARTTLS', () => {
  it('is used where it is offered, whoever vouches for the certificate', async () => {
    await send('a@tls.example');
    await until(
      () => at('mx.tls.example').length,
      n => n === 1,
    );
    expect(at('mx.tls.example')[0]?.tls).toBe(true);
    expect(at('mx.plain.example').some(m => m.tls)).toBe(false);
  });

  it('that is required and not offered keeps the mail waiting, and says so', async () => {
    const id = await send('a@strict.example');
    const why = await until(
      () => w.client.why(id),
      told => /STARTTLS/i.test(JSON.stringify(told)),
    );
    expect(why.summary).toMatch(/STARTTLS/i);
    expect(at('mx.plain.example').some(m => m.recipients.includes('a@strict.example'))).toBe(false);
    expect(await waitingMessage(id)).toBeDefined();
  });
});

describe('bounce-after', () => {
  it('ends what is deferred again and again, with the last reply', async () => {
    const id = await send('a@dying.example');
    expect((await attempted(id)).last?.class).toBe('transient');
    const dsn = await notification('a@dying.example');
    expect(dsn.text).toMatch(/^Status: 4\.4\.7/m);
    expect(dsn.text).toMatch(/^Diagnostic-Code: smtp; 450 4\.2\.1 mailbox busy/m);
    // The notification may be faster than the commit behind it.
    await until(
      () => waitingMessage(id),
      m => m === undefined,
    );
  });

  it('ends what could never be sent, and says why not', async () => {
    const dsn = await notification('a@refused.example');
    expect(dsn.text).toMatch(/^Status: 4\.4\.7\r\nDiagnostic-Code: X-Rampd; mx\.refused\.example\[127\.0\.2\.9\]:\d+: .*ECONNREFUSED/m);
  });
});

/** RFC 4180, as far as one line goes. */
const fields = (row: string): string[] => [...row.matchAll(/("(?:[^"]|"")*"|[^,]*)(?:,|$)/g)].map(m => m[1] ?? '');

describe('accounting', () => {
  it('has a record for every attempt of all this', async () => {
    const { totals } = await until(
      () => w.status(),
      // What requires TLS.
      t => t.totals.waiting === 1,
    );
    await w.end('SIGTERM');
    const [head = '', ...rows] = readFileSync(join(w.dir, 'acct.csv'), 'utf8').trim().split('\n');
    const columns = head.split(',');
    const values = (name: string): (string | undefined)[] => rows.map(row => fields(row)[columns.indexOf(name)]);
    const count = (type: string): number => values('type').filter(t => t === type).length;
    expect([count('d'), count('t'), count('b')]).toEqual([totals.delivered, totals.deferred, totals.bounced]);
    expect(values('uncertain').filter(u => u === '1')).toHaveLength(1);
    const offered = new Set(rows.filter((_, i) => values('type')[i] === 'd').map(row => fields(row)[columns.indexOf('dlvEsmtpAvailable')]));
    expect([...offered].every(words => /^"?[A-Z0-9]+(,[A-Z0-9]+)*"?$/.test(words ?? ''))).toBe(true);
    const classes = new Set(values('class'));
    expect([...classes].sort()).toEqual(['delivered', 'dns', 'expired', 'greylist', 'mailbox.unknown', 'network', 'transient']);
  });
});
