import fc from 'fast-check';
import { afterEach, describe, expect, it } from 'vitest';
import { createMessages, type Campaign } from '../../src/rehearse/campaign.js';
import { startCampaign } from '../../src/rehearse/generator.js';
import type { ReceiverPolicy } from '../../src/rehearse/receiver-policy.js';
import { startReceiver, type Receiver } from '../../src/rehearse/receiver.js';
import { createVirtualClock } from '../../src/rehearse/virtual-clock.js';

const clock = createVirtualClock({ start: Date.UTC(2030, 0, 1), speed: 1_000 });
const campaign: Campaign = { count: 20, to: [{ domain: 'gmail.com', weight: 1 }], from: ['sender.example'] };

let receiver: Receiver;
let received: { sender: string; recipients: readonly string[]; content: string }[] = [];

const start = async (policy: ReceiverPolicy = {}) => {
  received = [];
  receiver = await startReceiver({
    clock,
    policy,
    keepContent: true,
    onMessage(peer, message, accepted) {
      if (accepted) received.push({ sender: peer.sender, recipients: peer.recipients, content: message.content?.toString() ?? '' });
    },
  });
  return { host: receiver.host, port: receiver.port, clock };
};
afterEach(() => receiver.stop());

describe('the generator', () => {
  it('sends every message once, each to a recipient of its own', async () => {
    const target = await start();
    const summary = await startCampaign(target, { ...campaign, count: 200, recipients: 2, job: 'j1' }).done;
    expect(summary).toMatchObject({ ended: 'all', accepted: 200, refused: 0, later: 0, lost: 0 });
    const recipients = received.flatMap(m => m.recipients);
    expect(new Set(recipients).size).toBe(400);
    expect(received.every(m => m.content.includes('\r\nX-Job: j1\r\n') && m.sender === 'bounce@sender.example')).toBe(true);
    expect(receiver.ledger.totals().get('127.0.0.1')?.connections).toBe(4);
  });

  it('keeps its rate on policy time', async () => {
    const target = await start();
    const began = clock.now();
    await startCampaign(target, { ...campaign, rate: 3_600 }).done;
    const late = [...receiver.ledger.entries()].sort((a, b) => a.at - b.at).map((e, n) => e.at - began - n * 1_000);
    expect(late).toHaveLength(20);
    // Never early: what is sent at once arrives before its time and fails here.
    expect(Math.min(...late)).toBeGreaterThanOrEqual(0);
  });

  it('comes back after 4xx with the same message, waiting longer each time', async () => {
    let refusals = 3;
    const tried: { at: number; sender: string }[] = [];
    const target = await start({
      onMail(peer, sender) {
        tried.push({ at: peer.clock.now(), sender });
        return refusals-- > 0 ? { reply: '452 4.3.1 insufficient system storage' } : undefined;
      },
    });
    const summary = await startCampaign({ ...target, connections: 1 }, { ...campaign, count: 2, from: ['one.example', 'two.example'] })
      .done;
    expect(summary).toMatchObject({ ended: 'all', accepted: 2, later: 3, lastReply: '452 4.3.1 insufficient system storage' });
    expect(tried.map(t => t.sender.slice(7, 10))).toEqual(['one', 'one', 'one', 'one', 'two']);
    const waits = tried.slice(1, 4).map((t, i) => t.at - (tried[i]?.at ?? 0));
    waits.forEach((wait, i) => expect(wait).toBeGreaterThanOrEqual(1_000 * 2 ** i));
  });

  it('passes over what is refused, also when all recipients are', async () => {
    const target = await start({
      onMail: (_, sender) => (sender.endsWith('@bad.example') ? { reply: '550 5.7.1 no' } : undefined),
      onRcpt: (_, rcpt) => (rcpt.endsWith('@nowhere.example') ? { reply: '550 5.1.1 no' } : undefined),
    });
    const to = [
      { domain: 'gmail.com', weight: 1 },
      { domain: 'nowhere.example', weight: 1 },
    ];
    const mixed: Campaign = { ...campaign, count: 60, to, from: ['sender.example', 'bad.example'] };
    const make = createMessages(mixed);
    const good = Array.from({ length: 60 }, (_, n) => make(n, 0)).filter(
      m => m.sender.endsWith('@sender.example') && m.recipients[0]?.endsWith('@gmail.com'),
    );
    const summary = await startCampaign(target, mixed).done;
    // Exact: a transaction left open by a refusal would cost the next message as well.
    expect(summary).toMatchObject({ ended: 'all', accepted: good.length, refused: 60 - good.length, lost: 0 });
    expect(received.flatMap(m => m.recipients).sort()).toEqual(good.flatMap(m => m.recipients).sort());
  });

  it('outlives a connection that is cut, and loses nothing', async () => {
    let cut = true;
    const target = await start({
      onData() {
        if (cut) setImmediate(() => receiver.cut());
        cut = false;
        return undefined;
      },
    });
    const summary = await startCampaign(target, campaign).done;
    expect(summary).toMatchObject({ ended: 'all', accepted: 20 });
    expect(summary.lost).toBeGreaterThan(0);
    expect(new Set(received.flatMap(m => m.recipients)).size).toBe(20);
  });

  it('gives up when nobody listens, and stops on request', async () => {
    const target = await start();
    await receiver.stop();
    expect(await startCampaign(target, campaign).done).toMatchObject({ ended: 'unreachable', accepted: 0 });
    await start();
    const running = startCampaign({ host: receiver.host, port: receiver.port, clock }, { ...campaign, rate: 1 / 24 });
    running.stop();
    expect(await running.done).toMatchObject({ ended: 'stopped' });
  });
});

describe('a campaign', () => {
  const to = [
    { domain: 'gmail.com', weight: 3 },
    { domain: '*.customers.example', weight: 1 },
  ];

  it('makes messages of the size asked for, with lines that SMTP carries', () => {
    fc.assert(
      fc.property(fc.integer({ min: 400, max: 40_000 }), fc.nat(1_000_000), (size, n) => {
        const { content } = createMessages({ ...campaign, size })(n, 1_900_000_000_000);
        expect(content.length).toBe(size);
        const lines = content.toString().split('\r\n');
        expect(lines.at(-1)).toBe('');
        expect(lines.every(line => line.length <= 998 && !/[\r\n]/.test(line))).toBe(true);
      }),
    );
  });

  it('is the same for the same seed, in whatever order it is made', () => {
    const one = createMessages({ ...campaign, to, seed: 5 });
    const two = createMessages({ ...campaign, to, seed: 5 });
    const forwards = Array.from({ length: 50 }, (_, n) => one(n, 0).recipients[0]);
    const backwards = Array.from({ length: 50 }, (_, n) => two(49 - n, 0).recipients[0]).reverse();
    expect(backwards).toEqual(forwards);
    const other = createMessages({ ...campaign, to, seed: 6 });
    expect(other(0, 0).recipients).not.toEqual(one(0, 0).recipients);
  });

  it('mixes domains by weight', () => {
    const make = createMessages({ ...campaign, to });
    const domains = Array.from({ length: 4_000 }, (_, n) => make(n, 0).recipients[0]?.split('@')[1] ?? '');
    expect(domains.filter(d => d === 'gmail.com').length / 4_000).toBeCloseTo(0.75, 1);
    const customers = new Set(domains.filter(d => d.endsWith('.customers.example')));
    expect(customers.size).toBeGreaterThan(200);
    expect(customers.size).toBeLessThanOrEqual(383);
  });
});
