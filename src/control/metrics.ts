/**
 * The daemon's state as Prometheus reads it (text exposition format 0.0.4), made of the same views as everything shown. Pure.
 */
import type { RecordsView, StatusView } from './view.js';

export interface ProcessFigures {
  /** Bytes. */
  readonly resident: number;
  readonly heap: number;
  /** Seconds of CPU since the start. */
  readonly cpu: number;
}

type Labels = Readonly<Record<string, string>>;
type Sample = readonly [labels: Labels, value: number];

const STATES = ['paused', 'suspended', 'holding', 'backing-off', 'warming', 'warm'] as const;

export function metricsText(status: StatusView, figures: ProcessFigures): string {
  const out: string[] = [];
  const metric = (name: string, kind: 'gauge' | 'counter', help: string, samples: readonly Sample[]) => {
    if (samples.length === 0) return;
    out.push(`# HELP rampd_${name} ${help}`, `# TYPE rampd_${name} ${kind}`);
    for (const [labels, value] of samples) out.push(`rampd_${name}${labelText(labels)} ${valueText(value)}`);
  };
  const one = (name: string, kind: 'gauge' | 'counter', help: string, value: number) => metric(name, kind, help, [[{}, value]]);

  metric('info', 'gauge', 'Version of the daemon.', [[{ version: status.version }, 1]]);
  one('uptime_seconds', 'gauge', 'Seconds since the start.', status.uptime);
  const { totals, spool, sources, lanes, queues, windows } = status;
  for (const word of ['accepted', 'delivered', 'deferred', 'bounced', 'suppressed', 'deleted', 'uncertain'] as const) {
    const of = word === 'deferred' || word === 'uncertain' ? 'Attempts' : 'Recipients';
    one(`${word}_total`, 'counter', `${of} ${word} since the spool was made.`, totals[word]);
  }
  one('waiting', 'gauge', 'Recipients waiting.', totals.waiting);
  one('spool_messages', 'gauge', 'Messages in the spool.', spool.messages);
  one('spool_bytes', 'gauge', 'Bytes of the messages in the spool.', spool.bytes);

  const bySource = (value: (source: StatusView['sources'][number]) => number | null): Sample[] =>
    sources.flatMap(source => {
      const n = value(source);
      return n === null ? [] : [[{ source: source.name }, n] as const];
    });
  metric(
    'source_info',
    'gauge',
    'Addresses and schedules of sources.',
    sources.map(s => [{ source: s.name, address: s.address, schedule: s.schedule ?? '' }, 1]),
  );
  metric(
    'source_state',
    'gauge',
    'The state a source is in is 1.',
    sources.flatMap(s => STATES.map((state): Sample => [{ source: s.name, state }, s.state === state ? 1 : 0])),
  );
  metric(
    'source_stage',
    'gauge',
    'Stage of the schedule.',
    bySource(s => s.stage),
  );
  metric(
    'source_stages',
    'gauge',
    'Stages of the schedule.',
    bySource(s => s.stages),
  );
  metric(
    'source_max_msg_per_hour',
    'gauge',
    'Cap in force; absent without one.',
    bySource(s => s.maxMsgPerHour),
  );
  metric(
    'source_max_msg_per_day',
    'gauge',
    'Cap of the day; absent without one.',
    bySource(s => s.maxMsgPerDay),
  );
  metric(
    'source_attempts_last_hour',
    'gauge',
    'Attempts in the sliding hour.',
    bySource(s => s.attemptsLastHour),
  );
  metric(
    'source_attempts_today',
    'gauge',
    'Attempts since the last tick.',
    bySource(s => s.attemptsToday),
  );
  metric(
    'source_delivered_today',
    'gauge',
    'Recipients delivered since the last tick.',
    bySource(s => s.deliveredToday),
  );
  metric(
    'source_deferred_today',
    'gauge',
    'Recipients deferred since the last tick.',
    bySource(s => s.deferredToday),
  );
  metric(
    'source_bounced_today',
    'gauge',
    'Recipients bounced since the last tick.',
    bySource(s => s.bouncedToday),
  );
  metric(
    'source_waiting',
    'gauge',
    'Recipients in pools of the source.',
    bySource(s => s.waiting),
  );

  const byLane = (value: (lane: StatusView['lanes'][number]) => number): Sample[] =>
    lanes.map(lane => [{ source: lane.source, provider: lane.provider }, value(lane)]);
  metric(
    'lane_connections',
    'gauge',
    'Open connections of a lane.',
    byLane(lane => lane.connections),
  );
  metric(
    'lane_attempts_last_hour',
    'gauge',
    'Attempts of a lane in the sliding hour.',
    byLane(lane => lane.attemptsLastHour),
  );
  metric(
    'lane_go',
    'gauge',
    '1 when a lane may send now.',
    byLane(lane => (lane.verdict.go ? 1 : 0)),
  );

  const byPool = new Map<string, number>();
  for (const queue of queues) byPool.set(queue.pool, (byPool.get(queue.pool) ?? 0) + queue.waiting);
  metric(
    'queue_waiting',
    'gauge',
    'Recipients waiting in the busiest queues of a pool.',
    [...byPool].map(([pool, n]) => [{ pool }, n]),
  );
  one('queues', 'gauge', 'Queues that hold mail, as far as they are shown.', queues.length);
  one('windows_open', 'gauge', 'Windows in force.', windows.length);

  const byRecords = (value: (records: RecordsView) => number | undefined): Sample[] =>
    (status.records ?? []).flatMap(records => {
      const n = value(records);
      return n === undefined ? [] : [[{ name: records.name }, n] as const];
    });
  metric(
    'records_failing',
    'gauge',
    '1 while a file of records cannot be written or a webhook does not take them.',
    byRecords(r => (r.error === undefined ? 0 : 1)),
  );
  metric(
    'records_waiting',
    'gauge',
    'Records in memory, not on the disk.',
    byRecords(r => r.waiting),
  );
  metric(
    'records_lost_total',
    'counter',
    'Records given up since the start.',
    byRecords(r => r.lost),
  );
  metric(
    'webhook_spool_bytes',
    'gauge',
    'Bytes of records on disk that a webhook was not sent or did not take.',
    byRecords(r => r.bytes),
  );

  one('process_resident_bytes', 'gauge', 'Resident memory.', figures.resident);
  one('process_heap_bytes', 'gauge', 'Heap in use.', figures.heap);
  one('process_cpu_seconds_total', 'counter', 'CPU time used.', figures.cpu);
  return `${out.join('\n')}\n`;
}

function labelText(labels: Labels): string {
  const entries = Object.entries(labels);
  if (entries.length === 0) return '';
  const escaped = (value: string) => value.replace(/\\/g, '\\\\').replace(/"/g, '\\"').replace(/\n/g, '\\n');
  return `{${entries.map(([name, value]) => `${name}="${escaped(value)}"`).join(',')}}`;
}

const valueText = (value: number): string => (value === Infinity ? '+Inf' : value === -Infinity ? '-Inf' : String(value));
