/**
 * Mail in. Listens where the settings say, takes mail from listed clients only, and answers 250 when the store has
 * promised to keep it, never before.
 */
import type { Budget } from './body.js';
import { Crowd } from './crowd.js';
import { assertOpen, type Gate } from './gate.js';
import { Identities } from './identity.js';
import { inject, type Injection } from './injection.js';
import { assertRoom } from './intake.js';
import { Listeners } from './listeners.js';
import { hurry } from './patience.js';
import type { AcceptParts } from './ports.js';
import { Refusals } from './refusals.js';
import { handlersFor } from './session.js';
import { taken, type Taken } from './submission.js';
import type { Settings } from '../kernel/settings.js';
import { printable } from '../kernel/text.js';

export interface Acceptor {
  /** Opens every listener; resolves with what is bound, in the order of the settings. Throws FaultError naming the place. */
  listen(): Promise<{ address: string; port: number }[]>;
  /** For a reload, before it is in force: opens, closes and re-certifies listeners. Throws FaultError and leaves what was open. */
  applySettings(next?: Settings): Promise<void>;
  /** Takes nothing new; transactions under way have `graceMs` to finish. */
  stop(graceMs: number): Promise<void>;
  /** With a reason: 421 to new connections, 451 to transactions. null: open again. */
  refuse(reason: string | null): void;
  /** A message that came another way than SMTP; resolves when the store has promised. Rejects with SmtpRefusal. */
  inject(injection: Injection): Promise<Taken>;
  /** Throws SmtpRefusal while nothing new is taken. */
  assertOpen(): void;
  /** What was handed in under this key before; `digest` says whether it was the same. */
  receipt(key: Buffer): (Taken & { readonly digest: Buffer }) | undefined;
  /** Shared by all doors. */
  readonly budget: Budget;
}

/** Bytes of messages being received at once, over all connections; never less than four of the largest. */
const MEMORY = 256 * 1024 * 1024;

export function createAcceptor(parts: AcceptParts): Acceptor {
  const gate: Gate = { closed: null };
  const budget: Budget = {
    used: 0,
    get most() {
      return Math.max(MEMORY, 4 * parts.settings().maxMessageSize);
    },
  };
  const identities = new Identities(parts.settings, parts.clock);
  const crowd = new Crowd(identities);
  const refusals = new Refusals(parts, identities);
  const listeners = new Listeners(offersTls => handlersFor(parts, { identities, gate, budget, crowd, refusals }, offersTls), {
    log: parts.log,
    came(connection) {
      hurry(connection, identities);
      refusals.watch(connection);
    },
    went: connection => crowd.leave(connection.session),
  });
  return {
    async listen() {
      await listeners.apply(parts.settings());
      return listeners.bound;
    },
    applySettings: next => listeners.apply(next ?? parts.settings()),
    stop: graceMs => listeners.stop(graceMs),
    budget,
    inject: injection => inject(parts, gate, budget, injection),
    receipt(key) {
      const found = parts.store.receipt(key);
      return found && { ...taken(parts.node, found.number), digest: found.digest };
    },
    assertOpen() {
      assertOpen(gate);
      assertRoom(parts, parts.settings());
    },
    refuse(reason) {
      // The reply has its own enhanced code in front.
      gate.closed = reason === null ? null : printable(reason.replace(/^[245]\.\d+\.\d+ /, ''), 200);
    },
  };
}
