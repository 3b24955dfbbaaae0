/**
 * A client that hands messages to rampd over real SMTP, one connection, and says what was answered.
 */
import SMTPConnection from 'nodemailer/lib/smtp-connection';

export interface Injected {
  readonly from: string;
  readonly to: readonly string[];
  readonly headers?: readonly string[];
  readonly size?: number;
}

/** The reply to the final dot; rejects with the refusal. */
export async function inject(port: number, ...messages: readonly Injected[]): Promise<string[]> {
  const connection = new SMTPConnection({ host: '127.0.0.1', port, name: 'client.test.example', ignoreTLS: true });
  connection.on('error', () => undefined);
  await new Promise<void>((done, failed) => connection.connect(e => (e ? failed(e) : done())));
  const replies: string[] = [];
  try {
    for (const m of messages) {
      const text = [...(m.headers ?? []), `From: <${m.from}>`, `Subject: test`, '', 'x'.repeat(m.size ?? 100), ''].join('\r\n');
      replies.push(
        await new Promise<string>((done, failed) =>
          connection.send({ from: m.from, to: [...m.to] }, text, (e, info) => (e ? failed(e) : done(info?.response ?? ''))),
        ),
      );
    }
  } finally {
    connection.close();
  }
  return replies;
}
