/**
 * The doctor at work in a running daemon: looks at the sources when it starts and after each reload, keeps what it found for
 * `status` and GET /v1/doctor, and warns in the log, a line for each failure.
 *
 * Never in the way: it asks the DNS through a resolver of its own, ends within a minute, tries only hosts that the
 * configuration names (a connection counts at the receiver), and no mail waits for it. Unless `at-start: true` says so,
 * addresses that the Internet does not route are left out; a daemon on a clock of the lab has nothing to look at.
 */
import { readFileSync } from 'node:fs';
import { shippedLists, type BlockList } from '../config/block-lists.js';
import { nodeFiles, shippedFolder } from '../config/files.js';
import type { DoctorView } from '../control/doctor-view.js';
import type { Clock } from '../kernel/clock.js';
import { printFault } from '../kernel/fault.js';
import type { Settings, Source } from '../kernel/settings.js';
import { isOffLimits } from '../route/protect.js';
import { createDns } from '../route/validated-dns.js';
import { examine, type Instruments } from './doctor/examine.js';
import { binds } from './doctor/identity.js';

export interface DoctorDeskParts {
  readonly clock: Pick<Clock, 'wall'>;
  readonly settings: () => Settings;
  readonly log: {
    info(fields: object, text: string): void;
    warn(fields: object, text: string): void;
    error(fields: object, text: string): void;
  };
  /** False: never looks by itself. */
  readonly enabled: boolean;
  /** For tests. */
  readonly instruments?: Partial<Instruments>;
}

const NONE = new Set<string>();

export class DoctorDesk {
  readonly #parts: DoctorDeskParts;
  #last: DoctorView | null = null;
  #looking: Promise<void> | undefined;
  #again = false;
  #stopped = false;

  constructor(parts: DoctorDeskParts) {
    this.#parts = parts;
  }

  /** What was found last; null before the first time. */
  last(): DoctorView | null {
    return this.#last;
  }

  /** Looks in the background; asked again meanwhile, it looks once more afterwards. Resolves when it has; never rejects. */
  look(): Promise<void> {
    if (this.#looking) this.#again = true;
    else this.#looking = this.#all().finally(() => (this.#looking = undefined));
    return this.#looking;
  }

  /** What is under way is forgotten. */
  stop(): void {
    this.#stopped = true;
  }

  async #all(): Promise<void> {
    do {
      this.#again = false;
      try {
        await this.#once();
      } catch (error) {
        this.#parts.log.error({ error: (error as Error).message }, 'doctor');
      }
    } while (this.#again && !this.#stopped);
  }

  async #once(): Promise<void> {
    const { clock, settings, log, enabled, instruments } = this.#parts;
    const now = settings();
    const sources = enabled ? patients(now) : [];
    if (sources.length === 0) {
      this.#last = null;
      return;
    }
    const view = await examine(
      { settings: now, sources, probes: now.doctor?.probe ?? [] },
      {
        dns: createDns(now.dns),
        binds,
        read: path => readFileSync(path),
        lists: instruments?.lists ?? this.#lists(),
        wall: clock.wall(),
        ...instruments,
      },
    );
    if (this.#stopped) return;
    this.#last = view;
    for (const { kind, name, checks } of view.groups) {
      for (const { check, about, state, text, mend, publish } of checks) {
        if (state === 'fail')
          log.warn(
            { [kind]: name, check, ...(about && { about }), ...(publish && { publish }) },
            `doctor: ${text}${mend ? `; ${mend}` : ''}`,
          );
      }
    }
    log.info({ ...view.counts }, `doctor: ${view.state}`);
  }

  #lists(): readonly BlockList[] {
    const { lists, faults } = shippedLists(nodeFiles('/'), shippedFolder());
    for (const fault of faults) this.#parts.log.warn({ place: fault.place }, printFault(fault));
    return lists;
  }
}

function patients({ sources, doctor }: Settings): Source[] {
  if (doctor?.atStart === false) return [];
  return [...sources.values()].filter(({ address }) => doctor?.atStart === true || !isOffLimits(address, NONE));
}
