/**
 * MAIL FROM and RCPT TO as they are said: the address, and what stands behind it (RFC 3461 §4, RFC 6152 §3, RFC 6531 §3.4).
 *
 * nodemailer's connection gives all recipients of a transaction the DSN parameters of one, says SMTPUTF8 only for an address
 * outside ASCII, refuses addresses with < or > in quotes, and takes white space beyond ASCII off their ends, which makes
 * another mailbox of some. So it is given stand-ins for the addresses, and its one method that writes a command is wrapped:
 * each command gets its own address and what its own recipient asks for. Nothing is ever said that the server did not offer
 * in its last EHLO reply.
 */

/** The part of nodemailer's connection that lies behind its types. */
interface Inner {
  _sendCommand(line: string, logged?: string): void;
  _ehloLines?: readonly string[];
}

export type Extension = 'DSN' | '8BITMIME' | 'SMTPUTF8' | 'PIPELINING' | 'SIZE';

export interface RecipientParameters {
  readonly address: string;
  readonly notify?: readonly string[];
  readonly orcpt?: string;
}

export interface MailParameters {
  /** '' is the null sender. */
  readonly sender: string;
  readonly ret?: 'HDRS' | 'FULL';
  readonly envid?: string;
  readonly eightBit: boolean;
  readonly utf8: boolean;
}

/** RFC 5321 §4.1.1.1; the reply is a stranger's. */
const KEYWORD = /^[A-Z0-9][A-Z0-9-]{0,39}$/;
const MOST_SHOWN = 30;
/** A command as nodemailer writes it for a stand-in. */
const STAND_IN = /^(MAIL FROM|RCPT TO):<[^<>]*>(.*)$/;

/** What nodemailer is given for the address of the nth recipient. */
export const standIn = (n: number): string => `${n}@recipient.invalid`;

/** Can the address stand between < and > in a command? Control characters nowhere, blanks and brackets in quotes only. */
export const canBeSaid = (address: string): boolean =>
  /^[^\0-\x20\x7f<>]*$/.test(address) || /^"(?:[^"\\\0-\x1f\x7f]|\\[ -~])*"@[^\0-\x20\x7f<>]+$/.test(address);

export class Commands {
  readonly #inner: Inner;
  #mail: MailParameters | undefined;
  #recipients: readonly RecipientParameters[] = [];
  #next = 0;
  /** The EHLO reply that was read last: there is a new one after STARTTLS. */
  #read: readonly string[] | undefined;
  #offered: ReadonlySet<string> = new Set();
  #keywords = '';

  constructor(connection: object) {
    const inner = connection as Inner;
    this.#inner = inner;
    const write = inner._sendCommand.bind(connection);
    inner._sendCommand = (line, logged) => write(this.#amended(line), logged);
  }

  offers(extension: Extension): boolean {
    this.#look();
    return this.#offered.has(extension);
  }

  /** The extensions that are offered, as `PIPELINING,SIZE,8BITMIME`. */
  get keywords(): string {
    this.#look();
    return this.#keywords;
  }

  #look(): void {
    const lines = this.#inner._ehloLines;
    if (lines === this.#read) return;
    this.#read = lines;
    this.#offered = new Set(lines?.map(line => line.split(/[\s=]/, 1)[0]?.toUpperCase() ?? ''));
    this.#keywords = [...this.#offered]
      .filter(word => KEYWORD.test(word))
      .slice(0, MOST_SHOWN)
      .join();
  }

  /** For the next transaction; recipients in the order in which they are named to it. */
  prepare(mail: MailParameters, recipients: readonly RecipientParameters[]): void {
    this.#mail = mail;
    this.#recipients = recipients;
    this.#next = 0;
  }

  #amended(line: string): string {
    const [, verb, rest = ''] = STAND_IN.exec(line) ?? [];
    if (verb === 'MAIL FROM' && this.#mail) return [`${verb}:<${this.#mail.sender}>${rest}`, ...this.#ofMail(rest)].join(' ');
    const recipient = verb === 'RCPT TO' ? this.#recipients[this.#next++] : undefined;
    return recipient ? [`${verb}:<${recipient.address}>${rest}`, ...this.#ofRecipient(recipient)].join(' ') : line;
  }

  #ofMail(line: string): string[] {
    const mail = this.#mail;
    if (!mail) return [];
    const said: string[] = [];
    if (mail.utf8 && this.offers('SMTPUTF8') && !line.includes(' SMTPUTF8')) said.push('SMTPUTF8');
    if (mail.eightBit && this.offers('8BITMIME')) said.push('BODY=8BITMIME');
    if (!this.offers('DSN')) return said;
    if (mail.ret !== undefined) said.push(`RET=${mail.ret}`);
    if (mail.envid !== undefined) said.push(`ENVID=${xtext(mail.envid)}`);
    return said;
  }

  #ofRecipient(recipient: RecipientParameters): string[] {
    if (!this.offers('DSN')) return [];
    const said: string[] = [];
    if (recipient.notify && recipient.notify.length > 0) said.push(`NOTIFY=${recipient.notify.join(',')}`);
    if (recipient.orcpt !== undefined) said.push(`ORCPT=${orcptText(recipient.orcpt)}`);
    return said;
  }
}

/** RFC 3461 §4: printable ASCII but + and =, all else as +HH, byte by byte. */
function xtext(text: string): string {
  return Buffer.from(text)
    .toString('latin1')
    .replace(/[^!-~]|[+=]/g, c => `+${c.charCodeAt(0).toString(16).toUpperCase().padStart(2, '0')}`);
}

/** ORCPT as it was decoded → as it is said. Addresses of type utf-8 escape by character, which every DSN server reads (RFC 6533 §3). */
function orcptText(orcpt: string): string {
  if (!/^utf-8;/i.test(orcpt)) return xtext(orcpt);
  return orcpt.replace(/[^!-~]|[+=]/gu, c => `\\x{${(c.codePointAt(0) ?? 0).toString(16).toUpperCase()}}`);
}
