/**
 * Microsoft SNDS data files, as its automated data access gives them: CSV without a header, one line for an address and a
 * period of activity. https://sendersupport.olc.protection.outlook.com/snds/FAQ.aspx names the columns.
 *
 * Times have no zone, so they are kept as they are written, put in an order that sorts. Pure; a line that is not of this
 * form is told, never guessed at.
 */
import ipaddr from 'ipaddr.js';
import { printable } from '../kernel/text.js';
import { csvCells } from './csv-read.js';

export interface SndsData {
  /** Canonical text. */
  readonly address: string;
  /** `2026-11-19 20:00`, without a zone. */
  readonly from: string;
  readonly until: string;
  readonly rcptCommands: number;
  readonly dataCommands: number;
  readonly recipients: number;
  readonly filter: 'GREEN' | 'YELLOW' | 'RED';
  /** As it is written: `< 0.1%`, `0.4%`. */
  readonly complaintRate: string;
  readonly trapHits: number;
  readonly sampleHelo?: string;
  readonly sampleSender?: string;
  readonly comments?: string;
}

export type SndsLine =
  { readonly kind: 'data'; readonly data: SndsData } | { readonly kind: 'nothing' } | { readonly kind: 'fault'; readonly what: string };

const FEWEST_COLUMNS = 11;

export function readSndsLine(line: string): SndsLine {
  const text = line.replace(/^\ufeff/, '').trim();
  if (text === '' || /^ip( ?address)?,/i.test(text)) return { kind: 'nothing' };
  const cells = csvCells(text)?.map(cell => cell.trim());
  if (!cells || cells.length < FEWEST_COLUMNS) return { kind: 'fault', what: `not ${FEWEST_COLUMNS} columns or more` };
  const [ip = '', start = '', end = '', rcpt = '', data = '', recipients = '', result = '', complaints = '', , , traps = ''] = cells;
  const [helo, sender, comments] = cells.slice(FEWEST_COLUMNS);
  if (!ipaddr.isValid(ip)) return { kind: 'fault', what: `"${printable(ip, 60)}" is no address` };
  const [from, until] = [time(start), time(end)];
  if (from === undefined || until === undefined)
    return { kind: 'fault', what: `"${printable(until === undefined ? end : start, 60)}" is no time` };
  const said = { 'RCPT commands': rcpt, 'DATA commands': data, 'message recipients': recipients, 'trap hits': traps };
  const counts = Object.values(said).map(count);
  const unread = Object.entries(said).find((_column, i) => counts[i] === undefined);
  if (unread) return { kind: 'fault', what: `${unread[0]} "${printable(unread[1], 60)}" is no number` };
  const filter = (['GREEN', 'YELLOW', 'RED'] as const).find(colour => colour === result.toUpperCase());
  if (!filter) return { kind: 'fault', what: `filter result "${printable(result, 60)}" is none of GREEN, YELLOW, RED` };
  const [rcptCommands = 0, dataCommands = 0, messageRecipients = 0, trapHits = 0] = counts as number[];
  const optional = (key: string, value: string | undefined) => (value ? { [key]: printable(value, 200) } : {});
  return {
    kind: 'data',
    data: {
      address: ipaddr.process(ip).toString(),
      from,
      until,
      rcptCommands,
      dataCommands,
      recipients: messageRecipients,
      filter,
      complaintRate: printable(complaints, 20),
      trapHits,
      ...optional('sampleHelo', helo),
      ...optional('sampleSender', sender),
      ...optional('comments', comments),
    },
  };
}

/** `11/19/2026 8:00 PM` or `2026-11-19 20:00`. */
function time(text: string): string | undefined {
  const iso = /^(\d{4})-(\d\d)-(\d\d)[ T](\d\d):(\d\d)/.exec(text);
  if (iso) return `${iso[1]}-${iso[2]}-${iso[3]} ${iso[4]}:${iso[5]}`;
  const us = /^(\d{1,2})\/(\d{1,2})\/(\d{4})\s+(\d{1,2}):(\d\d)(?::\d\d)?\s*([AP]M)?$/i.exec(text);
  if (!us) return undefined;
  const [, month = '', day = '', year, hour = '', minute, half] = us;
  const h = half === undefined ? Number(hour) : (Number(hour) % 12) + (half.toUpperCase() === 'PM' ? 12 : 0);
  if (Number(month) > 12 || Number(day) > 31 || h > 23) return undefined;
  return `${year}-${month.padStart(2, '0')}-${day.padStart(2, '0')} ${String(h).padStart(2, '0')}:${minute}`;
}

/** Empty is none; thousands may have commas. */
function count(text: string): number | undefined {
  const plain = text.replaceAll(',', '');
  return plain === '' ? 0 : /^\d{1,12}$/.test(plain) ? Number(plain) : undefined;
}
