/**
 * The requests of the control API, checked: what may stand in a query or a body.
 *
 * Unknown keys are refused, so that a misspelt filter never deletes more than was meant.
 */
import { z } from 'zod';
import type { Act } from './operations.js';

const name = z.string().trim().min(1).max(320);
export const author = z.string().trim().min(1).max(100);
export const why = z.string().trim().max(1_000).optional();

export const SHOWN = [
  'sources',
  'vmtas',
  'lanes',
  'queues',
  'jobs',
  'windows',
  'messages',
  'schedules',
  'providers',
  'settings',
  'tls',
] as const;
export type Shown = (typeof SHOWN)[number];

const STAGE_VERBS = ['hold', 'release', 'advance', 'step-back', 'graduate', 'restart'] as const;

const whole = z.coerce.number().int().min(0).max(Number.MAX_SAFE_INTEGER);

export const showQuery = z.strictObject({ queue: name.optional(), limit: whole.min(1).max(100_000).optional() });
export const whyQuery = z.strictObject({ target: name });
export const traceQuery = z.strictObject({ target: name });
export const forecastQuery = z.strictObject({ pool: name });
export const eventsQuery = z.strictObject({ after: whole.default(0), follow: z.enum(['0', '1']).default('1') });

/** `since`: milliseconds back from the daemon's now. */
export const journalQuery = z.strictObject({
  since: whole.optional(),
  type: name.optional(),
  source: name.optional(),
  provider: name.optional(),
  follow: z.enum(['0', '1']).default('0'),
});

export const targetBody = z.strictObject({ target: name, author, why });
export const liftBody = z.strictObject({ window: name, author, why });
export const undoBody = z.strictObject({ id: z.number().int().min(1).max(Number.MAX_SAFE_INTEGER), author, why });
export const stageBody = z.strictObject({
  verb: z.enum(STAGE_VERBS),
  source: name,
  provider: name.optional(),
  stage: z.number().int().min(1).max(10_000).optional(),
  author,
  why,
});
export const deleteBody = z.strictObject({
  filter: z
    .strictObject({
      queue: name.optional(),
      from: z.string().max(320).optional(),
      rcpt: name.optional(),
      job: name.optional(),
      olderThan: z.number().min(0).optional(),
      message: name.optional(),
      dsn: z.boolean(),
    })
    .refine(({ dsn: _, ...filters }) => Object.values(filters).some(value => value !== undefined), {
      error: 'a deletion needs at least one filter',
    }),
  author,
  why,
});
export const actBody = z.strictObject({ author, why });

/** The request is ill-formed: 400. */
export class BadRequest extends Error {}

/** Throws BadRequest. */
export function checked<T>(shape: z.ZodType<T>, value: unknown): T {
  const result = shape.safeParse(value ?? {});
  if (!result.success) throw new BadRequest(issueText(result.error));
  return result.data;
}

/** What zod found, as one sentence: `stage: expected a number`. */
function issueText(error: z.ZodError): string {
  return error.issues.map(issue => (issue.path.length > 0 ? `${issue.path.join('.')}: ` : '') + issue.message).join('; ');
}

/** Who acts, and why. */
export function actOf(body: { author: string; why?: string | undefined }): Act {
  return body.why === undefined || body.why === '' ? { author: body.author } : { author: body.author, why: body.why };
}
