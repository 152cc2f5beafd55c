import { expect, test } from 'vitest';
import { endlessness, noPages, withPage } from '../../shared/domain/page-trail.ts';

const span = { since: '2026-03-01T10:00:00.000Z', until: '2026-03-01T10:00:00.000Z' };

test.each([
  ['whole', 1, 200],
  ['asked for in eighths', 1 / 8, 1_600],
])('a list has no end after as many orders, also where its pages are %s', (_, share, most) => {
  let trail = noPages;
  for (let page = 1; page < most; page++) trail = withPage(trail, [String(page)], true, share);
  expect(endlessness(trail, span)).toBeUndefined();
  expect(endlessness(withPage(trail, ['last'], true, share), span)).toMatch(`after ${most} pages`);
});
