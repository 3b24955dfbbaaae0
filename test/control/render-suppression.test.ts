/** The suppression list as people see it. */
import { describe, expect, it } from 'vitest';
import { renderSuppression } from '../../src/control/render-suppression.js';
import type { SuppressionView } from '../../src/control/suppression-view.js';

const screen = { now: Date.parse('2026-11-20T12:00:00Z'), width: 120 };
const entry = (address: string): SuppressionView => ({
  address,
  scope: null,
  reason: 'complaint',
  since: '2026-11-20T11:00:00.000Z',
  until: null,
});

describe('the list', () => {
  it('is empty, or nothing in it matches', () => {
    expect(renderSuppression([], { limit: 100 }, screen)).toBe('Nobody is on the suppression list.\n');
    for (const filter of [{ match: 'a*' }, { scope: '' }])
      expect(renderSuppression([], { limit: 100, ...filter }, screen)).toBe('No entry of the suppression list matches.\n');
  });

  it('says that there may be more', () => {
    expect(renderSuppression([entry('a@b.example')], { limit: 1 }, screen)).toMatch(
      /a@b\.example .*complaint[^]*\nthe first 1: --limit shows more\n$/,
    );
    expect(renderSuppression([entry('a@b.example')], { limit: 2 }, screen)).not.toContain('--limit');
  });
});
