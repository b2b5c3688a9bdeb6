import { expect, test } from 'vitest';
import type { Page } from 'playwright';
import { decodeLink } from '../../src/ui/storage/link.ts';
import {
  diskMenu,
  momentOf,
  oneDisk,
  openPage,
  outputOf,
  ready,
  rowsOf,
  run,
  showTab,
  usePage,
} from './browser.ts';

/** Goal: several disks are one bench. Method: the page as it opens, in a real browser, found by roles and names. */
usePage();

const openBench = (options = {}) => openPage({ hash: '', ...options });
const resultOn = (page: Page, name: string) =>
  page.getByRole('region', { name: `Result on ${name}`, exact: true });
const namesOf = (page: Page): Promise<string[]> =>
  page
    .getByRole('button', { name: /: disk menu$/ })
    .evaluateAll((buttons) =>
      buttons.map((button) => (button.getAttribute('aria-label') ?? '').replace(': disk menu', '')),
    );

test('it opens with four formats; a line runs on all, and the results stand in line', async () => {
  const { page } = await openBench();
  await expect.poll(() => namesOf(page)).toEqual(['APFS', 'HFS+', 'exFAT', 'FAT32']);
  await run(page, 'cp -c film.mov clone.mov');
  await expect.poll(() => resultOn(page, 'APFS').innerText()).toMatch(/✓ done\s+0 data/);
  for (const name of ['HFS+', 'exFAT', 'FAT32']) {
    const result = await resultOn(page, name).innerText();
    expect(result, name).toContain('ENOTSUP');
    expect(result, name).toContain('16,384 data');
    expect(result, name).toContain('−8 MiB');
  }
  await page.keyboard.press('Escape');
  await page.getByRole('heading', { name: 'Diskoscope' }).click();
  await page.keyboard.press('Control+z');
  await expect.poll(() => momentOf(page)).toBe('before the first of 1 step');
  for (const name of ['APFS', 'FAT32'])
    await expect.poll(() => resultOn(page, name).innerText()).toContain('Nothing has run');
});

test('what disks say alike is printed once, what differs under their names; on speaks to one', async () => {
  const { page } = await openBench();
  await run(page, 'cat notes.txt');
  const isContents = (line: string) => line.includes('Every block of this disk is real.');
  await expect.poll(async () => (await outputOf(page)).filter(isContents).length).toBe(1);
  await run(page, 'df -k . | tail -1');
  // A first disk that takes its time is followed while it speaks, and named behind what it said.
  await expect.poll(() => outputOf(page)).toContainEqual(expect.stringMatching(/^APFS(: as above)?$/));
  for (const name of ['HFS+', 'exFAT', 'FAT32']) await expect.poll(() => outputOf(page)).toContain(name);
  await run(page, 'on exfat mkfile 1m only.bin');
  await expect.poll(() => resultOn(page, 'APFS').innerText()).toContain('The last line was for other disks.');
  await expect.poll(() => resultOn(page, 'exFAT').innerText()).toContain('✓ done');
  await page.getByRole('textbox', { name: 'Terminal: type a command' }).focus();
  await page.keyboard.type('on ntfs ls\n');
  await expect
    .poll(() => outputOf(page))
    .toContain('on: there is no disk ntfs; there are apfs, hfs, exfat, fat32, and all');
  await page.getByRole('button', { name: 'Type to FAT32 only' }).click();
  await run(page, 'pwd');
  await expect.poll(() => outputOf(page)).toContainEqual(expect.stringMatching(/^FAT32 ~ % pwd/));
});

test('disks are added, moved, replaced and removed; a new one runs the lines typed so far', async () => {
  const { page } = await openBench();
  await run(page, 'mkdir made');
  await page.getByRole('button', { name: 'Bench', exact: true }).click();
  await page.getByRole('menuitem', { name: 'Add a disk…' }).click();
  const dialog = page.getByRole('dialog', { name: 'Add a disk' });
  await dialog.getByLabel('Format').selectOption('exfat');
  await dialog.getByRole('button', { name: 'Make the disk' }).click();
  await dialog.waitFor({ state: 'hidden' });
  await expect.poll(() => namesOf(page)).toEqual(['APFS', 'HFS+', 'exFAT 1', 'FAT32', 'exFAT 2']);
  await expect.poll(async () => (await rowsOf(page, 'Files')).join()).toContain('made/');
  await expect.poll(() => resultOn(page, 'exFAT 2').innerText()).toContain('✓ done');
  await diskMenu(page, 'Move to the left', 'FAT32');
  await expect.poll(() => namesOf(page)).toEqual(['APFS', 'HFS+', 'FAT32', 'exFAT 1', 'exFAT 2']);
  await diskMenu(page, 'Remove from the bench', 'exFAT 1');
  await expect.poll(() => namesOf(page)).toEqual(['APFS', 'HFS+', 'FAT32', 'exFAT']);
  await page.getByRole('button', { name: 'Bring it back' }).click();
  await expect.poll(() => namesOf(page)).toEqual(['APFS', 'HFS+', 'FAT32', 'exFAT 1', 'exFAT 2']);
  await expect.poll(() => resultOn(page, 'exFAT 1').innerText()).toContain('✓ done');
});

test('a line typed while disks run the lines again runs behind those, on every disk', async () => {
  const { page } = await openBench();
  await run(page, 'touch $(seq 1 400)');
  await page.getByLabel('Device').selectOption('hdd');
  await run(page, 'echo late > late; ls | wc -l');
  for (const name of await namesOf(page))
    await expect.poll(() => resultOn(page, name).innerText(), { message: name }).toContain('1 data');
  expect(await page.getByText(/^Could not/).count()).toBe(0);
  expect((await outputOf(page)).map((line) => line.trim())).toContain('404');
});

