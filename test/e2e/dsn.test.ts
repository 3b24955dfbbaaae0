/**
 * Notices over real SMTP: who asked for what gets it, once; each is read by Python's email package, field by field. Clients
 * hand mail in with DSN parameters; the receiver has none, so rampd is the last that can tell.
 */
import { spawnSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import SMTPConnection from 'nodemailer/lib/smtp-connection';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { ReceivedMessage } from '../../src/rehearse/receiver-policy.js';
import { until, World, zones } from './world.js';

const PYTHON = '/usr/bin/python3';
const SENDER = 'ann@sender.example';

interface Notice {
  readonly to: string;
  readonly message: Buffer;
}

const w = new World();
const notices: Notice[] = [];
const attempts = new Map<string, number>();

beforeAll(async () => {
  const keep = { keepContent: true };
  await w.receiver({
    host: '127.0.2.1',
    hostName: 'mx.y.example',
    policy: {
      onRcpt(_peer, recipient) {
        const n = (attempts.get(recipient) ?? 0) + 1;
        attempts.set(recipient, n);
        if (recipient.startsWith('nobody')) return { reply: '550 5.1.1 no such user' };
        if (recipient.startsWith('late') && n < 5) return { reply: '451 4.3.0 not now' };
        return undefined;
      },
    },
  });
  await w.receiver({
    host: '127.0.2.2',
    hostName: 'mx.sender.example',
    ...keep,
    policy: {
      onMessage(peer, { content }: ReceivedMessage) {
        notices.push({ to: peer.recipients[0] ?? '', message: content ?? Buffer.alloc(0) });
        return undefined;
      },
    },
  });
  await w.prepare({
    zones: zones(
      { 'y.example': 'mx.y.example', 'sender.example': 'mx.sender.example', 'mta.test.example': 'mx.sender.example' },
      { 'mx.y.example': '127.0.2.1', 'mx.sender.example': '127.0.2.2' },
    ),
    config: `
clients:
  - { from: [127.0.0.1], pool: main }
  - { from: [127.0.0.2], pool: main, dsn: postmaster }
  - { from: [127.0.0.3], pool: main, dsn: none }
sources: { s1: { address: 127.0.1.1, host-name: s1.test.example, warm-up: none } }
pools: { main: { sources: [s1] } }
defaults: { retry-after: [1s], bounce-after: 1h }
dsn: { delay-after: [1s, 30m], postmaster: boss@sender.example }
accounting: { file: acct.csv, compress: none }
`,
  });
  await w.start();
});
afterAll(() => w.stop());

interface Asked {
  readonly notify?: string[];
  readonly orcpt?: string;
  readonly ret?: 'HDRS' | 'FULL';
  readonly envid?: string;
}

async function send(to: string, dsn: Asked = {}, from = SENDER, localAddress = '127.0.0.1'): Promise<void> {
  const connection = new SMTPConnection({
    host: '127.0.0.1',
    port: w.listenPort,
    name: 'c.example',
    localAddress,
    ignoreTLS: true,
    socketCloseTimeout: 0,
  });
  connection.on('error', () => undefined);
  await new Promise<void>((resolve, reject) => connection.connect(e => (e ? reject(e) : resolve())));
  const text = `From: <${from}>\r\nSubject: ${to}\r\n\r\nthe body of ${to}\r\n`;
  await new Promise<void>((resolve, reject) =>
    connection.send({ from, to: [to], ...(dsn.notify || dsn.ret || dsn.envid ? { dsn: dsn as object } : {}) }, text, e =>
      e ? reject(e) : resolve(),
    ),
  );
  connection.close();
}

/** The notice about a recipient, with this action. */
async function about(recipient: string, action: string): Promise<Notice> {
  const found = (): Notice | undefined =>
    notices.find(n => n.message.includes(`Action: ${action}`) && n.message.includes(`Final-Recipient: rfc822; ${recipient}`));
  return (await until(found, n => n !== undefined)) as Notice;
}

/** As Python's email package reads it: headers, the fields of each block, the parts. */
function read({ message }: Notice): {
  defects: string[];
  subject: string;
  types: string[];
  text: string;
  blocks: Record<string, string>[];
  returned: string;
} {
  const program = `
import email, email.policy, json, sys
m = email.message_from_bytes(sys.stdin.buffer.read(), policy=email.policy.default)
p = list(m.iter_parts())
print(json.dumps({"defects": [str(d) for x in m.walk() for d in x.defects], "subject": m["Subject"], "types": [x.get_content_type() for x in p],
  "text": p[0].get_content(), "blocks": [dict(b.items()) for b in p[1].get_payload()], "returned": p[2].as_string()}))`;
  const run = spawnSync(PYTHON, ['-c', program], { input: message, encoding: 'utf8' });
  if (run.stderr) throw new Error(run.stderr);
  return JSON.parse(run.stdout) as ReturnType<typeof read>;
}

const noPython = existsSync(PYTHON) ? '' : ` (SKIPPED: ${PYTHON} is missing)`;

describe.skipIf(noPython !== '')(`a notice${noPython}`, () => {
  it('of failure goes to the sender with what was asked for', async () => {
    await send('nobody@y.example', { envid: 'QQ+1', ret: 'FULL', notify: ['FAILURE'], orcpt: 'rfc822;first@z.example' });
    const notice = await about('nobody@y.example', 'failed');
    expect(notice.to).toBe(SENDER);
    const dsn = read(notice);
    expect(dsn).toMatchObject({
      defects: [],
      subject: 'Undelivered mail returned to sender',
      types: ['text/plain', 'message/delivery-status', 'message/rfc822'],
    });
    expect(dsn.blocks).toEqual([
      { 'Reporting-MTA': 'dns; mta.test.example', 'Original-Envelope-Id': 'QQ+1', 'Arrival-Date': expect.any(String) as string },
      {
        'Original-Recipient': 'rfc822; first@z.example',
        'Final-Recipient': 'rfc822; nobody@y.example',
        Action: 'failed',
        Status: '5.1.1',
        'Remote-MTA': 'dns; mx.y.example',
        'Diagnostic-Code': 'smtp; 550 5.1.1 no such user',
        'Last-Attempt-Date': expect.any(String) as string,
      },
    ]);
    expect(dsn.returned).toContain('the body of nobody@y.example');
  });

  it('of relaying answers NOTIFY=SUCCESS where the next host cannot', async () => {
    await send('glad@y.example', { notify: ['SUCCESS'], ret: 'FULL' });
    const dsn = read(await about('glad@y.example', 'relayed'));
    expect(dsn).toMatchObject({
      defects: [],
      subject: 'Mail handed on: its delivery will not be confirmed',
      types: ['text/plain', 'message/delivery-status', 'text/rfc822-headers'],
    });
    expect(dsn.blocks[1]).toMatchObject({ Action: 'relayed', Status: '2.1.9', 'Remote-MTA': 'dns; mx.y.example' });
    expect(dsn.text).toContain('does not report deliveries');
    expect(dsn.returned).not.toContain('the body');
  });

  it('of delay comes once for a threshold, and says until when it is tried', async () => {
    await send('late@y.example');
    const dsn = read(await about('late@y.example', 'delayed'));
    expect(dsn).toMatchObject({ defects: [], subject: 'Delayed mail: still being tried' });
    expect(dsn.blocks[1]).toMatchObject({ Action: 'delayed', Status: '4.3.0', 'Diagnostic-Code': 'smtp; 451 4.3.0 not now' });
    const [message, recipient] = dsn.blocks;
    const lasts = Date.parse(recipient?.['Will-Retry-Until'] ?? '') - Date.parse(message?.['Arrival-Date'] ?? '');
    expect(lasts).toBe(3_600_000);
    await until(
      () => attempts.get('late@y.example'),
      n => n === 5,
    );
    await until(
      () => w.status(),
      s => s.totals.waiting === 0,
    );
    expect(notices.filter(n => n.message.includes('rfc822; late@y.example'))).toHaveLength(1);
  });

  it('goes to the postmaster, or to nobody, when the client has it so', async () => {
    const before = notices.length;
    await send('nobody-mute@y.example', {}, SENDER, '127.0.0.3');
    await send('nobody-post@y.example', {}, SENDER, '127.0.0.2');
    const notice = await about('nobody-post@y.example', 'failed');
    expect(notice.to).toBe('boss@sender.example');
    expect(read(notice).defects).toEqual([]);
    await until(
      () => w.status(),
      s => s.totals.waiting === 0,
    );
    expect(notices).toHaveLength(before + 1);
  });

  it('is not sent to those who asked for none, nor to the null sender', async () => {
    const before = notices.length;
    await send('nobody-never@y.example', { notify: ['NEVER'] });
    await send('late-quiet@y.example', { notify: ['FAILURE'] });
    await send('nobody-null@y.example', {}, '');
    await send('quiet@y.example');
    await until(
      () => w.status(),
      s => s.totals.waiting === 0,
    );
    expect(attempts.get('late-quiet@y.example')).toBe(5);
    expect(notices).toHaveLength(before);
    const { totals } = await w.status();
    expect(totals.accepted).toBe(totals.delivered + totals.bounced);
  });
});

describe('deleted mail', () => {
  it('is accounted for, with who and why', async () => {
    await w.client.pause('y.example@main', { author: 'ann' });
    await send('gone-1@y.example');
    const deleted = await w.run('delete', '--rcpt', 'gone-*', '--why', 'wrong list', '--yes', '-c', w.file);
    expect(deleted.out).toContain('1 recipient');
    const line = readFileSync(join(w.dir, 'acct.csv'), 'utf8')
      .split('\n')
      .find(l => l.includes('gone-1@y.example'));
    expect(line).toMatch(/^b,/);
    expect(line).toContain('deleted by operator:ann: wrong list');
    expect((await w.status()).totals.deleted).toBe(1);
  });
});
