/**
 * The whole way from text to Settings: the example loads, nothing is lost on the way, defaults, paths, folders and what
 * rampd.yaml says on top of provider files are as promised.
 */
import { settingsView } from '../../src/control/settings-view.js';
import { describe, expect, it } from 'vitest';
import { memoryFiles } from '../../src/config/files.js';
import { loadSettings } from '../../src/config/load.js';
import { sections } from '../../src/config/settings-shape.js';
import { starterFile } from '../../src/config/starter.js';
import { DAY, HOUR, MINUTE, SECOND } from '../../src/kernel/units.js';
import { EXAMPLE } from './example.js';
import { BIG, lines, load, loadAlone, minimal, settingsOf, SLOW } from './reading.js';

const alone = (more: string, files: Record<string, string> = {}) => settingsOf(loadAlone(minimal({}, more), files));

describe('the example configuration', () => {
  const settings = settingsOf(load(EXAMPLE));

  it('has its sources with their places', () => {
    expect([...settings.sources.keys()]).toEqual(['hot-1', 'cold-1']);
    expect(settings.sources.get('hot-1')).not.toHaveProperty('warmUp');
    expect(settings.sources.get('cold-1')).toMatchObject({
      address: '203.0.113.21',
      warmUp: { schedule: 'four-weeks', target: 2000, stage: 1, from: { file: 'rampd.yaml', line: 9, col: 65 } },
    });
  });

  it('has limits that know where they were written', () => {
    expect(settings.defaults.maxSmtpOut).toEqual({ value: 20, from: { file: 'rampd.yaml', line: 12, col: 13 } });
    expect(settings.defaults.retryAfter?.value).toEqual([10 * MINUTE, 20 * MINUTE, 30 * MINUTE, HOUR, 2 * HOUR]);
    expect(settings.defaults.bounceAfter?.value).toBe(4.5 * DAY);
  });

  it('has the shipped schedules and providers, and its own on top', () => {
    expect([...settings.schedules.keys()]).toEqual(expect.arrayContaining(['two-weeks', 'three-weeks', 'four-weeks']));
    expect(settings.schedules.get('four-weeks')?.stages).toHaveLength(28);
    expect(settings.providers.get('microsoft')?.from.file).toBe('schedules/providers/microsoft.yaml');
    expect(settings.providers.get('internal')).toMatchObject({ domains: ['corp.example'], smtpHosts: [{ host: '10.0.0.5', port: 25 }] });
  });
});

describe('the shipped schedules and providers', () => {
  it('have no faults and no warnings of their own', () => {
    const { faults, warnings } = load(minimal());
    expect(lines([...faults, ...warnings])).toEqual([]);
  });
});

describe('what is not said', () => {
  it('has defaults', () => {
    expect(alone('')).toMatchObject({
      file: 'rampd.yaml',
      node: 0,
      maxMessageSize: 25 * 1024 * 1024,
      maxRecipients: 1000,
      maxBacklog: Infinity,
      minFree: 100 * 1024 * 1024,
      dns: { servers: [] },
      smtpPort: 25,
      allowPrivate: false,
      control: { socket: '/var/lib/rampd/rampd.sock' },
      log: { level: 'info' },
      dsn: { from: 'mailer-daemon@mta.example.com' },
      drain: 30 * SECOND,
      queueTo: [],
    });
    expect(alone('')).not.toHaveProperty('accounting');
    expect(alone('').sources.get('warm')).toMatchObject({ hostName: 'mta.example.com', limits: {} });
    expect(alone('').pools.get('main')).toMatchObject({
      sources: [{ source: 'warm', weight: 1 }],
      coldWait: 4 * HOUR,
      stickyFor: 4 * HOUR,
      warmUp: 'allow',
    });
    expect(alone('accounting: { file: /a.csv }').accounting).toMatchObject([
      { file: '/a.csv', format: 'csv', rotation: { every: DAY, maxSize: Infinity, compress: true } },
    ]);
  });
});

