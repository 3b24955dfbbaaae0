/**
 * What HTTP offers, as OpenAPI 3.1, made of the shapes requests are checked with.
 */
import { z } from 'zod';
import { batchShape, messageShape } from '../accept/message-shape.js';

const json = (schema: object) => ({ content: { 'application/json': { schema } } });
const ref = (name: string) => ({ $ref: `#/components/schemas/${name}` });
const problem = (description: string) => ({ description, ...json(ref('Problem')) });

const SECURITY = {
  '400': problem('not JSON, or a header that cannot be read'),
  '401': problem('no token, or none that is known'),
  '403': problem('the address or the token may not do this'),
};

export function openApi(version: string): object {
  const schema = (shape: z.ZodType) => {
    const { $schema: _, ...rest } = z.toJSONSchema(shape, { io: 'input', unrepresentable: 'any' }) as Record<string, unknown>;
    return rest;
  };
  const batch = { ...schema(batchShape) } as { properties?: Record<string, unknown> };
  batch.properties = { ...batch.properties, messages: { type: 'array', minItems: 1, maxItems: 1_000, items: ref('Message') } };
  return {
    openapi: '3.1.0',
    info: { title: 'rampd', version, description: 'Hands mail in, and shows what becomes of it.' },
    security: [{ token: [] }],
    paths: {
      '/v1/messages': {
        post: {
          summary: 'Hands in one message, or a batch',
          parameters: [
            {
              name: 'Idempotency-Key',
              in: 'header',
              schema: { type: 'string', minLength: 1, maxLength: 200 },
              description: 'The same request asked again within 24 h is answered again and stores nothing.',
            },
          ],
          requestBody: { required: true, ...json({ anyOf: [ref('Message'), ref('Batch')] }) },
          responses: {
            '200': { description: 'a batch: what became of each message', ...json(ref('Results')) },
            '202': { description: 'the message is kept', ...json(ref('Taken')) },
            ...SECURITY,
            '409': problem('a request with this key is under way'),
            '413': problem('too large'),
            '422': problem('cannot be taken as it is, or the key came with another body'),
            '503': problem('not now; see Retry-After'),
          },
        },
      },
      '/v1/messages/{id}': {
        get: {
          summary: 'A message that waits',
          parameters: [{ name: 'id', in: 'path', required: true, schema: { type: 'string' } }],
          responses: {
            '200': { description: 'its recipients that wait' },
            ...SECURITY,
            '404': problem('no recipient of it waits, or another token handed it in'),
          },
        },
      },
      '/v1/status': { get: { summary: 'Everything at a glance', responses: { '200': { description: 'status' }, ...SECURITY } } },
      '/metrics': { get: { summary: 'Figures for Prometheus', responses: { '200': { description: 'text exposition' }, ...SECURITY } } },
    },
    components: {
      securitySchemes: { token: { type: 'http', scheme: 'bearer' } },
      schemas: {
        Message: schema(messageShape),
        Batch: batch,
        Taken: { type: 'object', required: ['id'], properties: { id: { type: 'string' } } },
        Results: {
          type: 'object',
          properties: { results: { type: 'array', items: { anyOf: [ref('Taken'), ref('Failure')] } } },
        },
        Failure: {
          type: 'object',
          required: ['status', 'error'],
          properties: { status: { type: 'integer' }, error: { type: 'string' }, faults: { type: 'array', items: ref('Fault') } },
        },
        Problem: { type: 'object', properties: { error: { type: 'string' }, faults: { type: 'array', items: ref('Fault') } } },
        Fault: { type: 'object', properties: { path: { type: 'string' }, message: { type: 'string' } } },
      },
    },
  };
}
