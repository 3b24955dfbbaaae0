/**
 * How long a stranger is listened to: one that keeps talking and brings no mail is hung up on, so that a connection that says
 * NOOP, or asks for what it will not get, as fast as it can does not take the time of those who have mail.
 *
 * Nobody who may relay is counted, and a report that was taken starts the count anew.
 */
import type { Identities } from './identity.js';
import type { Connection } from './refusals.js';

/** Commands since the last message: a hundred reports whose recipient is refused, of three commands each. */
export const MOST_COMMANDS = 300;

export function hurry(connection: Connection, identities: Pick<Identities, 'of'>): void {
  const { session } = connection;
  const onCommand = connection._onCommand.bind(connection);
  let transaction = session.transaction;
  let commands = 0;
  connection._onCommand = (command, callback) => {
    if (transaction !== session.transaction) {
      transaction = session.transaction;
      commands = 0;
    }
    // Not called back: nothing that came behind it is read. 421 closes the connection.
    if (++commands > MOST_COMMANDS && !identities.of(session)) return connection.send(421, '4.7.0 Too many commands and no mail');
    onCommand(command, callback);
  };
}
