/**
 * What changes something over the control API: POST /v1/pause, resume, lift, undo, stage, retry, delete, alert-test, reload, stop.
 */
import type { FastifyInstance } from 'fastify';
import { Refusal, type Operations } from './operations.js';
import { actBody, actOf, checked, deleteBody, liftBody, stageBody, targetBody, undoBody } from './requests.js';
import type { ControlLog } from './server.js';

export function actRoutes(app: FastifyInstance, operations: Operations, log: ControlLog): void {
  app.post('/v1/pause', async request => {
    const body = checked(targetBody, request.body);
    return { names: await operations.pause(body.target, actOf(body)) };
  });
  app.post('/v1/resume', async request => {
    const body = checked(targetBody, request.body);
    return { names: await operations.resume(body.target, actOf(body)) };
  });
  app.post('/v1/lift', async request => {
    const body = checked(liftBody, request.body);
    await operations.lift(body.window, actOf(body));
    return {};
  });
  app.post('/v1/undo', async request => {
    const body = checked(undoBody, request.body);
    return { text: await operations.undo(body.id, actOf(body)) };
  });
  app.post('/v1/stage', async request => {
    const { verb, source, provider, stage, ...rest } = checked(stageBody, request.body);
    const where = { ...(provider === undefined ? {} : { provider }), ...(stage === undefined ? {} : { stage }) };
    return { text: await operations.stage(verb, source, where, actOf(rest)) };
  });
  app.post('/v1/retry', async request => {
    const body = checked(targetBody, request.body);
    return { recipients: await operations.retry(body.target, actOf(body)) };
  });
  app.post('/v1/delete', async request => {
    const body = checked(deleteBody, request.body);
    const { queue, from, rcpt, job, olderThan, message, dsn } = body.filter;
    const filter = {
      dsn,
      ...(queue === undefined ? {} : { queue }),
      ...(from === undefined ? {} : { from }),
      ...(rcpt === undefined ? {} : { rcpt }),
      ...(job === undefined ? {} : { job }),
      ...(olderThan === undefined ? {} : { olderThan }),
      ...(message === undefined ? {} : { message }),
    };
    return { recipients: await operations.remove(filter, actOf(body)) };
  });
  app.post('/v1/alert-test', async request => ({ ways: await operations.alertTest(actOf(checked(actBody, request.body))) }));
  app.post('/v1/reload', async request => operations.reload(actOf(checked(actBody, request.body))));
  app.post('/v1/stop', async (request, reply) => {
    const stopping = operations.stop(actOf(checked(actBody, request.body)));
    // Stopping ends in close(), which waits for this answer: so the answer waits for a refusal only, not for the end.
    stopping.catch((error: unknown) => {
      if (!(error instanceof Refusal)) log.error(`control: stopping failed: ${error instanceof Error ? error.message : String(error)}`);
    });
    await Promise.race([stopping, new Promise(resolve => setImmediate(resolve))]);
    return reply.code(202).send({});
  });
}
