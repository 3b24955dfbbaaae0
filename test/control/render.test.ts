import { describe, expect, it } from 'vitest';
import type { Screen } from '../../src/control/page.js';
import {
  renderFeedLine,
  renderLanes,
  renderMessages,
  renderProviders,
  renderQueues,
  renderSchedules,
  renderSources,
  renderStatus,
  renderWindows,
} from '../../src/control/render.js';
import { renderForecast } from '../../src/control/render-forecast.js';
import { renderWhy } from '../../src/control/render-why.js';
import { FakeOperations, feedLine, forecast, lane, message, NOW, queue, source, status, why, window } from './fake-operations.js';

const wide: Screen = { now: Date.parse(NOW), width: Infinity, zone: 'UTC' };
const narrow: Screen = { ...wide, width: 80 };

/** Golden texts start with a line end, so that they stand at the margin here. */
const golden = (text: string): string => `\n${text}`;

describe('status', () => {
  it('fits what is known on one page', () => {
    expect(golden(renderStatus(status(), wide))).toBe(`
rampd 0.1.0, up 3d2h, 13:51
120,000 accepted, 104,200 delivered, 512 bounced, 15,285 waiting, 8,310 deferrals, 3 suppressed, 2 uncertain
spool: 15,100 messages, 15,285 recipients, 59.0 MB

SOURCE  ADDRESS       STATE    STAGE     HOUR        TODAY  DELIV  DEFER  BOUNCE  EARNED  NEXT TICK    WAITING
cold-1  203.0.113.21  warming   8/28  387/412  2,310/3,296  2,281     25       4  yes     03-03 04:00   12,345
hot-1   192.0.2.10    warm         –      387        2,310  2,281     25       4  –       –             12,345

WINDOW  CONCERNS          RULE              LIMITS              HITS  OPENED  ENDS   NORMAL  REPLY
w17     cold-1/microsoft  ms-ip-reputation  1 connection, 60/h     2  12:33   14:03  15:03   451 4.7.650 The mail server [203.0.113.21] has been temporarily rate limited due to IP reputation.

QUEUE                  PROVIDER   WAITING  OLDEST  NEXT DUE
outlook.com@marketing  microsoft      940   2h31m  14:03
`);
  });

  it('fits 80 columns by leaving out and cutting, never by breaking rows', () => {
    expect(golden(renderStatus(status(), narrow))).toBe(`
rampd 0.1.0, up 3d2h, 13:51
120,000 accepted, 104,200 delivered, 512 bounced, 15,285 waiting, 8,310
deferrals, 3 suppressed, 2 uncertain
spool: 15,100 messages, 15,285 recipients, 59.0 MB

SOURCE  STATE    STAGE     HOUR        TODAY  DELIV  DEFER  BOUNCE  WAITING
cold-1  warming   8/28  387/412  2,310/3,296  2,281     25       4   12,345
hot-1   warm         –      387        2,310  2,281     25       4   12,345

WINDOW  CONCERNS     RULE         LIMITS              ENDS   NORMAL  REPLY
w17     cold-1/mic…  ms-ip-repu…  1 connection, 60/h  14:03  15:03   451 4.7.65…

QUEUE                  PROVIDER   WAITING  OLDEST  NEXT DUE
outlook.com@marketing  microsoft      940   2h31m  14:03
`);
  });

  it('shows the fullest queues and says how many more there are', () => {
    const queues = Array.from({ length: 13 }, (_, i) => queue({ domain: `d${i}.example`, waiting: i }));
    const text = renderStatus(status({ queues }), wide);
    expect(text).toContain('d12.example@marketing');
    expect(text).not.toContain('d2.example@marketing');
    expect(text).toContain('and 3 more queues: rampd show queues');
  });

  it('leaves out what is empty', () => {
    const text = renderStatus(status({ windows: [], queues: [], sources: [] }), wide);
    expect(text).toContain('No source is configured.');
    expect(text).not.toContain('WINDOW');
    expect(text).not.toContain('QUEUE');
  });
});

