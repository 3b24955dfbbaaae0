/**
 * Rules in both writings, and the patterns that are refused: what others shipped and should not have.
 */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { readCompact } from '../../src/config/compact-rule.js';
import { complaintAbout, slashed } from '../../src/config/pattern.js';
import type { Rule } from '../../src/kernel/reply.js';
import { HOUR, MINUTE } from '../../src/kernel/units.js';
import { good, lines, readProvider } from './reading.js';

const HEAD = 'name: p\nmx: ["*.p.example"]\n';
const rulesOf = (text: string): readonly Rule[] => good(readProvider(`${HEAD}rules:\n${text}`)).rules;
const faultsOf = (text: string): string[] => lines(readProvider(`${HEAD}rules:\n${text}`).faults);
const only = (text: string): Rule => {
  const [rule] = rulesOf(text);
  if (!rule) throw new Error('no rule');
  return rule;
};

describe('compact rules', () => {
  it('open a window with connections and messages an hour', () => {
    expect(only('  - "421 RP-001 *, 1h, 5, 1000"\n')).toEqual({
      id: '421-rp-001',
      provider: 'p',
      from: { file: 'p.yaml', line: 4, col: 5 },
      match: { code: '421', text: 'RP-001' },
      class: 'throttle.rate',
      trigger: { count: 1, per: HOUR },
      scope: 'lane',
      reaction: { window: HOUR, suspend: false, recover: HOUR, maxSmtpOut: 5, maxMsgPerHour: 1000 },
      warmUp: 'none',
      samples: [],
      never: [],
    });
  });

  it.each([
    ['421 4.3.2 *, 45m, 2, 500', { code: '421', enhanced: '4.3.2' }, { window: 45 * MINUTE, maxSmtpOut: 2, maxMsgPerHour: 500 }],
    ['4xx too many messages from you *, 1h, *, 20/m', { code: '4xx', text: 'too many messages from you' }, { maxMsgPerHour: 1200 }],
    [
      '451 4.7.x *.example.com, 1h30m, 1, *',
      { code: '451', enhanced: '4.7.x', domain: '*.example.com' },
      { window: 90 * MINUTE, maxSmtpOut: 1 },
    ],
    ['421 *, 10m, 1, 60', { code: '421' }, { maxSmtpOut: 1 }],
    ['550 RBL* listed hotmail.com, 1d, 1, 12', { code: '550', text: 'RBL* listed', domain: 'hotmail.com' }, {}],
  ])('%s', (line, match, reaction) => {
    const rule = only(`  - "${line}"\n`);
    expect(rule.match).toEqual(match);
    expect(rule.reaction).toMatchObject(reaction);
  });

  it('leave alone what is *', () => {
    expect(only('  - "421 X *, 1h, *, 100"\n').reaction).not.toHaveProperty('maxSmtpOut');
    expect(only('  - "421 X *, 1h, 3, *"\n').reaction).not.toHaveProperty('maxMsgPerHour');
  });

  it('for several domains have several ids', () => {
    expect(rulesOf('  - "421 X a.example, 1h, 5, *"\n  - "421 X b.example, 1h, 3, *"\n').map(({ id }) => id)).toEqual([
      '421-x-a.example',
      '421-x-b.example',
    ]);
  });

  it.each([
    ['421 RP-001', 'the rule has no commas'],
    ['421, 1h, 5, 5', 'the rule has no domain before the first comma'],
    ['250 OK *, 1h, 5, 5', '"250" is no reply code'],
    ['421 X *, 1h, 5', 'the rule has 2 fields behind its pattern'],
    ['421 X *, 1h, 5, 5, 5', 'the rule has 4 fields behind its pattern'],
    ['421 X *, 1, 5, 5', '"1" is no window'],
    ['421 X *, 0s, 5, 5', '"0s" is no window'],
    ['421 X *, 1h, 0, 5', '"0" is no number of connections'],
    ['421 X *, 1h, 5, none', '"none" is no number of messages per hour'],
    ['421 X *, 1h, 5, unlimited', '"unlimited" is no number of messages per hour'],
    ['421 X *, 1h, *, *', 'the rule changes nothing'],
    ['421 X example.com., 1h, 5, 5', 'leave off the dot at the end'],
    ['550 *, 1h, 5, 5', 'slows the lane on a bare 550'],
    ['4xx *, 1h, 5, 5', 'slows the lane on a bare 4xx'],
  ])('%s is refused', (line, fault) => {
    const [first = ''] = faultsOf(`  - "${line}"\n`);
    expect(first).toContain('p.yaml:4:5: ');
    expect(first).toContain(fault);
  });

  it('never throw, whatever the line', () => {
    fc.assert(fc.property(fc.string(), line => 'rule' in readCompact(line) || 'fault' in readCompact(line)));
    fc.assert(
      fc.property(
        fc.string({ unit: fc.constantFrom('4', '2', '1', ' ', ',', '*', '.', 'h', 'x') }),
        line => 'rule' in readCompact(line) || 'fault' in readCompact(line),
      ),
    );
  });
});

