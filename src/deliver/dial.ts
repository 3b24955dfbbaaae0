/**
 * One TCP connection from a source's address. Never throws; what went wrong is an Error, and its socket is gone.
 */
import net from 'node:net';
import { SECOND, type Ms } from '../kernel/units.js';

/** `timeout` is real time, as all of a socket's times are. */
export function dial(from: string, to: string, port: number, timeout: Ms): Promise<net.Socket | Error> {
  return new Promise(resolve => {
    const socket = net.connect({ host: to, port, localAddress: from });
    const timer = setTimeout(() => end(new Error(`no answer within ${Math.round(timeout / SECOND)} s`)), timeout);
    const end = (result: net.Socket | Error): void => {
      clearTimeout(timer);
      socket.off('error', end);
      socket.off('connect', connected);
      // Between here and the listeners of whoever takes the socket an error must not be unhandled.
      socket.on('error', () => undefined);
      if (result instanceof Error) socket.destroy();
      resolve(result);
    };
    const connected = (): void => end(socket);
    socket.once('connect', connected);
    socket.once('error', end);
  });
}
