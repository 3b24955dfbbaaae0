/** Mail from anybody for the addresses that take reports, and for no others. */
import type { SMTPServerSession } from 'smtp-server';
import { afterEach, describe, expect, it } from 'vitest';
import { ReportMail } from '../../src/accept/report-mail.js';
import type { Settings } from '../../src/kernel/settings.js';
import { DAY } from '../../src/kernel/units.js';
import { createManualClock } from '../../src/rehearse/manual-clock.js';
import { Wire } from './dialogue.js';
import { bench, place, type Bench } from './kit.js';

const feedback = { bounceDomains: ['xn--bcher-kva.example'], fbl: ['fbl@s.example'], keepFor: DAY, maxMsgRate: 600, from: place };
let server: Bench;
let wire: Wire;
let received: string[];
let asked: string[];

async function stranger(more: { receive?: () => Promise<void> } = {}): Promise<void> {
  received = [];
  asked = [];
  server = await bench(
    { clients: [], feedback },
    {
      reports: {
        addressee(address) {
          asked.push(address);
          if (address.endsWith('@xn--bcher-kva.example')) return address.startsWith('bounce+good') ? { kind: 'bounce' } : 'refused';
          return address === 'fbl@s.example' ? { kind: 'fbl' } : undefined;
        },
        async receive({ kind }, content) {
          await more.receive?.();
          received.push(`${kind}: ${content.toString()}`);
        },
      },
    },
  );
  wire = await Wire.open(server.port);
  await wire.reply();
  await wire.say('EHLO mx.elsewhere.example', 'MAIL FROM:<>');
}

it('a network of IPv6 brings as many reports a minute as one address', () => {
  const clock = createManualClock(0);
  const mail = new ReportMail(
    {
      settings: () => ({ feedback: { ...feedback, maxMsgRate: 2 } }) as unknown as Settings,
      clock,
      reports: { addressee: () => undefined, receive: () => Promise.resolve() },
    },
    { used: 0, most: 1 },
  );
  const from = (remoteAddress: string) => () => mail.admits({ remoteAddress } as SMTPServerSession);
  expect(from('2001:db8::1')()).toBe(true);
  expect(from('2001:db8::2')()).toBe(true);
  expect(from('2001:db8::3')).toThrow('Too many reports');
  expect(from('2001:db8:0:1::1')()).toBe(true);
  expect(from('192.0.2.1')()).toBe(true);
});

describe('a stranger', () => {
  afterEach(async () => {
    wire.destroy();
    await server.stop();
  });

  it('brings a report, one recipient a transaction, and nothing else', async () => {
    await stranger();
    expect(await wire.ask('RCPT TO:<ann@s.example>')).toMatch(/^550 5\.7\.1 /);
    expect(await wire.ask('RCPT TO:<fbl@s.example>')).toMatch(/^250 /);
    expect(await wire.ask('RCPT TO:<ann@s.example>')).toMatch(/^452 4\.5\.3 /);
    expect(await wire.say('DATA', 'Subject: x\r\n\r\nbody\r\n.')).toBe('250 2.0.0 Ok: report taken');
    expect(received).toEqual(['fbl: Subject: x\r\n\r\nbody\r\n']);
    expect(server.stored).toEqual([]);
    expect(server.acceptor.budget.used).toBe(0);
  });

  it('is heard under an international domain, however it is written', async () => {
    await stranger();
    expect(await wire.ask('RCPT TO:<bounce+bad@xn--bcher-kva.example>')).toMatch(/^550 5\.1\.1 /);
    expect(await wire.ask('RCPT TO:<bounce+good@XN--BCHER-KVA.example>')).toMatch(/^250 /);
    expect(asked).toEqual(['bounce+bad@xn--bcher-kva.example', 'bounce+good@xn--bcher-kva.example']);
  });

  it('is heard whatever waits, unless the disk is full', async () => {
    await stranger();
    server.settings = { ...server.settings, maxBacklog: 10 };
    server.waiting = 11;
    expect(await wire.say('RSET', 'MAIL FROM:<>', 'RCPT TO:<fbl@s.example>')).toMatch(/^250 /);
    server.room = 'full';
    expect(await wire.say('RSET', 'MAIL FROM:<>')).toMatch(/^452 4\.3\.1 Insufficient/);
  });

  it('that goes away in the middle is no trouble of ours', async () => {
    await stranger();
    const refused: unknown[] = [];
    server.events.on('refused', event => void refused.push(event));
    await wire.say('RCPT TO:<fbl@s.example>', 'DATA');
    wire.send('Subject: x\r\n\r\nhalf');
    // The half has arrived when the next connection is greeted.
    const other = await Wire.open(server.port);
    await other.reply();
    const gone = new Promise<void>(resolve => {
      const look = (): void => (server.acceptor.budget.used === 0 ? resolve() : void setImmediate(look));
      wire.destroy();
      look();
    });
    await gone;
    other.destroy();
    expect(received).toEqual([]);
    expect(refused).toEqual([]);
    expect(server.log.filter(text => text.includes('internal error'))).toEqual([]);
  });

  it('is told to come again when what follows cannot be kept', async () => {
    await stranger({ receive: () => Promise.reject(new Error('EIO')) });
    expect(await wire.say('RCPT TO:<fbl@s.example>', 'DATA', 'Subject: x\r\n\r\n.')).toMatch(/^451 4\.3\.0 /);
  });
});
