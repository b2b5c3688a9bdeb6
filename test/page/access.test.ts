import AxeBuilder from '@axe-core/playwright';
import type { Page } from 'playwright';
import { describe, expect, test } from 'vitest';
import { prepared } from '../../src/ui/state/samples.ts';
import { encodeLink } from '../../src/ui/storage/link.ts';
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

/** What has the focus, as it is called: by its label or by what stands in it. */
const focused = (page: Page): Promise<string> =>
  page.evaluate(() => {
    const element = document.activeElement;
    if (element === null) return '';
    const labels =
      element instanceof HTMLInputElement || element instanceof HTMLSelectElement ? element.labels : [];
    const spoken =
      element.getAttribute('aria-label') ??
      [...(labels ?? [])].map(({ textContent }) => textContent.trim()).join(' ');
    return `${spoken.trim()} ${element.textContent?.trim().slice(0, 60) ?? ''}`;
  });

/** Presses a key until what has the focus is called `name`. */
async function keyTo(page: Page, key: string, name: RegExp): Promise<void> {
  for (let nth = 0; nth < 90; nth++) {
    await page.keyboard.press(key);
    if (name.test(await focused(page))) return;
  }
  throw new Error(`${key} never reaches ${name}; the last was ‘${await focused(page)}’`);
}

const tabTo = (page: Page, name: RegExp) => keyTo(page, 'Tab', name);

