/**
 * What happens in a running daemon and concerns more than the part where it happens, as a typed event map: the reject log,
 * TLS reports and the lab listen, and tests subscribe instead of sleeping.
 */
import type { JournalRecord } from './journal.js';
import type { MessageNumber } from './message.js';
import type { TlsResult } from './tls.js';
import type { Instant } from './units.js';

export interface RampdEvents {
  /** A message is durable and was answered 250. */
  accepted: { readonly message: MessageNumber; readonly sender: string; readonly recipients: number; readonly bytes: number };
  /** A connection, a command or a message was refused at acceptance. */
  refused: {
    /** User name, token name, or address. */
    readonly client: string;
    readonly address: string;
    /** command: one outside of a transaction, or none at all. */
    readonly at: 'connect' | 'command' | 'auth' | 'mail' | 'rcpt' | 'data' | 'http';
    /** SMTP code, or HTTP status. */
    readonly code: number;
    /** The whole reply, printable. */
    readonly reply: string;
    /** What the client gave as its name; as far as it has got. */
    readonly user?: string;
    readonly sender?: string;
    readonly recipient?: string;
  };
  /** TLS with an MX host went well, or did not: TLS-RPT counts it. */
  tls: TlsResult;
  /** The first byte of MAIL FROM is about to be written. */
  departed: {
    readonly source: string;
    readonly provider: string;
    readonly message: MessageNumber;
    readonly recipients: number;
    readonly at: Instant;
  };
  /** A journal record was written. */
  journal: JournalRecord;
}

export type EventName = keyof RampdEvents;
type Listener<K extends EventName> = (event: RampdEvents[K]) => void;

/** A minimal typed emitter. A listener that throws stops nobody: the error is rethrown in a microtask. */
export class Events {
  readonly #listeners = new Map<EventName, Set<Listener<never>>>();

  on<K extends EventName>(name: K, listener: Listener<K>): () => void {
    let set = this.#listeners.get(name);
    if (!set) this.#listeners.set(name, (set = new Set()));
    set.add(listener as Listener<never>);
    return () => void set.delete(listener as Listener<never>);
  }

  /** Resolves with the first event for which `when` holds. */
  once<K extends EventName>(name: K, when: (event: RampdEvents[K]) => boolean = () => true): Promise<RampdEvents[K]> {
    return new Promise(resolve => {
      const off = this.on(name, event => {
        if (!when(event)) return;
        off();
        resolve(event);
      });
    });
  }

  /** True when somebody listens; lets hot paths skip building events. */
  has(name: EventName): boolean {
    return (this.#listeners.get(name)?.size ?? 0) > 0;
  }

  emit<K extends EventName>(name: K, event: RampdEvents[K]): void {
    const set = this.#listeners.get(name);
    if (!set) return;
    for (const listener of set) {
      try {
        (listener as Listener<K>)(event);
      } catch (error) {
        queueMicrotask(() => {
          throw error;
        });
      }
    }
  }
}
