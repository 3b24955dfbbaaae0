/**
 * What operators do, through the commands they use: pauses that outlive a kill, stages, retry, delete, pools that come and go,
 * and the end of a daemon with mail under way.
 */
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { batch, idOf, inject, injectMany } from './inject.js';
import { Gate, until, World, zones } from './world.js';

const PAUSED = ['source', 'lane', 'queue', 'provider'] as const;
const SENDER = 'news@sender.example';

let w: World;
/** Recipients of what was taken, once for each copy. */
const taken: string[] = [];
/** Notifications that came to the sender. */
const told: string[] = [];
let busy = false;

const pools = ['free', ...PAUSED, 'gone', 'slow'].map(p => `  ${p}: { sources: [s-${p}] }`).join('\n');
const sources = ['free', ...PAUSED, 'gone', 'slow']
  .map(
    (s, i) =>
      `  s-${s}: { address: 127.0.1.${i + 1}, host-name: s-${s}.test.example, warm-up: none${s === 'slow' ? ', max-msg-per-hour: 1/h' : ''} }`,
  )
  .join('\n');
const CONFIG = `
clients: [{ from: ["127.0.0.0/8"], pool: free, allow-headers: true }]
sources:
${sources}
  cold: { address: 127.0.1.20, host-name: cold.test.example, warm-up: { schedule: four-weeks } }
pools:
${pools}
  cold: { sources: [cold] }
providers:
${PAUSED.map(p => `  at-${p}: { domains: [${p}.example], smtp-hosts: ["127.0.2.1:PORT"] }`).join('\n')}
`;

beforeAll(async () => {
  w = new World();
  await w.receiver({
    host: '127.0.2.1',
    hostName: 'mx.all.example',
    keepContent: true,
    policy: { onRcpt: () => (busy ? { reply: '450 4.2.1 try again later' } : undefined) },
    onMessage(peer, { content }, accepted) {
      if (!accepted) return;
      taken.push(...peer.recipients);
      if (peer.recipients.includes(SENDER)) told.push(content?.toString() ?? '');
    },
  });
  await w.prepare({
    zones: zones(Object.fromEntries(['free', 'gone', 'slow', 'later', 'sender', 'trash'].map(d => [`${d}.example`, 'mx.all.example'])), {
      'mx.all.example': '127.0.2.1',
    }),
    config: CONFIG.replaceAll('PORT', String(w.smtpPort)),
  });
  await w.start();
});
afterAll(() => w.stop());
afterEach(() => {
  busy = false;
});

const rampd = async (...args: string[]): Promise<string> => {
  const { code, out, err } = await w.run(...args, '-c', w.file);
  expect({ args, code, err }).toMatchObject({ code: 0 });
  return out;
};

/** A message in a pool of its own; its id. */
const send = async (to: string, pool: string, from = SENDER): Promise<string> =>
  idOf((await inject(w.listenPort, { from, to: [to], headers: [`X-Pool: ${pool}`] }))[0]);

const arrived = (recipient: string): Promise<string[]> =>
  until(
    () => taken.filter(r => r === recipient),
    copies => copies.length > 0,
  );

let frees = 0;
/** Mail that nothing holds has gone by; what was to wait has had its chance. */
async function otherMailGoes(): Promise<void> {
  const recipient = `free-${++frees}@free.example`;
  await send(recipient, 'free');
  await arrived(recipient);
}

