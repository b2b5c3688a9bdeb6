import type { Page } from 'playwright';
import { expect, test } from 'vitest';
import { prepared } from '../../src/ui/state/samples.ts';
import { encodeLink } from '../../src/ui/storage/link.ts';
import { complaintsOf } from './axe.ts';
import { diskMenu, momentOf, openPage, outputOf, run, sampleDisk, showTab, usePage } from './browser.ts';

/**
 * Goal: everybody can use it. Method: axe on every pane and dialog, in both colour
 * schemes and in lecture mode, and a session without a mouse.
 */
usePage();

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
      const isLookOnly = part !== undefined && name !== 'light';
      for (const complaint of await complaintsOf(page, part, isLookOnly))
        found.push(`${what}, ${name}: ${complaint}`);
      // Panes scroll by themselves, also what only screen readers see of them.
      const excessPixels = await page.evaluate(() => document.documentElement.scrollHeight - innerHeight);
      if (excessPixels > 0) found.push(`${what}, ${name}: the page is ${excessPixels} pixels too long`);
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
  await expect.poll(() => outputOf(page)).toContainEqual(expect.stringContaining('echo small'));
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
  await expect.poll(() => focused(page)).toMatch(/^Format/);
  await page.keyboard.type('APFS');
  await expect.poll(() => dialog.getByRole('combobox', { name: 'Format' }).inputValue()).toBe('apfs');
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
  await expect.poll(() => focused(page)).toMatch(/^Branches and bookmarks/);

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
