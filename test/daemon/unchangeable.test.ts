/** What a reload cannot change is named, with where it stands. */
import { describe, expect, it } from 'vitest';
import { unchangeable } from '../../src/daemon/unchangeable.js';
import { printFault } from '../../src/kernel/fault.js';
import { loadAlone, minimal, settingsOf } from '../config/reading.js';

const settings = (more = '') => settingsOf(loadAlone(minimal({}, more)));

describe('a reload', () => {
  it.each([
    ['log: { level: debug }\n', 'rampd.yaml:7:15: log.level cannot change while rampd runs (info is in force)'],
    ['log:\n  level: info\n  file: x.log\n', 'rampd.yaml:9:9: log.file cannot change while rampd runs (absent is in force)'],
    ['node: 3\n', 'rampd.yaml:7:7: node cannot change while rampd runs (0 is in force)'],
    ['dns: { servers: ["127.0.0.1"] }\n', 'rampd.yaml:7:17: dns.servers cannot change while rampd runs'],
  ])('is told where %j stands', (more, text) => {
    const fault = unchangeable(settings(), settings(more));
    expect(fault && printFault(fault)).toContain(text);
  });

  it('may change everything else', () => {
    expect(unchangeable(settings('log: { level: info }\n'), settings('drain: 3s\n'))).toBeUndefined();
  });
});