describe('lists', () => {
  it('shows lanes', () => {
    expect(golden(renderLanes([lane(), lane({ provider: 'google', verdict: { go: true, until: null, because: [] }, windows: [] })], wide)))
      .toBe(`
LANE              CONN   HOUR  WAITING  NEXT   WINDOWS  BECAUSE
cold-1/microsoft   1/1  60/60      940  14:03  w17      window w17's max-msg-per-hour 60 reached: 60 used in the last hour (schedules/providers/microsoft.yaml:7:5)
cold-1/google      1/1  60/60      940  goes   –
`);
    expect(renderLanes([lane({ verdict: { go: false, until: null, because: [] } })], wide)).toContain('held');
  });

  it('shows sources, and under them why they are not at full speed', () => {
    const because = [{ limit: 'paused', value: null, used: null, from: 'operator:ann', until: null }];
    expect(golden(renderSources([source({ state: 'paused', because, earned: false })], wide))).toBe(`
SOURCE  ADDRESS       STATE   STAGE     HOUR        TODAY  DELIV  DEFER  BOUNCE  EARNED   NEXT TICK    WAITING
cold-1  203.0.113.21  paused   8/28  387/412  2,310/3,296  2,281     25       4  not yet  03-03 04:00   12,345

cold-1: paused by a person (operator:ann)
`);
  });

  it('shows queues with a note when there is one', () => {
    expect(
      golden(
        renderQueues([queue(), queue({ domain: 'x.example', provider: null, oldest: null, nextDue: null, note: 'paused by ann' })], wide),
      ),
    ).toBe(`
QUEUE                  PROVIDER   WAITING  OLDEST  NEXT DUE  NOTE
outlook.com@marketing  microsoft      940   2h31m  14:03
x.example@marketing    –              940       –  –         paused by ann
`);
  });

  it('shows windows of every scope', () => {
    const windows = [
      window({ suspend: true, reply: 'no' }),
      window({ id: 'w18', source: null, scope: 'provider', maxSmtpOut: 2, reply: 'no', until: '2026-03-02T13:50:00.000Z' }),
      window({ id: 'w19', provider: null, scope: 'sender-domain', subject: 'example.com', maxSmtpOut: null, reply: 'no' }),
    ];
    expect(golden(renderWindows(windows, wide))).toBe(`
WINDOW  CONCERNS                            RULE              LIMITS               HITS  OPENED  ENDS        NORMAL  REPLY
w17     cold-1/microsoft                    ms-ip-reputation  suspended               2  12:33   14:03       15:03   no
w18     */microsoft                         ms-ip-reputation  2 connections, 60/h     2  12:33   recovering  15:03   no
w19     cold-1/* sender-domain example.com  ms-ip-reputation  60/h                    2  12:33   14:03       15:03   no
`);
  });

  it('shows messages with every recipient and its last reply', () => {
    const [first] = message().recipients;
    if (!first) throw new Error('the fixture has a recipient');
    const { last: _, ...fresh } = first;
    expect(golden(renderMessages([message(), message({ sender: '', recipients: [{ ...fresh, attempts: 0 }] })], { ...wide, width: 90 })))
      .toBe(`
00-000000001f from news@example.com, 4.0 KB, accepted 11:20 (2h31m ago), job spring
  ann@outlook.com in outlook.com@marketing: 1 attempt, due 14:03 (in 12m)
    reputation.defer at outlook-com.olc.protection.outlook.com from cold-1 12:33 (1h18m
    ago): “451 4.7.650 The mail server [203.0.113.21] has been temporarily rate limited.”
00-000000001f from <> (a notification), 4.0 KB, accepted 11:20 (2h31m ago), job spring
  ann@outlook.com in outlook.com@marketing: 0 attempts, due 14:03 (in 12m)
`);
  });

  it('shows providers and schedules', () => {
    const operations = new FakeOperations();
    expect(golden(renderProviders(operations.providers(), wide))).toBe(`
PROVIDER   RULES  FROM                                MX                            DOMAINS
microsoft      3  schedules/providers/microsoft.yaml  *.olc.protection.outlook.com  –
`);
    expect(golden(renderSchedules(operations.schedules(), wide))).toBe(`
SCHEDULE    STAGES  TICK           USED BY  DESCRIPTION
four-weeks      28  0 4 * * * UTC  cold-1   28 earned days
`);
  });

  it('shows a line of the journal', () => {
    expect(renderFeedLine(feedLine(1, { reply: '421 no' }), wide)).toBe(
      '     1  13:00:00  window-opened    cold-1/microsoft  cold-1/microsoft slowed to 60/h for 90m [rule:microsoft/ms-ip-reputation] “421 no”\n',
    );
  });

  it.each([
    ['lanes', renderLanes([], wide)],
    ['queues', renderQueues([], wide)],
    ['windows', renderWindows([], wide)],
    ['messages', renderMessages([], wide)],
    ['providers', renderProviders([], wide)],
    ['schedules', renderSchedules([], wide)],
  ])('says in a sentence that there are no %s', (_, text) => {
    expect(text).toMatch(/^No .*\.\n$/);
  });
});

