/** The doctor's table: texts beside the checks where there is room for them, below them where there is not. */
import { expect, it } from 'vitest';
import type { DoctorView } from '../../src/control/doctor-view.js';
import { renderDoctor } from '../../src/control/render-doctor.js';

const RECORD = '_dmarc.sender.example. IN TXT "v=DMARC1; p=none"';
const view: DoctorView = {
  at: '2026-11-20T12:00:00.000Z',
  state: 'fail',
  counts: { ok: 1, warn: 0, fail: 1, unknown: 0 },
  groups: [
    {
      kind: 'domain',
      name: 'sender.example',
      checks: [
        { check: 'port', about: 'mx1.small-isp.example:25260', state: 'ok', text: 'answers' },
        { check: 'dmarc', state: 'fail', text: 'there is no record: large receivers demand one', mend: 'publish', publish: [RECORD] },
      ],
    },
  ],
};

it('has texts beside the checks', () => {
  expect(renderDoctor(view, { width: 120 })).toBe(`domain  sender.example
  ok       port   mx1.small-isp.example:25260  answers
  fail     dmarc                               there is no record: large receivers demand one
                                               → publish
                                                 ${RECORD}

1 ok, 0 warn, 1 fail, 0 unknown: receivers will hold this against the mail
`);
});

it('has them below on a narrow screen, so that lines and records fit', () => {
  expect(renderDoctor(view, { width: 80 })).toBe(`domain  sender.example
  ok       port   mx1.small-isp.example:25260
           answers
  fail     dmarc
           there is no record: large receivers demand one
           → publish
             ${RECORD}

1 ok, 0 warn, 1 fail, 0 unknown: receivers will hold this against the mail
`);
});
