/**
 * What `rampd show` and `rampd status` print: views as text for a terminal.
 *
 * Pure: the same view, time and width give the same text. Numbers are messages an hour unless a heading says otherwise;
 * `–` means no limit or nothing to say.
 */
import { printSpan } from '../kernel/units.js';
import type { ProviderView, ScheduleView } from './operations.js';
import { ageText, page, sizeText, table, timeText, whenText, wrap, type Column, type Screen } from './page.js';
import { counted, numberText, reasonText } from './reason-text.js';
import type { RecordsView, FeedView, JobView, LaneView, MessageView, QueueView, SourceView, StatusView, WindowView } from './view.js';

const limit = (n: number | null): string => (n === null ? '–' : numberText(n));
const ofLimit = (used: number, most: number | null): string => `${numberText(used)}${most === null ? '' : `/${numberText(most)}`}`;

/** Queues that a status shows; `show queues` has them all. */
const STATUS_QUEUES = 10;

const sourceColumns = (screen: Screen): Column<SourceView>[] => [
  { head: 'SOURCE', cell: s => s.name, gives: true },
  { head: 'ADDRESS', cell: s => s.address, drop: 3 },
  { head: 'STATE', cell: s => s.state },
  { head: 'STAGE', cell: s => (s.stage === null ? '–' : `${s.stage}/${s.stages ?? '?'}`), right: true },
  { head: 'HOUR', cell: s => ofLimit(s.attemptsLastHour, s.maxMsgPerHour), right: true },
  { head: 'TODAY', cell: s => ofLimit(s.attemptsToday, s.maxMsgPerDay), right: true },
  { head: 'DELIV', cell: s => numberText(s.deliveredToday), right: true },
  { head: 'DEFER', cell: s => numberText(s.deferredToday), right: true },
  { head: 'BOUNCE', cell: s => numberText(s.bouncedToday), right: true },
  { head: 'EARNED', cell: s => (s.earned === null ? '–' : s.earned ? 'yes' : 'not yet'), drop: 1 },
  { head: 'NEXT TICK', cell: s => timeText(s.nextTick, screen), drop: 2 },
  { head: 'WAITING', cell: s => numberText(s.waiting), right: true },
];

function sourceLines(sources: readonly SourceView[], screen: Screen): string[] {
  if (sources.length === 0) return ['No source is configured.'];
  const notes = sources.flatMap(source =>
    source.because.map(reason => `${source.name}: ${reasonText(reason)}${ends(reason.until, screen)}`),
  );
  return [
    ...table(sourceColumns(screen), sources, screen.width),
    ...(notes.length > 0 ? ['', ...notes.flatMap(note => wrap(note, screen.width))] : []),
  ];
}

/** `, ends 14:03 (in 12m)`, or nothing when only a person or an event ends it. */
export function ends(until: string | null, screen: Screen): string {
  return until === null ? '' : `, ends ${whenText(until, screen)}`;
}

export const renderSources = (sources: readonly SourceView[], screen: Screen): string => page(sourceLines(sources, screen));

export function renderLanes(lanes: readonly LaneView[], screen: Screen): string {
  if (lanes.length === 0) return page(['No lane is in use.']);
  const columns: Column<LaneView>[] = [
    { head: 'LANE', cell: l => `${l.source}/${l.provider}`, gives: true },
    { head: 'CONN', cell: l => ofLimit(l.connections, l.maxSmtpOut), right: true },
    { head: 'HOUR', cell: l => ofLimit(l.attemptsLastHour, l.maxMsgPerHour), right: true },
    { head: 'WAITING', cell: l => numberText(l.waiting), right: true },
    { head: 'NEXT', cell: l => (l.verdict.go ? 'goes' : l.verdict.until === null ? 'held' : timeText(l.verdict.until, screen)) },
    { head: 'WINDOWS', cell: l => l.windows.join(',') || '–', drop: 1 },
    { head: 'BECAUSE', cell: l => (l.verdict.because[0] ? reasonText(l.verdict.because[0]) : ''), gives: true },
  ];
  return page(table(columns, lanes, screen.width));
}

function queueLines(queues: readonly QueueView[], screen: Screen): string[] {
  const columns: Column<QueueView>[] = [
    { head: 'QUEUE', cell: q => `${q.domain}@${q.pool}`, gives: true },
    { head: 'PROVIDER', cell: q => q.provider ?? '–', gives: true },
    { head: 'WAITING', cell: q => numberText(q.waiting), right: true },
    { head: 'OLDEST', cell: q => ageText(q.oldest, screen), right: true },
    { head: 'NEXT DUE', cell: q => timeText(q.nextDue, screen) },
    ...(queues.some(q => q.note !== undefined) ? [{ head: 'NOTE', cell: (q: QueueView) => q.note ?? '', gives: true }] : []),
  ];
  return table(columns, queues, screen.width);
}