describe('what a person paused', () => {
  const target = (kind: (typeof PAUSED)[number]): string =>
    ({ source: 's-source', lane: 's-lane/at-lane', queue: 'queue.example@queue', provider: 'at-provider' })[kind];

  it('waits, says who and why, outlives kill -9, and goes when resumed', async () => {
    const ids = new Map<string, string>();
    for (const kind of PAUSED) {
      expect(await rampd('pause', target(kind), '--why', `${kind} maintenance`)).toBe(`paused ${target(kind)}\n`);
      ids.set(kind, await send(`a@${kind}.example`, kind));
    }

    for (const restarted of [false, true]) {
      if (restarted) {
        await w.end('SIGKILL');
        await w.start();
      }
      await otherMailGoes();
      for (const kind of PAUSED) {
        const why = await until(
          () => rampd('why', ids.get(kind) ?? ''),
          text => text.includes('paused'),
        );
        expect(why).toContain(`operator:ann: ${kind} maintenance`);
        expect(taken).not.toContain(`a@${kind}.example`);
      }
    }
    expect((await w.status()).sources.find(s => s.name === 's-source')?.state).toBe('paused');
    expect(await rampd('show', 'queues')).toMatch(/queue\.example@queue .*paused by operator:ann: queue maintenance/);

    for (const kind of PAUSED) expect(await rampd('resume', target(kind))).toBe(`resumed ${target(kind)}\n`);
    for (const kind of PAUSED) expect(await arrived(`a@${kind}.example`)).toHaveLength(1);
    expect(w.journal().filter(r => r.type === 'resumed')).toHaveLength(4);
    expect(await w.run('resume', 's-source', '-c', w.file)).toMatchObject({ code: 1, out: '' });
    for (const nobody of ['nobody', 'a.example@nobody', 'nobody@*', 's-free/nobody'])
      expect(await w.run('pause', nobody, '-c', w.file)).toMatchObject({ code: 1, out: '' });
  });

  it('can be resumed when nothing of it is left', async () => {
    await rampd('pause', 'empty.example@free');
    await w.end('SIGKILL');
    await w.start();
    expect(await rampd('resume', 'empty.example@free')).toBe('resumed empty.example@free\n');
    expect(await w.run('resume', 'empty.example@free', '-c', w.file)).toMatchObject({ code: 1 });
  });
});

describe('a stage', () => {
  it('is held and released, moved and ended by a person, with a reason, and outlives a restart', async () => {
    const cold = async () => (await w.status()).sources.find(s => s.name === 'cold');
    expect(await cold()).toMatchObject({ state: 'warming', stage: 1, maxMsgPerHour: 20 });
    await rampd('hold', 'cold', '--why', 'a look at it');
    expect(await cold()).toMatchObject({ state: 'holding', stage: 1, maxMsgPerHour: 20 });
    await rampd('release', 'cold', '--why', 'looks good');
    expect(await cold()).toMatchObject({ state: 'warming' });
    await rampd('advance', 'cold', '--why', 'it was warm elsewhere', '--stage', '5');
    const fifth = await cold();
    expect(fifth).toMatchObject({ state: 'warming', stage: 5 });
    expect(fifth?.maxMsgPerHour).toBeGreaterThan(40);
    await rampd('step-back', 'cold', '--why', 'too fast');
    expect(await cold()).toMatchObject({ stage: 4 });
    await w.end('SIGKILL');
    await w.start();
    const fourth = await cold();
    expect(fourth).toMatchObject({ stage: 4 });
    await rampd('graduate', 'cold', '--why', 'done');
    // Nothing becomes unlimited by itself.
    const warm = await cold();
    expect(warm?.state).toBe('warm');
    expect(warm?.maxMsgPerHour).not.toBeNull();
    const acts = w.journal().filter(r => r.source === 'cold' && r.provider === undefined && String(r.author).startsWith('operator:'));
    expect(acts.map(r => [r.type, r.author])).toEqual(
      ['held', 'released', 'stage-advanced', 'stage-back', 'graduated'].map(type => [type, 'operator:ann']),
    );
    expect(acts.map(r => r.text).join('\n')).toMatch(/a look at it[^]*it was warm elsewhere[^]*too fast[^]*done/);

    expect(await w.run('advance', 's-free', '--why', 'x', '-c', w.file)).toMatchObject({ code: 1 });
    expect(await w.run('advance', 'cold', '-c', w.file)).toMatchObject({ code: 2 });
  });
});

