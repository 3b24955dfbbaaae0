/**
 * Reports about delivered mail through the built rampd: mail leaves with a reverse path of its own, strangers bring bounces
 * and complaints for it and nothing else, each counts once, over kill -9 too; a forged one changes nothing.
 */
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import net from 'node:net';
import { join } from 'node:path';
import { afterEach, expect, it } from 'vitest';
import { inject } from './inject.js';
import { until, World, zones } from './world.js';

let w: World;
afterEach(() => w.stop());

/** A stranger's connection: every reply to what it says, the last one to the end of data. */
function stranger(port: number, ...commands: string[]): Promise<string[]> {
  return new Promise((done, failed) => {
    const replies: string[] = [];
    const socket = net.connect({ host: '127.0.0.1', port, localAddress: '127.0.3.1' });
    let text = '';
    const queue = [...commands];
    socket.on('error', failed);
    socket.on('data', chunk => {
      text += chunk.toString();
      for (let end = text.indexOf('\r\n'); end >= 0; end = text.indexOf('\r\n')) {
        const line = text.slice(0, end);
        text = text.slice(end + 2);
        if (line[3] === '-') continue;
        replies.push(line);
        const next = queue.shift();
        if (next === undefined) {
          socket.end();
          return done(replies.slice(1));
        }
        socket.write(`${next}\r\n`);
      }
    });
  });
}

const send = async (port: number, to: string, content: string): Promise<string> => {
  const replies = await stranger(port, 'EHLO mx.elsewhere.example', 'MAIL FROM:<>', `RCPT TO:<${to}>`, 'DATA', `${content}\r\n.`);
  return replies.at(-1) ?? '';
};

const bounceFor = (recipient: string): string =>
  [
    'Content-Type: multipart/report; report-type=delivery-status; boundary=b',
    '',
    '--b',
    'Content-Type: message/delivery-status',
    '',
    'Reporting-MTA: dns; mx.elsewhere.example',
    '',
    `Final-Recipient: rfc822; ${recipient}`,
    'Action: failed',
    'Status: 5.1.1',
    'Diagnostic-Code: smtp; 550 5.1.1 no such user',
    '',
    '--b--',
  ].join('\r\n');

const complaintWith = (returnPath: string): string =>
  [
    'Content-Type: multipart/report; report-type=feedback-report; boundary=b',
    '',
    '--b',
    'Content-Type: message/feedback-report',
    '',
    'Feedback-Type: abuse',
    'User-Agent: SomeGenerator/1.0',
    'Version: 1',
    'Source-IP: 192.0.2.99',
    '',
    '--b',
    'Content-Type: message/rfc822',
    '',
    `Return-Path: <${returnPath}>`,
    'Subject: an offer',
    '',
    'Buy.',
    '--b--',
  ].join('\r\n');

