/** Prometheus's text: every line is a comment or a sample, names are declared once, labels are escaped. */
import { describe, expect, it } from 'vitest';
import { metricsText } from '../../src/control/metrics.js';
import { source, status } from './fake-operations.js';

const figures = { resident: 1_000, heap: 500, cpu: 1.25 };
const SAMPLE =
  /^rampd_[a-z_]+(\{[a-z]+="(?:[^"\\\n]|\\[\\"n])*"(,[a-z]+="(?:[^"\\\n]|\\[\\"n])*")*\})? (-?\d+(\.\d+)?(e[+-]?\d+)?|[+-]Inf|NaN)$/;

describe('metrics', () => {
  it('are well-formed', () => {
    const text = metricsText(status(), figures);
    const lines = text.split('\n');
    expect(lines.pop()).toBe('');
    const samples = lines.filter(line => !line.startsWith('#'));
    for (const line of samples) expect(line).toMatch(SAMPLE);
    const declared = lines.filter(line => line.startsWith('# TYPE')).map(line => line.split(' ')[2]);
    expect(new Set(declared).size).toBe(declared.length);
    for (const line of samples) expect(declared).toContain(/^[a-z_]+/.exec(line)?.[0]);
    expect(text).toContain('rampd_process_cpu_seconds_total 1.25\n');
  });

  it('escape what names hold, and leave out a cap that is not there', () => {
    const text = metricsText(status({ sources: [source({ name: 'a"b\\c\nd', maxMsgPerHour: null })] }), figures);
    expect(text).toContain('source="a\\"b\\\\c\\nd"');
    expect(text).not.toContain('rampd_source_max_msg_per_hour');
  });
});
