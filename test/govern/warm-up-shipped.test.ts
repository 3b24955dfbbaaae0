/**
 * The shipped schedules in the whole governor: who mails ten hours a day leaves every stage that the volume can earn, on the
 * source and on the stages that providers have of their own.
 */
import { describe, expect, it } from 'vitest';
import { nodeFiles, shippedFolder } from '../../src/config/files.js';
import { Findings } from '../../src/config/findings.js';
import { readLibrary } from '../../src/config/library.js';
import { dayNeeded } from '../../src/govern/warm-up-outlook.js';
import type { Schedule, Stage } from '../../src/kernel/schedule.js';
import { DAY, HOUR, match, provider, source, Stand, T0 } from './ground.js';

const { schedules } = readLibrary(
  [shippedFolder()],
  nodeFiles(import.meta.dirname),
  { smtpPort: 25, secret: () => undefined },
  new Findings(),
);
const SHARES = { google: 0.45, microsoft: 0.25, yahoo: 0.15, elsewhere: 0.15 } as const;
type Name = keyof typeof SHARES;
const NAMES = Object.keys(SHARES) as Name[];
const TICK = 4 * HOUR;
const MORNING = 8 * HOUR;
/** Until an hour's last bucket has left the trailing hour. */
const FULL_HOUR = HOUR + 37_000;
const good = match();
const unknown = match({ class: 'mailbox.unknown', scope: 'recipient', code: 550 });
const grey = match({ class: 'greylist', scope: 'recipient', code: 451 });

/** One bad address in a hundred, one greylisting in twenty-five. */
const replyTo = (n: number): typeof good => (n % 100 === 7 ? unknown : n % 25 === 3 ? grey : good);

/** Lives until nothing changes any more; the stage reached by the source and by each provider with its own. */
function climb(schedule: Schedule, volume: number, hours: number): Record<string, number> {
  const warmUp = { schedule: schedule.name, stage: 1, from: { file: 'rampd.yaml', line: 3, col: 1 } };
  const s = new Stand({
    sources: [source('cold', '192.0.2.2', {}, warmUp)],
    providers: NAMES.map(name => provider(name)),
    schedules: [schedule],
    defaults: { pacing: 'burst', maxSmtpOut: 50 },
  });
  let n = 0;
  const reached = (key: string): number => {
    const p = s.governor.snapshot().state[key] as { stage: number; graduated: boolean };
    return p.graduated ? p.stage + 1 : p.stage;
  };
  const all = (): Record<string, number> =>
    Object.fromEntries([
      ['source', reached('progress:192.0.2.2')],
      ...[...schedule.providers.keys()].map(name => [name, reached(`progress:192.0.2.2/${name}`)] as const),
    ]);
  for (let day = 0, same = 0; same < 3; day++) {
    const before = JSON.stringify(all());
    const left = NAMES.map(name => Math.floor(volume * SHARES[name]));
    for (let hour = 0; hour < hours; hour++) {
      s.now = T0 + day * DAY + MORNING + hour * FULL_HOUR;
      // The day's mail is there in the morning; lanes take turns.
      for (let going = true; going;) {
        going = false;
        for (const [i, name] of NAMES.entries()) {
          if (left[i] === 0) continue;
          const verdict = s.ask({ source: 'cold', provider: name }, Math.min(left[i]!, 8));
          if (!verdict.go || !s.governor.present(verdict.permit, s.now)) continue;
          going = true;
          left[i]! -= verdict.permit.slots;
          const replies = Array.from({ length: verdict.permit.slots }, () => ({
            match: replyTo(n++),
            recipient: 'r@rcpt.test',
            counted: [],
          }));
          s.governor.settle(verdict.permit, s.now, replies, s.now);
        }
      }
    }
    s.now = T0 + (day + 1) * DAY + TICK;
    s.governor.judge('cold', s.now, s.now);
    s.governor.setNextTick('cold', s.now + DAY);
    same = JSON.stringify(all()) === before ? same + 1 : 0;
  }
  return all();
}

/** The same, computed: what a day at each stage can send, against what it must. */
function earnable(schedule: Schedule, volume: number, hours: number): Record<string, number> {
  const least = ({ limits }: Stage): number => Math.min(hours * limits.maxMsgPerHour!.value, limits.maxMsgPerDay?.value ?? Infinity);
  const at = (stages: readonly Stage[], k: number): Stage => stages[k - 1]!;
  const first = (stages: readonly Stage[], sends: (k: number) => number): number => {
    for (let k = 1; k <= stages.length; k++) if (sends(k) < dayNeeded(schedule, at(stages, k).limits)) return k;
    return stages.length + 1;
  };
  const mail = (name: string): number => Math.floor(volume * SHARES[name as Name]);
  const own = [...schedule.providers].map(([name, { stages }]) => {
    const alone = first(stages, k => Math.min(mail(name), least(at(stages, k))));
    return { name, stages, alone };
  });
  const others = NAMES.filter(name => !schedule.providers.has(name)).reduce((sum, name) => sum + mail(name), 0);
  const total = first(schedule.stages, k => {
    const shares = own.map(({ name, stages, alone }) => Math.min(mail(name), least(at(stages, Math.min(k, alone, stages.length)))));
    return Math.min(
      least(at(schedule.stages, k)),
      shares.reduce((a, b) => a + b, others),
    );
  });
  // Who could lead its source is with it, and becomes warm a day after it.
  return Object.fromEntries([['source', total], ...own.map(({ name, alone }) => [name, Math.min(alone, total)] as const)]);
}

/** Providers of a few messages a day are judged on several days together; 90,000 earn the last stage of all. */
const VOLUMES = [250, 900, 5_000, 90_000];

describe.each([...schedules.keys()])('%s', { timeout: 60_000 }, name => {
  const schedule = schedules.get(name)!;

  it('is left behind stage by stage by who mails ten hours a day, as far as the volume can earn', () => {
    for (const volume of VOLUMES) expect([volume, climb(schedule, volume, 10)]).toEqual([volume, earnable(schedule, volume, 10)]);
  });

  it('counter-test: is not by who mails three hours a day and has the same volume', () => {
    const differs = VOLUMES.filter(v => JSON.stringify(climb(schedule, v, 3)) !== JSON.stringify(earnable(schedule, v, 10)));
    expect(differs.length).toBeGreaterThan(VOLUMES.length / 2);
  });
});
