/**
 * Clients that hand mail in. `inject` is the load of all contenders alike: Postfix's smtp-source when it is installed, else
 * the client below in its own process. `node client.mjs HOST PORT SESSIONS BYTES MESSAGES` prints how long each message
 * waited from its end of data to the 250: that is what the latency section reads.
 *
 * One transaction at a time on each session, no pipelining, as smtp-source does it; a session stays open (smtp-server greets
 * 100 ms late, so a connection for each message would measure that and nothing else).
 */
import net from 'node:net';
import { pathToFileURL } from 'node:url';

export const SENDER = 'news@sender.example';
/** Every contender sends this domain's mail to the sink. */
export const DOMAIN = 'sink.example';

/** Hands in messages of `bytes`; resolves when the last was answered. */
export async function inject({ run, installed }, { port, bytes, messages, sessions, ours = false }) {
  const source = ours ? undefined : installed('smtp-source');
  if (!source) {
    const said = await run(process.execPath, [import.meta.filename, '127.0.0.1', port, sessions, bytes, messages].map(String));
    return JSON.parse(said);
  }
  const many = ['-4', '-d', '-M', 'client.sender.example', '-s', sessions, '-l', bytes, '-m', messages];
  await run(source, [...many, '-f', SENDER, '-t', `user@${DOMAIN}`, `127.0.0.1:${port}`].map(String));
}

/** Header and lines of 78 characters, `bytes` in all. */
function message(bytes) {
  const header = `From: <${SENDER}>\r\nTo: <user@${DOMAIN}>\r\nSubject: bench\r\nDate: Mon, 20 Nov 2023 12:00:00 +0000\r\nMessage-ID: <1@sender.example>\r\n\r\n`;
  let body = '';
  while (header.length + body.length < bytes)
    body += `${'X'.repeat(Math.min(76, Math.max(1, bytes - header.length - body.length - 2)))}\r\n`;
  return Buffer.from(`${header}${body}.\r\n`);
}

/** One session: messages until `next` says no more; each wait in ms goes to `waits`. */
function session(host, port, content, next, waits) {
  return new Promise((done, failed) => {
    const socket = net.connect({ host, port, noDelay: true });
    let step = 0;
    let sent = 0;
    let text = '';
    let over = false;
    const steps = [
      () => socket.write('EHLO client.sender.example\r\n'),
      () => {
        over = !next();
        if (over) socket.end('QUIT\r\n');
        else socket.write(`MAIL FROM:<${SENDER}>\r\n`);
      },
      () => socket.write(`RCPT TO:<user@${DOMAIN}>\r\n`),
      () => socket.write('DATA\r\n'),
      () => {
        socket.write(content);
        sent = performance.now();
      },
    ];
    socket.on('data', chunk => {
      if (over) return;
      const now = performance.now();
      text += chunk.toString('latin1');
      // A reply ends with a line whose code is followed by a blank.
      if (!/^\d{3} [^\n]*\n$/m.test(text)) return;
      const code = text[0];
      const reply = text;
      text = '';
      if (code !== '2' && code !== '3') return failed(new Error(`the server said ${reply}`));
      if (step === 5) {
        waits.push(now - sent);
        step = 1;
      }
      steps[step++]();
    });
    socket.on('error', failed);
    socket.on('close', () => done());
  });
}

if (process.argv[1] && import.meta.url === pathToFileURL(process.argv[1]).href) {
  const [host, ...numbers] = process.argv.slice(2);
  const [port, sessions, bytes, messages] = numbers.map(Number);
  const content = message(bytes);
  const waits = [];
  let left = messages;
  const next = () => left-- > 0;
  const from = performance.now();
  await Promise.all(Array.from({ length: sessions }, () => session(host, port, content, next, waits)));
  const seconds = (performance.now() - from) / 1_000;
  waits.sort((a, b) => a - b);
  const at = part => waits[Math.min(waits.length - 1, Math.floor(waits.length * part))];
  console.log(JSON.stringify({ answered: waits.length, seconds, p50: at(0.5), p99: at(0.99), p999: at(0.999), max: at(1) }));
}
