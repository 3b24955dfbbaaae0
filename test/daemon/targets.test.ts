/** What people name to pause or resume. */
import { describe, expect, it } from 'vitest';
import { Refusal } from '../../src/control/operations.js';
import { type TargetParts, targetsNamed } from '../../src/daemon/targets.js';

const parts = (paused: Partial<Record<string, string[]>> = {}): TargetParts =>
  ({
    settings: () => ({
      sources: new Map([
        ['cold-1', {}],
        ['cold-2', {}],
      ]),
      providers: new Map([['google', {}]]),
      pools: new Map([['main', {}]]),
    }),
    governor: { pausedNames: (kind: string) => paused[kind] ?? [] },
    mailroom: { names: () => ({ queues: ['a.example@main'], lanes: ['cold-1/google'], providers: ['google', 'mx.b.example'] }) },
    store: { queues: () => [], sharedJobs: { names: () => [] } },
    dispatcher: {},
  }) as unknown as TargetParts;
const names = (target: string, paused: Partial<Record<string, string[]>> = {}): string[] =>
  targetsNamed(target, parts(paused)).map(({ kind, name }) => `${kind} ${name}`);

describe('a target', () => {
  it('is what exists, by name or glob, or may be paused before its first mail', () => {
    expect(names('cold-*')).toEqual(['source cold-1', 'source cold-2']);
    expect(names('*')).toEqual(['source cold-1', 'source cold-2', 'provider google', 'provider mx.b.example']);
    expect(names('cold-1/*')).toEqual(['lane cold-1/google']);
    expect(names('cold-2/google')).toEqual(['lane cold-2/google']);
    expect(names('*@main')).toEqual(['queue a.example@main']);
    expect(names('b.example@main')).toEqual(['queue b.example@main']);
    for (const nothing of ['cold-3', 'cold-2/yahoo', 'b.example@other', 'x*@main', 'cold-2/*'])
      expect(() => names(nothing), nothing).toThrow(Refusal);
  });

  it('is also what is paused, though nothing else knows it any more', () => {
    const paused = {
      queue: ['b.example@main', 'c.example@gone'],
      lane: ['cold-2/mx.c.example', 'gone/google'],
      source: ['gone'],
      provider: ['mx.c.example'],
    };
    expect(names('*@main', paused)).toEqual(['queue a.example@main', 'queue b.example@main']);
    expect(names('c.example@gone', paused)).toEqual(['queue c.example@gone']);
    expect(names('cold-2/mx.c.example', paused)).toEqual(['lane cold-2/mx.c.example']);
    expect(names('*/google', paused)).toEqual(['lane cold-1/google', 'lane gone/google']);
    expect(names('gone', paused)).toEqual(['source gone']);
    expect(names('mx.c.example', paused)).toEqual(['provider mx.c.example']);
  });
});
