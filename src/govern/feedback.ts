/**
 * What replies do: a rule's reaction in the place its scope names, adaptive concurrency, a step back of warm-up.
 *
 * A reply that concerns a sender, a domain or a recipient never slows the lane.
 */
import type { ReplyMatch, Rule } from '../kernel/reply.js';
import type { Instant } from '../kernel/units.js';
import { Concurrency, connectSignal, type Signal, signalOf } from './concurrency.js';
import type { Core } from './core.js';
import type { Lane } from './floor.js';
import { type Hit, quote, ruleName, type WindowPlace } from './window.js';

export interface Correspondents {
  readonly senderDomain?: string;
  readonly recipientDomain?: string;
}

export class Feedback {
  readonly #core: Core;

  constructor(core: Core) {
    this.#core = core;
  }

  /**
   * Replies of one attempt that departed at `departed`: each rule reacts once, the lane's concurrency hears one signal.
   * `message` is named where its reply is quoted.
   */
  attempt(lane: Lane, matches: readonly ReplyMatch[], who: Correspondents, departed: Instant, now: Instant, message?: string): void {
    const told = new Set<Rule>();
    let signal: Signal = 'none';
    let cause: ReplyMatch | undefined;
    for (const match of matches) {
      const one = signalOf(match);
      if (one === 'bad' && signal !== 'bad') cause = match;
      if (one === 'bad' || signal === 'none') signal = one;
      if (!match.rule || told.has(match.rule)) continue;
      told.add(match.rule);
      this.hit(lane, { match, rule: match.rule, departed, now, message }, who);
    }
    this.#signal(lane, signal, departed, now, cause, message);
  }

  /** A connection that was not had. */
  connectFailed(lane: Lane, match: ReplyMatch, hosts: number, began: Instant, now: Instant): void {
    if (match.rule) this.hit(lane, { match, rule: match.rule, departed: began, now }, {});
    // What TLS a domain demands is between it and its hosts: those rest, and the lane's other domains go on.
    if (match.class === 'tls') return;
    const signal = connectSignal(match, hosts);
    if (signal === 'bad') this.#signal(lane, 'bad', began, now, match);
    else this.#learnt(lane).failed(began, lane.account.connections, now, this.#core.spread(), quote(match, now, undefined));
  }

  hit(lane: Lane, hit: Hit, who: Correspondents): void {
    const { rule, now } = hit;
    const place = placeFor(lane, rule, who);
    if (!place) return;
    const { fired, cause } = this.#core.windows.react(place, hit);
    const wide = place.scope === 'lane' || place.scope === 'source' || place.scope === 'provider';
    if (fired && wide && rule.warmUp === 'step-back' && lane.source.config) {
      this.#core.ramp.stepBackByRule(lane.source.name, lane.provider, cause, `rule:${ruleName(rule)}`, now);
    }
  }

  #signal(lane: Lane, signal: Signal, began: Instant, now: Instant, cause: ReplyMatch | undefined, message?: string): void {
    if (signal === 'none') return;
    const learnt = this.#learnt(lane);
    if (signal === 'good') learnt.good(began, lane.account.connections);
    else if (cause) learnt.bad(began, lane.account.connections, now, this.#core.spread(), quote(cause, now, message));
  }

  #learnt(lane: Lane): Concurrency {
    return (lane.concurrency ??= new Concurrency());
  }
}

/** Where a rule of this scope reacts; undefined when it changes no limit of ours. */
function placeFor(lane: Lane, rule: Rule, who: Correspondents): WindowPlace | undefined {
  const { provider } = lane;
  const address = lane.source.address;
  switch (rule.scope) {
    case 'lane':
      return { scope: 'lane', address, provider };
    case 'source':
      return { scope: 'source', address };
    case 'provider':
      return { scope: 'provider', provider };
    case 'sender-domain':
      return who.senderDomain ? { scope: 'sender-domain', provider, subject: who.senderDomain.toLowerCase() } : undefined;
    case 'recipient-domain':
      return who.recipientDomain ? { scope: 'recipient-domain', provider, subject: who.recipientDomain.toLowerCase() } : undefined;
    default:
      return undefined;
  }
}
