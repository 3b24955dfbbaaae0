/** The doctor of a running daemon: warnings in the log at the start, status, GET /v1/doctor, and again after a reload. */
import { afterAll, beforeAll, expect, it } from 'vitest';
import { until, World, zones } from './world.js';

let w: World;

beforeAll(async () => {
  w = new World();
  await w.receiver({ host: '127.0.2.1', hostName: 'mx.one.example' });
  await w.prepare({
    zones: {
      ...zones({ 'one.example': 'mx.one.example' }, { 'mx.one.example': '127.0.2.1', 'hot.test.example': '127.0.1.1' }),
      '1.1.0.127.in-addr.arpa': { ptr: ['another.test.example'] },
      '2.0.0.127.bl.test.example': { a: ['127.0.0.2'] },
      '1.1.0.127.bl.test.example': { a: ['127.0.0.2'] },
    },
    config: `
clients: [{ from: ["127.0.0.0/8"], pool: main }]
sources: { hot: { address: 127.0.1.1, host-name: hot.test.example, warm-up: none } }
pools: { main: { sources: [hot] } }
doctor: { at-start: true, dnsbl: bl.test.example, probe: "mx.one.example:${w.smtpPort}" }
`,
  });
  await w.start();
});
afterAll(() => w.stop());

it('warns at the start, and looks again after a reload', async () => {
  const found = await until(
    () => w.client.doctor().catch(() => undefined),
    view => view !== undefined,
  );
  expect(found?.groups[0]?.checks.map(({ check, state }) => `${check} ${state}`)).toEqual([
    'address ok',
    'helo ok',
    'ptr fail',
    'port warn',
    'spf unknown',
    'dnsbl fail',
  ]);
  expect((await w.status()).doctor).toMatchObject({ state: 'fail', counts: { ok: 2, warn: 1, fail: 2, unknown: 1 } });
  expect((await w.run('status', '-c', w.file)).out).toContain('doctor: 2 fail, 1 warn (rampd doctor');
  // The log comes through a pipe of its own.
  const warnings = await until(
    () => w.log.map(line => JSON.parse(line) as { level: string; msg: string }).filter(({ msg }) => msg.startsWith('doctor: ')),
    lines => lines.some(({ level }) => level === 'info'),
  );
  expect(warnings.map(({ level, msg }) => `${level} ${msg.slice(0, 40)}`)).toEqual([
    'warn doctor: 127.0.1.1 is another.test.exampl',
    'warn doctor: 127.0.1.1 is listed (127.0.0.2);',
    'info doctor: fail',
  ]);
  const { code, out } = await w.run('doctor', '-c', w.file);
  expect({ code, out }).toEqual({ code: 1, out: expect.stringContaining('source  hot  127.0.1.1  hot.test.example\n') as string });

  w.dns.set('1.1.0.127.in-addr.arpa', { ptr: ['hot.test.example'] });
  w.dns.delete('1.1.0.127.bl.test.example');
  expect((await w.run('reload', '-c', w.file)).code).toBe(0);
  await until(
    () => w.status(),
    status => status.doctor?.state === 'warn',
  );
}, 30_000);