describe('rules written out', () => {
  it('have everything they say', () => {
    const rule = only(`  - id: ip-reputation
    match: { code: 4XX, text: "rate limited due to IP reputation", enhanced: 4.7.650, at: mail, domain: "*.example" }
    class: reputation.defer
    trigger: 3/15m
    scope: source
    window: 90m
    max-smtp-out: 1
    max-msg-per-hour: 60/h
    max-msg-per-connection: 5
    max-connect-rate: 2/m
    recover: 1h
    samples: ["451 4.7.650 rate limited due to IP reputation"]
    never: ["250 OK"]
    note: seen often
`);
    expect(rule).toEqual({
      id: 'ip-reputation',
      provider: 'p',
      from: { file: 'p.yaml', line: 4, col: 5 },
      match: { code: '4xx', text: 'rate limited due to IP reputation', enhanced: '4.7.650', at: ['mail'], domain: '*.example' },
      class: 'reputation.defer',
      trigger: { count: 3, per: 15 * MINUTE },
      scope: 'source',
      reaction: {
        window: 90 * MINUTE,
        suspend: false,
        recover: HOUR,
        maxSmtpOut: 1,
        maxMsgPerHour: 60,
        maxMsgPerConnection: 5,
        maxConnectRate: 120,
      },
      warmUp: 'hold',
      samples: ['451 4.7.650 rate limited due to IP reputation'],
      never: ['250 OK'],
      note: 'seen often',
    });
  });

  it('hold the stage when the address itself is in trouble, unless they say otherwise', () => {
    const warmUp = (of: string, more = '') =>
      only(`  - { id: r, match: { text: x }, class: ${of}, window: 1h, max-smtp-out: 1${more} }\n`).warmUp;
    expect(['reputation.defer', 'block.ip', 'block.dnsbl', 'throttle.rate', 'content'].map(of => warmUp(of))).toEqual([
      'hold',
      'hold',
      'hold',
      'none',
      'none',
    ]);
    expect(warmUp('block.ip', ', warm-up: none')).toBe('none');
    expect(warmUp('throttle.rate', ', warm-up: step-back')).toBe('step-back');
  });

  it('without a window only classify', () => {
    const rule = only('  - { id: r, match: { code: 550, text: "no such user" }, class: mailbox.unknown, retry: as-5xx, action: bounce }\n');
    expect(rule).not.toHaveProperty('reaction');
    expect(rule).toMatchObject({ retry: 'as-5xx', action: 'bounce', scope: 'lane' });
  });

  it('recover as long as the window, or at once', () => {
    const recover = (more: string) =>
      only(`  - { id: r, match: { text: x }, class: other, window: 2h, suspend: true${more} }\n`).reaction?.recover;
    expect([recover(''), recover(', recover: none'), recover(', recover: 30m')]).toEqual([2 * HOUR, 0, 30 * MINUTE]);
  });

  const RULE = 'id: r, class: throttle.rate';
  it.each([
    [`{ ${RULE}, match: { text: x }, max-smtp-out: 1 }`, '4:56', 'max-smtp-out of rule r has no window'],
    [`{ ${RULE}, match: { text: x }, suspend: true }`, '4:56', 'suspend of rule r has no window'],
    [`{ ${RULE}, match: { text: x }, warm-up: hold }`, '4:56', 'warm-up of rule r has no window'],
    [`{ ${RULE}, match: { text: x }, window: 1h }`, '4:56', 'the window of rule r changes nothing'],
    [`{ ${RULE}, match: { text: x }, window: 1h, max-smtp-out: 0 }`, '4:82', 'max-smtp-out cannot be 0'],
    [`{ ${RULE}, match: { text: x }, window: 1h, max-msg-per-hour: none }`, '4:86', 'say suspend: true'],
    [`{ ${RULE}, match: { text: x }, window: 1h, max-msg-per-hour: unlimited }`, '4:86', 'a rule only ever slows down'],
    [`{ ${RULE}, match: { text: x }, scope: recipient, window: 1h, max-smtp-out: 1 }`, '4:86', 'max-smtp-out of rule r would do nothing'],
    [`{ ${RULE}, match: { text: x }, scope: connection, window: 1h, suspend: true }`, '4:87', 'suspend of rule r would do nothing'],
    [`{ ${RULE}, match: { text: x }, scope: sender-domain, window: 1h, max-connect-rate: 1/m }`, '4:90', 'its scope is sender-domain'],
    [`{ ${RULE}, match: { text: x }, scope: recipient-domain, window: 1h, max-msg-per-connection: 1 }`, '4:93', 'max-smtp-out, max-msg'],
    [`{ ${RULE}, match: { text: x }, scope: recipient, warm-up: step-back }`, '4:74', 'warm-up of rule r would do nothing'],
    ['{ id: r, class: block.domain, match: { text: x }, scope: sender-domain, window: 1h }', '4:77', 'changes nothing'],
    [`{ ${RULE}, match: { text: x }, scope: recipient, trigger: 3/h, window: 1h, suspend: true }`, '4:74', 'left alone at the first'],
    [`{ ${RULE}, match: {} }`, '4:36', 'match of r says nothing'],
    [`{ ${RULE}, match: { text: "*" } }`, '4:51', 'matches every reply'],
    [`{ ${RULE}, match: { code: 250 } }`, '4:51', 'a code such as 421, 4xx or 5xx'],
    [`{ ${RULE}, match: { enhanced: 4.7 } }`, '4:55', 'three numbers'],
    [`{ ${RULE}, match: { text: x }, trigger: 3 }`, '4:65', 'within what period? 3/h, 3/15m'],
    [`{ ${RULE}, match: { text: x }, scope: lanes }`, '4:63', 'did you mean lane?'],
    [`{ ${RULE}, match: { text: x, at: [rcptt] } }`, '4:59', 'did you mean rcpt?'],
    [`{ ${RULE}, match: { code: 550 }, window: 1h, suspend: true }`, '4:36', 'rule r slows the lane on a bare code'],
    [`{ id: r, class: reputation.deffer, match: { text: x } }`, '4:21', 'did you mean reputation.defer?'],
    [`{ id: r, match: { text: x } }`, '4:5', 'class is missing from item 1 of rules; allowed: delivered, throttle.rate'],
    ['5', '4:5', 'a rule cannot be 5'],
  ])('%s is refused', (rule, place, fault) => {
    const [first = ''] = faultsOf(`  - ${rule}\n`);
    expect(first).toContain(`p.yaml:${place}: `);
    expect(first).toContain(fault);
  });

  it('may stand on a bare code where it is about the host, not a recipient', () => {
    expect(only(`  - { ${RULE}, match: { code: 554, at: [greeting] }, window: 1h, suspend: true }\n`).reaction?.suspend).toBe(true);
    expect(only(`  - { ${RULE}, match: { code: 452 }, scope: recipient, window: 1h, suspend: true }\n`).scope).toBe('recipient');
  });

  it('have ids of their own', () => {
    expect(faultsOf('  - "421 X *, 1h, 5, *"\n  - { id: 421-x, match: { text: y }, class: other }\n')).toEqual([
      'p.yaml:5:5: rule 421-x has the id of the rule at p.yaml:4:5; give one of them another id',
    ]);
  });

  it('are all read when some are faulty', () => {
    expect(
      faultsOf('  - "421"\n  - { id: a }\n  - "421 X *, 1h, 5, *"\n  - { id: b, match: { text: "/(/" }, class: other }\n').map(
        line => line.split(':')[1],
      ),
    ).toEqual(['4', '5', '5', '7']);
  });
});

