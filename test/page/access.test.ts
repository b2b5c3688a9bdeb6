import AxeBuilder from '@axe-core/playwright';
import type { Page } from 'playwright';
import { expect, test } from 'vitest';
import { encodeLink } from '../../src/ui/storage/link.ts';
import { diskMenu, momentOf, openPage, outputOf, run, sampleDisk, showTab, usePage } from './browser.ts';

/**
 * Goal: everybody can use it. Method: axe on every pane and dialog, in both colour
 * schemes and in lecture mode, and a session without a mouse.
 */
usePage();

const TAGS = ['wcag2a', 'wcag2aa', 'wcag21aa', 'wcag22aa', 'best-practice'];
/** What colours and sizes of type decide. */
const LOOK_RULES = ['color-contrast', 'target-size', 'scrollable-region-focusable'];

/** `part`: a selector of what alone is looked at. */
async function complaintsOf(page: Page, part?: string, rules?: string[]): Promise<string[]> {
  // There are no frames: everything can be asked of the page itself, without a blank one beside it.
  const axe = new AxeBuilder({ page }).setLegacyMode();
  if (part !== undefined) axe.include(part);
  const { violations } = await (rules === undefined ? axe.withTags(TAGS) : axe.withRules(rules)).analyze();
  return violations.flatMap(({ id, nodes }) =>
    nodes.map((node) => `${id}: ${node.html.slice(0, 160)} ${node.failureSummary ?? ''}`),
  );
}

const PANEL = '[role=tabpanel]';
const DIALOG = 'dialog[open]';
const TWO_DISKS = encodeLink({ disks: [sampleDisk('apfs'), sampleDisk('hfsplus')], lines: [] });

/** Of a part the first three: what lecture mode in the dark does to it the whole page shows. */
const LOOKS = [
  { name: 'light', colorScheme: 'light', isLecture: false },
  { name: 'dark', colorScheme: 'dark', isLecture: false },
  { name: 'lecture', colorScheme: 'light', isLecture: true },
  { name: 'lecture, dark', colorScheme: 'dark', isLecture: true },
] as const;

test('axe has nothing to say about any pane and any dialog, light, dark or in lecture mode', async () => {
  const { page } = await openPage({ hash: TWO_DISKS });
  const found: string[] = [];
  const look = async (what: string, part?: string): Promise<void> => {
    for (const { name, colorScheme, isLecture } of part === undefined ? LOOKS : LOOKS.slice(0, 3)) {
      await page.emulateMedia({ colorScheme });
      // As the button does it, which a dialog covers.
      await page.evaluate((on) => document.documentElement.toggleAttribute('data-lecture', on), isLecture);
      const rules = name === 'light' || part === undefined ? undefined : LOOK_RULES;
      for (const complaint of await complaintsOf(page, part, rules))
        found.push(`${what}, ${name}: ${complaint}`);
    }
    await page.evaluate(() => document.documentElement.removeAttribute('data-lecture'));
  };
  const press = async (keys: string): Promise<void> => {
    await page.getByRole('heading', { name: 'Diskoscope' }).click();
    await page.keyboard.press(keys);
  };
  const inDialog = async (name: string): Promise<void> => {
    await page.getByRole('dialog', { name }).waitFor();
    await look(name, DIALOG);
    await page.keyboard.press('Escape');
    await page.getByRole('dialog', { name }).waitFor({ state: 'hidden' });
  };

  await look('the page as it opens');
  await run(page, 'cp -c film.mov copy.mov; tmutil localsnapshot');
  await run(page, 'rm copy.mov; cp missing x');
  await page.getByRole('treeitem', { name: /notes\.txt/ }).click();
  await look('the page with a file selected');

  await showTab(page, 'Structures');
  const diagrams = page.getByRole('combobox', { name: 'Diagram shown' });
  await page.getByRole('region', { name: 'Checkpoints to open' }).waitFor();
  await page.getByRole('checkbox', { name: 'before the step' }).check();
  for (const title of ['Checkpoint ring', 'Space manager', 'Layers of SAMPLE', 'Catalog of SAMPLE']) {
    await diagrams.selectOption(title);
    await page.getByRole('listbox', { name: title, exact: true }).waitFor();
    await look(title, PANEL);
  }
  for (const tab of ['Bytes', 'Trace', 'Why', 'Compare']) {
    await showTab(page, tab);
    await page.waitForTimeout(200);
    await look(tab, PANEL);
  }
  await diskMenu(page, 'Check volume', 'APFS');
  await page.getByText('✓ clean').waitFor();
  await look('Check', PANEL);

  const slider = page.getByRole('slider', { name: 'Moment shown' });
  await slider.press('Home');
  await expect.poll(() => momentOf(page)).toContain('before the first');
  await slider.press('[');
  await slider.press('End');
  await expect.poll(() => momentOf(page)).toContain('step 2 of 2');
  await slider.press(']');
  await page.getByRole('tree', { name: 'Files that differ' }).waitFor();
  await look('Moments: files', PANEL);
  for (const [level, rows] of [
    ['Structures', 'Structures that differ'],
    ['Bytes', 'Blocks that differ'],
  ] as const) {
    await page.getByRole('radio', { name: level }).press(' ');
    await page.getByRole('tree', { name: rows }).getByRole('treeitem').first().waitFor();
    if (level === 'Bytes') await page.getByRole('tree', { name: rows }).press('Home');
    await look(`Moments: ${level}`, PANEL);
  }

  await press('?');
  await inDialog('Help');
  await press('Control+k');
  await inDialog('Commands of the page');
  const choose = async (item: string): Promise<void> => {
    await page.getByRole('button', { name: 'Bench', exact: true }).click();
    if (item === 'Benches…') await look('a menu', '[role=menu]');
    await page.getByRole('menuitem', { name: item }).click();
  };
  await choose('Benches…');
  await inDialog('Benches in this browser');
  await choose('Add a disk…');
  const dialog = page.getByRole('dialog', { name: 'Add a disk' });
  await dialog.getByLabel('Format').selectOption('apfs');
  await dialog.getByLabel('Size').fill('nothing');
  await dialog.getByRole('button', { name: 'Make the disk' }).click();
  await inDialog('Add a disk');
  await diskMenu(page, 'Download…', 'APFS');
  await page.getByRole('dialog').getByText('Linux').first().waitFor();
  await look('Download', DIALOG);
  await page.keyboard.press('Escape');

  await page.getByRole('button', { name: 'Demonstrations' }).click();
  await page.getByRole('menuitem').first().click();
  const demo = page.getByRole('region', { name: /^Demonstration: / });
  await demo.getByRole('button', { name: 'Pause' }).click();
  await look('a demonstration');
  expect(found).toEqual([]);
}, 180_000);

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
