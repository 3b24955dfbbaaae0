/**
 * A closed loop without sockets: lanes with mail that always waits, connections opened and used as the verdicts allow,
 * receivers that answer by dice after a while, a tick a day. All randomness comes from one seed.
 */
import { createDice } from '../../src/rehearse/dice.js';
import type { ReplyMatch, Rule } from '../../src/kernel/reply.js';
import type { Settings } from '../../src/kernel/settings.js';
import type { LaneName } from '../../src/kernel/verdict.js';
import { CoreGovernor } from '../../src/govern/governor.js';
import { createRamp } from '../../src/govern/warm-up.js';
import type { LedgerRecord } from '../../src/kernel/ledger.js';
import { SECOND } from '../../src/kernel/units.js';
import { DAY, match, type Recorded, T0 } from './ground.js';

export interface LoopOptions {
  readonly settings: Settings;
  readonly lanes: readonly LaneName[];
  readonly seed: number;
  /** Of a hundred transactions, how many meet a rule; and of a hundred connections, how many are refused. */
  readonly trouble: number;
  readonly rules: readonly Rule[];
  readonly span: number;
}

export interface Lived {
  readonly journal: readonly Recorded[];
  readonly ledger: readonly LedgerRecord[];
  readonly sent: number;
}

/** Lives through `span` milliseconds from T0. */
export function live({ settings, lanes, seed, trouble, rules, span }: LoopOptions): Lived {
  const dice = createDice(seed);
  const journal: Recorded[] = [];
  const ledger: LedgerRecord[] = [];
  const agenda: { at: number; n: number; act: () => void }[] = [];
  const idle = lanes.map((): number[] => []);
  const asleep = lanes.map(() => false);
  let now = T0;
  let n = 0;
  let sent = 0;
  const at = (when: number, act: () => void): void => void agenda.push({ at: Math.max(when, now), n: n++, act });
  const governor = new CoreGovernor(
    {
      journal: record => void journal.push(record),
      ledger: record => void ledger.push(record),
      changed: () => lanes.forEach((_, i) => wake(i)),
    },
    createRamp,
    seed,
  );
  const wake = (i: number): void => {
    if (asleep[i]) return;
    asleep[i] = true;
    at(now, () => {
      asleep[i] = false;
      work(i);
    });
  };
  const reply = (): ReplyMatch => {
    const r = dice() * 100 < trouble ? rules[Math.floor(dice() * rules.length)] : undefined;
    return match(r ? { rule: r } : {});
  };
  const work = (i: number): void => {
    const lane = lanes[i]!;
    for (const connection of [...idle[i]!]) {
      if (!governor.shouldClose(lane, connection, now)) continue;
      idle[i] = idle[i]!.filter(c => c !== connection);
      governor.disconnected(connection, now);
    }
    while (idle[i]!.length > 0) {
      const verdict = governor.decide({ lane, senderDomain: 's.test', recipientDomain: 'r.test', wanted: 5 }, now);
      if (!verdict.go) {
        if (verdict.until !== null) at(verdict.until, () => wake(i));
        return;
      }
      const connection = idle[i]!.pop()!;
      if (!governor.present(verdict.permit, now)) {
        idle[i]!.push(connection);
        continue;
      }
      sent += verdict.permit.slots;
      const m = reply();
      at(now + Math.floor(dice() * 3 * SECOND), () => {
        const one = { match: m, recipient: 'a@r.test', counted: [] };
        governor.settle(
          verdict.permit,
          now,
          Array.from({ length: verdict.permit.slots }, () => one),
          now,
        );
        idle[i]!.push(connection);
        wake(i);
      });
    }
    const verdict = governor.mayConnect(lane, now);
    if (!verdict.go) {
      if (verdict.until !== null) at(verdict.until, () => wake(i));
      return;
    }
    const refused = dice() * 100 < trouble / 2;
    at(now + Math.floor(dice() * SECOND), () => {
      if (refused) governor.connectFailed(verdict.connection, match({ class: 'throttle.connections', phase: 'greeting' }), 1, now);
      else {
        governor.connected(verdict.connection, now);
        idle[i]!.push(verdict.connection);
      }
      wake(i);
    });
  };
  const expire = (): void => {
    governor.expire(now);
    at(now + 60 * SECOND, expire);
  };
  const tick = (): void => {
    for (const name of settings.sources.keys()) {
      governor.judge(name, now, now);
      governor.setNextTick(name, now + DAY);
    }
    at(now + DAY, tick);
  };
  governor.configure(settings, now);
  at(now, tick);
  at(now, expire);
  lanes.forEach((_, i) => wake(i));
  for (;;) {
    let next = 0;
    agenda.forEach((e, i) => {
      const best = agenda[next]!;
      if (e.at < best.at || (e.at === best.at && e.n < best.n)) next = i;
    });
    const [first] = agenda.splice(next, 1);
    if (!first || first.at >= T0 + span) return { journal, ledger, sent };
    now = first.at;
    first.act();
  }
}
