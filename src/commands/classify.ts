/**
 * `rampd classify [--provider P] < replies`: what rampd makes of replies, without a daemon.
 *
 * One reply a line, `\n` written for the line breaks inside it; one JSON object a line comes out, in the same order. Reads
 * the provider files of the package, or with -c those of a configuration. Sends nothing and changes nothing.
 */
import { createInterface } from 'node:readline';
import { Option, type Command } from 'commander';
import { nodeFiles, shippedFolder } from '../config/files.js';
import { loadProviders } from '../config/library.js';
import { loadSettings } from '../config/load.js';
import { jsonText } from '../control/json-text.js';
import { FaultError, printPlace } from '../kernel/fault.js';
import { PHASES, type Phase, type ReplyMatch, type Rule } from '../kernel/reply.js';
import type { Provider } from '../kernel/settings.js';
import { nearest } from '../kernel/text.js';
import { printDuration, printRate } from '../kernel/units.js';
import { bounceCategory } from '../outcome/bounce-category.js';
import { Classifier, GENERIC } from '../outcome/classify.js';
import { parseReply } from '../outcome/reply.js';
import type { Io } from './io.js';
import { UsageError } from './usage.js';

interface Options {
  readonly provider: string;
  readonly at: Phase;
  readonly domain: string;
  readonly config?: string;
}

export function register(program: Command, io: Io): void {
  program
    .command('classify')
    .description('say what replies mean: one a line on standard input (\\n for line breaks), one JSON object a line out')
    .option('--provider <name>', 'whose rules come first', GENERIC)
    .addOption(new Option('--at <moment>', 'when in the dialogue the reply came').choices(PHASES).default('rcpt'))
    .option('--domain <domain>', 'the domain of the recipient', 'example.com')
    .option('-c, --config <file>', 'read the providers of this configuration')
    .action(async (options: Options) => {
      const providers = providersOf(options, io);
      if (!providers.has(options.provider)) throw new UsageError(unknownProvider(options.provider, [...providers.keys()]));
      const classifier = new Classifier(providers);
      const where = { provider: options.provider, phase: options.at, recipientDomain: options.domain };
      const told = new Told(io);
      try {
        for await (const line of createInterface({ input: io.stdin, crlfDelay: Infinity })) {
          if (line.trim() === '') continue;
          const reply = parseReply(line.replaceAll(/(?:\\r)?\\n/g, '\n'));
          told.line(jsonText(described(classifier.classify(reply, where)), 0));
        }
      } finally {
        told.flush();
      }
    });
}

/** Lines out, many in one write; a person who types a reply has the answer at once, since what is read next comes later. */
class Told {
  #text = '';

  constructor(readonly io: Io) {}

  line(text: string): void {
    if (this.#text === '') setImmediate(() => this.flush());
    this.#text += `${text}\n`;
    if (this.#text.length > 64 * 1024) this.flush();
  }

  flush(): void {
    if (this.#text !== '') this.io.out(this.#text);
    this.#text = '';
  }
}

function providersOf(options: Options, io: Io): ReadonlyMap<string, Provider> {
  const read = nodeFiles(io.cwd);
  if (options.config === undefined) {
    const { providers, faults } = loadProviders(read, [shippedFolder()]);
    if (faults.length > 0) throw new FaultError(faults);
    return providers;
  }
  const { settings, faults } = loadSettings(options.config, read);
  if (!settings) throw new FaultError(faults);
  return settings.providers;
}

function unknownProvider(name: string, known: readonly string[]): string {
  const near = nearest(name, known);
  const advice = near === undefined ? `known: ${[...known].sort().join(', ')}` : `did you mean ${near}?`;
  return `there is no provider ${name}; ${advice}`;
}

/** The JSON object of one reply; null stands for "none". */
function described(match: ReplyMatch): object {
  const { reply, rule } = match;
  return {
    reply: reply.line,
    code: reply.code,
    enhanced: reply.enhanced ?? null,
    class: match.class,
    scope: match.scope,
    ...(rule ? ofRule(rule) : NO_RULE),
    bounceCategory: bounceCategory(match.class),
    retry: match.fate === 'defer',
    fate: match.fate,
    hint: match.hint === undefined ? null : printDuration(match.hint),
  };
}

interface OfRule {
  readonly rule: string | null;
  readonly from: string | null;
  readonly reaction: object | null;
}

const NO_RULE: OfRule = { rule: null, from: null, reaction: null };
const saidOf = new WeakMap<Rule, OfRule>();

/** Made once a rule: the same few answer nearly everything. */
function ofRule(rule: Rule): OfRule {
  let said = saidOf.get(rule);
  if (!said) saidOf.set(rule, (said = { rule: `${rule.provider}/${rule.id}`, from: printPlace(rule.from), reaction: reactionOf(rule) }));
  return said;
}

function reactionOf(rule: Rule): object | null {
  const { reaction, trigger } = rule;
  if (!reaction) return null;
  return {
    trigger: trigger.count === 1 ? '1' : printRate(trigger),
    window: printDuration(reaction.window),
    suspend: reaction.suspend,
    maxSmtpOut: reaction.maxSmtpOut ?? null,
    maxMsgPerHour: reaction.maxMsgPerHour ?? null,
    maxMsgPerConnection: reaction.maxMsgPerConnection ?? null,
    maxConnectRate: reaction.maxConnectRate ?? null,
    recover: printDuration(reaction.recover),
    warmUp: rule.warmUp,
  };
}