describe('what is said', () => {
  it('arrives', () => {
    const settings = alone(`node: 7
user: rampd
max-message-size: 10MB
max-recipients: 50
max-backlog: 1000000
min-free: 1GB
total: { max-smtp-out: 500, max-msg-rate: 100/s }
queue-to: { "*.Customer.example": example.com }
dns: { servers: ["127.0.0.1:5353", "::1", "[::1]:53"] }
smtp-port: 2526
allow-private: true
control: { socket: run/rampd.sock }
log: { level: debug, file: log/rampd.log }
dsn: { from: bounces@example.com, pool: main, delay-after: [1d, 4h], postmaster: boss@example.com }
drain: 5s
accounting: { file: acct.csv, compress: none, rotate: 1h }
`);
    expect(settings).toMatchObject({
      node: 7,
      user: 'rampd',
      maxMessageSize: 10 * 1024 * 1024,
      maxRecipients: 50,
      maxBacklog: 1_000_000,
      minFree: 1024 ** 3,
      total: { maxSmtpOut: { value: 500 }, maxMsgRate: { value: { count: 100, per: SECOND } } },
      queueTo: [{ domain: '*.customer.example', to: 'example.com', from: { line: 14, col: 13 } }],
      dns: { servers: ['127.0.0.1:5353', '::1', '[::1]:53'] },
      smtpPort: 2526,
      allowPrivate: true,
      log: { level: 'debug' },
      dsn: { from: 'bounces@example.com', pool: 'main', delayAfter: [4 * HOUR, 24 * HOUR], postmaster: 'boss@example.com' },
      drain: 5 * SECOND,
      accounting: [{ rotation: { every: HOUR, compress: false } }],
    });
  });

  it('as limits, in every unit', () => {
    const { defaults } = alone(`defaults:
  max-smtp-out: unlimited
  max-msg-per-hour: 2/m
  max-msg-per-day: 2000/d
  max-msg-rate: 500/15m
  max-connect-rate: none
  pacing: burst
  retry-after: 90s
  use-starttls: false
`);
    const values = Object.fromEntries(Object.entries(defaults).map(([key, stated]) => [key, stated.value]));
    expect(values).toEqual({
      maxSmtpOut: Infinity,
      maxMsgPerHour: 120,
      maxMsgPerDay: 2000,
      maxMsgRate: { count: 500, per: 15 * MINUTE },
      maxConnectRate: { count: 0, per: HOUR },
      pacing: 'burst',
      retryAfter: [90 * SECOND],
      useStarttls: false,
    });
  });

  it('as plain numbers is per hour and per day, and fractions are cut, never rounded up', () => {
    const { defaults } = alone('defaults: { max-msg-per-hour: 200, max-msg-per-day: 5 }');
    expect([defaults.maxMsgPerHour?.value, defaults.maxMsgPerDay?.value]).toEqual([200, 5]);
    expect(alone('defaults: { max-msg-per-hour: 100/7m }').defaults.maxMsgPerHour?.value).toBe(857);
    expect(lines(loadAlone(minimal({}, 'defaults: { max-msg-per-hour: 5/d }')).faults)[0]).toContain('less than one in 1h');
  });

  it('as weights, 0 and none taking nothing', () => {
    const sources =
      'sources: { a: { address: 192.0.2.1, warm-up: none }, b: { address: 192.0.2.2, warm-up: none }, c: { address: 192.0.2.3, warm-up: none } }';
    const settings = settingsOf(loadAlone(minimal({ sources, pools: 'pools: { main: { sources: { a: 3, b: 0, c: none } } }' })));
    expect(settings.pools.get('main')?.sources).toEqual([
      { source: 'a', weight: 3 },
      { source: 'b', weight: 0 },
      { source: 'c', weight: 0 },
    ]);
    expect(lines(settings.warnings).map(line => line.split(': ').at(-1))).toEqual([
      'source b takes mail from no pool',
      'source c takes mail from no pool',
    ]);
  });

  it('as addresses is canonical', () => {
    const settings = settingsOf(
      loadAlone(
        minimal({
          sources: 'sources: { warm: { address: "2001:DB8:0:0::1", warm-up: none } }',
          clients: 'clients: [{ from: [127.0.0.1, "2001:db8::/32", "::ffff:10.0.0.1"], pool: main }]',
          listeners: 'listeners: [{ address: "[0:0::1]:25", tls: { cert: c.pem, key: /k.pem } }]',
        }),
      ),
    );
    expect(settings.sources.get('warm')?.address).toBe('2001:db8::1');
    expect(settings.clients[0]?.from).toEqual(['127.0.0.1/32', '2001:db8::/32', '10.0.0.1/32']);
    expect(settings.listeners[0]).toMatchObject({ address: '::1', port: 25, tls: { cert: 'c.pem', key: '/k.pem', mode: 'starttls' } });
  });

  it('with relative paths starts at the configuration file', () => {
    const text = minimal({ 'state-dir': 'state-dir: ../state' }, 'schedules: [own]\naccounting: { file: acct.csv }\n');
    const files = { 'conf/etc/rampd.yaml': text, 'conf/etc/own/mine.yaml': SLOW.replace('slow', 'mine') };
    const shipped = { path: 'lib', shown: 'lib' };
    const relative = settingsOf(loadSettings('conf/etc/rampd.yaml', memoryFiles(files), shipped));
    expect([relative.stateDir, relative.accounting?.[0]?.file, relative.control.socket]).toEqual([
      'conf/state',
      'conf/etc/acct.csv',
      'conf/state/rampd.sock',
    ]);
    expect(relative.schedules.get('mine')?.from.file).toBe('conf/etc/own/mine.yaml');
    const absolute = Object.fromEntries(Object.entries(files).map(([path, value]) => [`/srv/${path}`, value]));
    const moved = settingsOf(loadSettings('conf/etc/rampd.yaml', { ...memoryFiles({ ...files, ...absolute }), cwd: '/srv' }, shipped));
    expect([moved.stateDir, moved.accounting?.[0]?.file]).toEqual(['/srv/conf/state', '/srv/conf/etc/acct.csv']);
  });
});

