/**
 * A message as JSON, checked: what POST /v1/messages takes. The OpenAPI description is made of the same shapes.
 *
 * Nothing in it names a file or an address to fetch: attachments carry their bytes. Unknown keys are refused.
 */
import { z } from 'zod';
import { PRIORITIES } from '../kernel/settings.js';

/** Header text of one line: no controls, so that no field can be added by a line break. TAB is white space. */
const line = (max: number) =>
  z
    .string()
    .max(max)
    .regex(/^[^\u0000-\u0008\u000a-\u001f\u007f]*$/, 'must not hold control characters or line breaks');

const mailbox = z
  .union([line(1_000).min(3), z.strictObject({ name: line(500).optional(), address: line(320).min(3) })])
  .describe('"ann@example.com", "Ann <ann@example.com>", or { name, address }');
const mailboxes = z.union([mailbox, z.array(mailbox).min(1).max(10_000)]);

/** RFC 5322 §2.2; the fields that have a place of their own, or that describe the body, are not given twice. */
const PLACED = /^(from|to|cc|bcc|reply-to|subject|message-id|date|mime-version|content-.*|received|return-path|resent-.*|__proto__)$/i;
const fieldName = z
  .string()
  .regex(/^[!-9;-~]{1,77}$/, 'is no name of a header field')
  .refine(name => !PLACED.test(name), 'has a key of its own, or cannot be set');

const base64 = z.base64('is not base64');

const attachment = z.strictObject({
  filename: line(255).optional(),
  content: base64.describe('base64'),
  contentType: z
    .string()
    .regex(/^[\w!#$&^.+-]{1,100}\/[\w!#$&^.+-]{1,100}(\s*;\s*[\w-]+=("[^"\\\u0000-\u001f]*"|[\w!#$&^.+-]+))*$/, 'is no media type')
    .optional(),
  cid: z
    .string()
    .regex(/^[\w!#$%&'*+/=?^`{|}~.@-]{1,200}$/, 'is no content id')
    .optional(),
  disposition: z.enum(['attachment', 'inline']).optional(),
});

const envelope = z.strictObject({
  from: line(320).describe('reverse path without brackets; "" is the null sender').optional(),
  to: z.array(line(320).min(3)).min(1).max(65_535).optional(),
});

/** What the message says about itself, when it is to be built here. */
const composed = {
  from: mailbox.optional(),
  to: mailboxes.optional(),
  cc: mailboxes.optional(),
  bcc: mailboxes.optional(),
  replyTo: mailboxes.optional(),
  subject: line(2_000).optional(),
  text: z.string().optional(),
  html: z.string().optional(),
  messageId: z
    .string()
    .regex(/^<[!-;=?-~]{1,250}@[!-;=?-~]{1,250}>$/, 'is no Message-ID such as <id@example.com>')
    .optional(),
  headers: z.record(fieldName, z.union([line(10_000), z.array(line(10_000)).min(1).max(100)])).optional(),
  attachments: z.array(attachment).max(200).optional(),
};

export const messageShape = z
  .strictObject({
    ...composed,
    raw: z
      .union([z.string().min(1), z.strictObject({ base64 })])
      .describe('a whole RFC 5322 message instead of the keys above')
      .optional(),
    envelope: envelope.optional(),
    job: line(200).min(1).optional(),
    envid: z
      .string()
      .regex(/^[\x20-\x7e]{1,100}$/, 'is 1 to 100 printable ASCII characters')
      .optional(),
    pool: z.string().min(1).max(64).describe('a pool or a source; for tokens with allow-headers').optional(),
    warmUp: z.enum(['prefer', 'allow', 'never']).describe('for tokens with allow-headers').optional(),
    priority: z.enum(PRIORITIES).describe('for tokens with allow-headers').optional(),
    notify: z
      .union([
        z.tuple([z.literal('never')]),
        z
          .array(z.enum(['success', 'failure', 'delay']))
          .min(1)
          .max(3),
      ])
      .optional(),
    ret: z.enum(['full', 'hdrs']).optional(),
  })
  .superRefine((message, context) => {
    const fault = (path: string[], text: string) => context.addIssue({ code: 'custom', path, message: text });
    if (message.raw !== undefined) {
      for (const key of Object.keys(composed)) if (key in message) fault([key], 'does not go with raw');
      if (!message.envelope?.to) fault(['envelope', 'to'], 'is needed with raw');
      if (message.envelope?.from === undefined) fault(['envelope', 'from'], 'is needed with raw');
      return;
    }
    if (message.from === undefined) fault(['from'], 'is missing');
    if (!message.to && !message.cc && !message.bcc && !message.envelope?.to) fault(['to'], 'is missing: there is no recipient');
    if (message.text === undefined && message.html === undefined && !message.attachments?.length)
      fault(['text'], 'is missing, and so is html');
  });

export type MessageJson = z.output<typeof messageShape>;

const MOST_MESSAGES = 1_000;
/** Each message is checked on its own, so that one mistake does not refuse the others. */
export const batchShape = z.strictObject({ messages: z.array(z.unknown()).min(1).max(MOST_MESSAGES) });

export interface JsonFault {
  /** `to.0`, `attachments.2.content`; '' is the whole. */
  readonly path: string;
  readonly message: string;
}

/** What zod found. Of a value that may be of several kinds, what is wrong with the nearest. */
export function jsonFaults(error: z.ZodError): JsonFault[] {
  const all = (issues: readonly z.core.$ZodIssue[], base: readonly PropertyKey[]): JsonFault[] =>
    issues.flatMap(issue => {
      const path = [...base, ...issue.path];
      if (issue.code === 'invalid_union') {
        // The branch whose mistakes lie deepest is the kind that was meant.
        const depth = (branch: readonly z.core.$ZodIssue[]) =>
          Math.max(0, ...branch.map(one => one.path.length + (one.code === 'invalid_type' ? 0 : 1)));
        const [nearest] = [...issue.errors].sort((a, b) => depth(b) - depth(a));
        if (nearest && depth(nearest) > 0) return all(nearest, path);
      }
      if (issue.code === 'unrecognized_keys') return issue.keys.map(key => ({ path: [...path, key].join('.'), message: 'is no key here' }));
      if (issue.code === 'invalid_key') return all(issue.issues, path);
      return [{ path: path.join('.'), message: issue.message }];
    });
  return all(error.issues, []).slice(0, 50);
}
