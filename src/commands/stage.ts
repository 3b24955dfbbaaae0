/** `rampd hold|release|advance|step-back|graduate|restart SOURCE`: a person's word on a warm-up stage, with a reason. */
import type { Command } from 'commander';
import type { StageVerb } from '../control/operations.js';
import { act, connect, daemonCommand, say } from './connection.js';
import type { Io } from './io.js';
import { positive } from './numbers.js';
import type { Where } from './socket-path.js';

/** `stage`: takes --stage, the stage to go to. */
const VERBS: Readonly<Record<StageVerb, { readonly says: string; readonly stage: boolean }>> = {
  hold: { says: 'freeze the stage: ticks neither advance it nor step it back', stage: false },
  release: { says: 'free a held stage, or end a suspension', stage: false },
  advance: { says: 'go one stage up, or to --stage', stage: true },
  'step-back': { says: 'go one stage down, or to --stage', stage: true },
  graduate: { says: 'end the warm-up: the source is warm', stage: false },
  restart: { says: 'begin the warm-up again, at stage 1 or at --stage', stage: true },
};

interface Options extends Where {
  readonly provider?: string;
  readonly stage?: number;
  readonly why: string;
}

export function register(program: Command, io: Io): void {
  for (const [verb, { says, stage }] of Object.entries(VERBS)) {
    const command = daemonCommand(program, verb, says)
      .argument('<source>', 'its name')
      .option('--provider <name>', 'the stage of this provider alone')
      .requiredOption('--why <text>', 'reason, for the journal');
    if (stage) command.option('--stage <n>', 'stage to go to', positive);
    command.action(async (source: string, options: Options) => {
      const where = {
        ...(options.provider === undefined ? {} : { provider: options.provider }),
        ...(options.stage === undefined ? {} : { stage: options.stage }),
      };
      const client = await connect(options, io);
      say(io, await client.stage(verb as StageVerb, source, where, act(io, options.why)));
    });
  }
}
