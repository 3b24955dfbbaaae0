/**
 * Faulty configurations: each mistake names its place and says what is allowed. Every case is a text with one mistake or a
 * few, and the exact beginning of each fault.
 */
import { describe, expect, it } from 'vitest';
import { lines, loadAlone, minimal, settingsOf } from './reading.js';

interface Case {
  readonly of: string;
  readonly text: string;
  /** `line:col` and a part of the sentence, one pair per fault, in order. */
  readonly faults: readonly (readonly [string, string])[];
}

const NL = '\n';

const CASES: readonly Case[] = [
  { of: 'an empty file', text: '', faults: [['1:1', 'the file says nothing']] },
  { of: 'comments only', text: '# nothing yet\n', faults: [['1:1', 'the file says nothing']] },
  { of: 'a list', text: '- a\n- b\n', faults: [['1:1', 'the file is a list, not a map']] },
  { of: 'plain text', text: 'hello\n', faults: [['1:1', 'the file is "hello", not a map']] },
  { of: 'a tab', text: 'sources:\n\tcold: 1\n', faults: [['2:1', 'a tab stands where YAML wants spaces']] },
  { of: 'two documents', text: 'a: 1\n---\nb: 2\n', faults: [['2:1', 'a second YAML document begins here']] },
  { of: 'a colon too many', text: 'host-name: a: b\n', faults: [['1:12', 'a second ": " on one line']] },
  { of: 'an anchor that is not there', text: minimal({}, 'defaults: *limts\n'), faults: [['7:11', '*limts refers to an anchor']] },
  { of: 'the same key twice', text: minimal({}, 'drain: 30s\ndrain: 40s\n'), faults: [['8:1', 'drain stands twice']] },
  {
    of: 'a key with a slip',
    text: minimal({}, 'defautls: {}\n'),
    faults: [['7:1', 'defautls is no key of the configuration; did you mean defaults?']],
  },
  {
    of: 'slips further down',
    text: minimal({}, 'defaults:\n  max-smtp-outt: 20\n  retry-affter: 10m\n'),
    faults: [
      ['8:3', 'did you mean max-smtp-out?'],
      ['9:3', 'did you mean retry-after?'],
    ],
  },
  {
    of: 'a key of another program',
    text: minimal({}, 'virtual-mta: x\n'),
    faults: [['7:1', 'an outbound address is an entry under sources']],
  },
  {
    of: 'a bare zero',
    text: minimal({}, 'defaults: { max-smtp-out: 0, max-msg-rate: 0, max-msg-per-hour: 0/h }\n'),
    faults: [
      ['7:27', 'max-smtp-out cannot be 0'],
      ['7:44', 'say unlimited or none'],
      ['7:65', 'say unlimited or none'],
    ],
  },
  {
    of: 'times without a unit',
    text: minimal({}, 'drain: 30\ndefaults: { retry-after: [10m, 20], bounce-after: 4 }\n'),
    faults: [
      ['7:8', '30s, 30m or 30h?'],
      ['8:32', 'item 2 of retry-after cannot be 20'],
      ['8:51', 'the unit is missing'],
    ],
  },
  {
    of: 'a rate without a period',
    text: minimal({}, 'defaults: { max-msg-rate: 200 }\n'),
    faults: [['7:27', 'say the period: 200/h or 200/m?']],
  },
  {
    of: 'a rate over a month',
    text: minimal({}, 'defaults: { max-msg-rate: 500000/30d }\n'),
    faults: [['7:27', 'a rate over at most 12d']],
  },
  { of: 'yes for true', text: minimal({}, 'allow-private: yes\n'), faults: [['7:16', 'write true']] },
  {
    of: 'a source without warm-up',
    text: minimal({ sources: 'sources:\n  warm: { address: 192.0.2.1 }' }),
    faults: [['6:3', 'warm-up is missing from warm; allowed: none, or { schedule: NAME }']],
  },
  {
    of: 'an empty warm-up',
    text: minimal({ sources: 'sources:\n  warm:\n    address: 192.0.2.1\n    warm-up:' }),
    faults: [['8:5', 'warm-up cannot be nothing']],
  },
  {
    of: 'a schedule that is not there',
    text: minimal({ sources: 'sources:\n  warm: { address: 192.0.2.1, warm-up: { schedule: slo } }' }),
    faults: [['6:52', 'source warm uses schedule slo, which is not defined; allowed: slow; did you mean slow?']],
  },
  {
    of: 'a stage beyond the end, a day that does not exist',
    text: minimal({
      sources:
        'sources:\n  warm: { address: 192.0.2.1, warm-up: { schedule: slow, stage: 11 } }\n  b: { address: 192.0.2.2, warm-up: { schedule: slow, started: 2025-02-29 } }',
    }),
    faults: [
      ['6:65', 'stage 11 is beyond the end of slow; allowed: 1 to 10'],
      ['7:64', 'started cannot be "2025-02-29"'],
    ],
  },
  {
    of: 'one address twice, written differently',
    text: minimal({
      sources: 'sources:\n  warm: { address: "2001:db8::1", warm-up: none }\n  b: { address: "2001:0DB8:0::1", warm-up: none }',
    }),
    faults: [['7:17', 'source b has the address of the source at rampd.yaml:6:20']],
  },
  {
    of: 'addresses that are none',
    text: minimal({
      sources:
        'sources:\n  warm: { address: 192.0.2, warm-up: none }\n  b: { address: 010.0.0.1, warm-up: none }\n  c: { address: 0.0.0.0, warm-up: none }\n  d: { address: "fe80::1%eth0", warm-up: none }',
    }),
    faults: [
      ['6:20', 'an IPv4 or IPv6 address'],
      ['7:17', 'an IPv4 or IPv6 address'],
      ['8:17', 'mail leaves from one address'],
      ['9:17', 'an IPv4 or IPv6 address'],
    ],
  },
  {
    of: 'a name with a slash',
    text: minimal({ sources: 'sources: { warm: { address: 192.0.2.1, warm-up: none }, a/b: { address: 192.0.2.2, warm-up: none } }' }),
    faults: [['5:57', '"a/b" is no name']],
  },
  {
    of: 'pools that lead nowhere',
    text: minimal({
      pools:
        'pools:\n  main: { sources: [warm, hot] }\n  two: { sources: { warm: 0 } }\n  three: { sources: [] }\n  four: { sources: [warm, warm] }',
    }),
    faults: [
      ['7:27', 'pool main uses source hot, which is not defined'],
      ['8:10', 'every source of pool two has weight 0'],
      ['9:12', 'pool three has no sources'],
      ['10:11', 'pool four lists warm twice'],
    ],
  },
  {
    of: 'a client of an unknown pool',
    text: minimal({ clients: 'clients:\n  - { from: 127.0.0.1, pool: mian }' }),
    faults: [['5:30', 'this client uses pool mian, which is not defined; allowed: main; did you mean main?']],
  },
  {
    of: 'clients nobody can be',
    text: minimal({
      clients:
        'clients:\n  - { from: 10.0.0.0/33, pool: main }\n  - { from: 10.0.0.1/8, pool: main }\n  - { pool: main }\n  - { user: u, pool: main }\n  - { user: u, password: "scrypt:x", pool: main }\n  - { user: u, password: p, from: ::1, pool: main }',
    }),
    faults: [
      ['5:13', 'at most 32'],
      ['6:13', 'the range that holds it is 10.0.0.0/8'],
      ['7:5', 'neither from nor user'],
      ['8:5', 'user "u" has no password'],
      ['9:26', 'password cannot be'],
      ['10:5', 'a client says from and user'],
    ],
  },
  {
    of: 'TLS demanded and switched off',
    text: minimal(
      {},
      'defaults: { use-starttls: false }\nproviders:\n  big: { limits: { require-starttls: true } }\n  x: { domains: [x.example], limits: { use-starttls: false, require-starttls: true } }\n',
    ),
    faults: [
      ['9:20', 'contradicts use-starttls: false at rampd.yaml:7:13'],
      ['10:61', 'require-starttls: true contradicts use-starttls: false at rampd.yaml:10:40'],
    ],
  },
  {
    of: 'a provider nothing maps to',
    text: minimal({}, 'providers:\n  bigg: { limits: { max-smtp-out: 1 } }\n'),
    faults: [['8:3', 'provider bigg is attached to nothing']],
  },
  {
    of: 'patterns that match nothing or everything',
    text: minimal(
      {},
      'providers:\n  a: { mx: ["*"] }\n  b: { mx: ["*.b.example."] }\n  c: { mx: [.c.example] }\n  d: { domains: ["d e"] }\n',
    ),
    faults: [
      ['8:13', 'this matches every name'],
      ['9:13', 'leave off the dot at the end'],
      ['10:13', 'write *.c.example'],
      ['11:18', 'a name, or a pattern'],
    ],
  },
  {
    of: 'one MX pattern of two providers',
    text: minimal({}, 'providers: { other: { mx: "*.big.example" } }\n'),
    faults: [['7:14', '*.big.example belongs to provider other and to the one at lib/providers/big.yaml:1:1']],
  },
  {
    of: 'a socket path that is too long',
    text: minimal({}, `control: { socket: /${'x'.repeat(107)} }\n`),
    faults: [['7:20', 'the path of the control socket has 108 bytes; allowed: at most 107']],
  },
  { of: 'a folder that is not there', text: minimal({}, 'schedules: [./schedule]\n'), faults: [['7:13', 'there is no folder schedule']] },
  {
    of: 'odds and ends',
    text: minimal(
      {},
      'node: 256\nsmtp-port: 70000\ndns: { servers: [localhost] }\nmax-message-size: 0\nqueue-to: { "a.example.": b.example }\ntotal: { retry-after: 1m }\ndsn: { from: nobody, pool: man }\nlog: { level: verbose }\nmax-recipients: none\n',
    ),
    faults: [
      ['7:7', 'node cannot be 256'],
      ['8:12', 'smtp-port cannot be 70000'],
      ['9:18', 'item 1 of servers cannot be "localhost"'],
      ['10:19', 'max-message-size cannot be 0'],
      ['11:13', 'leave off the dot at the end'],
      ['12:10', 'retry-after is no key of total'],
      ['13:14', 'from cannot be "nobody"'],
      ['14:15', 'level cannot be "verbose"; allowed: debug, info, warn, error'],
      ['15:17', 'max-recipients cannot be "none"'],
    ],
  },
  {
    of: 'notices and priorities',
    text: minimal(
      {
        clients: 'clients: [{ from: 127.0.0.0/8, pool: main, dsn: sendr, priority: urgent }]',
        pools: 'pools: { main: { sources: [warm], priority: hgh } }',
      },
      'dsn: { delay-after: [4h, soon], postmaster: nobody }\n',
    ),
    faults: [
      ['4:49', 'dsn cannot be "sendr"; allowed: sender, postmaster, none; did you mean sender?'],
      ['4:66', 'priority cannot be "urgent"; allowed: high, normal, low'],
      ['6:45', 'priority cannot be "hgh"; allowed: high, normal, low; did you mean high?'],
      ['7:26', 'delay-after'],
      ['7:45', 'postmaster cannot be "nobody"'],
    ],
  },
  {
    of: 'notices of delay that are both wanted and not',
    text: minimal({}, 'dsn: { delay-after: [4h, none] }\n'),
    faults: [['7:21', 'delay-after says none beside ages; allowed: none alone, or ages such as [4h, 24h]']],
  },
  {
    of: 'an unknown pool for notifications',
    text: minimal({}, 'dsn: { pool: man }\n'),
    faults: [['7:14', 'dsn uses pool man, which is not defined; allowed: main; did you mean main?']],
  },
  {
    of: 'missing sections',
    text: 'host-name: mta.example.com\n',
    faults: [
      ['1:1', 'state-dir is missing'],
      ['1:1', 'listeners is missing'],
      ['1:1', 'sources is missing'],
      ['1:1', 'pools is missing'],
    ],
  },
  {
    of: 'sections of the wrong kind',
    text: minimal({ listeners: 'listeners: x', clients: 'clients: {}', sources: 'sources: 5', pools: 'pools: [a]' }),
    faults: [
      ['3:12', 'listeners cannot be "x"'],
      ['4:10', 'clients cannot be a map'],
      ['5:10', 'sources cannot be 5'],
      ['6:8', 'pools cannot be a list'],
    ],
  },
  {
    of: 'a listener twice',
    text: minimal({
      listeners: 'listeners:\n  - address: 127.0.0.1:25\n  - address: 127.0.0.1:25\n  - address: "127.0.0.1"\n  - address: localhost:25',
    }),
    faults: [
      ['5:5', '127.0.0.1 port 25 is listened on twice'],
      ['6:14', 'say the port'],
      ['7:14', 'an IP address, not a name'],
    ],
  },
  { of: 'a merge key', text: minimal({}, 'defaults: { <<: { max-smtp-out: 1 } }\n'), faults: [['7:13', 'merge keys are not read']] },
  { of: 'a YAML tag', text: minimal({}, 'user: !mail x\n'), faults: [['7:7', 'a leading ! is a YAML tag']] },
];