export const renderQueues = (queues: readonly QueueView[], screen: Screen): string =>
  page(queues.length === 0 ? ['No mail is waiting.'] : queueLines(queues, screen));

function jobLines(jobs: readonly JobView[], screen: Screen): string[] {
  const columns: Column<JobView>[] = [
    { head: 'JOB', cell: j => j.job, gives: true },
    { head: 'WAITING', cell: j => numberText(j.waiting), right: true },
    { head: 'QUEUES', cell: j => numberText(j.queues), right: true },
    { head: 'NEXT DUE', cell: j => timeText(j.nextDue, screen) },
    { head: 'PAUSED BY', cell: j => j.paused ?? '–', gives: true },
  ];
  return table(columns, jobs, screen.width);
}

export const renderJobs = (jobs: readonly JobView[], screen: Screen): string =>
  page(jobs.length === 0 ? ['No mail of a job is waiting, and none is paused.'] : jobLines(jobs, screen));

/** What a window does to limits: `1 connection, 60/h` or `suspended`. */
export function windowLimits(w: WindowView): string {
  if (w.suspend) return 'suspended';
  const limits = [
    ...(w.maxSmtpOut === null ? [] : [counted(w.maxSmtpOut, 'connection')]),
    ...(w.maxMsgPerHour === null ? [] : [`${limit(w.maxMsgPerHour)}/h`]),
  ];
  return limits.join(', ') || '–';
}

/** Whom a window concerns: a lane, a source on every lane, a provider from every source, or its subject. */
function concerned(w: WindowView): string {
  const lane = `${w.source ?? '*'}/${w.provider ?? '*'}`;
  return w.subject === undefined ? lane : `${lane} ${w.scope} ${w.subject}`;
}

function windowLines(windows: readonly WindowView[], screen: Screen): string[] {
  const columns: Column<WindowView>[] = [
    { head: 'WINDOW', cell: w => w.id },
    { head: 'CONCERNS', cell: w => concerned(w), gives: true },
    { head: 'RULE', cell: w => w.rule, gives: true },
    { head: 'LIMITS', cell: w => windowLimits(w) },
    { head: 'HITS', cell: w => numberText(w.hits), right: true, drop: 3 },
    { head: 'OPENED', cell: w => timeText(w.opened, screen), drop: 2 },
    { head: 'ENDS', cell: w => (Date.parse(w.until) <= screen.now ? 'recovering' : timeText(w.until, screen)) },
    { head: 'NORMAL', cell: w => timeText(w.recoverUntil, screen), drop: 1 },
    { head: 'REPLY', cell: w => w.reply, gives: true },
  ];
  return table(columns, windows, screen.width);
}

export const renderWindows = (windows: readonly WindowView[], screen: Screen): string =>
  page(windows.length === 0 ? ['No window is open.'] : windowLines(windows, screen));

export function renderMessages(messages: readonly MessageView[], screen: Screen): string {
  if (messages.length === 0) return page(['No message is waiting.']);
  return page(messages.flatMap(message => messageLines(message, screen)));
}

/** The message, then every recipient with its last reply. */
export function messageLines(message: MessageView, screen: Screen): string[] {
  const job = message.job === undefined ? '' : `, job ${message.job}`;
  const sender = message.sender === '' ? '<> (a notification)' : message.sender;
  return [
    `${message.id} from ${sender}, ${sizeText(message.bytes)}, accepted ${whenText(message.accepted, screen)}${job}`,
    ...message.recipients.flatMap(r => [
      ...wrap(`${r.address} in ${r.queue}: ${counted(r.attempts, 'attempt')}, due ${whenText(r.due, screen)}`, screen.width, 2),
      ...(r.last
        ? wrap(
            `${r.last.class} at ${r.last.host} from ${r.last.source} ${whenText(r.last.time, screen)}: “${r.last.reply}”`,
            screen.width,
            4,
          )
        : []),
    ]),
  ];
}

export function renderProviders(providers: readonly ProviderView[], screen: Screen): string {
  if (providers.length === 0) return page(['No provider is configured.']);
  const columns: Column<ProviderView>[] = [
    { head: 'PROVIDER', cell: p => p.name, gives: true },
    { head: 'RULES', cell: p => numberText(p.rules), right: true },
    { head: 'FROM', cell: p => p.from, gives: true },
    { head: 'MX', cell: p => p.mx.join(' ') || '–', gives: true },
    { head: 'DOMAINS', cell: p => p.domains.join(' ') || '–', gives: true },
  ];
  return page(table(columns, providers, screen.width));
}