it('takes bounces and complaints for what it sent, from anybody, once, and nothing else', { timeout: 60_000 }, async () => {
  w = new World();
  const paths = new Map<string, string>();
  await w.receiver({
    host: '127.0.2.1',
    hostName: 'mx.a.example',
    onMessage: peer => void peer.recipients.forEach(r => paths.set(r, peer.sender)),
  });
  await w.prepare({
    zones: zones({ 'a.example': 'mx.a.example', 's.example': 'mx.a.example' }, { 'mx.a.example': '127.0.2.1' }),
    config: `
clients: [{ from: ["127.0.0.1"], pool: main }]
sources:
  hot: { address: 127.0.1.1, host-name: hot.test.example, warm-up: none }
pools:
  main: { sources: [hot], verp: true }
accounting: { file: acct.csv, records: [d, b, rb, f, rs] }
suppression: { at: report }
feedback: { bounce-domains: [bounce.other.example, bounce.s.example], fbl: [fbl@s.example] }
`,
  });
  await w.start();
  const port = w.listenPort;
  await inject(port, { from: 'news@s.example', to: ['gone@a.example', 'angry@a.example', 'fine@a.example'] });
  await until(
    () => w.status(),
    s => s.totals.delivered === 3 && s.totals.waiting === 0,
  );
  const [gone = '', angry = '', fine = ''] = ['gone', 'angry', 'fine'].map(r => paths.get(`${r}@a.example`) ?? '');
  expect(gone).toMatch(/^bounce\+[a-z2-7]{45}@bounce\.s\.example$/);
  expect(new Set([gone, angry, fine]).size).toBe(3);

  // Strangers: reports and nothing else.
  const hello = ['EHLO x.example', 'MAIL FROM:<spam@x.example>'];
  expect((await stranger(port, ...hello, 'RCPT TO:<victim@a.example>')).at(-1)).toMatch(/^550 5\.7\.1 /);
  expect((await stranger(port, ...hello, `RCPT TO:<${gone.replace(/\+./, '+a').replace(/\+a(.)/, '+b$1')}>`)).at(-1)).toMatch(
    /^550 5\.1\.1 /,
  );
  expect((await stranger(port, ...hello, 'RCPT TO:<bounce@bounce.s.example>')).at(-1)).toMatch(/^550 5\.1\.1 /);
  expect((await stranger(port, ...hello, `RCPT TO:<${gone}>`, 'RCPT TO:<fbl@s.example>')).at(-1)).toMatch(/^452 4\.5\.3 /);

  // A forged complaint, and one that names a mail in another's words: kept aside.
  const listed = () => w.client.suppression.list({ limit: 10 });
  expect(await send(port, 'fbl@s.example', complaintWith('bounce+aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa@bounce.s.example'))).toMatch(
    /^250 /,
  );
  expect(await send(port, 'fbl@s.example', 'Subject: hello\r\n\r\nplease stop')).toMatch(/^250 /);
  expect(await listed()).toEqual([]);
  expect((await w.status()).feedback).toEqual({ bounces: 0, complaints: 0, repeated: 0, ignored: 0, aside: 2 });
  expect(readdirSync(join(w.stateDir, 'feedback-aside'))).toHaveLength(2);

  // A bounce in the wrong case, then again, at once and after kill -9.
  expect(await send(port, gone.toUpperCase(), bounceFor('gone@a.example'))).toMatch(/^250 /);
  await Promise.all([1, 2, 3].map(() => send(port, angry, complaintWith(angry).replace('abuse', 'abuse'))));
  await Promise.all([1, 2, 3].map(() => send(port, 'fbl@s.example', complaintWith(angry))));
  await w.end('SIGKILL');
  await w.start();
  expect(await send(port, gone, bounceFor('gone@a.example'))).toMatch(/^250 /);
  expect(await send(port, 'fbl@s.example', complaintWith(angry))).toMatch(/^250 /);
  // Not a failure: told on, and nothing else.
  expect(await send(port, fine, bounceFor('fine@a.example').replace('failed', 'delayed').replace('5.1.1', '4.4.1'))).toMatch(/^250 /);

  const status = await w.status();
  expect(status.feedback).toEqual({ bounces: 1, complaints: 1, repeated: 4, ignored: 1, aside: 5 });
  expect(status.sources[0]).toMatchObject({ complaints: 1, bouncedToday: 1, deliveredToday: 2 });
  expect((await listed()).map(e => [e.address, e.reason])).toEqual([
    ['angry@a.example', 'complaint'],
    ['gone@a.example', 'mailbox.unknown'],
  ]);
  const records = readFileSync(join(w.dir, 'acct.csv'), 'utf8').split('\n');
  expect(records.filter(line => line.startsWith('rb,'))).toHaveLength(1);
  expect(records.filter(line => line.startsWith('f,'))).toHaveLength(1);
  expect(records.find(line => line.startsWith('f,'))).toContain('angry@a.example');
  // What Microsoft measured of the address is taken in once, shown, and changes no limit.
  const snds = '127.0.1.1,11/18/2026 7:00 PM,11/19/2026 7:00 PM,12,12,12,RED,0.4%,,,3,x,y,';
  writeFileSync(join(w.dir, 'snds.csv'), `${snds}\n${snds}\n${snds.replace('127.0.1.1', '192.0.2.9')}\nnot one\n`);
  const imported = await w.run('import', 'snds', 'snds.csv', '--socket', w.socket);
  expect(imported.out.split('\n').slice(0, 3)).toEqual([
    'line 4: not 11 columns or more',
    'new data of hot',
    'lines left out: 1 known or older, 1 of other addresses, 1 not to be read',
  ]);
  expect((await w.client.sources())[0]).toMatchObject({ state: 'warm', snds: { filter: 'RED', complaintRate: '0.4%', trapHits: 3 } });
  expect((await w.run('why', 'hot', '--socket', w.socket)).out).toContain(
    'hot: SNDS to 2026-11-19 19:00: RED, complaint rate 0.4%, 3 trap hits',
  );
  expect(w.journal().at(-1)).toMatchObject({ type: 'imported', source: 'hot', author: 'operator:ann' });
  const { totals: t } = status;
  expect(t.accepted).toBe(t.delivered + t.bounced + t.suppressed + t.deleted + t.waiting);
});
