import AxeBuilder from '@axe-core/playwright';
import type { Page } from 'playwright';
import { describe, expect, test } from 'vitest';
import { diskMenu, momentOf, openPage, outputOf, run, showTab, usePage } from './browser.ts';

/** Goal: everybody can use it. Method: axe in both colour schemes on every pane, and a session without a mouse. */
usePage();

async function complaintsOf(page: Page): Promise<string[]> {
  const { violations } = await new AxeBuilder({ page })
    .withTags(['wcag2a', 'wcag2aa', 'wcag21aa', 'wcag22aa', 'best-practice'])
    .analyze();
  return violations.flatMap(({ id, nodes }) =>
    nodes.map((node) => `${id}: ${node.html.slice(0, 160)} ${node.failureSummary ?? ''}`),
  );
}

describe.each(['light', 'dark'] as const)('%s', (colorScheme) => {
  test('axe has nothing to say about any pane', async () => {
    const { page } = await openPage({ colorScheme });
    expect(await complaintsOf(page)).toEqual([]);
    await run(page, 'cp film.mov copy.mov');
    await run(page, 'cp missing x');
    await page.getByRole('treeitem', { name: /notes\.txt/ }).click();
    for (const tab of ['Structures', 'Bytes', 'Trace', 'Why']) {
      await showTab(page, tab);
      await page.waitForTimeout(300);
      expect(await complaintsOf(page), tab).toEqual([]);
    }
    await diskMenu(page, 'Check volume');
    await page.getByText('✓ clean').waitFor();
    expect(await complaintsOf(page), 'Check').toEqual([]);
    await page.getByRole('button', { name: 'Help' }).click();
    expect(await complaintsOf(page), 'Help').toEqual([]);
  });
});

test('on a narrow screen everything is there, without sideways scrolling, axe clean', async () => {
  const { page } = await openPage({ viewport: { width: 320, height: 640 } });
  expect(await page.evaluate(() => document.documentElement.scrollWidth)).toBeLessThanOrEqual(320);
  expect(await complaintsOf(page)).toEqual([]);
  await run(page, 'echo small > small.txt');
  expect(await outputOf(page)).toContainEqual(expect.stringContaining('echo small'));
});

test('a session by keyboard alone', async () => {
  const { page } = await openPage();
  /** Presses Tab until the element with this role and name has the focus. */
  const tabTo = async (name: RegExp) => {
    for (let nth = 0; nth < 60; nth++) {
      await page.keyboard.press('Tab');
      const focused = await page.evaluate(() => {
        const element = document.activeElement;
        return element
          ? `${element.getAttribute('aria-label') ?? ''} ${element.textContent?.trim().slice(0, 60) ?? ''}`
          : '';
      });
      if (name.test(focused)) return;
    }
    throw new Error(`Tab never reaches ${name}`);
  };
  await tabTo(/^Bench /);
  await page.keyboard.press('Enter');
  await page.keyboard.press('ArrowDown');
  await page.keyboard.press('Escape');
  await tabTo(/^Block map/);
  await page.keyboard.press('ArrowRight');
  await page.keyboard.press('Enter');
  await expect.poll(() => page.getByRole('tabpanel').innerText()).toContain('Block ');
  await tabTo(/^Fields of the block/);
  await page.keyboard.press('ArrowDown');
  expect(await page.getByRole('region', { name: 'Selected field' }).innerText()).not.toContain(
    'Select a byte',
  );
  await tabTo(/^\s*cp -c film\.mov/);
  await page.keyboard.press('Enter');
  await expect.poll(() => momentOf(page)).toBe('step 1 of 1: cp -c film.mov clone.mov');
  await tabTo(/^Terminal: type a command/);
  await page.keyboard.type('rm clone.mov\n');
  await expect.poll(() => momentOf(page)).toBe('step 2 of 2: rm clone.mov');
  await page.keyboard.press('Shift+Tab');
  await page.keyboard.press('Control+z');
  await expect.poll(() => momentOf(page)).toBe('step 1 of 2: cp -c film.mov clone.mov');
  await page.keyboard.press('ArrowLeft');
  await expect.poll(() => momentOf(page)).toBe('before the first of 2 steps');
  await page.keyboard.press('Shift+?');
  await page.getByRole('dialog', { name: 'Help' }).waitFor();
});

test('motion is left out for those who ask for that', async () => {
  const { page } = await openPage({ reducedMotion: 'reduce' });
  await run(page, 'cp film.mov copy.mov');
  const marks = page.locator('canvas').nth(1);
  await page.waitForTimeout(100);
  const first = await marks.evaluate((canvas: HTMLCanvasElement) => canvas.toDataURL());
  await page.waitForTimeout(400);
  expect(await marks.evaluate((canvas: HTMLCanvasElement) => canvas.toDataURL())).toBe(first);
});