describe('folders of schedules', () => {
  it('add to the shipped ones, and replace by name', () => {
    const settings = alone('schedules: own\n', {
      'own/a.yaml': SLOW.replace('10/h', '20/h'),
      'own/b.yml': SLOW.replace('slow', 'other'),
      'own/README.md': 'not read',
    });
    expect([...settings.schedules.keys()].sort()).toEqual(['other', 'slow']);
    expect(settings.schedules.get('slow')?.stages[0]?.limits.maxMsgPerHour).toEqual({
      value: 20,
      from: { file: 'own/a.yaml', line: 3, col: 1 },
    });
  });

  it('replace a provider file whole, and say so', () => {
    const settings = alone('schedules: [own]\n', { 'own/providers/x.yaml': 'name: big\nmx: ["*.huge.example"]\n' });
    expect(settings.providers.get('big')).toMatchObject({ mx: ['*.huge.example'], limits: {}, rules: [] });
    expect(lines(settings.warnings)).toEqual([
      'own/providers/x.yaml:1:1: warning: provider big replaces lib/providers/big.yaml:1:1 whole, its rules too; to change single limits or add rules, say so under providers: in the configuration',
    ]);
  });

  it('hold one of a name', () => {
    const { faults } = loadAlone(minimal(), { 'lib/twin.yaml': SLOW, 'lib/providers/twin.yaml': BIG });
    expect(lines(faults)).toEqual([
      'lib/twin.yaml:1:1: slow is the name of lib/slow.yaml:1:1 too',
      'lib/providers/twin.yaml:1:1: big is the name of lib/providers/big.yaml:1:1 too',
    ]);
  });

  it('hold no provider that nothing maps to, save for generic', () => {
    const { faults } = loadAlone(minimal(), { 'lib/providers/a.yaml': 'name: a\n', 'lib/providers/generic.yaml': 'name: generic\n' });
    expect(lines(faults)).toEqual(['lib/providers/a.yaml:1:1: nothing maps to provider a; allowed: mx: [patterns], or domains: [names]']);
    const named = loadAlone(minimal(), { 'lib/providers/generic.yaml': 'name: generic\nmx: ["*.x.example"]\n' });
    expect(lines(named.faults)).toEqual(['lib/providers/generic.yaml:1:1: generic serves providers without a file and takes no names']);
  });

  it('name providers that exist', () => {
    const { faults } = loadAlone(minimal(), { 'lib/slow.yaml': `${SLOW}providers: { bgi: { scale: 0.5 } }\n` });
    expect(lines(faults)).toEqual([
      'lib/slow.yaml:4:14: schedule slow has a share for provider bgi, which is not defined; allowed: big; did you mean big?',
    ]);
  });
});

