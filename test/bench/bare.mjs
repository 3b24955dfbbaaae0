/**
 * The bare libraries: smtp-server, rampd's durable store, nodemailer, in one loop and nothing else. No governor, no lanes, no
 * router, no accounting, no ledger, no headers, no classification: what they reach is what rampd is measured against.
 *
 *   node bare.mjs BUILD STATE-DIR LISTEN-PORT SINK-HOST SINK-PORT CONNECTIONS
 */
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import SMTPConnection from 'nodemailer/lib/smtp-connection';
import { SMTPServer } from 'smtp-server';

const [build, dir, listen, host, sinkPort, connections] = process.argv.slice(2);
const { openStore } = await import(pathToFileURL(join(build, 'spool/store.js')).href);

const clock = { now: () => Math.floor(performance.timeOrigin + performance.now()), wall: () => Date.now(), at: () => ({ cancel() {} }) };
const store = await openStore({
  dir,
  node: 0,
  clock,
  minFree: 0,
  onFailure(error) {
    throw error;
  },
});

const idle = [];
let queue;
const dispatch = () => {
  while (idle.length > 0) {
    const [row] = queue.peek(1);
    if (!row || !queue.take(row)) return;
    void deliver(idle.pop(), row);
  }
};
store.onHead(changed => {
  queue = changed;
  dispatch();
});

async function deliver(connection, row) {
  const { envelope, content } = await store.body(row.body);
  await new Promise((done, failed) =>
    connection.send({ from: envelope.sender, to: [row.state.address] }, content, error => (error ? failed(error) : done())),
  );
  // Committed in groups beside the next delivery, as rampd does it.
  store.settle([{ row, queue, to: null, count: 'delivered' }], []).catch(error => {
    throw error;
  });
  idle.push(connection);
  dispatch();
}

for (let i = 0; i < Number(connections); i++) {
  const connection = new SMTPConnection({ host, port: Number(sinkPort), name: 'bare.sender.example', ignoreTLS: true });
  connection.on('error', error => {
    throw error;
  });
  connection.connect(() => idle.push(connection));
}

const server = new SMTPServer({
  name: 'bare.sender.example',
  disabledCommands: ['AUTH', 'STARTTLS'],
  authOptional: true,
  disableReverseLookup: true,
  logger: false,
  maxClients: 2_000,
  onData(stream, session, done) {
    const chunks = [];
    stream.on('data', chunk => chunks.push(chunk));
    stream.on('end', () => {
      const { mailFrom, rcptTo } = session.envelope;
      const envelope = { sender: mailFrom.address, pool: 'bare', warmUp: 'allow', accepted: clock.now(), client: session.remoteAddress };
      store
        .accept(
          envelope,
          rcptTo.map(({ address }) => ({ address })),
          chunks,
        )
        .then(() => done(null, 'queued'), done);
    });
  },
});
server.on('error', () => undefined);
server.listen(Number(listen), '127.0.0.1', () => console.log('is ready'));
