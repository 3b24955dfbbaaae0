/** accounting, reject-log, webhooks and alerts: what is said arrives, and what makes no sense is named. */
import { describe, expect, it } from 'vitest';
import { memoryFiles } from '../../src/config/files.js';
import { loadSettings } from '../../src/config/load.js';
import { printFault } from '../../src/kernel/fault.js';
import { DAY, HOUR, MINUTE, SECOND } from '../../src/kernel/units.js';

const load = (more: string) =>
  loadSettings(
    '/etc/rampd.yaml',
    memoryFiles({
      '/etc/rampd.yaml': `host-name: mta.example.com
state-dir: /var/lib/rampd
listeners: [{ address: "127.0.0.1:2525" }]
sources: { hot-1: { address: 192.0.2.10, warm-up: none } }
pools: { main: { sources: [hot-1] } }
${more}`,
    }),
  );
const said = (more: string) => {
  const { settings, faults } = load(more);
  expect(faults.map(printFault)).toEqual([]);
  return settings;
};
const faults = (more: string) => load(more).faults.map(f => printFault(f).replace('/etc/rampd.yaml:', ''));

describe('accounting', () => {
  it('is one file or several, each with its records, fields and rotation', () => {
    const files = said(`accounting:
  - { file: acct.csv }
  - { file: b.ndjson, records: [b, f], fields: [rcpt, dsnDiag, feedbackType], rotate: none, max-size: 1M, move-to: done, retain: 30d, compress: none }
  - { file: x.log, format: ndjson, records: d, fields: { d: [rcpt] }, retain: 5 }
`)?.accounting;
    expect(files?.map(({ file, format, rotation }) => ({ file, format, rotation }))).toEqual([
      { file: '/etc/acct.csv', format: 'csv', rotation: { every: DAY, maxSize: Infinity, compress: true } },
      {
        file: '/etc/b.ndjson',
        format: 'ndjson',
        rotation: { every: Infinity, maxSize: 1024 ** 2, compress: false, moveTo: '/etc/done', retain: { age: 30 * DAY } },
      },
      { file: '/etc/x.log', format: 'ndjson', rotation: { every: DAY, maxSize: Infinity, compress: true, retain: { count: 5 } } },
    ]);
    expect(Object.keys(files?.[0]?.fields ?? {})).toEqual(['d', 'b', 't', 'rb', 'f']);
    expect(files?.[1]?.fields).toEqual({ b: ['type', 'rcpt', 'dsnDiag'], f: ['type', 'rcpt', 'feedbackType'] });
    expect(files?.[2]?.fields).toEqual({ d: ['type', 'rcpt'] });
  });

  it('names what makes no sense', () => {
    expect(faults('accounting: { file: a, fields: [rcpts] }')[0]).toMatch(/^6:33: .*did you mean rcpt\?/);
    expect(faults('accounting: { file: a, records: [q] }')[0]).toMatch(/^6:34: .*allowed: d, b, t, r, rb, rs, f, w, s/);
    expect(faults('accounting: { file: a, records: f, fields: { f: [dlvSize] } }')[0]).toMatch(
      /^6:50: records of type f have no field dlvSize/,
    );
    expect(faults('accounting: { file: a, records: d, fields: { t: [rcpt] } }')[0]).toMatch(/fields of t are said, and t is not among/);
    expect(faults('accounting: { file: a, retain: soon }')[0]).toMatch(/^6:32: retain cannot be "soon"; allowed: a time such as 30d/);
    expect(faults('accounting: [{ file: a }, { file: ./a }]\nreject-log: { file: a }')).toEqual([
      expect.stringMatching(/^6:27: \/etc\/a is written already/),
      expect.stringMatching(/^7:13: \/etc\/a is written already/),
    ]);
    expect(faults('log: { file: x.log }\naccounting: [{ file: /etc/x/../x.log }, { file: /a/b }, { file: //a/./b }]')).toEqual([
      expect.stringMatching(/^7:14: \/etc\/x\/\.\.\/x\.log is written already/),
      expect.stringMatching(/^7:57: \/\/a\/\.\/b is written already/),
    ]);
  });

  it('are put aside under names of their own', () => {
    const two = (first: string, second: string) => faults(`accounting: [{ file: a/acct.csv${first} }, { file: b/acct.csv${second} }]`);
    const clash = [expect.stringMatching(/b\/acct\.csv and \/etc\/a\/acct\.csv would be put aside under the same names/)];
    expect(two(', move-to: done', ', move-to: done/')).toEqual(clash);
    expect(two(', move-to: b', '')).toEqual(clash);
    expect(two('', '')).toEqual([]);
    expect(two(', move-to: done', ', move-to: gone')).toEqual([]);
    expect(faults('accounting: [{ file: a/x.csv, move-to: done }, { file: b/y.csv, move-to: done }]')).toEqual([]);
    expect(faults('accounting: { file: a.csv, move-to: /var/lib/rampd/spool }')).toEqual([
      expect.stringMatching(/\/var\/lib\/rampd\/spool is the daemon's own/),
    ]);
  });

  it('are put aside no oftener than each minute, and no smaller than 64K', () => {
    const rotated = (how: string) => faults(`accounting: { file: a, ${how} }`);
    for (const good of ['rotate: 1m', 'rotate: none', 'max-size: 64K', 'max-size: 65536']) expect(rotated(good)).toEqual([]);
    for (const short of ['1ms', '59s', '0s'])
      expect(rotated(`rotate: ${short}`)).toEqual([expect.stringMatching(/^6:32: rotate cannot be .*at least 1m, or none/)]);
    for (const small of ['1', '63K'])
      expect(rotated(`max-size: ${small}`)).toEqual([expect.stringMatching(/^6:34: max-size cannot be .*at least 64K/)]);
    expect(faults('reject-log: { file: a, rotate: 1s }')).toEqual([expect.stringMatching(/at least 1m/)]);
  });

  it('name at least one type of record, and an alert one kind', () => {
    expect(faults('accounting: { file: a, records: [] }')).toEqual([expect.stringMatching(/^6:33: records is an empty list/)]);
    expect(faults('webhooks: { url: "https://x.example/", records: [] }')).toEqual([expect.stringMatching(/records is an empty list/)]);
    expect(faults('alerts: { on: [], mail: a@example.com }')).toEqual([expect.stringMatching(/^6:\d+: on is an empty list/)]);
  });

  it('have files of their own, not those of the daemon', () => {
    for (const own of ['spool/index.mdb', 'state.json', 'journal.ndjson', 'webhooks', './ledger/../ledger/x'])
      expect(faults(`accounting: { file: /var/lib/rampd/${own} }`)).toEqual([expect.stringMatching(/^6:\d+: .* is the daemon's own/)]);
    expect(faults(`reject-log: { file: /var/lib/rampd/state.json }`)).toHaveLength(1);
    for (const free of ['acct.csv', 'spool.csv', 'records/state.json'])
      expect(faults(`accounting: { file: /var/lib/rampd/${free} }`)).toEqual([]);
  });
});

describe('webhooks', () => {
  it('have defaults, a name of their own, and paths that start at the file', () => {
    const hooks = said(`webhooks:
  - { url: https://example.com/hook?x=1, records: [d], fields: [rcpt], secret-file: s, ca: ca.pem, headers: { Authorization: Bearer x } }
  - { name: crm, url: https://example.com/hook, batch: 10, every: 1s, timeout: 2s, give-up-after: 1h, max-spool: 10M, format: json }
`)?.webhooks;
    expect(hooks?.[0]).toMatchObject({
      name: expect.stringMatching(/^example\.com-[0-9a-f]{8}$/) as string,
      url: 'https://example.com/hook?x=1',
      fields: { d: ['type', 'rcpt'] },
      format: 'ndjson',
      batch: 500,
      every: 5 * SECOND,
      timeout: 10 * SECOND,
      giveUpAfter: 3 * DAY,
      maxSpool: 1024 ** 3,
      secretFile: '/etc/s',
      ca: '/etc/ca.pem',
      headers: { Authorization: 'Bearer x' },
    });
    expect(hooks?.[1]).toMatchObject({ name: 'crm', batch: 10, every: SECOND, timeout: 2 * SECOND, giveUpAfter: HOUR, format: 'json' });
    expect(Object.keys(hooks?.[1]?.fields ?? {})).toEqual(['d', 'b', 'rb', 'f']);
  });

  it('name what makes no sense', () => {
    expect(faults('webhooks: { url: "ftp://x/" }')[0]).toMatch(/^6:18: url cannot be "ftp:\/\/x\/"/);
    expect(faults('webhooks: { url: "https://u:p@x/" }')[0]).toMatch(/without name and password/);
    expect(faults('webhooks: { url: "https://x/", headers: { "A b": c } }')[0]).toMatch(/is no name of a header field/);
    expect(faults('webhooks: { url: "https://x/", headers: { Webhook-Id: c } }')[0]).toMatch(/Webhook-Id is set by rampd/);
    expect(faults('webhooks: { url: "http://127.0.0.1/", ca: x }')[0]).toMatch(/ca is for https/);
    expect(faults('webhooks: [{ url: "https://x/" }, { url: "https://x/" }]')[0]).toMatch(/stands above; give each a name/);
  });

  it('of one host need a name each for people to tell them apart', () => {
    const warned = (hooks: string) =>
      load(`webhooks: ${hooks}`)
        .warnings.filter(({ code }) => code === 'unnamed-webhook')
        .map(printFault);
    const two = warned('[{ url: "https://x.example/a" }, { url: "https://x.example/b" }, { url: "https://y.example/" }]');
    expect(two).toEqual([
      expect.stringMatching(
        /:6:12: .* will call this one x\.example-[0-9a-f]{8}, and another one of the same host much the same; give each/,
      ),
      expect.stringMatching(/:6:44: /),
    ]);
    expect(warned('[{ url: "https://x.example/a", name: a }, { url: "https://x.example/b" }]')).toEqual([]);
    for (const far of ['example.com', '127.example.com', 'localhost.example.com'])
      expect(load(`webhooks: { url: "http://${far}/" }`).warnings.map(w => w.code)).toContain('plain-http');
    expect(load('webhooks: { url: "http://127.0.0.1:8080/" }').warnings.map(w => w.code)).not.toContain('plain-http');
  });
});

describe('alerts', () => {
  it('go by webhook, by mail, or both', () => {
    const alerts = said(`alerts:
  - { on: [window-opened, graduated], webhook: https://example.com/a, mail: ops@example.com }
  - { webhook: { url: https://example.com/b, headers: { X-Key: k } }, nothing-for: 10m, every: 1h }
`)?.alerts;
    expect(alerts?.[0]).toMatchObject({
      on: ['window-opened', 'graduated'],
      webhook: { url: 'https://example.com/a' },
      mail: ['ops@example.com'],
      nothingFor: 30 * MINUTE,
      every: 15 * MINUTE,
    });
    expect(alerts?.[1]).toMatchObject({ webhook: { headers: { 'X-Key': 'k' } }, mail: [], nothingFor: 10 * MINUTE, every: HOUR });
    expect(alerts?.[1]?.on).toContain('nothing-delivered');
  });

  it('to nobody are a fault', () => {
    expect(faults('alerts: { on: [graduated] }')[0]).toMatch(/^6:9: the alert says neither webhook nor mail/);
    expect(faults('alerts: { on: [gradated], mail: a@example.com }')[0]).toMatch(/did you mean graduated\?/);
    expect(faults('alerts: { mail: nobody }')[0]).toMatch(/^6:17: mail cannot be "nobody"/);
  });
});
