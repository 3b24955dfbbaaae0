/** Which replies share a write. */
import { Duplex } from 'node:stream';
import { beforeEach, describe, expect, it } from 'vitest';
import { batchReplies } from '../../src/accept/replies.js';

let writes: string[];
let socket: Duplex;
const turn = () => new Promise<void>(resolve => setImmediate(resolve));

beforeEach(() => {
  writes = [];
  socket = new Duplex({
    read: () => undefined,
    write: (chunk, _, done) => {
      writes.push(String(chunk));
      done();
    },
    writev: (chunks, done) => {
      writes.push(chunks.map(c => String(c.chunk)).join(''));
      done();
    },
  });
  batchReplies(socket as never);
});

describe('replies', () => {
  it('of one turn leave together', async () => {
    for (const reply of ['a', 'b', 'c']) socket.write(reply);
    expect(writes).toEqual([]);
    await turn();
    expect(writes).toEqual(['abc']);
  });

  it('leave at once when the client has not pipelined', async () => {
    for (let i = 0; i < 8; i++) {
      socket.write('x');
      await turn();
    }
    writes = [];
    socket.write('y');
    expect(writes).toEqual(['y']);
  });

  it('go on leaving together when it has, however long ago', async () => {
    socket.write('a');
    socket.write('b');
    for (let i = 0; i < 20; i++) {
      await turn();
      socket.write('x');
    }
    await turn();
    writes = [];
    for (const reply of ['a', 'b', 'c']) socket.write(reply);
    await turn();
    expect(writes).toEqual(['abc']);
  });
});
