import { describe, expect, it } from 'vitest';
import { printFault } from '../../src/kernel/fault.js';
import { checkSamples } from '../../src/outcome/samples.js';
import { shipped, written } from './shipped.js';

const check = (rules: string) => checkSamples(written({ acme: `rules:\n${rules}` }));

describe('checkSamples', () => {
  it('has nothing to say of rules that work', () => {
    expect(
      check(`  - { id: a, match: { code: 4xx, text: slow }, class: throttle.rate, samples: ["421 slow down"], never: ["421 fast"] }
  - "421 RP-001 *, 1h, 5, 1000"
  - "421 4.3.2 *, 45m, 2, 500"
  - { id: g, match: { code: 5xx, text: poor, at: [greeting] }, class: block.ip, samples: ["554 poor"] }
  - { id: d, match: { text: poor, domain: "*.example.com" }, class: content, samples: ["554 poor"] }`),
    ).toEqual([]);
  });

  it('finds a rule that does not match its own sample, and says where it stands', () => {
    const [fault] = check('  - { id: a, match: { code: 4xx, text: slow }, class: throttle.rate, samples: ["550 slow down"] }');
    expect(fault).toMatchObject({ code: 'dead-rule', place: { file: 's/providers/acme.yaml', line: 4 } });
    expect(fault?.what).toContain('550 slow down');
  });

  it('finds a rule that takes what it must not', () => {
    const [fault] = check(
      '  - { id: a, match: { code: 4xx, text: slow }, class: throttle.rate, samples: ["421 slow"], never: ["450 slowly"] }',
    );
    expect(fault).toMatchObject({ code: 'rule-matches-too-much' });
  });

  it('finds a rule that an earlier one hides, compact ones too, and names both', () => {
    const wide = '  - { id: wide, match: { code: 4xx, text: slow }, class: throttle.rate, samples: ["421 slow"] }';
    const narrow = '  - { id: narrow, match: { code: 4xx, text: slow down }, class: throttle.rate, samples: ["421 slow down"] }';
    const [hidden] = check(`${wide}\n${narrow}`);
    expect(hidden).toMatchObject({ code: 'shadowed-rule', place: { line: 5 } });
    expect(hidden?.what).toMatch(/narrow.*wide \(s\/providers\/acme\.yaml:4:/);
    expect(hidden?.severity).not.toBe('warning');
    expect(check(`${narrow}\n${wide}`)).toEqual([]);
    expect(check(`${wide}\n  - "421 slow down *, 1h, 5, 1000"`)).toMatchObject([{ code: 'shadowed-rule' }]);
    expect(check(`  - "421 slow down *, 1h, 5, 1000"\n${wide}`)).toEqual([]);
  });

  it('finds rules that ask for the same thing', () => {
    const faults = check(`  - { id: a, match: { code: "421", text: Slow }, class: throttle.rate }
  - { id: b, match: { code: "421", text: slow }, class: content }`);
    expect(faults.map(fault => fault.code)).toContain('conflicting-rules');
  });

  it('only warns when a rule of another file takes over: that may be meant', () => {
    const shippedRule = '  - { id: a, match: { text: slow }, class: throttle.rate, samples: ["421 slow"] }';
    const [file] = [...written({ acme: `rules:\n${shippedRule}` }).values()];
    const [mine] = [...written({ acme: 'rules: [{ id: mine, match: { text: slo }, class: content }]' }).values()];
    const rule = { ...mine!.rules[0]!, from: { file: 'rampd.yaml', line: 9, col: 3 } };
    const faults = checkSamples(new Map([['acme', { ...file!, rules: [rule, ...file!.rules] }]]));
    expect(faults).toMatchObject([{ code: 'shadowed-rule', severity: 'warning', place: rule.from }]);
    expect(faults[0]?.what).toBe('rule mine takes first what a (s/providers/acme.yaml:4:5) knows, as in "421 slow"');
    const narrow = { ...rule, match: { text: 'slot' } };
    expect(checkSamples(new Map([['acme', { ...file!, rules: [narrow, ...file!.rules] }]]))).toEqual([]);
  });

  it('counts what a rule of another file takes, and says it once', () => {
    const rules = ['slow a', 'slow b', 'slow c'].map(
      (text, i) => `  - { id: r${i}, match: { text: ${text} }, class: content, samples: ["421 ${text}", "450 ${text}"] }`,
    );
    const [file] = [...written({ acme: `rules:\n${rules.join('\n')}` }).values()];
    const mine = { ...file!.rules[0]!, id: 'mine', match: { text: 'slow' }, samples: [], from: { file: 'rampd.yaml', line: 9, col: 3 } };
    const faults = checkSamples(new Map([['acme', { ...file!, rules: [mine, ...file!.rules] }]]));
    expect(faults.map(fault => fault.what)).toEqual([
      'rule mine takes first what r0 (s/providers/acme.yaml:4:5) knows, as in "421 slow a", and what 2 other rules know',
    ]);
  });
});

describe('rules without samples', () => {
  const rule = (match: string) => `  - { id: a, match: ${match}, class: content }`;

  /** What is wrong, and the same mended. */
  it.each([
    ['a code repeated on a continuation line', '{ code: "421", text: "421-4.7.0 slow" }', '{ code: "421", text: "421 4.7.0 slow" }'],
    ['the same in an expression', '{ text: "/^421-4.7.0 slow/" }', '{ text: "/^421[ -]4.7.0 slow/" }'],
    ['a code that cannot be with that expression', '{ code: 5xx, text: "/^421 slow/" }', '{ code: 4xx, text: "/^421 slow/" }'],
    ['an enhanced code at the start of the text', String.raw`{ text: '/^4\.7\.0 slow/' }`, String.raw`{ text: '/^4\d\d 4\.7\.0 slow/' }`],
    ['a line break in an expression', '{ text: "/slow\\\\ndown/" }', '{ text: "/slow\\\\sdown/" }'],
    ['two blanks in an expression', '{ text: "/slow  down/" }', '{ text: "/slow +down/" }'],
    ['a moment at which nothing is said', '{ text: slow, at: connect }', '{ text: slow, at: [connect, greeting] }'],
  ])('are dead with %s', (_, dead, alive) => {
    expect(check(rule(dead)).map(fault => [fault.code, fault.severity, fault.place.line])).toEqual([['dead-rule', undefined, 4]]);
    expect(check(rule(alive))).toEqual([]);
  });

  it('are dead at that moment with samples too', () => {
    const at = (moment: string) => check(`  - { id: a, match: { text: slow, at: ${moment} }, class: content, samples: ["421 slow"] }`);
    expect(at('connect')).toMatchObject([{ code: 'dead-rule' }]);
    expect(at('greeting')).toEqual([]);
  });

  it('are warned of where no text is found that they match; a sample settles it', () => {
    const lost = '  - { id: a, match: { text: "/slow$ down/" }, class: content }';
    expect(check(lost)).toMatchObject([{ code: 'unproven-rule', severity: 'warning', place: { line: 4 } }]);
    expect(check(lost.replace('$', ''))).toEqual([]);
    expect(check(lost.replace('}, class: content', '}, class: content, samples: ["421 slow down"]'))).toMatchObject([
      { code: 'dead-rule' },
    ]);
  });

  it('are warned of when code and enhanced code disagree, until a sample shows it', () => {
    const odd = (more: string) => check(`  - { id: a, match: { code: 5xx, enhanced: 4.7.1 }, class: content${more} }`);
    expect(odd('')).toMatchObject([{ code: 'odd-codes', severity: 'warning', hint: 'did you mean 5.7.1?' }]);
    expect(odd(', samples: ["550 4.7.1 strange"]')).toEqual([]);
    expect(check(rule('{ code: 5xx, enhanced: 5.7.1 }'))).toEqual([]);
  });

  it('are hidden when an earlier rule takes everything they describe, not when it takes one of two ways', () => {
    const earlier = rule('{ text: slow }').replace('id: a', 'id: first');
    expect(check(`${earlier}\n${rule('{ text: "/slow(ly| down)/" }')}`)).toMatchObject([{ code: 'shadowed-rule', severity: 'warning' }]);
    expect(check(`${earlier}\n${rule('{ text: "/(slow|late)/" }')}`)).toEqual([]);
  });

  it('are judged rightly: every shipped rule, without its samples, is found to work', () => {
    const bare = [...shipped.providers].map(([name, provider]) => {
      const rules = provider.rules.map(rule => ({ ...rule, samples: [], never: [] }));
      return [name, { ...provider, rules }] as const;
    });
    expect(checkSamples(new Map(bare)).map(printFault)).toEqual([]);
  });
});