describe('regular expressions', () => {
  const about = (text: string) => {
    const pattern = slashed(text);
    return pattern && complaintAbout(pattern)?.what;
  };

  it.each([
    ['/[TS01] Messages/', 'has [TS01], which matches one of its characters, not the tag'],
    ['/^550/', 'is a bare code'],
    ['/^5\\d\\d /', 'is a bare code'],
    ['/^550 .*/', 'is a bare code'],
    ['/.*/', 'matches every reply'],
    ['/(/', 'is no valid expression'],
    ['/x/g', 'has flags "g"'],
    ['/x/ii', 'has flags "ii"'],
    ['/(a+)+$/', 'repeats a group that itself repeats'],
    ['/(a*)*b/', 'repeats a group that itself repeats'],
    ['/(a|aa)+$/', 'repeats a group that itself repeats or has alternatives'],
    ['/((a{1,5})b?){2,}/', 'repeats a group that itself repeats'],
    ['/(?:(x+x+))+y/', 'repeats a group that itself repeats'],
    ['/(a)\\1/', 'refers back to a group'],
    ['/(?<n>a)\\k<n>/', 'refers back to a group'],
    ['/a(?=b)/', 'looks ahead or behind'],
    ['/(?<!b)a/', 'looks ahead or behind'],
    ['/a.*b.*c.*d/', 'has 3 long repetitions that can take turns on the same text'],
    ['/a+a*a{2,}b/', 'has 3 long repetitions that can take turns on the same text'],
    ['/a.*b.*c/', 'has 2 long repetitions that can take turns on the same text'],
    ['/(from|to) .*is (.*) listed/i', 'has 2 long repetitions that can take turns on the same text'],
    ['/a.*\\d+x/', 'has 2 long repetitions that can take turns on the same text'],
    ['/^a.*b.*c.*d/', 'has 3 long repetitions that can take turns on the same text'],
    [`/${'a?'.repeat(11)}b/`, 'has too many repetitions in a row'],
    ['/a?a?a?.*b/', 'has too many repetitions in a row'],
    ['/(a.*b|a.*c|a.*d|a.*e|a.*f|a.*g)/', 'has too many repetitions in a row'],
    [`/a.*${'a'.repeat(300)}(b|c)/`, 'has too many repetitions in a row'],
    [`/${'a'.repeat(401)}/`, 'is longer than 400 characters'],
  ])('%s is refused', (text, what) => {
    expect(about(text)).toContain(what);
  });

  it.each([
    '/\\[TS01\\] Messages/',
    '/^550 5\\.1\\.1 /',
    '/gr[ae]y[ -]?list/i',
    '/[A-Z0-9]+/',
    '/too many (concurrent )?(smtp )?connections/i',
    '/(ab)+c/',
    '/\\bS\\d{2,4}\\b/',
    '/rate.*limit/i',
    '/[+*(]/',
    '/(a.*b|c.*d|e.*f)/',
    '/^a.*b.*c/',
    '/\\[\\d+\\.\\d+\\.\\d+\\.\\d+\\] is listed/',
    '/from \\d+\\.\\d+\\.\\d+\\.\\d+/',
    '/too many messages \\((\\d+) of (\\d+)\\)/i',
    '/blocked using .*/i',
    '/[a-z]+\\s+[a-z]+!/',
    '/a{40}b{40}c{40}/',
    '/(?:a|b)c/',
  ])('%s is fine', text => {
    expect(about(text)).toBeUndefined();
  });

  /** Milliseconds for the slowest of some texts of the length that classification looks at; the best of a few runs. */
  const slowest = (regex: RegExp): number => {
    const filled = (piece: string, end = '') => piece.repeat(1_024).slice(0, 1_024 - end.length) + end;
    const texts = ['a', 'ab', '1', 'a1', '1.', 'user '].flatMap(piece => [filled(piece), filled(piece, '!')]);
    return Math.max(
      ...texts.map(text =>
        Math.min(
          ...Array.from({ length: 3 }, () => {
            const start = performance.now();
            regex.test(text);
            return performance.now() - start;
          }),
        ),
      ),
    );
  };

  it.each(['/a.*b/', '/(a.*b|a.*c|a.*d)/', '/^.*a.*b/', '/a.{0,10}a.{0,10}b/', '/\\w*(101|102|a11|aaab)/i', '/a?.*\\d!/'])(
    '%s passes, and takes a few milliseconds at worst',
    text => {
      expect(about(text)).toBeUndefined();
      const { source = '', flags = '' } = slashed(text) ?? {};
      expect(slowest(new RegExp(source, flags))).toBeLessThan(40);
    },
  );

  it.each(['/a.*a.*b/', '/^a.*a.*a.*b/'])('%s is refused, and would take many', text => {
    expect(about(text)).toMatch(/repetitions/);
    const { source = '', flags = '' } = slashed(text) ?? {};
    expect(slowest(new RegExp(source, flags))).toBeGreaterThan(40);
  });

  it('that pass are quick on text made to be slow', () => {
    const piece = fc.constantFrom('a', '\\d', '.', '[ab]', '(a)', '(ab|c)', '(a+)', 'b', '\\w');
    const repeat = fc.constantFrom('', '', '+', '*', '?', '{2,}', '{1,3}');
    const source = fc
      .array(fc.tuple(piece, repeat), { minLength: 1, maxLength: 8 })
      .map(parts => parts.map(part => part.join('')).join(''));
    const slow = ['a'.repeat(150), 'ab'.repeat(75), '1'.repeat(150), `${'a'.repeat(149)}!`];
    fc.assert(
      fc.property(source, text => {
        fc.pre(complaintAbout({ source: text, flags: '' }) === undefined);
        const regex = new RegExp(`${text}$`);
        const start = performance.now();
        slow.forEach(line => regex.test(line));
        expect(performance.now() - start).toBeLessThan(1_000);
      }),
      { numRuns: 100 },
    );
  });
});