test('a disk that is not to trim does not, keeps to it through a reload, says so in a link, and can be told otherwise', async () => {
  const { page } = await openPage({ hash: oneDisk('apfs') });
  await page.getByRole('button', { name: 'Bench', exact: true }).click();
  await page.getByRole('menuitem', { name: 'Add a disk…' }).click();
  const dialog = page.getByRole('dialog', { name: 'Add a disk' });
  const trim = dialog.getByRole('checkbox', {
    name: /^Freed blocks are trimmed after the commit that frees them/,
  });
  expect(await trim.count()).toBe(0);
  await dialog.getByLabel('Format').selectOption('hfsplus');
  expect(await trim.isChecked()).toBe(true);
  await trim.uncheck();
  await dialog.getByRole('button', { name: 'Make the disk' }).click();
  await dialog.waitFor({ state: 'hidden' });
  const trims = async (): Promise<boolean[]> => {
    await showTab(page, 'Compare');
    const row = page.getByRole('row').filter({ has: page.getByRole('rowheader', { name: 'trims' }) });
    return (await row.first().getByRole('cell').allInnerTexts()).map((text) => text.trim() !== '0');
  };
  await expect.poll(() => namesOf(page)).toEqual(['APFS', 'HFS+']);
  await page.getByRole('treeitem', { name: /film/ }).waitFor();
  await run(page, 'rm film.mov; echo a > a');
  expect(await trims()).toEqual([true, false]);
  await page.getByText(/^saved /).waitFor();
  await page.reload();
  await ready(page);
  await expect.poll(() => momentOf(page)).toContain('step 1 of 1');
  await run(page, 'rm notes.txt; echo b > b');
  expect(await trims()).toEqual([true, false]);
  await page.getByRole('button', { name: 'Share', exact: true }).click();
  await page.waitForFunction(() => location.hash !== '');
  const { disks } = decodeLink(await page.evaluate(() => location.hash));
  expect(disks.map((disk) => disk.trims)).toEqual([undefined, false]);
  await diskMenu(page, 'Policy: trim freed blocks', 'HFS+');
  await expect.poll(trims).toEqual([true, true]);
});

test('a demonstration runs by itself, shows what the figures say, and can be taken over', async () => {
  const { page } = await openBench({ reducedMotion: 'reduce' });
  await run(page, 'mkdir mine');
  await page.getByRole('button', { name: 'Demonstrations' }).click();
  await page.getByRole('menuitem', { name: 'Where did my space go?' }).click();
  const demo = page.getByRole('region', { name: 'Demonstration: Where did my space go?' });
  await expect.poll(() => demo.innerText()).toContain('✓');
  await demo.getByRole('button', { name: 'Pause' }).click();
  await demo.getByRole('button', { name: 'Next' }).click();
  await expect.poll(() => demo.innerText()).toMatch(/2 of 4[^]*the snapshot holds every block/);
  await demo.getByRole('button', { name: 'Take over' }).click();
  await demo.waitFor({ state: 'hidden' });
  await run(page, 'ls');
  await expect.poll(() => namesOf(page)).toEqual(['APFS']);
  await page.getByRole('button', { name: 'Bring my bench back' }).click();
  await expect.poll(() => namesOf(page)).toEqual(['APFS', 'HFS+', 'exFAT', 'FAT32']);
  await expect.poll(() => momentOf(page)).toBe('step 1 of 1: mkdir mine');
  await page.reload();
  await ready(page);
  await expect.poll(() => momentOf(page)).toBe('step 1 of 1: mkdir mine');
});

test('the palette finds what the page can do; lecture mode enlarges and stays usable', async () => {
  const { page } = await openBench();
  const palette = page.getByRole('dialog', { name: 'Commands of the page' });
  // In the terminal Ctrl-K cuts first.
  const prompt = page.getByRole('textbox', { name: 'Terminal: type a command' });
  await prompt.focus();
  await page.keyboard.type('ls nothing');
  await page.keyboard.press('Control+a');
  await page.keyboard.press('Control+k');
  expect(await palette.isVisible()).toBe(false);
  await page.keyboard.press('Control+k');
  await palette.waitFor();
  await page.keyboard.press('Escape');
  await page.getByRole('heading', { name: 'Diskoscope' }).click();
  await page.keyboard.press('Control+k');
  await palette.getByRole('combobox', { name: 'What to do' }).fill('lecture');
  await page.keyboard.press('Enter');
  await palette.waitFor({ state: 'hidden' });
  const type = () => page.evaluate(() => getComputedStyle(document.body).fontSize);
  expect(await type()).toBe('17px');
  // The terminal's type follows, though its pane has the size it had.
  const rowPixels = () =>
    page.evaluate(() => document.querySelector('.xterm-rows > div')?.getBoundingClientRect().height ?? 0);
  await expect.poll(rowPixels).toBeGreaterThan(20);
  await run(page, 'ls');
  await page.getByRole('heading', { name: 'Diskoscope' }).click();
  await page.keyboard.press('l');
  expect(await type()).toBe('13px');
  await page.keyboard.press('3');
  await expect
    .poll(() => page.getByRole('button', { name: 'exFAT', exact: true }).getAttribute('aria-pressed'))
    .toBe('true');
});
