/**
 * Alerts on their way: who asked for which, by webhook with the retries and the spool of any other, and by mail of our own,
 * which never warms an address. Telling never stops anything: what cannot be told is in the log.
 */
import { join } from 'node:path';
import type { Clock, Timer } from '../kernel/clock.js';
import { wallOf } from '../kernel/clock.js';
import type { JournalRecord } from '../kernel/journal.js';
import type { Envelope, NewRecipient } from '../kernel/message.js';
import type { Settings } from '../kernel/settings.js';
import type { AlertKind, AlertSettings } from '../kernel/telling.js';
import type { Ms } from '../kernel/units.js';
import { type Alert, alertMail, alertObject, alertsOf, Throttle } from '../outcome/alert.js';
import { Hook } from '../outcome/hook.js';
import { credentialsOf } from '../outcome/hook-request.js';
import { jsonTime } from '../outcome/ndjson.js';
import type { Log } from './log.js';
import { type BookState, keyOf, type Planned, Shelf } from './shelf.js';
import type { Turn } from './turn.js';

export interface AlertsParts {
  readonly clock: Clock;
  readonly log: Log;
  /** Where webhooks have their spools. */
  readonly dir: string;
  readonly random: () => number;
  /** Takes a mail of our own. */
  readonly send: (envelope: Envelope, recipients: readonly NewRecipient[], content: Buffer) => Promise<unknown>;
}

export class Alerts {
  readonly #parts: AlertsParts;
  #settings: Settings;
  readonly #hooks: Shelf<Hook>;
  #throttles = new Map<string, { readonly every: Ms; readonly throttle: Throttle }>();
  #timer: Timer | undefined;
  #count = 0;

  constructor(parts: AlertsParts, settings: Settings) {
    this.#parts = parts;
    this.#settings = settings;
    this.#hooks = new Shelf(
      error => parts.log.error({ error: String(error) }, 'the webhook of an alert could not be closed'),
      (webhook, lost, error) => parts.log.error({ webhook, lost, error: String(error) }, 'alerts are lost: they could not be written'),
    );
  }

  async open(): Promise<void> {
    (await this.prepare(this.#settings)).adopt();
  }

  /** As Books.prepare. */
  async prepare(next: Settings): Promise<Turn> {
    const planned = (next.alerts ?? []).flatMap(alert => this.#planned(alert));
    const opened = await this.#hooks.open(planned);
    return {
      adopt: () => {
        this.#settings = next;
        this.#hooks.adopt(planned, opened);
        const before = this.#throttles;
        this.#throttles = new Map(
          (next.alerts ?? []).map(({ name, every }) => {
            const old = before.get(name);
            return [name, old?.every === every ? old : { every, throttle: new Throttle(every) }];
          }),
        );
      },
      drop: () => this.#hooks.drop(opened),
    };
  }

  /** Of webhooks alone: mail is in the spool like any other. */
  state(): BookState[] {
    return this.#hooks.state();
  }

  /** Does anybody want to be told? */
  wanted(kind: AlertKind): AlertSettings[] {
    return (this.#settings.alerts ?? []).filter(alert => kind === 'test' || alert.on.includes(kind));
  }

  changed(record: JournalRecord): void {
    for (const alert of alertsOf(record)) this.tell(alert);
  }

  /** A test goes out at once, whatever went before. */
  tell(alert: Alert, to: readonly AlertSettings[] = this.wanted(alert.kind)): void {
    const now = this.#parts.clock.now();
    for (const wish of to) {
      const told = alert.kind === 'test' ? alert : this.#throttles.get(wish.name)?.throttle.offer(alert, now);
      if (told) void this.#deliver(told, wish);
    }
    this.#plan();
  }

  /** Sends a test by every way there is; returns the ways. */
  test(author: string): string[] {
    const text = `a test by ${author}: this is what an alert of rampd looks like`;
    this.tell({ kind: 'test', at: this.#parts.clock.now(), subject: this.#settings.hostName, text });
    return this.wanted('test').flatMap(alert => [...(alert.webhook ? [new URL(alert.webhook.url).host] : []), ...alert.mail]);
  }

  async close(): Promise<void> {
    this.#timer?.cancel();
    await this.#hooks.close();
  }

  #planned(alert: AlertSettings): Planned<Hook>[] {
    const { webhook } = alert;
    if (!webhook) return [];
    const { clock, log, random, dir } = this.#parts;
    const credentials = credentialsOf(webhook, alert.from);
    const make: Planned<Hook>['make'] = after =>
      new Hook({
        name: alert.name,
        dir: join(dir, alert.name),
        target: webhook,
        credentials,
        format: 'single',
        batch: 1,
        every: 0,
        clock,
        random,
        log,
        // It would be told by the very way that is broken: the log has it.
        onTrouble: () => undefined,
        ...(after && { after }),
      });
    return [{ name: alert.name, key: keyOf({ webhook, secret: credentials.secret?.toString('hex'), ca: credentials.ca }), make }];
  }

  async #deliver(alert: Alert, wish: AlertSettings): Promise<void> {
    const { clock, log } = this.#parts;
    const hook = this.#hooks.get(wish.name);
    if (hook) {
      hook.put(alertObject(alert, this.#settings.hostName, at => jsonTime(wallOf(clock, at))));
      await hook.flush();
    }
    if (wish.mail.length === 0) return;
    try {
      await this.#mail(alert, wish.mail);
    } catch (error) {
      log.error({ alert: alert.kind, error: (error as Error).message }, `an alert could not be mailed: ${alert.text}`);
    }
  }

  async #mail(alert: Alert, to: readonly string[]): Promise<void> {
    const { clock, send } = this.#parts;
    const settings = this.#settings;
    const pool = settings.dsn.pool ?? [...settings.pools.keys()][0];
    if (pool === undefined) throw new Error('there is no pool it could leave from');
    const id = `${Math.floor(clock.wall()).toString(36)}.${(++this.#count).toString(36)}`;
    const content = alertMail(alert, { to, settings, wall: clock.wall(), id });
    const envelope: Envelope = {
      sender: '',
      pool,
      warmUp: 'never',
      accepted: clock.now(),
      client: 'rampd',
      isDsn: true,
      ...(content.some(byte => byte > 127) ? { eightBit: true } : {}),
    };
    await send(
      envelope,
      to.map(address => ({ address })),
      content,
    );
  }

  /** Wakes for what was left out. */
  #plan(): void {
    const { clock } = this.#parts;
    const next = Math.min(...[...this.#throttles.values()].map(({ throttle }) => throttle.next ?? Infinity));
    this.#timer?.cancel();
    if (!Number.isFinite(next)) return;
    this.#timer = clock.at(next, () => {
      for (const wish of this.#settings.alerts ?? []) {
        for (const alert of this.#throttles.get(wish.name)?.throttle.due(clock.now()) ?? []) void this.#deliver(alert, wish);
      }
      this.#plan();
    });
  }
}
