import { describe, expect, it } from 'vitest';
import { checkSamples } from '../../src/outcome/samples.js';
import { written } from './shipped.js';

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
    expect(faults).toMatchObject([{ code: 'shadowed-rule', severity: 'warning' }]);
  });
});