describe('providers of rampd.yaml', () => {
  const over = (entry: string) => alone(`providers:\n  big: ${entry}\n`).providers.get('big');

  it('change limits key by key', () => {
    expect(over('{ limits: { max-smtp-out: 3, max-msg-per-hour: 100 } }')?.limits).toEqual({
      maxSmtpOut: { value: 3, from: { file: 'rampd.yaml', line: 8, col: 20 } },
      maxMsgPerHour: { value: 100, from: { file: 'rampd.yaml', line: 8, col: 37 } },
      maxMsgRate: { value: { count: 5, per: MINUTE }, from: { file: 'lib/providers/big.yaml', line: 3, col: 28 } },
    });
  });

  it('put their rules in front', () => {
    expect(over('{ rules: ["421 OTHER *, 1h, 1, *"] }')?.rules.map(({ id, provider, from }) => [id, provider, from.file])).toEqual([
      ['421-other', 'big', 'rampd.yaml'],
      ['421-too-fast', 'big', 'lib/providers/big.yaml'],
    ]);
  });

  it('add names, replace routes, and switch reports on', () => {
    expect(
      over('{ mx: "*.other.example", domains: [big.example], smtp-hosts: ["10.0.0.5:2525", mx.big.example], feedback: arf }'),
    ).toMatchObject({
      mx: ['*.big.example', '*.other.example'],
      domains: ['big.example'],
      smtpHosts: [
        { host: '10.0.0.5', port: 2525 },
        { host: 'mx.big.example', port: 25 },
      ],
      feedback: true,
      from: { file: 'rampd.yaml' },
    });
    expect(over('{}')).toMatchObject({ mx: ['*.big.example'], feedback: false });
  });

  it('replace rules of the file by id, and hold one of an id themselves', () => {
    const rules = over('{ rules: ["421 TOO-FAST *, 2h, 1, *"] }')?.rules;
    expect(rules?.map(({ id, from, reaction }) => [id, from.file, reaction?.window])).toEqual([['421-too-fast', 'rampd.yaml', 2 * HOUR]]);
    const { faults } = loadAlone(minimal({}, 'providers: { big: { rules: ["421 X *, 2h, 1, *", "421 X *, 1h, 1, *"] } }\n'));
    expect(lines(faults)).toEqual(['rampd.yaml:7:50: rule 421-x has the id of the rule at rampd.yaml:7:29; give one of them another id']);
  });

  it('send through smart hosts, with a password that is nowhere else', () => {
    const hosts = (list: string, files = {}) =>
      loadAlone(minimal({}, `providers:\n  relay: { domains: [relay.example], smtp-hosts: ${list} }\n`), files);
    const loaded = hosts(
      '[{ host: smart.example, user: me, password: secret }, { host: "10.0.0.5:587", user: me, password-file: relay.secret, tls: implicit }, { host: 10.0.0.6, tls: implicit }, 10.0.0.7]',
      { 'relay.secret': 'from a file\n' },
    );
    expect(settingsOf(loaded).providers.get('relay')?.smtpHosts).toEqual([
      { host: 'smart.example', port: 25, tls: 'starttls', auth: { user: 'me', password: 'secret' } },
      { host: '10.0.0.5', port: 587, tls: 'implicit', auth: { user: 'me', password: 'from a file' } },
      { host: '10.0.0.6', port: 465, tls: 'implicit' },
      { host: '10.0.0.7', port: 25 },
    ]);
    expect(JSON.stringify(settingsView(settingsOf(loaded)))).not.toMatch(/secret"|from a file/);
    expect(lines(hosts('{ host: 10.0.0.5, user: me, password: p, tls: none }').warnings)).toEqual([
      expect.stringContaining(
        'warning: the password of 10.0.0.5 travels in the clear; leave tls out: TLS is then required before the password is sent',
      ),
    ]);
  });

  it.each([
    ['{ host: a.example, user: me }', /user "me" has no password; allowed: user with password/],
    ['[{ host: a.example, password: p }]', /a host says a password and no user/],
    ['[{ host: a.example, user: me, password: p, password-file: f }]', /a host says password and password-file/],
    ['[{ host: a.example, user: me, password-file: none.secret }]', /the password file "none.secret" cannot be read/],
    ['[{ host: "a.example:25", port: 26 }]', /host says port 25, port says 26/],
    ['[{ host: a.example, tls: on }]', /tls cannot be "on"; allowed: starttls, implicit, none/],
    ['[{ host: a.example, usr: me }]', /usr is no key of a host; did you mean user\?/],
    ['[{ user: me }]', /host is missing/],
  ])('refuse the smart host %s', (list, fault) => {
    const { faults } = loadAlone(minimal({}, `providers:\n  relay: { domains: [relay.example], smtp-hosts: ${list} }\n`));
    expect(lines(faults)).toEqual([expect.stringMatching(fault)]);
    expect(faults[0]?.place.line).toBe(8);
  });

  it('say which MX hosts are never used, and which family serves', () => {
    expect(over('{ exclude-mx: "mx9.big.example", address-family: prefer-ipv6 }')).toMatchObject({
      excludeMx: ['mx9.big.example'],
      addressFamily: 'prefer-ipv6',
    });
    expect(lines(loadAlone(minimal({}, 'providers: { big: { address-family: ipv5 } }\n')).faults)[0]).toMatch(/did you mean ipv4\?/);
  });

  it('may be the way of all mail', () => {
    for (const text of ['{ "*": relay.example }', '[{ domain: "*", to: relay.example }]'])
      expect(alone(`queue-to: ${text}\n`).queueTo).toMatchObject([{ domain: '*', to: 'relay.example' }]);
  });

  it('with static routes go to smtp-port unless they say a port', () => {
    const settings = alone('smtp-port: 2526\nproviders: { in: { domains: [corp.example], smtp-hosts: [10.0.0.5, "[::1]:25"] } }\n');
    expect(settings.providers.get('in')?.smtpHosts).toEqual([
      { host: '10.0.0.5', port: 2526 },
      { host: '::1', port: 25 },
    ]);
  });
});

describe('warnings', () => {
  const codes = (text: string, files: Record<string, string> = {}) => settingsOf(loadAlone(text, files)).warnings.map(({ code }) => code);
  const cold = (warmUp: string) =>
    minimal({
      sources: `sources: { warm: { address: 192.0.2.1, warm-up: none }, cold: { address: 192.0.2.2, warm-up: ${warmUp} } }`,
      pools: 'pools: { main: { sources: [warm, cold] } }',
    });
  const TAKEN = 'feedback: { bounce-domains: [bounce.example.com], fbl: [fbl@example.com] }\n';
  const REPORTS = `providers: { big: { feedback: arf } }\n${TAKEN}`;

  it.each([
    ['no-listeners', minimal({ listeners: 'listeners: []' })],
    ['no-clients', minimal({ clients: '' })],
    ['open-relay', minimal({ clients: 'clients: [{ from: 0.0.0.0/0, pool: main }]' })],
    ['plain-password', minimal({ clients: 'clients: [{ user: u, password: secret, pool: main }]' })],
    ['short-idle-timeout', minimal({ listeners: 'listeners: [{ address: "127.0.0.1:2525", idle-timeout: 4m59s }]' })],
    ['short-name', minimal({ 'host-name': 'host-name: mta' })],
    [
      'unused-source',
      minimal({ sources: 'sources: { warm: { address: 192.0.2.1, warm-up: none }, b: { address: 192.0.2.2, warm-up: none } }' }),
    ],
    ['no-warm-source', minimal({ sources: 'sources: { warm: { address: 192.0.2.1, warm-up: { schedule: slow } } }' }, REPORTS)],
    ['inert-gate', cold('{ schedule: slow }')],
    ['inert-gate', cold('{ schedule: slow }') + 'providers: { big: { feedback: arf } }\n'],
    ['inert-gate', cold('{ schedule: slow }') + TAKEN],
    ['low-target', cold('{ schedule: slow, target: 9/h }') + REPORTS],
    ['high-target', cold('{ schedule: slow, target: 101/h }') + REPORTS],
    ['overlap', minimal({}, 'providers: { other: { mx: ["mx.*.big.example", "mx.small.example"] } }\n')],
    ['unreachable-provider', minimal({}, 'providers: { other: { mx: "mx.*.big.example" } }\n')],
    ['loose-window', minimal({}, 'providers: { big: { limits: { max-smtp-out: 5 }, rules: ["421 NEW *, 1h, 9, 60"] } }\n')],
    ['text-not-expression', minimal({}, 'providers: { big: { rules: ["421 slow.*down *, 1h, 1, 60"] } }\n')],
  ])('%s', (code, text) => {
    expect(codes(text)).toEqual([code]);
  });

  it('are silent about good things', () => {
    expect(codes(cold('{ schedule: slow, target: 100/h }') + REPORTS)).toEqual([]);
    expect(codes(minimal({}, 'providers: { other: { mx: "*.bigger.example" } }\n'))).toEqual([]);
    expect(codes(minimal({ listeners: 'listeners: [{ address: "127.0.0.1:2525", idle-timeout: 5m, max-connections: 9 }]' }))).toEqual([]);
  });
});

describe('connections of listeners and clients', () => {
  const doors = (listener: string, client: string) =>
    minimal({
      listeners: `listeners: [{ address: "127.0.0.1:2525"${listener} }]`,
      clients: `clients: [{ from: 127.0.0.0/8, pool: main${client} }]`,
    });

  it('are limited where that is said, and nowhere else', () => {
    const said = settingsOf(loadAlone(doors(', max-connections: 300, idle-timeout: 10m', ', max-connections: 20')));
    expect(said.listeners[0]).toMatchObject({ maxConnections: 300, idleTimeout: 10 * MINUTE });
    expect(said.clients[0]).toMatchObject({ maxConnections: 20 });
    expect(settingsView(said)).toMatchObject({ listeners: [{ maxConnections: 300 }], clients: [{ maxConnections: 20 }] });
    const silent = settingsOf(loadAlone(doors('', '')));
    expect(silent.listeners[0]).not.toHaveProperty('maxConnections');
    expect(silent.listeners[0]).not.toHaveProperty('idleTimeout');
    expect(silent.clients[0]).not.toHaveProperty('maxConnections');
  });

  it.each([
    ['bad-count', doors(', max-connections: none', '')],
    ['bad-count', doors('', ', max-connections: 0')],
    ['bad-time', doors(', idle-timeout: 900ms', '')],
    ['bad-time', doors(', idle-timeout: 300', '')],
  ])('are not read where they cannot be meant: %s', (code, text) => {
    expect(loadAlone(text).faults.map(fault => fault.code)).toEqual([code]);
  });
});

describe('the starter file', () => {
  it('has no faults', () => {
    const { faults, settings } = load(starterFile());
    expect(lines(faults)).toEqual([]);
    expect(settings?.sources.size).toBe(2);
  });

  /** Every commented directive in force, but for passwords that stand for one. */
  const lively = starterFile()
    .replace(/^ {2}# - \{ user.*$/m, '')
    .replace(new RegExp(`^# (?=(${Object.keys(sections).join('|')}):)`, 'gm'), '')
    .replace(/^( *)# (?=(- \{|verp:| {2}[\w-]| {4}))/gm, '$1');

  it('has none either with every commented line in force', () => {
    expect(lively).toContain('\nallow-private: true');
    expect(lively).toContain('\n  microsoft:');
    expect(lines(load(lively, { '/schedules/mine.yaml': SLOW.replace('slow', 'mine') }).faults)).toEqual([]);
  });

  it('names every section there is', () => {
    const named = Object.keys(sections).filter(name => new RegExp(`^${name}:`, 'm').test(lively));
    expect(named).toEqual(Object.keys(sections));
  });
});