test('a session by keyboard alone', async () => {
  const { page } = await openPage();
  await tabTo(page, /^Bench /);
  await page.keyboard.press('Enter');
  await page.keyboard.press('ArrowDown');
  await page.keyboard.press('Escape');
  await tabTo(page, /^Block map/);
  await page.keyboard.press('ArrowRight');
  await page.keyboard.press('Enter');
  await expect.poll(() => page.getByRole('tabpanel').innerText()).toContain('Block ');
  await tabTo(page, /^Fields of the block/);
  await page.keyboard.press('ArrowDown');
  expect(await page.getByRole('region', { name: 'Selected field' }).innerText()).not.toContain(
    'Select a byte',
  );
  await tabTo(page, /^\s*cp -c film\.mov/);
  await page.keyboard.press('Enter');
  await expect.poll(() => momentOf(page)).toBe('step 1 of 1: cp -c film.mov clone.mov');
  await tabTo(page, /^Terminal: type a command/);
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

test('from a new disk to its image by keyboard alone: dialog, terminal, compare, time, palette, map, download', async () => {
  const disks = ['fat32', 'exfat'].map((format) => ({ ...prepared(format), label: 'SAMPLE' }));
  const { page } = await openPage({ hash: encodeLink({ disks, lines: [] }) });
  await page.evaluate(() => {
    const count = () => (document.documentElement.dataset['pointed'] = 'yes');
    for (const kind of ['pointerdown', 'mousedown', 'touchstart']) addEventListener(kind, count, true);
  });

  // Another disk, made with other options.
  await tabTo(page, /^FAT32: disk menu/);
  await page.keyboard.press('Enter');
  await keyTo(page, 'ArrowDown', /Another disk in its place/);
  await page.keyboard.press('Enter');
  const dialog = page.getByRole('dialog', { name: 'Another disk in place of FAT32' });
  await dialog.waitFor();
  expect(await focused(page)).toMatch(/^Format/);
  await page.keyboard.type('APFS');
  expect(await dialog.getByRole('combobox', { name: 'Format' }).inputValue()).toBe('apfs');
  await tabTo(page, /^Size/);
  await page.keyboard.press('Control+a');
  await page.keyboard.type('96m');
  await tabTo(page, /^Partition map/);
  await page.keyboard.type('GPT');
  await tabTo(page, /case-sensitive/);
  await page.keyboard.press(' ');
  await tabTo(page, /Make the disk/);
  await page.keyboard.press('Enter');
  const column = page.getByRole('region', { name: 'APFS', exact: true });
  await expect.poll(() => column.getByRole('heading').innerText()).toMatch(/96 MiB.*GPT/s);

  // Tab completes in the terminal; Shift-Tab leaves it.
  await tabTo(page, /^Terminal: type a command/);
  await page.keyboard.type('mkdir k; cp film.m');
  await page.keyboard.press('Tab');
  await page.keyboard.type('k/copy.mov\n');
  await expect.poll(() => momentOf(page)).toBe('step 1 of 1: mkdir k; cp film.mov k/copy.mov');
  await page.keyboard.type('rm film.mov\n');
  await expect.poll(() => momentOf(page)).toBe('step 2 of 2: rm film.mov');
  await page.keyboard.press('Shift+Tab');
  expect(await focused(page)).not.toMatch(/^Terminal/);

  // What it cost on each, for another device.
  await keyTo(page, 'Shift+Tab', /^ Files$/);
  await keyTo(page, 'ArrowRight', /^ Compare$/);
  await tabTo(page, /^Last command/);
  await keyTo(page, 'ArrowRight', /^All 2/);
  const table = page.getByRole('table', { name: '2 commands', exact: true });
  const heads = table.getByRole('columnheader', { name: /APFS|exFAT/ });
  await expect.poll(() => heads.count()).toBe(2);
  const onNvme = await table.innerText();
  await tabTo(page, /^Price for device/);
  await page.keyboard.type('HDD');
  await expect.poll(() => table.innerText()).not.toBe(onNvme);

  // Time: a bookmark, and back to it by its name.
  await tabTo(page, /^Moment shown/);
  await page.keyboard.press('ArrowLeft');
  await expect.poll(() => momentOf(page)).toContain('step 1 of 2');
  await page.keyboard.press('b');
  await page.keyboard.press('Home');
  await expect.poll(() => momentOf(page)).toContain('before the first');
  await tabTo(page, /^Branches and bookmarks/);
  await page.keyboard.press('Enter');
  await tabTo(page, /^Rename bookmark/);
  await page.keyboard.press('Enter');
  await page.keyboard.type('the copy\n');
  await tabTo(page, /^ the copy/);
  await page.keyboard.press('Enter');
  await expect.poll(() => momentOf(page)).toContain('step 1 of 2');
  await page.keyboard.press('Escape');
  expect(await focused(page)).toMatch(/^Branches and bookmarks/);

  // Everything by name.
  await page.keyboard.press('Control+k');
  await page.keyboard.type('apfs check');
  await page.keyboard.press('Enter');
  await page.getByText('✓ clean').waitFor();

  // A block, and its bytes.
  await keyTo(page, 'Shift+Tab', /^Block map/);
  for (const key of ['ArrowDown', 'ArrowRight', 'ArrowRight', 'Enter']) await page.keyboard.press(key);
  await expect
    .poll(() => page.getByRole('tab', { name: 'Bytes' }).getAttribute('aria-selected'))
    .toBe('true');
  // The keyboard went along with what it opened.
  await expect.poll(() => focused(page)).toMatch(/^Bytes of block/);
  const reading = page.getByRole('region', { name: 'Selected field' });
  await page.keyboard.press('ArrowRight');
  const first = await reading.innerText();
  await page.keyboard.press('End');
  await expect.poll(() => reading.innerText()).not.toBe(first);

  // Its image, packed.
  await keyTo(page, 'Shift+Tab', /^APFS: disk menu/);
  await page.keyboard.press('Enter');
  await keyTo(page, 'ArrowDown', /Download/);
  const waiting = page.waitForEvent('download');
  await page.keyboard.press('Enter');
  await page.getByRole('dialog', { name: 'Download APFS' }).waitFor();
  await keyTo(page, 'ArrowDown', /^Packed image/);
  await tabTo(page, /Save the file/);
  await page.keyboard.press('Enter');
  expect((await waiting).suggestedFilename()).toMatch(/\.img\.gz$/);
  await page.getByRole('dialog', { name: 'Download APFS' }).waitFor({ state: 'hidden' });

  await page.keyboard.press('Shift+?');
  await page.getByRole('dialog', { name: 'Help' }).waitFor();
  await page.keyboard.press('Escape');
  await page.getByRole('dialog', { name: 'Help' }).waitFor({ state: 'hidden' });
  expect(await page.evaluate(() => document.documentElement.dataset['pointed'])).toBeUndefined();
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
