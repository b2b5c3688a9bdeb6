import axe from 'axe-core';
import type { RunOptions } from 'axe-core';
import type { Page } from 'playwright';

const TAGS = ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa', 'best-practice'];
/** What colours and sizes of type decide. */
const LOOK_RULES = ['color-contrast', 'target-size', 'scrollable-region-focusable'];

/**
 * What axe has to say against the page: rule, element, and what is wrong with it. There are no frames: all can be asked
 * of the page itself, which keeps axe from one question to the next.
 *
 * @param part - a selector of what alone is looked at
 * @param isLookOnly - whether only what depends on colours and sizes is asked
 */
export async function complaintsOf(page: Page, part?: string, isLookOnly = false): Promise<string[]> {
  const options: RunOptions = {
    runOnly: isLookOnly ? { type: 'rule', values: LOOK_RULES } : { type: 'tag', values: TAGS },
    resultTypes: ['violations'],
  };
  if (!(await page.evaluate(() => 'axe' in globalThis))) await page.evaluate(axe.source);
  return page.evaluate(
    async ([part, options]) => {
      const { axe } = globalThis as unknown as { axe: typeof import('axe-core') };
      const { violations } = await axe.run(part ?? document, options);
      return violations.flatMap(({ id, nodes }) =>
        nodes.map(({ html, failureSummary }) => `${id}: ${html.slice(0, 160)} ${failureSummary ?? ''}`),
      );
    },
    [part, options] as const,
  );
}
