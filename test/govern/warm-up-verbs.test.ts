/** What a person may do to a stage. */
import { describe, expect, it } from 'vitest';
import type { StageVerb } from '../../src/kernel/governor.js';
import { PLACE, World, capNow, hourly, schedule, settings, source } from './warm-up-world.js';

const LADDER = hourly(20, 40, 80, 160);
const OWN = new Map([['microsoft', { stages: hourly(10, 20, 40, 80), from: PLACE }]]);
const world = (stage = 2, providers: typeof OWN | undefined = undefined) =>
  new World(settings([schedule(LADDER, providers ? { providers } : {})], [source({ stage })]));
const say = (w: World, verb: StageVerb, options: { provider?: string; stage?: number } = {}) =>
  w.ramp.verb(verb, 'cold-1', options, 'operator:ann', 'because', w.now);
const cap = (w: World) => capNow(w.ramp, w.now);

describe('hold and release', () => {
  it('freeze the stage and change no limit', () => {
    const w = world();
    expect(say(w, 'hold')).toBe('cold-1 is held at stage 2/4, 40/h');
    expect(cap(w)).toBe(40);
    w.send(160).tick();
    expect(w.caps().stage).toBe(2);
    expect(w.last.text).toMatch(/^held by a person: stage 2\/4, 40\/h \(day earned: /);
    say(w, 'release');
    w.send(160).tick();
    expect(w.caps().stage).toBe(3);
    expect(w.records.filter(r => r.author === 'operator:ann').map(r => r.type)).toEqual(['held', 'released']);
  });

  it('keep the brake: it waits for the release', () => {
    const w = world(3);
    say(w, 'hold');
    w.send(20).send(3, 'block.ip');
    expect(cap(w)).toBe(40);
    w.tick(2);
    expect(w.caps()).toMatchObject({ stage: 3, braked: true });
    expect(cap(w)).toBe(40);
    say(w, 'release');
    w.send(160).tick();
    expect(w.caps()).toMatchObject({ stage: 2, braked: false });
  });

  it('of a source freeze its providers too', () => {
    const w = world(2, OWN);
    w.send(30, 'block.ip', 'microsoft').tick();
    expect(w.progress('microsoft').stage).toBe(1);
    say(w, 'hold');
    w.send(160).send(40, 'delivered', 'microsoft').tick();
    expect(w.progress('microsoft').stage).toBe(1);
  });
});

describe('advance and step back', () => {
  it('move by one, or to the stage named', () => {
    const w = world(1);
    expect(say(w, 'advance')).toBe('cold-1 is at stage 2/4, 40/h');
    expect(say(w, 'advance', { stage: 4 })).toBe('cold-1 is at stage 4/4, 160/h');
    expect(say(w, 'step-back')).toBe('cold-1 is at stage 3/4, 80/h');
    expect(say(w, 'step-back', { stage: 1 })).toBe('cold-1 is at stage 1/4, 20/h');
    expect(w.records.map(r => r.type)).toEqual(['stage-placed', 'stage-advanced', 'stage-advanced', 'stage-back', 'stage-back']);
    expect(w.last).toMatchObject({ author: 'operator:ann', text: 'cold-1 is at stage 1/4, 20/h (because)' });
    expect(w.changes.at(-1)).toBe('cold-1');
  });

  it('end a brake; the day pays no second one after a step back', () => {
    const w = world(4).send(20).send(3, 'block.ip');
    say(w, 'step-back');
    expect(w.caps()).toMatchObject({ stage: 3, braked: false });
    w.send(5, 'block.ip');
    expect(w.caps()).toMatchObject({ stage: 3, braked: false });
    w.tick();
    expect(w.caps().stage).toBe(3);
  });

  it('leave the brake in reach after an advance', () => {
    const w = world(3).send(20).send(3, 'block.ip');
    say(w, 'advance');
    expect(cap(w)).toBe(160);
    w.send(1, 'block.ip');
    expect(cap(w)).toBe(80);
  });

  it('bring a warm source back below its last stage, or to it when it is named', () => {
    const w = world();
    say(w, 'graduate');
    expect(w.ramp.stageOf('cold-1')).toBeUndefined();
    expect(say(w, 'step-back')).toBe('cold-1 is at stage 3/4, 80/h');
    say(w, 'graduate');
    expect(say(w, 'step-back', { stage: 4 })).toBe('cold-1 is at stage 4/4, 160/h');
    expect(w.ramp.stageOf('cold-1')).toBe(4);
  });

  it('of a source take its providers down with it', () => {
    const w = world(4, OWN);
    say(w, 'step-back', { stage: 2 });
    expect(w.progress('microsoft').stage).toBe(2);
    expect(w.last.text).toContain('with its source');
  });

  it('of a provider act on its lane alone', () => {
    const w = world(3, OWN);
    expect(say(w, 'step-back', { provider: 'microsoft' })).toBe('microsoft on cold-1 is at stage 2/4, 20/h');
    expect(w.caps().stage).toBe(3);
    expect(say(w, 'advance', { provider: 'microsoft' })).toBe('microsoft on cold-1 is at stage 3/4, 40/h');
  });
});

describe('graduate and restart', () => {
  it('end and begin the ramp', () => {
    const w = world(1, OWN);
    expect(say(w, 'graduate')).toBe('cold-1 is warm; it keeps max-msg-per-hour 160/h until the source states its own');
    expect(cap(w)).toBe(160);
    expect(w.last).toMatchObject({ type: 'graduated' });
    expect(say(w, 'graduate', { provider: 'microsoft' })).toContain('is warm');
    expect(say(w, 'restart')).toBe('cold-1 begins again at stage 1/4, 20/h');
    expect(w.progress('microsoft')).toMatchObject({ stage: 1, graduated: false });
    expect(cap(w)).toBe(20);
  });
});

describe('what makes no sense', () => {
  it.each<[string, (w: World) => unknown, string]>([
    ['hold twice', w => (say(w, 'hold'), say(w, 'hold')), 'cold-1 is held already at stage 2/4, 40/h'],
    ['release what is free', w => say(w, 'release'), 'cold-1 is neither held nor suspended: stage 2/4, 40/h'],
    ['advance beyond the end', w => (say(w, 'advance', { stage: 4 }), say(w, 'advance')), 'last stage; graduate ends the ramp'],
    ['advance downwards', w => say(w, 'advance', { stage: 2 }), 'stage 2 is no advance'],
    ['step back from stage 1', w => (say(w, 'step-back'), say(w, 'step-back')), 'is at its first stage; pause stops its mail'],
    ['step back upwards', w => say(w, 'step-back', { stage: 3 }), 'stage 3 is no step back'],
    ['a stage that does not exist', w => say(w, 'advance', { stage: 9 }), 'has stages 1 to 4, not 9'],
    ['half a stage', w => say(w, 'advance', { stage: 2.5 }), 'has stages 1 to 4, not 2.5'],
    ['a stage for hold', w => say(w, 'hold', { stage: 3 }), 'hold takes no stage'],
    ['graduate twice', w => (say(w, 'graduate'), say(w, 'graduate')), 'cold-1 is warm already'],
    ['advance a warm source', w => (say(w, 'graduate'), say(w, 'advance')), 'is warm: there is no stage above'],
    ['hold a warm source', w => (say(w, 'graduate'), say(w, 'hold')), 'there is no stage to hold'],
    ['an unknown source', w => w.ramp.verb('hold', 'hot-1', {}, 'a', undefined, w.now), 'hot-1 has no warm-up schedule'],
    ['a provider without its own stage', w => say(w, 'hold', { provider: 'google' }), 'google has no stage of its own on cold-1'],
    ['a provider that would lead', w => say(w, 'advance', { provider: 'microsoft' }), 'may not lead its source, which is at stage 2'],
    ['a provider warm before its source', w => say(w, 'graduate', { provider: 'microsoft' }), 'which is still warming'],
  ])('%s', (_, act, sentence) => {
    const w = world(2, OWN);
    expect(() => act(w)).toThrow(sentence);
  });

  it('changes nothing', () => {
    const w = world();
    const [before, records] = [w.ramp.snapshot(), w.records.length];
    expect(() => say(w, 'release')).toThrow();
    expect(w.ramp.snapshot()).toEqual(before);
    expect(w.records.length).toBe(records);
  });

  it('advance or graduate does not lift a suspension', () => {
    const w = world(4);
    for (let day = 0; day < 3; day++) w.send(40).send(10, 'block.ip').tick();
    expect(() => say(w, 'advance')).toThrow('suspended after its step-backs; release it first');
    expect(() => say(w, 'graduate')).toThrow('release it first');
    expect(cap(w)).toBe(0);
    say(w, 'release');
    expect(say(w, 'advance')).toContain('stage 2/4');
  });
});
