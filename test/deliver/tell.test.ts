/** Who is told what when an attempt has ended. */
import { describe, expect, it } from 'vitest';
import type { Conclusion, Fate } from '../../src/deliver/conclude.js';
import type { End } from '../../src/deliver/ports.js';
import { tell, type Telling } from '../../src/deliver/tell.js';
import type { Envelope, RecipientState } from '../../src/kernel/message.js';
import type { Queue } from '../../src/kernel/queue.js';
import { HOUR } from '../../src/kernel/units.js';
import type { Settings } from '../../src/kernel/settings.js';
import { parseReply } from '../../src/outcome/reply.js';
import { createManualClock } from '../../src/rehearse/manual-clock.js';
import { settings } from '../govern/ground.js';

const START = Date.UTC(2026, 2, 2);
const queue = { pool: 'main', domain: 'y.example', warmUp: 'allow' } as Queue;

function told(words: {
  fate: Fate;
  age?: number;
  state?: Partial<RecipientState>;
  envelope?: Partial<Envelope>;
  how?: Telling;
  dsn?: Partial<Settings['dsn']>;
}): { notices: string[]; told: number | undefined; to: (string | undefined)[] } {
  const clock = createManualClock(START + (words.age ?? 0));
  const envelope: Envelope = { sender: 'a@b.example', pool: 'main', warmUp: 'allow', accepted: START, client: 'c', ...words.envelope };
  const state: RecipientState = { address: 'x@y.example', attempts: 1, ...words.state };
  const row = {
    message: 1,
    index: 0,
    due: START,
    accepted: START,
    size: 9,
    sender: envelope.sender,
    body: { segment: 0, offset: 0, length: 0 },
    state,
  };
  const conclusion: Conclusion = { fate: words.fate, class: 'transient', state };
  const match = { class: 'transient', scope: 'recipient', reply: parseReply('451 4.3.0 later'), phase: 'rcpt', fate: 'defer' } as const;
  const all = settings();
  const result = tell(
    [{ row, match, conclusion } as End],
    { envelope, content: [Buffer.from('Subject: x\r\n\r\n')] },
    queue,
    { bounceAfter: 100 * HOUR, ...words.how },
    { ...all, dsn: { ...all.dsn, ...words.dsn } },
    clock,
  );
  return {
    notices: result.notices.map(n => /Action: (\w+)/.exec(n.content.toString())?.[1] ?? ''),
    told: result.ends[0]?.conclusion.state.told,
    to: result.notices.map(n => n.recipients[0]?.address),
  };
}

describe('a delay', () => {
  it('is told once for each threshold that was passed', () => {
    const dsn = { delayAfter: [4 * HOUR, 24 * HOUR] };
    expect(told({ fate: 'deferred', age: 4 * HOUR - 1, dsn })).toMatchObject({ notices: [], told: undefined });
    expect(told({ fate: 'deferred', age: 4 * HOUR, dsn })).toMatchObject({ notices: ['delayed'], told: 1 });
    expect(told({ fate: 'deferred', age: 23 * HOUR, dsn, state: { told: 1 } })).toMatchObject({ notices: [], told: 1 });
    expect(told({ fate: 'deferred', age: 24 * HOUR, dsn, state: { told: 1 } })).toMatchObject({ notices: ['delayed'], told: 2 });
    // Both at once: one notice.
    expect(told({ fate: 'deferred', age: 30 * HOUR, dsn })).toMatchObject({ notices: ['delayed'], told: 2 });
  });

  it('is told after four hours unless said, and never with none', () => {
    expect(told({ fate: 'deferred', age: 4 * HOUR }).notices).toEqual(['delayed']);
    expect(told({ fate: 'deferred', age: 90 * HOUR, dsn: { delayAfter: [] } }).notices).toEqual([]);
  });

  it('is told where NOTIFY says nothing or DELAY', () => {
    const late = { fate: 'deferred', age: 5 * HOUR } as const;
    expect(told({ ...late, state: { notify: ['DELAY'] } }).notices).toEqual(['delayed']);
    expect(told({ ...late, state: { notify: ['SUCCESS', 'FAILURE'] } }).notices).toEqual([]);
    expect(told({ ...late, state: { notify: ['NEVER'] } }).notices).toEqual([]);
  });
});

describe('a delivery', () => {
  it('is told of when NOTIFY asks for it and the next host will not tell', () => {
    const asked = { fate: 'delivered', state: { notify: ['SUCCESS'] } } as const;
    expect(told({ ...asked, how: { relayed: true } }).notices).toEqual(['relayed']);
    expect(told({ ...asked, how: { relayed: false } }).notices).toEqual([]);
    expect(told({ fate: 'delivered', how: { relayed: true } }).notices).toEqual([]);
    expect(told({ fate: 'delivered', state: { notify: ['FAILURE'] }, how: { relayed: true } }).notices).toEqual([]);
  });
});

describe('whoever is told', () => {
  it('is the sender, the postmaster or nobody, as the client has it', () => {
    expect(told({ fate: 'bounced' })).toMatchObject({ notices: ['failed'], to: ['a@b.example'] });
    expect(told({ fate: 'bounced', envelope: { notices: 'postmaster' } }).to).toEqual([`postmaster@${settings().hostName}`]);
    expect(told({ fate: 'bounced', envelope: { notices: 'postmaster' }, dsn: { postmaster: 'boss@b.example' } }).to).toEqual([
      'boss@b.example',
    ]);
    expect(told({ fate: 'bounced', envelope: { notices: 'none' } }).notices).toEqual([]);
  });

  it.each(['bounced', 'expired', 'suppressed', 'deleted', 'deferred', 'delivered', 'discarded'] as const)(
    'is never the null sender nor one of our own notices: %s',
    fate => {
      const much = { fate, age: 90 * HOUR, state: { notify: ['SUCCESS', 'FAILURE', 'DELAY'] }, how: { relayed: true } };
      expect(told({ ...much, envelope: { sender: '' } }).notices).toEqual([]);
      expect(told({ ...much, envelope: { sender: '', notices: 'postmaster' } }).notices).toEqual([]);
      expect(told({ ...much, envelope: { isDsn: true } }).notices).toEqual([]);
    },
  );

  it('is nobody when mail is dropped without a word', () => {
    expect(told({ fate: 'discarded' }).notices).toEqual([]);
    expect(told({ fate: 'deleted', how: { silent: true } }).notices).toEqual([]);
    expect(told({ fate: 'deleted' }).notices).toEqual(['failed']);
  });
});