describe('retry', () => {
  it('makes deferred mail due now, and lets nothing past a limit', async () => {
    busy = true;
    await send('a@later.example', 'free');
    await until(
      () => w.client.messages({ queue: 'later.example@free' }),
      m => m[0]?.recipients[0]?.last !== undefined,
    );
    busy = false;
    await otherMailGoes();
    expect(taken).not.toContain('a@later.example');
    expect(await rampd('retry', 'later.example@free')).toBe('1 recipient is due now; limits still hold\n');
    await arrived('a@later.example');
    expect(
      w
        .journal()
        .filter(r => r.type === 'retried')
        .map(r => [r.author, r.text]),
    ).toEqual([['operator:ann', '1 recipient of later.example@free made due now']]);

    await send('a@slow.example', 'slow');
    await arrived('a@slow.example');
    const second = await send('b@slow.example', 'slow');
    await rampd('retry', second);
    await rampd('retry', 'slow.example@slow');
    await otherMailGoes();
    expect(await rampd('why', second)).toMatch(/max-msg-per-hour 1 reached: 1 used in the last hour/);
    expect(taken).not.toContain('b@slow.example');
    await rampd('delete', '--message', second, '--yes');
  });
});

describe('retry of mail that has no route', () => {
  it.each(['message', 'queue'])('looks for one at once, and counts it (%s)', async how => {
    const domain = `lost-${how}.example`;
    w.dns.set(domain, { fail: 'servfail' });
    const id = await send(`a@${domain}`, 'free');
    await until(
      () => rampd('why', id),
      text => text.includes('no route yet'),
    );
    w.dns.set(domain, { mx: [{ preference: 10, exchange: 'mx.all.example' }] });
    await otherMailGoes();
    expect(taken).not.toContain(`a@${domain}`);
    expect(await rampd('retry', how === 'message' ? id : `${domain}@free`)).toBe('1 recipient is due now; limits still hold\n');
    await arrived(`a@${domain}`);
  });
});

describe('delete', () => {
  it('removes what fits, tells the senders when asked to, and accounts for it', async () => {
    await rampd('pause', 's-gone', '--why', 'to fill a queue');
    for (const name of ['quiet-1', 'quiet-2', 'loud-1', 'kept-1']) await send(`${name}@trash.example`, 'gone');
    const before = (await w.status()).totals;
    const refused = await w.run('delete', '--rcpt', 'quiet-*', '-c', w.file);
    expect(refused.code).toBe(2);
    expect(refused.err).toContain('say --yes');
    expect(await w.run('delete', '--yes', '-c', w.file)).toMatchObject({ code: 2 });

    expect(await rampd('delete', '--rcpt', 'quiet-*', '--yes')).toBe('2 recipients were deleted\n');
    const loud = ['--queue', 'trash.example@*', '--rcpt', 'loud-*'];
    expect(await rampd('delete', ...loud, '--dsn', '--yes', '--why', 'a wrong list')).toBe('1 recipient was deleted\n');
    expect(await rampd('delete', '--rcpt', 'nobody@*', '--yes')).toBe('0 recipients were deleted\n');
    expect(
      w
        .journal()
        .filter(r => r.type === 'deleted')
        .map(r => [r.author, r.text]),
    ).toContainEqual(['operator:ann', '1 recipient in queue trash.example@*, to loud-* deleted, their senders told: a wrong list']);
    await rampd('resume', 's-gone');
    await arrived('kept-1@trash.example');
    await until(
      () => told.join('\n'),
      text => text.includes('Final-Recipient: rfc822; loud-1@trash.example'),
    );
    expect(told.join('\n')).not.toContain('quiet-');
    expect(taken.filter(r => /^(quiet|loud)/.test(r))).toEqual([]);
    const { totals } = await until(
      () => w.status(),
      s => s.totals.waiting === before.waiting - 4,
    );
    expect(totals.deleted - before.deleted).toBe(3);
    const { accepted, delivered, bounced, suppressed, deleted, waiting } = totals;
    expect(accepted).toBe(delivered + bounced + suppressed + deleted + waiting);
  });
});

