/** The body of a request as clients really send it: too long without saying so, and cut off. */
import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import { connect, type AddressInfo, type Socket } from 'node:net';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { HttpError, readJsonBody } from '../../src/control/http-body.js';

const MOST = 100_000;
const budget = { used: 0, most: 10 * MOST };
let server: Server;
let socket: Socket;
let outcome: Promise<unknown>;

beforeEach(async () => {
  let settle: (value: unknown) => void;
  outcome = new Promise(resolve => (settle = resolve));
  server = createServer((request, response) => {
    void readJsonBody(request, response, MOST, budget).then(settle, (error: unknown) => {
      response.writeHead(error instanceof HttpError ? error.statusCode : 500).end();
      settle(error);
    });
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  socket = connect((server.address() as AddressInfo).port, '127.0.0.1');
  await once(socket, 'connect');
});
afterEach(() => {
  socket.destroy();
  server.closeAllConnections();
  server.close();
  expect(budget.used).toBe(0);
});

it('is refused by its size, to a client that gives no length and reads no answer before it has sent everything', async () => {
  const said = once(socket, 'data') as Promise<[Buffer]>;
  socket.write('POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n');
  const part = `10000\r\n${'x'.repeat(0x10000)}\r\n`;
  // 32 MB: more than the buffers between the two hold, so that it ends only when what comes after the refusal is read.
  for (let i = 0; i < 500; i++) if (!socket.write(part)) await once(socket, 'drain');
  expect((await said)[0].toString()).toMatch(/^HTTP\/1\.1 413 /);
  expect(await outcome).toMatchObject({ statusCode: 413 });
});

it('is cut off by its client: a fault of the client, not of the daemon', async () => {
  const begun = once(server, 'request');
  socket.write('POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 5000\r\n\r\n{"from"');
  await begun;
  socket.destroy();
  expect(await outcome).toMatchObject({ name: 'HttpError', statusCode: 400, message: 'the request was cut off' });
});
