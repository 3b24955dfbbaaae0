/**
 * Where all mail ends: a server in its own process that takes everything and counts. Postfix's smtp-sink when it is
 * installed, else the one below (`node sink.mjs HOST PORT`), which says the same words.
 *
 * The count goes to a file, so that nobody is woken by it; whoever wants to know reads the end of the file.
 */
import { closeSync, fstatSync, openSync, readSync } from 'node:fs';
import net from 'node:net';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { pathToFileURL } from 'node:url';

export const SINK_HOST = '127.0.2.9';

/** Starts the sink; `ours` takes the one below even where smtp-sink is installed. */
export async function startSink({ folder, freePort, start, end, installed, listening }, ours = false) {
  const port = await freePort(SINK_HOST);
  const file = join(folder('sink'), 'count');
  const out = openSync(file, 'a+');
  const sink = ours ? undefined : installed('smtp-sink');
  const child = sink
    ? start(
        sink,
        ['-4', '-c', '-u', 'nobody', `${SINK_HOST}:${port}`, '1024'].filter((a, i) => process.getuid() === 0 || (i !== 2 && i !== 3)),
        {
          stdio: ['ignore', out, 'ignore'],
        },
      )
    : start(process.execPath, [import.meta.filename, SINK_HOST, String(port)], { stdio: ['ignore', out, 'inherit'] });
  await listening(SINK_HOST, port);
  const tail = Buffer.alloc(200);
  return {
    name: sink ? 'smtp-sink' : 'own sink',
    port,
    /** Messages taken so far. */
    count() {
      const { size } = fstatSync(out);
      const from = Math.max(0, size - tail.length);
      const text = tail.toString('latin1', 0, readSync(out, tail, 0, tail.length, from));
      return Number(/.*mesg=(\d+)/s.exec(text)?.[1] ?? 0);
    },
    /** Resolves with the instant (performance.now) at which `n` have arrived; looks every 10 ms. */
    async arrived(n, limit) {
      const until = performance.now() + limit;
      while (this.count() < n) {
        if (performance.now() > until) throw new Error(`only ${this.count()} of ${n} messages arrived within ${limit / 1000} s`);
        await sleep(10);
      }
      return performance.now();
    },
    async stop() {
      await end(child, 'SIGTERM');
      closeSync(out);
    },
  };
}

const END = Buffer.from('\r\n.\r\n');

/** Takes everything. Commands may be pipelined; bodies are thrown away as they come. */
function serve(socket) {
  let rest = Buffer.alloc(0);
  let data = false;
  socket.setNoDelay(true);
  socket.on('error', () => undefined);
  socket.on('data', chunk => {
    rest = rest.length > 0 ? Buffer.concat([rest, chunk]) : chunk;
    let out = '';
    for (;;) {
      if (data) {
        const at = rest.indexOf(END);
        if (at < 0) {
          // The end may be cut in two by the network.
          rest = rest.subarray(Math.max(0, rest.length - END.length + 1));
          break;
        }
        rest = rest.subarray(at + END.length);
        data = false;
        messages++;
        process.stdout.write(`mesg=${messages}\r`);
        out += '250 2.0.0 Ok\r\n';
        continue;
      }
      const at = rest.indexOf('\r\n');
      if (at < 0) break;
      const verb = rest.toString('latin1', 0, Math.min(at, 4)).toUpperCase();
      rest = rest.subarray(at + 2);
      if (verb === 'EHLO') out += '250-sink\r\n250-PIPELINING\r\n250-8BITMIME\r\n250 ENHANCEDSTATUSCODES\r\n';
      else if (verb === 'DATA') {
        out += '354 End data with <CR><LF>.<CR><LF>\r\n';
        data = true;
        // So that a message of nothing but the dot ends too.
        rest = Buffer.concat([Buffer.from('\r\n'), rest]);
      } else if (verb === 'QUIT') {
        socket.end(`${out}221 2.0.0 Bye\r\n`);
        return;
      } else out += '250 2.0.0 Ok\r\n';
    }
    if (out) socket.write(out);
  });
  socket.write('220 sink ESMTP\r\n');
}
let messages = 0;

if (process.argv[1] && import.meta.url === pathToFileURL(process.argv[1]).href) {
  net.createServer(serve).listen({ host: process.argv[2], port: Number(process.argv[3]), backlog: 1_024 });
}