describe('a forecast', () => {
  it('is one sentence, a line a day, and what stands in the way', () => {
    expect(golden(renderForecast(forecast(), wide))).toBe(`
pool marketing: 5,000 wait, 3,800 will leave, 1,200 expire before they can leave; done 03-04 14:00 (in 2d)

FROM         LEAVE  EXPIRE  WAITING                COLD-1
13:51        1,200       0    3,800  stage 8: 1,200/1,200
03-03 04:00  2,600   1,200        0        stage 9: 2,600

pool marketing has only warming sources: about 1,200 of 5,000 that wait will expire before they can leave
cold-1: what waits cannot earn stage 9/28 by 03-04 04:00: it needs 3,000 recipients, 2,600 would have been sent
nothing leaves through cold-2: paused (operator:ann)
12 more wait in queues that are paused or cannot be delivered; they are not reckoned with
the mail of pool bulk (70 waiting) uses the same sources; it is not reckoned with
`);
  });

  it('of an empty pool, and of one without end', () => {
    const empty = forecast({ waiting: 0, leaves: 0, expires: 0, days: [], unearned: [], stopped: [], shared: [], held: 0 });
    expect(renderForecast(empty, wide)).toBe('nothing waits in pool marketing\n');
    const [day] = forecast().days;
    if (!day) throw new Error('the fixture has days');
    const endless = renderForecast(forecast({ done: null, expires: 0, days: Array.from({ length: 400 }, () => day) }), wide);
    expect(endless).toContain('nothing expires; no end of it can be foretold');
    expect(endless).toContain('and 340 more days');
    expect(endless).not.toContain('only warming sources');
  });
});

