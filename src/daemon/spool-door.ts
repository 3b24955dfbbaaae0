/**
 * The spool as acceptance sees it: there before it is open, because listeners are bound first, and closed until then. What
 * is accepted goes into the books with the bytes it took.
 */
import type { AcceptStore } from '../accept/ports.js';
import type { MessageNumber } from '../kernel/message.js';
import type { Store } from '../spool/store.js';
import type { Books } from './books.js';

/** What is open by now. */
export interface SpoolBehind {
  readonly store?: Pick<Store, 'accept' | 'receipt' | 'room' | 'totals'>;
  readonly books?: Pick<Books, 'received'>;
}

export function spoolDoor(behind: SpoolBehind): AcceptStore {
  return {
    async accept(envelope, recipients, content, receipt) {
      const { store, books } = behind;
      if (!store || !books) throw new Error('the spool is not open yet');
      let bytes = 0;
      const counted = (n: MessageNumber): readonly Buffer[] => {
        const pieces = content(n);
        for (const piece of pieces) bytes += piece.length;
        return pieces;
      };
      const number = await store.accept(envelope, recipients, counted, receipt);
      books.received(number, envelope, recipients, bytes);
      return number;
    },
    receipt: key => behind.store?.receipt(key),
    room: () => behind.store?.room() ?? 'full',
    waiting: () => behind.store?.totals().messages ?? 0,
  };
}
