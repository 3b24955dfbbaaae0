/** The log of what left with a reverse path of its own: found again, over restarts; what is lost is never another's. */
import { readdirSync, statSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { DAY } from '../../src/kernel/units.js';
import { SentLog, type Sent } from '../../src/spool/sent-log.js';
import { folder, START } from './ground.js';

const sent = (message: number, more: Partial<Sent> = {}): Sent => ({
  message,
  index: 3,
  departed: START,
  accepted: START - 1,
  address: '192.0.2.1',
  source: 'hot',
  provider: 'google',
  recipient: `"ünï cöde"${message}@one.example`,
  sender: 'n@s.example',
  pool: 'main',
  client: '127.0.0.1',
  ...more,
});
const log = (dir: string, trouble: Error[] = []) => new SentLog(dir, error => trouble.push(error));

describe('a sent log', () => {
  it('finds each line by its place, once it is flushed, and over a restart', async () => {
    const dir = join(folder(), 'sent');
    let l = log(dir);
    const places = [1, 2].map(n => l.append(sent(n, n === 2 ? { job: 'j', envid: 'e', orcpt: 'rfc822;x@y' } : {})));
    expect(await l.find(places[0]!, 1, 3)).toBeUndefined();
    l.flush();
    expect(await l.find(places[0]!, 1, 3)).toEqual(sent(1));
    l.close();
    l = log(dir);
    places.push(l.append(sent(3)), l.append(sent(4, { departed: START + DAY })));
    l.flush();
    for (const n of [1, 2, 3]) expect((await l.find(places[n - 1]!, n, 3))?.message).toBe(n);
    expect((await l.find(places[1]!, 2, 3))?.job).toBe('j');
    expect((await l.find(places[3]!, 4, 3))?.departed).toBe(START + DAY);
    expect(readdirSync(dir)).toHaveLength(2);
    l.close();
  });

  it('does not take one for another: message and recipient must agree', async () => {
    const l = log(folder());
    const place = l.append(sent(1));
    l.flush();
    expect(await l.find(place, 2, 3)).toBeUndefined();
    expect(await l.find(place, 1, 4)).toBeUndefined();
    expect(await l.find({ ...place, offset: place.offset + 1 }, 1, 3)).toBeUndefined();
    expect(await l.find({ ...place, day: 1 }, 1, 3)).toBeUndefined();
    l.close();
  });

  it('gives a place that a power cut took to somebody else, and nobody is mistaken', async () => {
    const dir = folder();
    let l = log(dir);
    const [, second] = [l.append(sent(1)), l.append(sent(2))];
    l.close();
    const file = join(dir, readdirSync(dir)[0]!);
    truncateSync(file, second.offset);
    l = log(dir);
    expect(l.append(sent(9))).toEqual(second);
    l.flush();
    expect(await l.find(second, 2, 3)).toBeUndefined();
    expect((await l.find(second, 9, 3))?.message).toBe(9);
    l.close();
  });

  it('tells of trouble, never throws, and goes on behind the hole', async () => {
    const trouble: Error[] = [];
    const file = join(folder(), 'a-file');
    writeFileSync(file, '');
    const l = log(join(file, 'sent'), trouble);
    l.append(sent(1));
    l.flush();
    expect(trouble.length).toBeGreaterThan(0);
    expect(await l.find({ day: 1, offset: 0 }, 1, 3)).toBeUndefined();
    l.prune(5);
    l.close();
  });

  it('forgets days', () => {
    const dir = folder();
    const l = log(dir);
    for (let i = 0; i < 5; i++) l.append(sent(i, { departed: START + i * DAY }));
    l.flush();
    l.prune(Math.floor(START / DAY) + 3);
    expect(readdirSync(dir)).toHaveLength(2);
    expect(readdirSync(dir).every(name => statSync(join(dir, name)).size > 0)).toBe(true);
    l.close();
  });
});