describe('why', () => {
  it('puts the binding reason first, with the reply, the place, the end, and what would be without it', () => {
    expect(golden(renderWhy(why(), { ...wide, width: 100 }))).toBe(`
cold-1/microsoft waits for a place within the hour

cold-1/microsoft waits until 14:03 (in 12m)
  1. window w17's max-msg-per-hour 60 reached: 60 used in the last hour
     (schedules/providers/microsoft.yaml:7:5), ends 14:03 (in 12m)
     “451 4.7.650 The mail server [203.0.113.21] has been temporarily rate limited due to IP
     reputation.”
  2. max-msg-per-hour 412: 387 used in the last hour (schedules/four-weeks.yaml:9:3)
  without the first it would leave at 13:55 (in 4m)
`);
  });

  it('names hosts that are tried last, or have broken TLS', () => {
    const until = '2025-03-01T14:00:00.000Z';
    const hosts = [
      { host: 'mx1.example', address: '192.0.2.1', kind: 'unreachable' as const, until, why: 'no answer within 30 s' },
      { host: 'mx2.example', address: '192.0.2.2', kind: 'broken-tls' as const, until, why: 'STARTTLS failed' },
    ];
    const text = renderWhy(why({ lanes: [{ lane: 'a/b', verdict: { go: true, until: null, because: [] }, without: null, hosts }] }), wide);
    expect(text).toMatch(/mx1\.example\[192\.0\.2\.1\] is tried after the others until .*: no answer within 30 s/);
    expect(text).toMatch(/mx2\.example\[192\.0\.2\.2\] has broken TLS, mail goes there in the clear until .*: STARTTLS failed/);
  });

  it('of a lane that goes says how much waits all the same', () => {
    const lane = { lane: 'a/b', verdict: { go: true, until: null, because: [] }, without: null };
    expect(renderWhy(why({ lanes: [{ ...lane, waiting: 1_358 }] }), wide)).toContain('a/b goes now\n  1,358 wait for their turn');
    expect(renderWhy(why({ lanes: [lane] }), wide)).not.toContain('wait for their turn');
  });

  it('names windows in force that bind nothing just now, and no window twice', () => {
    const quiet = window({ id: 'w18', maxSmtpOut: 5, maxMsgPerHour: 1000, reply: '421 RP-001 (BAY004)' });
    const going = { lane: 'a/c', verdict: { go: true, until: null, because: [] }, without: null, windows: [quiet] };
    expect(golden(renderWhy(why({ lanes: [going] }), wide))).toBe(`
cold-1/microsoft waits for a place within the hour

a/c goes now
  window w18 is open: 5 connections, 1,000/h (schedules/providers/microsoft.yaml:7:5), ends 14:03 (in 12m)
     “421 RP-001 (BAY004)”
`);
    const [bound] = why().lanes;
    if (!bound) throw new Error('the fixture has a lane');
    expect(renderWhy(why({ lanes: [{ ...bound, windows: [window()] }] }), wide)).toBe(renderWhy(why(), wide));
    const late = { ...going, windows: [{ ...quiet, until: NOW }] };
    expect(renderWhy(why({ lanes: [late] }), wide)).toContain('window w18 is over, limits are returning to normal (');
  });

  it('shows the message and the source it was asked about', () => {
    const text = renderWhy(why({ message: message(), source: source() }), wide);
    expect(text).toContain('00-000000001f from news@example.com');
    expect(text).toContain('SOURCE');
    expect(text).not.toContain('earn stage');
  });

  it('names the stage that the volume of the source cannot earn', () => {
    const cannotEarn = 'its volume cannot earn stage 12/28: it needs 1,640 recipients a day, the best of the last seven days had 410';
    const text = renderWhy(why({ what: 'source', name: 'cold-1', source: source({ cannotEarn }) }), { ...wide, width: 300 });
    expect(text.split('\n')[1]).toBe(`cold-1: ${cannotEarn}`);
  });

  it('says when a reply came, and which message it answered', () => {
    const [bound] = why().lanes;
    const [first, second] = bound?.verdict.because ?? [];
    if (!bound || !first || !second) throw new Error('the fixture has reasons');
    const quoted = { ...first, reply: '421 no', replied: '2026-03-02T13:03:00.000Z', message: '00-000000001f' };
    const lanes = [{ ...bound, verdict: { ...bound.verdict, because: [quoted, { ...second, until: null }] }, without: null }];
    const text = renderWhy(why({ lanes }), wide);
    expect(text).toContain('     “421 no” to message 00-000000001f, 13:03 (48m ago)\n');
    expect(text).toContain('  without the first it would wait for the second all the same\n');
    expect(renderWhy(why({ lanes: [{ ...bound, without: NOW }] }), wide)).toContain('  without the first it would leave now\n');
    const windows = [window({ id: 'w18', reply: '421 no', replied: '2026-03-02T13:03:00.000Z' })];
    expect(renderWhy(why({ lanes: [{ ...bound, windows }] }), wide)).toContain('     “421 no” 13:03 (48m ago)\n');
  });

  it('shows what keeps a recipient back by itself, and who is before it', () => {
    const because = [
      { limit: 'paused', value: null, used: null, from: 'operator:ann', until: null },
      {
        limit: 'retry-after',
        value: null,
        used: 2,
        from: 'rampd.yaml:9:3',
        reply: '450 4.2.1 busy',
        replied: '2026-03-02T13:50:00.000Z',
        message: '00-000000001f',
        until: '2026-03-02T14:03:00.000Z',
      },
    ];
    const hold = { what: 'ann@outlook.com', until: null, because, without: '2026-03-02T14:10:00.000Z' };
    expect(golden(renderWhy(why({ lanes: [], holds: [hold], ahead: 1234 }), wide))).toBe(`
cold-1/microsoft waits for a place within the hour
  1,234 of its queue are due before it

ann@outlook.com waits until a person or an event ends it
  1. paused by a person (operator:ann)
  2. its next attempt is not due yet: 2 attempts were deferred (rampd.yaml:9:3), ends 14:03 (in 12m)
     “450 4.2.1 busy” to message 00-000000001f, 13:50 (1m ago)
  without the first it would leave at 14:10 (in 19m)
`);
    const [paused] = because;
    if (!paused) throw new Error('there are two');
    const alone = renderWhy(why({ lanes: [], holds: [{ ...hold, because: [paused], without: null }] }), wide);
    expect(alone).not.toContain('without');
  });

  it('says when only a person or an event ends it, and when mail goes', () => {
    const paused = { limit: 'paused', value: null, used: null, from: 'operator:ann', until: null };
    const lanes = [
      { lane: 'a/b', verdict: { go: false, until: null, because: [paused] }, without: null },
      { lane: 'a/c', verdict: { go: true, until: null, because: [] }, without: null },
    ];
    expect(golden(renderWhy(why({ lanes }), wide))).toBe(`
cold-1/microsoft waits for a place within the hour

a/b waits until a person or an event ends it
  1. paused by a person (operator:ann)

a/c goes now
`);
  });
});
