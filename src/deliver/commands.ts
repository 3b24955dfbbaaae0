/**
 * What MAIL FROM and RCPT TO carry behind the address, command by command (RFC 3461 §4, RFC 6152 §3, RFC 6531 §3.4).
 *
 * nodemailer's connection gives all recipients of a transaction the DSN parameters of one, and says SMTPUTF8 only for an
 * address outside ASCII. So its one method that writes a command is wrapped, and each RCPT TO gets what its own recipient asks
 * for. Nothing is ever said that the server did not offer in its last EHLO reply.
 */

/** The part of nodemailer's connection that lies behind its types. */
interface Inner {
  _sendCommand(line: string, logged?: string): void;
  _ehloLines?: readonly string[];
}

export type Extension = 'DSN' | '8BITMIME' | 'SMTPUTF8' | 'PIPELINING' | 'SIZE';

export interface RecipientParameters {
  readonly notify?: readonly string[];
  readonly orcpt?: string;
}

export interface MailParameters {
  readonly ret?: 'HDRS' | 'FULL';
  readonly envid?: string;
  readonly eightBit: boolean;
  readonly utf8: boolean;
}

export class Commands {
  readonly #inner: Inner;
  #mail: MailParameters | undefined;
  #recipients: readonly RecipientParameters[] = [];
  #next = 0;
  /** The EHLO reply that was read last: there is a new one after STARTTLS. */
  #read: readonly string[] | undefined;
  #offered: ReadonlySet<string> = new Set();

  constructor(connection: object) {
    const inner = connection as Inner;
    this.#inner = inner;
    const write = inner._sendCommand.bind(connection);
    inner._sendCommand = (line, logged) => write(this.#amended(line), logged);
  }

  offers(extension: Extension): boolean {
    const lines = this.#inner._ehloLines;
    if (lines !== this.#read) {
      this.#read = lines;
      this.#offered = new Set(lines?.map(line => line.split(/[\s=]/, 1)[0]?.toUpperCase() ?? ''));
    }
    return this.#offered.has(extension);
  }

  /** For the next transaction; recipients in the order in which they are named to it. */
  prepare(mail: MailParameters, recipients: readonly RecipientParameters[]): void {
    this.#mail = mail;
    this.#recipients = recipients;
    this.#next = 0;
  }

  #amended(line: string): string {
    if (line.startsWith('MAIL FROM:')) return [line, ...this.#ofMail(line)].join(' ');
    if (line.startsWith('RCPT TO:')) return [line, ...this.#ofRecipient(this.#recipients[this.#next++])].join(' ');
    return line;
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

  #ofRecipient(recipient: RecipientParameters | undefined): string[] {
    if (!recipient || !this.offers('DSN')) return [];
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
