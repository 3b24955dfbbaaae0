/**
 * Lists and files over the control API: GET /v1/suppression, /v1/suppression/export; POST /v1/suppression/add, remove, import,
 * /v1/import/snds. Files travel as streams of CSV in both directions; the suppression list is never held in memory.
 */
import type { FastifyInstance } from 'fastify';
import { Readable } from 'node:stream';
import { z } from 'zod';
import type { Operations } from './operations.js';
import { actOf, author, checked, why } from './requests.js';

const scope = z.string().trim().max(253).default('');
const addresses = z.array(z.string().trim().min(3).max(320)).min(1).max(1_000);
const addBody = z.strictObject({ addresses, scope, expireAfter: z.number().positive().optional(), author, why });
const removeBody = z.strictObject({ addresses, scope, author, why });
const listQuery = z.strictObject({
  match: z.string().min(1).max(320).optional(),
  scope: z.string().max(253).optional(),
  limit: z.coerce.number().int().min(1).max(100_000).default(100),
});
const sndsQuery = z.strictObject({ author, why });
const importQuery = z.strictObject({ scope, author, why });

const CSV = { config: { csv: true } };

type FileOperations = Pick<Operations, 'suppression' | 'importSnds'>;

export function fileRoutes(app: FastifyInstance, operations: FileOperations): void {
  const { suppression } = operations;
  app.addContentTypeParser('text/csv', (_request, payload, done) => done(null, payload));
  app.get('/v1/suppression', async request => {
    const { match, scope, limit } = checked(listQuery, request.query);
    return suppression.list({ limit, ...(match === undefined ? {} : { match }), ...(scope === undefined ? {} : { scope }) });
  });
  app.get('/v1/suppression/export', (_request, reply) => {
    return reply.type('text/csv').send(Readable.from(suppression.export(), { objectMode: false }));
  });
  app.post('/v1/suppression/add', async request => {
    const { addresses, scope, expireAfter, ...rest } = checked(addBody, request.body);
    return { entries: await suppression.add(addresses, { scope, ...(expireAfter === undefined ? {} : { expireAfter }) }, actOf(rest)) };
  });
  app.post('/v1/suppression/remove', async request => {
    const { addresses, scope, ...rest } = checked(removeBody, request.body);
    return { entries: await suppression.remove(addresses, scope, actOf(rest)) };
  });
  app.post('/v1/import/snds', CSV, async request =>
    operations.importSnds(request.body as Readable, actOf(checked(sndsQuery, request.query))),
  );
  app.post('/v1/suppression/import', CSV, async request => {
    const { scope, ...rest } = checked(importQuery, request.query);
    return suppression.import(request.body as Readable, { scope }, actOf(rest));
  });
}
