/**
 * check, init, schedule and where the configuration is found, through the program as a person types it.
 */
import { chmodSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { DEFAULT_FILES, findConfig } from '../../src/commands/config-file.js';
import { run } from '../../src/commands/program.js';
import { starterFile } from '../../src/config/starter.js';
import { makeSelfSigned } from '../../src/rehearse/self-signed.js';
import { minimal } from '../config/reading.js';
import { fakeIo } from './fake-io.js';
import type { FakeIo } from './fake-io.js';

let cwd: string;
beforeEach(() => void (cwd = mkdtempSync(join(tmpdir(), 'rampd-config-'))));
afterEach(() => rmSync(cwd, { recursive: true, force: true }));

async function rampd(...argv: string[]): Promise<FakeIo['written']> {
  const io = fakeIo({ cwd });
  await run(argv, io, '0.0.0');
  return io.written;
}
const put = (file: string, text: string): void => {
  mkdirSync(join(cwd, file, '..'), { recursive: true });
  writeFileSync(join(cwd, file), text);
};

describe('rampd check', () => {
  it('says what a good configuration holds', async () => {
    put('rampd.yaml', starterFile());
    const { out, err, code } = await rampd('check');
    expect(code).toBeUndefined();
    expect(out).toMatch(
      /^rampd\.yaml is good, with 1 warning\n {2}sources +2: 1 warm, 1 warming\n {2}pools +1: main\n {2}schedules +\d+, in use: four-weeks\n {2}providers +\d+, with \d+ rules\n {2}ramps +cold-1: to earn [\d,]+ recipients a day at stage 1 \([\d,]+\/h\), [\d,]+ recipients a day at stage \d+ \([\d,]+\/h\)\n$/,
    );
    expect(err).toMatch(/^rampd\.yaml:\d+:5: warning: the gate "complaint-rate > 0.1%" of four-weeks is inert/);
  });

  it('names the volume that each ramp needs, at its first and its last stage', async () => {
    const warm = (more: string) =>
      `{ address: 203.0.113.2X, host-name: a.example.com, warm-up: { schedule: s${more} } }`.replace('X', more === '' ? '1' : '2');
    const sources = `sources: { a: ${warm('')}, b: ${warm(', target: 70/h, stage: 2')}, c: { address: 203.0.113.23, warm-up: none } }`;
    const lines = async (extra: string) => {
      put(
        'own/s.yaml',
        `name: s\ntick: "0 4 * * *"\nstages: [{ max-msg-per-hour: 50 }, { max-msg-per-hour: 60, max-msg-per-day: 600 }, { max-msg-per-hour: 100 }]\n${extra}`,
      );
      put('rampd.yaml', minimal({ sources, pools: 'pools: { main: { sources: [a, b, c] } }' }, 'schedules: [own]\n'));
      return (await rampd('check')).out.split('\n').slice(5, -1);
    };
    expect(await lines('gates: { advance: { sent: ">= 70%" } }\n')).toEqual([
      '  ramps      a: to earn 280 recipients a day at stage 1 (50/h), 560 recipients a day at stage 3 (100/h)',
      '             b: to earn 420 recipients a day at stage 2 (60/h), 392 recipients a day at stage 3 (70/h)',
    ]);
    expect(await lines('advance: calendar\n')).toEqual(['  ramps      a, b: climbs whatever its volume']);
    const { summary } = JSON.parse((await rampd('check', '--json')).out) as { summary: { ramps: unknown[] } };
    expect(summary.ramps[1]).toEqual({
      source: 'b',
      schedule: 's',
      first: { stage: 2, maxMsgPerHour: 60, needs: 0 },
      last: { stage: 3, maxMsgPerHour: 70, needs: 0 },
    });
  });

  it('names every fault and ends with 2', async () => {
    put('conf/x.yaml', minimal({ clients: 'clients: [{ from: 127.0.0.1, pool: mian }]' }, 'drian: 3s\n'));
    for (const argv of [['conf/x.yaml'], ['-c', 'conf/x.yaml']]) {
      const { out, err, code } = await rampd('check', ...argv);
      expect([out, code]).toEqual(['', 2]);
      expect(err.split('\n')).toEqual([
        'conf/x.yaml:4:36: this client uses pool mian, which is not defined; allowed: main; did you mean main?',
        'conf/x.yaml:7:1: drian is no key of the configuration; did you mean drain?',
        '2 faults, 0 warnings: this configuration would not start',
        '',
      ]);
    }
  });

  it('runs the samples of rules', async () => {
    const rule = (sample: string) =>
      minimal(
        {},
        `providers: { big: { mx: "*.big.example", rules: [{ id: r, match: { text: "slow down please" }, class: throttle.rate, samples: ["${sample}"] }] } }\n`,
      );
    put('rampd.yaml', rule('421 Slow down please'));
    expect((await rampd('check')).code).toBeUndefined();
    put('rampd.yaml', rule('421 Slower please'));
    const { err, code } = await rampd('check');
    expect(code).toBe(2);
    expect(err).toContain('rampd.yaml:7:50: rule r does not match its own sample');
    expect(err).toContain('1 fault, 0 warnings: this configuration would start, with rules that do not do what they say');
  });

  it('warns of rules that take everyday replies, hide others, or slow nothing down', async () => {
    const rules = (first: string, caps: string) =>
      minimal(
        {},
        `providers: { google: { limits: { max-smtp-out: 4 }, rules: [{ id: mine, match: { ${first} }, class: throttle.rate, window: 1h, ${caps} }] } }\n`,
      );
    put('rampd.yaml', rules('code: 4xx, text: "slow down, please"', 'max-smtp-out: 1'));
    expect(await rampd('check')).toMatchObject({ err: '', code: undefined });
    put('rampd.yaml', rules('code: "421"', 'max-smtp-out: 9, suspend: true'));
    const { err, code } = await rampd('check');
    expect(code).toBeUndefined();
    expect(err).toMatch(/rampd\.yaml:7:\d+: warning: rule mine takes first what same-message-id .* other rules know/);
    expect(err).toMatch(/rampd\.yaml:7:\d+: warning: the window of rule mine does not slow down: its max-smtp-out of 9 /);
    put('rampd.yaml', rules('text: mailbox', 'max-smtp-out: 1'));
    expect((await rampd('check')).err).toMatch(
      /rampd\.yaml:7:\d+: warning: rule mine \(throttle\.rate\) also takes ".*", which is mailbox\.unknown/,
    );
  });

  it('looks at the files that are named, as a start would', async () => {
    const config = `listeners: [{ address: "127.0.0.1:2525", tls: { cert: c.pem, key: k.pem } }]
accounting: [{ file: done/acct.csv }, { file: acct.csv, move-to: c.pem/old }, { file: b.csv, move-to: old/of/b }]
reject-log: { file: c.pem/reject.csv }
webhooks: { url: "https://crm.example/", records: [d], secret-file: hook.secret, ca: ca.pem }
alerts:
  - { on: [suspended], webhook: { url: "https://chat.example/", secret-file: alert.secret } }
  - { on: [suspended], webhook: { url: "https://chat.example/", ca: empty.pem } }
feedback: { bounce-domains: bounce.example.com, secret-file: feedback.secret }
`;
    put('rampd.yaml', minimal({ listeners: '' }, config));
    put('c.pem', 'no certificate');
    put('hook.secret', 'short');
    put('empty.pem', 'no certificate either');
    const { err, code } = await rampd('check');
    expect(code).toBe(2);
    const said = err.split('\n').filter(line => /cannot be|has \d+ bytes|holds no/.test(line));
    expect(said.map(line => line.replace(/^(rampd\.yaml:\d+):\d+: /, '$1 ').replaceAll(cwd, ''))).toEqual([
      expect.stringMatching(/^rampd\.yaml:\d+ the certificate of 127\.0\.0\.1:2525 cannot be used: ENOENT.*\/k\.pem/),
      expect.stringMatching(/^rampd\.yaml:\d+ the secret in \/hook\.secret has 5 bytes; allowed: at least 16/),
      expect.stringMatching(/^rampd\.yaml:\d+ the secret file \/alert\.secret cannot be read: ENOENT/),
      expect.stringMatching(/^rampd\.yaml:\d+ the file of CAs \/empty\.pem holds no certificate; allowed: certificates in PEM/),
      expect.stringMatching(/^rampd\.yaml:\d+ the secret file \/feedback\.secret cannot be read: ENOENT/),
      expect.stringMatching(/^rampd\.yaml:\d+ the accounting file \/done\/acct\.csv cannot be opened: ENOENT/),
      expect.stringMatching(/^rampd\.yaml:\d+ the reject log \/c\.pem\/reject\.csv cannot be opened: ENOTDIR/),
      expect.stringMatching(/^rampd\.yaml:\d+ the folder \/c\.pem\/old for files put aside cannot be used: ENOTDIR/),
    ]);
    expect(err).toContain('this configuration would not start');
    for (const name of ['hook', 'alert', 'feedback']) put(`${name}.secret`, 'a secret that is long enough');
    put('done/.keep', '');
    const { cert, key } = makeSelfSigned('mta.example.com', Date.now());
    for (const file of ['ca.pem', 'empty.pem']) put(file, cert);
    put('c.pem', cert);
    put('k.pem', key);
    put('rampd.yaml', minimal({ listeners: '' }, config.replace('c.pem/reject', 'reject').replace('c.pem/old', 'old')));
    expect(await rampd('check')).toMatchObject({ code: undefined });
    expect(existsSync(join(cwd, 'done/acct.csv'))).toBe(false);
  });

  it.skipIf(process.getuid?.() !== 0)('only warns of files that another account may read', async () => {
    put('crm.secret', 'a secret that is long enough');
    chmodSync(join(cwd, 'crm.secret'), 0o600);
    chmodSync(cwd, 0o755);
    put('rampd.yaml', minimal({}, 'webhooks: { url: "https://crm.example/", records: [d], secret-file: crm.secret }\n'));
    process.seteuid?.(65_534);
    const { err, code } = await rampd('check').finally(() => process.seteuid?.(0));
    expect(code).toBeUndefined();
    expect(err).toMatch(/^rampd\.yaml:\d+:\d+: warning: the secret file .*crm\.secret cannot be read: EACCES/m);
  });

  it('prints JSON', async () => {
    put('rampd.yaml', minimal({}, 'drain: 30\n'));
    const { out, code } = await rampd('check', '--json');
    expect(code).toBe(2);
    expect(JSON.parse(out)).toMatchObject({
      file: 'rampd.yaml',
      good: false,
      faults: [
        { code: 'bad-time', at: 'rampd.yaml:7:8', file: 'rampd.yaml', line: 7, col: 8, hint: expect.stringContaining('unit') as string },
      ],
      summary: null,
    });
    put('rampd.yaml', minimal());
    expect(JSON.parse((await rampd('check', '--json')).out)).toMatchObject({
      good: true,
      faults: [],
      summary: { sources: 1, warming: 0, pools: 1 },
    });
  });

  it('prints the JSON Schema, of three kinds', async () => {
    expect(JSON.parse((await rampd('check', '--schema')).out)).toMatchObject({ title: 'rampd.yaml', type: 'object' });
    expect(JSON.parse((await rampd('check', '--schema', 'schedule')).out)).toMatchObject({ title: 'a warm-up schedule of rampd' });
    expect((await rampd('check', '--schema', 'rule')).code).toBe(2);
  });

  it('says so when there is no such file', async () => {
    const { err, code } = await rampd('check', 'none.yaml');
    expect([code, err.split('\n')[0]]).toEqual([
      2,
      'none.yaml: there is no such file, or it cannot be read; rampd init writes a commented one',
    ]);
  });
});

describe('rampd init', () => {
  it('writes a file that check finds good', async () => {
    expect((await rampd('init')).out).toContain('rampd check rampd.yaml');
    expect((await rampd('check')).code).toBeUndefined();
    expect((await rampd('init', 'etc/mail/rampd.yaml')).code).toBeUndefined();
    expect(readFileSync(join(cwd, 'etc/mail/rampd.yaml'), 'utf8')).toBe(starterFile());
  });

  it('overwrites nothing unless told to', async () => {
    put('rampd.yaml', 'mine');
    const { err, code } = await rampd('init');
    expect([code, err]).toEqual([2, 'rampd: rampd.yaml is there already: name another file, or say --force to replace it\n']);
    expect(readFileSync(join(cwd, 'rampd.yaml'), 'utf8')).toBe('mine');
    expect((await rampd('init', '--force')).code).toBeUndefined();
    expect(readFileSync(join(cwd, 'rampd.yaml'), 'utf8')).toBe(starterFile());
  });

  it('says why it cannot', async () => {
    put('file', '');
    const { err, code } = await rampd('init', 'file/rampd.yaml');
    expect(code).toBe(1);
    expect(err).toContain('rampd: cannot write file/rampd.yaml: ');
  });
});

describe('rampd schedule', () => {
  const OWN = `name: own
description: for the test
tick: "30 5 * * *"
timezone: Europe/Berlin
stages:
  - { max-msg-per-hour: 20, max-msg-per-day: 100, max-smtp-out: 2, retry-after: [10m, 1h] }
  - { max-msg-per-hour: 1000, max-connect-rate: 2/m }
providers: { google: { scale: 0.5 } }
gates: { step-back: {} }
idle: none
growth: unlimited
`;

  it('is a table of stages with their volumes, and the gates', async () => {
    put('own/own.yaml', OWN);
    put('rampd.yaml', minimal({}, 'schedules: own\n'));
    const { out } = await rampd('schedule', 'own');
    expect(out).toBe(`own: for the test (own/own.yaml:1:1)
judged at "30 5 * * *" Europe/Berlin; a stage is left by an earned day

stage  per hour    day cap  a day  earned from  total  google  max-smtp-out  retry-after  max-connect-rate
    1        20        100    100           50    100      10             2       10m,1h                 -
    2     1,000  unlimited  8,000        4,000  8,100     500             -            -               2/m

advance    sent >= 50% and delivered >= 90%
hold       deferral-rate > 10% or hard-bounce-rate > 5% or complaint-rate > 0.1% or window-open > 4h
step back  never by a condition
from 20 recipients up; silence does not cool it; a lane may grow at any speed
`);
    const json = JSON.parse((await rampd('schedule', 'own', '--json')).out) as object;
    expect(json).toMatchObject({
      name: 'own',
      count: 2,
      stages: [{ stage: 1, maxMsgPerHour: 20, maxMsgPerDay: 100, earnedFrom: 50, providers: { google: 10 } }, { day: 8000 }],
    });
  });

  it('of the package needs no configuration', async () => {
    const { out, code } = await rampd('schedule', 'four-weeks');
    expect(code).toBeUndefined();
    expect(out).toMatch(/^ +28 +10,000 /m);
  });

  it('lists names, and offers the nearest', async () => {
    expect((await rampd('schedule')).out).toMatch(/^four-weeks +\S/m);
    const { err, code } = await rampd('schedule', 'four-week');
    expect([code, err]).toEqual([2, expect.stringContaining('there is no schedule four-week; did you mean four-weeks? Known: ')]);
  });

  it('needs a good configuration when there is one', async () => {
    put('rampd.yaml', 'hello');
    expect((await rampd('schedule', 'four-weeks')).code).toBe(2);
  });
});

describe('the configuration', () => {
  it('is the one given, else the one here', () => {
    put('rampd.yaml', '');
    expect(findConfig(fakeIo({ cwd }), 'other.yaml')).toBe('other.yaml');
    expect(findConfig(fakeIo({ cwd }))).toBe('rampd.yaml');
  });

  it('that is nowhere is a fault that names the places', () => {
    expect(DEFAULT_FILES).toEqual(['rampd.yaml', '/etc/rampd/rampd.yaml']);
    expect(() => findConfig(fakeIo({ cwd }))).toThrow(`looked for ${join(cwd, 'rampd.yaml')} and /etc/rampd/rampd.yaml`);
  });
});