describe('a faulty configuration names the place and what is allowed', () => {
  it.each(CASES)('$of', ({ text, faults }) => {
    const loaded = loadAlone(text);
    const found = lines(loaded.faults);
    expect(
      found.map((line, i) =>
        line.startsWith(`rampd.yaml:${faults[i]?.[0]}: `) && line.includes(faults[i]?.[1] ?? NL) ? 'as expected' : line,
      ),
    ).toEqual(faults.map(() => 'as expected'));
    expect(loaded.settings).toBeUndefined();
  });

  it('and the same without the mistake has none', () => {
    expect(lines(loadAlone(minimal()).faults)).toEqual([]);
    expect(settingsOf(loadAlone(minimal())).warnings).toEqual([]);
  });

  it('faults of another file name that file', () => {
    const { faults } = loadAlone(minimal(), {
      'lib/providers/bad.yaml': 'name: bad\nmx: ["*.bad.example"]\nruls: []\n',
      'lib/odd.yaml': 'name: odd\ntick: "0 4 * *"\nramp: {}\n',
    });
    expect(lines(faults).map(line => line.split('; ')[0])).toEqual([
      'lib/odd.yaml:2:7: tick cannot be "0 4 * *"',
      'lib/odd.yaml:3:1: from is missing from ramp',
      'lib/odd.yaml:3:1: to is missing from ramp',
      'lib/odd.yaml:3:1: stages is missing from ramp',
      'lib/providers/bad.yaml:3:1: ruls is no key of a provider file',
    ]);
  });

  it('a thing that is defined with a fault is not called unknown as well', () => {
    const text = minimal({
      sources: 'sources: { warm: { address: 192.0.2.1, warm-up: { schedule: odd } }, b: { address: x, warm-up: none } }',
      pools: 'pools: { main: { sources: [warm, b] } }',
    });
    const { faults } = loadAlone(text, { 'lib/odd.yaml': 'name: odd\ntick: "0 4 * * *"\n' });
    expect(lines(faults).map(line => line.split('; ')[0])).toEqual([
      'rampd.yaml:5:84: address cannot be "x"',
      'lib/odd.yaml:1:1: schedule odd has no stages',
    ]);
  });

  it('follows aliases, and places faults where the anchor stands', () => {
    const { faults } = loadAlone(minimal({}, 'defaults: &d { max-smtp-out: 5, max-smpt-out: 6 }\ntotal: *d\n'));
    expect(lines(faults).map(line => line.split('; ')[0])).toEqual([
      'rampd.yaml:7:33: max-smpt-out is no key of limits',
      'rampd.yaml:7:33: max-smpt-out is no key of total',
    ]);
    const loaded = settingsOf(loadAlone(minimal({}, 'defaults: { max-smtp-out: &n 5 }\ntotal: { max-smtp-out: *n }\n')));
    expect(loaded.total.maxSmtpOut).toEqual({ value: 5, from: { file: 'rampd.yaml', line: 8, col: 10 } });
  });
});