export function renderSchedules(schedules: readonly ScheduleView[], screen: Screen): string {
  if (schedules.length === 0) return page(['No schedule is configured.']);
  const columns: Column<ScheduleView>[] = [
    { head: 'SCHEDULE', cell: s => s.name, gives: true },
    { head: 'STAGES', cell: s => numberText(s.stages), right: true },
    { head: 'TICK', cell: s => `${s.tick} ${s.timezone}` },
    { head: 'USED BY', cell: s => s.usedBy.join(' ') || '–', gives: true },
    { head: 'DESCRIPTION', cell: s => s.description, gives: true },
  ];
  return page(table(columns, schedules, screen.width));
}

/** Only what is not as it should be. */
function recordLines(records: readonly RecordsView[], screen: Screen): string[] {
  return records
    .filter(r => r.error !== undefined || r.lost > 0)
    .flatMap(r => {
      const waiting = [
        ...(r.waiting > 0 ? [`${counted(r.waiting, 'record')} in memory`] : []),
        ...(r.bytes ? [`${sizeText(r.bytes)} on disk`] : []),
        ...(r.lost > 0 ? [`${counted(r.lost, 'record')} lost`] : []),
      ].join(', ');
      return wrap(`! ${r.name}: ${r.error ?? 'works again'}${waiting === '' ? '' : ` (${waiting})`}`, screen.width);
    });
}

export function renderStatus(status: StatusView, screen: Screen): string {
  const { totals, spool, feedback } = status;
  const busiest = [...status.queues].sort((a, b) => b.waiting - a.waiting).slice(0, STATUS_QUEUES);
  const more = status.queues.length - busiest.length;
  const rare = [
    ...(totals.suppressed > 0 ? [`${numberText(totals.suppressed)} suppressed`] : []),
    ...(totals.deleted > 0 ? [`${numberText(totals.deleted)} deleted`] : []),
    ...(totals.uncertain > 0 ? [`${numberText(totals.uncertain)} uncertain`] : []),
  ];
  return page([
    `rampd ${status.version}, up ${printSpan(status.uptime * 1_000)}, ${timeText(status.now, screen)}`,
    ...wrap(
      [
        `${numberText(totals.accepted)} accepted`,
        `${numberText(totals.delivered)} delivered`,
        `${numberText(totals.bounced)} bounced`,
        `${numberText(totals.waiting)} waiting`,
        `${numberText(totals.deferred)} deferrals`,
        ...rare,
      ].join(', '),
      screen.width,
    ),
    ...(feedback ? [feedbackLine(feedback)] : []),
    `spool: ${counted(spool.messages, 'message')}, ${counted(spool.recipients, 'recipient')}, ${sizeText(spool.bytes)}`,
    ...recordLines(status.records ?? [], screen),
    ...doctorLine(status.doctor),
    '',
    ...sourceLines(status.sources, screen),
    ...(status.windows.length > 0 ? ['', ...windowLines(status.windows, screen)] : []),
    ...(busiest.length > 0 ? ['', ...queueLines(busiest, screen)] : []),
    ...(more > 0 ? [`and ${counted(more, 'more queue')}: rampd show queues`] : []),
    ...(status.pausedJobs ? ['', ...jobLines(status.pausedJobs, screen)] : []),
  ]);
}

function doctorLine(doctor: StatusView['doctor']): string[] {
  if (!doctor || doctor.state === 'ok') return [];
  const { fail, warn } = doctor.counts;
  return [
    `doctor: ${[...(fail > 0 ? [`${fail} fail`] : []), ...(warn > 0 ? [`${warn} warn`] : [])].join(', ')} (rampd doctor says what, and how to mend it)`,
  ];
}

function feedbackLine(counts: NonNullable<StatusView['feedback']>): string {
  const rare = (['repeated', 'ignored', 'aside'] as const).filter(key => counts[key] > 0).map(key => `${numberText(counts[key])} ${key}`);
  return `feedback: ${[counted(counts.bounces, 'bounce'), counted(counts.complaints, 'complaint'), ...rare].join(', ')}`;
}

/** One line of the feed: its number (`rampd undo` takes it), time, type, whom it concerns, what happened, the reply. */
export function renderFeedLine(line: FeedView, screen: Screen): string {
  const lane = line.provider === undefined ? (line.source ?? '') : `${line.source ?? '*'}/${line.provider}`;
  const reply = line.reply === undefined ? '' : ` “${line.reply}”${line.message === undefined ? '' : ` (message ${line.message})`}`;
  return page([
    `${String(line.id).padStart(6)}  ${timeText(line.time, screen, true)}  ${line.type.padEnd(15)}  ${lane === '' ? '' : `${lane}  `}${line.text} [${line.author}]${reply}`,
  ]);
}
