/**
 * A wire that breaks: forwards connections to a receiver, as from the same client, and cuts one of them where it is told.
 */
import net from 'node:net';

/** `middle`: while the message is on its way. `answer`: it has arrived whole, and what is said to it is lost. */
export type Break = 'middle' | 'answer';

export interface Wire {
  /** Breaks there, once the client has said as many octets from now on. */
  breakNext(where: Break, octets: number): void;
  /** Breaks so far. */
  readonly broken: number;
  stop(): Promise<void>;
}

export async function startWire(from: { host: string; port: number }, to: { host: string; port: number }): Promise<Wire> {
  const sockets = new Set<net.Socket>();
  let next: { where: Break; octets: number } | undefined;
  let broken = 0;
  const server = net.createServer(client => {
    const receiver = net.connect({ ...to, localAddress: client.remoteAddress as string });
    const ends = [client, receiver];
    const cut = (): void => {
      for (const end of ends) end.destroy();
    };
    for (const end of ends) {
      sockets.add(end);
      end.on('error', cut).once('close', () => (sockets.delete(end), cut()));
    }
    const breaks = (where: Break): boolean => {
      if (next?.where !== where || next.octets > 0) return false;
      next = undefined;
      broken++;
      cut();
      return true;
    };
    client.on('data', chunk => {
      if (next) next.octets -= chunk.length;
      if (!breaks('middle')) receiver.write(chunk);
    });
    receiver.on('data', chunk => void (breaks('answer') || client.write(chunk)));
    client.on('end', () => receiver.end());
    receiver.on('end', () => client.end());
  });
  await new Promise<void>(up => server.listen(from.port, from.host, up));
  return {
    breakNext: (where, octets) => void (next = { where, octets }),
    get broken() {
      return broken;
    },
    async stop() {
      const closed = new Promise(done => server.close(done));
      for (const socket of sockets) socket.destroy();
      await closed;
    },
  };
}
