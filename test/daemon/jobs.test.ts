/** Which jobs a pattern means, and which of them a person cannot pause. */
import { expect, it } from 'vitest';
import { assertPausable, jobsNamed } from '../../src/daemon/jobs.js';
import { envelope, folder, open, to } from '../spool/ground.js';

const governor = { pausedNames: () => [], paused: () => undefined };

it('a job whose mail waits in queues of others is refused by name, also among those a glob means', async () => {
  const store = await open(folder(), { jobQueues: 1 });
  const hand = (job: string | undefined, ...addresses: string[]) =>
    store.accept(envelope(job === undefined ? {} : { job }), to(...addresses), Buffer.from('x\r\n'));
  await hand('spring', 'a@one.example');
  await hand('spring-2', 'b@one.example');
  await hand(undefined, 'c@two.example');
  const parts = { store, governor };
  const named = jobsNamed('spring*', parts);
  expect(named.sort()).toEqual(['spring', 'spring-2']);
  expect(() => assertPausable(['spring', 'not-yet-known'], parts)).not.toThrow();
  expect(() => assertPausable(named, parts)).toThrow(
    /^job spring-2 cannot be paused: mail of it may wait in queues it shares with others \(one\.example@marketing\)/,
  );
});
