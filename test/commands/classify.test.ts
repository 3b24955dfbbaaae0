import { Readable } from 'node:stream';
import { describe, expect, it } from 'vitest';
import { run } from '../../src/commands/program.js';
import type { Io } from '../../src/commands/io.js';

async function classify(input: string, ...argv: string[]) {
  let out = '';
  let writes = 0;
  let err = '';
  let code = 0;
  const io: Io = {
    out: text => {
      out += text;
      writes++;
    },
    err: text => void (err += text),
    stdin: Readable.from([input]),
    stdout: process.stdout,
    cwd: import.meta.dirname,
    env: {},
    exit: given => void (code = given),
  };
  await run(['classify', ...argv], io, '0');
  const lines = out.split('\n').filter(line => line !== '');
  return { code, err, out, writes, lines: lines.map(line => JSON.parse(line) as Record<string, unknown>) };
}

describe('rampd classify', () => {
  it('writes one object a reply, in order, with all that was found', async () => {
    const { lines, code } = await classify(
      "421 RP-001 (X) Unfortunately, some messages weren't sent\r\n\n550 5.1.1 User unknown\n",
      '--provider',
      'microsoft',
    );
    expect(code).toBe(0);
    expect(lines).toHaveLength(2);
    expect(lines[0]).toEqual({
      reply: "421 RP-001 (X) Unfortunately, some messages weren't sent",
      code: 421,
      enhanced: null,
      class: 'throttle.rate',
      scope: 'lane',
      rule: 'microsoft/421-rp-001',
      from: expect.stringMatching(/^schedules\/providers\/microsoft\.yaml:\d+:\d+$/) as string,
      reaction: {
        trigger: '1',
        window: '1h',
        suspend: false,
        maxSmtpOut: 5,
        maxMsgPerHour: 1000,
        maxMsgPerConnection: null,
        maxConnectRate: null,
        recover: '1h',
        warmUp: 'none',
      },
      bounceCategory: 'policy-related',
      retry: true,
      fate: 'defer',
      hint: null,
    });
    expect(lines[1]).toMatchObject({
      enhanced: '5.1.1',
      class: 'mailbox.unknown',
      rule: 'generic/no-such-user',
      bounceCategory: 'bad-mailbox',
      retry: false,
    });
  });

  it('reads \\n as a line break', async () => {
    const { lines } = await classify('421-4.7.0 one\\n421-4.7.0 two\\r\\n421 4.7.0 three');
    expect(lines).toMatchObject([{ reply: '421 4.7.0 one two three', enhanced: '4.7.0' }]);
  });

  it('knows the moment: a refusal in the greeting is tried again', async () => {
    const refusal = '554 5.7.1 no\n';
    expect((await classify(refusal)).lines).toMatchObject([{ retry: false }]);
    expect((await classify(refusal, '--at', 'greeting')).lines).toMatchObject([{ retry: true }]);
  });

  it('puts nothing on the terminal that moves it', async () => {
    expect((await classify('550 5.1.1 \u001b[2Jgone\u009b31m\n')).out).not.toMatch(/[\u0000-\u0009\u000b-\u001f\u007f-\u009f]/);
  });

  it('names the nearest provider when there is none of that name', async () => {
    const { code, err, lines } = await classify('550 x\n', '--provider', 'gogle');
    expect([code, lines.length]).toEqual([2, 0]);
    expect(err).toContain('did you mean google?');
  });

  it('says what is wrong with a configuration it cannot read', async () => {
    const { code, err } = await classify('550 x\n', '-c', 'absent.yaml');
    expect(code).toBe(2);
    expect(err).toContain('absent.yaml');
  });

  it('answers thousands in order, many in one write', async () => {
    const asked = Array.from({ length: 5_000 }, (_, i) => `${421 + (i % 2)} number ${i}`);
    const { lines, writes } = await classify(asked.join('\n'));
    expect(lines.map(line => line.reply)).toEqual(asked);
    expect(writes).toBeLessThan(200);
  });
});
