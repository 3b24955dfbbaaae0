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

  it('tell how files of records and webhooks stand', () => {
    const records = [
      { name: '/var/log/acct.csv', waiting: 3, lost: 1, error: 'ENOSPC' },
      { name: 'crm', waiting: 0, lost: 0, bytes: 700 },
    ];
    const text = metricsText(status({ records }), figures);
    for (const line of text.split('\n').filter(l => l !== '' && !l.startsWith('#'))) expect(line).toMatch(SAMPLE);
    expect(text.split('\n').filter(line => /^rampd_(records|webhook)/.test(line))).toEqual([
      'rampd_records_failing{name="/var/log/acct.csv"} 1',
      'rampd_records_failing{name="crm"} 0',
      'rampd_records_waiting{name="/var/log/acct.csv"} 3',
      'rampd_records_waiting{name="crm"} 0',
      'rampd_records_lost_total{name="/var/log/acct.csv"} 1',
      'rampd_records_lost_total{name="crm"} 0',
      'rampd_webhook_spool_bytes{name="crm"} 700',
    ]);
    expect(metricsText(status(), figures)).not.toContain('records');
  });

  it('escape what names hold, and leave out a cap that is not there', () => {
    const text = metricsText(status({ sources: [source({ name: 'a"b\\c\nd', maxMsgPerHour: null })] }), figures);
    expect(text).toContain('source="a\\"b\\\\c\\nd"');
    expect(text).not.toContain('rampd_source_max_msg_per_hour');
  });
});
