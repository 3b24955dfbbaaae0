/**
 * The suppression list from the client's side: files are streamed, never held.
 */
import type { IncomingMessage } from 'node:http';
import type { Readable } from 'node:stream';
import type { Act } from './operations.js';
import type { SuppressionFilter } from './suppression-operations.js';
import type { SuppressionImportView, SuppressionView } from './suppression-view.js';

export interface SuppressionClient {
  add(addresses: readonly string[], about: { readonly scope: string; readonly expireAfter?: number }, act: Act): Promise<number>;
  remove(addresses: readonly string[], scope: string, act: Act): Promise<number>;
  list(filter: SuppressionFilter): Promise<SuppressionView[]>;
  export(): AsyncIterable<Buffer>;
  import(csv: Readable, about: { readonly scope: string }, act: Act): Promise<SuppressionImportView>;
}

export interface Calls {
  call<T>(method: 'GET' | 'POST', path: string, body?: unknown): Promise<T>;
  /** Sends `csv`, if given, as it comes; the answer is read by the caller. */
  stream(method: 'GET' | 'POST', path: string, csv?: Readable): Promise<IncomingMessage>;
  query(values: Readonly<Record<string, string | number | undefined>>): string;
}

export function suppressionClient({ call, stream, query }: Calls): SuppressionClient {
  const entries = async (path: string, body: unknown): Promise<number> => (await call<{ entries: number }>('POST', path, body)).entries;
  return {
    add: (addresses, about, act) => entries('/v1/suppression/add', { addresses, ...about, ...act }),
    remove: (addresses, scope, act) => entries('/v1/suppression/remove', { addresses, scope, ...act }),
    list: filter => call('GET', `/v1/suppression${query({ ...filter })}`),
    async *export() {
      for await (const piece of await stream('GET', '/v1/suppression/export')) yield piece as Buffer;
    },
    async import(csv, { scope }, act) {
      const response = await stream('POST', `/v1/suppression/import${query({ scope, ...act })}`, csv);
      let text = '';
      for await (const piece of response.setEncoding('utf8')) text += String(piece);
      return JSON.parse(text) as SuppressionImportView;
    },
  };
}