describe('a pool that a reload removes', () => {
  it('keeps its mail and says so; the mail goes when the pool is back', async () => {
    await rampd('pause', 's-gone', '--why', 'to fill a queue');
    const id = await send('a@gone.example', 'gone');
    w.configure(text => text.replace('  gone: { sources: [s-gone] }\n', ''));
    await rampd('reload');
    await rampd('resume', 's-gone');
    await otherMailGoes();
    expect(await rampd('show', 'queues')).toMatch(/gone\.example@gone .*pool gone is not configured any more: its mail is kept/);
    expect(await rampd('why', id)).toContain('pool gone is not configured any more');
    // Over a restart too.
    await w.end('SIGKILL');
    await w.start();
    await otherMailGoes();
    expect(taken).not.toContain('a@gone.example');
    w.configure(text => text.replace('  slow: { sources', '  gone: { sources: [s-gone] }\n  slow: { sources'));
    await rampd('reload');
    expect(await arrived('a@gone.example')).toHaveLength(1);
  });
});

describe('SIGTERM with mail under way', () => {
  const worlds: World[] = [];
  afterEach(async () => {
    await Promise.all(worlds.splice(0).map(x => x.stop()));
  });

  async function underWay(drain: string): Promise<{ world: World; gate: Gate; copies: Map<string, number> }> {
    const world = new World();
    worlds.push(world);
    const gate = new Gate();
    const copies = new Map<string, number>();
    await world.receiver({
      host: '127.0.2.1',
      hostName: 'mx.slow.example',
      clock: gate,
      policy: { onMessage: () => ({ reply: '250 2.0.0 accepted', delay: 1 }) },
      onMessage(peer) {
        for (const r of peer.recipients) copies.set(r, (copies.get(r) ?? 0) + 1);
      },
    });
    await world.prepare({
      zones: zones({ 'slow.example': 'mx.slow.example' }, { 'mx.slow.example': '127.0.2.1' }),
      config: `
clients: [{ from: ["127.0.0.0/8"], pool: main }]
sources:
  hot: { address: 127.0.1.1, host-name: hot.test.example, warm-up: none }
pools:
  main: { sources: [hot] }
defaults: { max-smtp-out: 4, retry-after: 1s }
drain: ${drain}
`,
    });
    await world.start();
    await injectMany(world.listenPort, batch(40, 'm', 'slow.example'));
    await until(
      () => {
        if (gate.held < 4) gate.release(1);
        return gate.held;
      },
      held => held === 4,
    );
    return { world, gate, copies };
  }

  it('lets it finish: exit 0, nothing lost, nothing twice', async () => {
    const { world, gate, copies } = await underWay('30s');
    const before = copies.size;
    const gone = world.end('SIGTERM');
    // Nothing new begins, and who connects now is turned away.
    await until(
      () =>
        inject(world.listenPort, ...batch(1, 'late', 'slow.example')).then(
          () => 'taken',
          (e: Error) => e.message,
        ),
      said => said !== 'taken',
    );
    gate.release();
    expect(await gone).toBe(0);
    expect(copies.size).toBe(before);
    expect(world.journal().at(-1)).toMatchObject({ type: 'stopped', author: 'signal:SIGTERM' });
    await world.start();
    const end = await until(
      () => (gate.release(), world.status()),
      s => s.totals.waiting === 0,
    );
    expect(end.totals.uncertain).toBe(0);
    expect(new Set(copies.values())).toEqual(new Set([1]));
    expect([...copies.keys()].filter(r => r.startsWith('m'))).toHaveLength(40);
  });

  it('cuts it off after the time to drain, says what is uncertain, and sends that again', async () => {
    const { world, gate, copies } = await underWay('1s');
    expect(await world.end('SIGTERM')).toBe(0);
    await world.start();
    const end = await until(
      () => (gate.release(), world.status()),
      s => s.totals.waiting === 0,
    );
    expect(end.totals.uncertain).toBe(4);
    expect([...copies.values()].filter(n => n === 2)).toHaveLength(4);
    expect(copies.size).toBe(40);
  });
});
