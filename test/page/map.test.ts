import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { momentOf, oneDisk, openPage, outputOf, rowsOf, run, showTab, usePage } from './browser.ts';

/** Goal: the map's views and the diagrams of the formats, by role and name. */
usePage();

test('the order of cells is switched and remembered; in either order the arrows walk on the screen', async () => {
  const { page } = await openPage();
  const order = page.getByRole('combobox', { name: 'Order of the map’s cells' });
  await order.selectOption('hilbert');
  const map = page.getByRole('grid', { name: /^Block map/ }).first();
  await map.focus();
  const place = async () => {
    const id = await map.getAttribute('aria-activedescendant');
    const cell = page.locator(`[id="${id}"]`);
    const row = await cell.locator('xpath=..').getAttribute('aria-rowindex');
    return [Number(row), Number(await cell.getAttribute('aria-colindex'))];
  };
  expect(await place()).toEqual([1, 1]);
  await page.keyboard.press('ArrowRight');
  await page.keyboard.press('ArrowDown');
  await page.keyboard.press('ArrowDown');
  expect(await place()).toEqual([3, 2]);
  await page.reload();
  await page.locator('[data-ready=true]').waitFor();
  await expect.poll(() => order.inputValue()).toBe('hilbert');
});

test('a picture of the map is a PNG file', async () => {
  const { page } = await openPage();
  const saving = page.waitForEvent('download');
  await page.getByRole('button', { name: 'Save a picture of the map' }).first().click();
  const download = await saving;
  expect(download.suggestedFilename()).toMatch(/map\.png$/);
  const bytes = readFileSync(await download.path());
  expect([...bytes.subarray(1, 4)]).toEqual([0x50, 0x4e, 0x47]);
  // Width in the header: never narrower than its words.
  expect(bytes.readUInt32BE(16)).toBeGreaterThanOrEqual(720);
});

test('a diagram is walked by keys, leads to its bytes, and stands beside the one before the step', async () => {
  const { page } = await openPage({ hash: oneDisk('apfs') });
  await run(page, 'echo more > more.txt');
  await showTab(page, 'Structures');
  const choice = page.getByRole('combobox', { name: 'Diagram shown' });
  await expect.poll(() => choice.locator('option').first().innerText()).toBe('Checkpoint ring');
  const ring = page.getByRole('listbox', { name: 'Checkpoint ring', exact: true });
  await expect.poll(() => ring.getByRole('option').first().innerText()).toContain('changed in this step');
  await ring.focus();
  await page.keyboard.press('ArrowDown');
  await page.keyboard.press('Enter');
  await page.getByRole('checkbox', { name: 'before the step' }).check();
  const before = page.getByRole('listbox', { name: 'Checkpoint ring, before the step' });
  expect(await before.getByRole('option').first().innerText()).not.toContain('changed in this step');
  await showTab(page, 'Bytes');
  await expect.poll(() => page.getByRole('tabpanel').innerText()).toMatch(/checkpoint map/i);
});

test('the entry sets of the exFAT directory selected among the structures are drawn, and lead to their bytes', async () => {
  const { page } = await openPage({ hash: oneDisk('exfat') });
  await run(page, 'mkdir d; echo a > d/note; rm d/note; echo b > d/another-name.txt');
  await showTab(page, 'Structures');
  const tree = page.getByRole('tree', { name: 'Structures' });
  for (const name of [/Root directory/, /directory "d"/, /Directory \/d\b/]) {
    await tree.getByRole('treeitem', { name }).first().click();
    if (!/Directory/.test(name.source)) await tree.press('ArrowRight');
  }
  const choice = page.getByRole('combobox', { name: 'Diagram shown' });
  await expect.poll(() => choice.locator('option:checked').innerText()).toBe('Entry sets of /d');
  const entries = page.getByRole('listbox', { name: 'Entry sets of /d', exact: true });
  const told = (await entries.getByRole('option').allInnerTexts()).map((text) => text.replace(/\s+/g, ' '));
  expect(told[2]).toMatch(/entry 2 name "another-name\.tx"/);
  await entries.focus();
  await page.keyboard.press('ArrowRight');
  await page.keyboard.press('Enter');
  await showTab(page, 'Bytes');
  await expect.poll(() => page.getByRole('tabpanel').innerText()).toMatch(/Directory \/d, entries 0 to/);
  await expect
    .poll(() => page.getByRole('region', { name: 'Selected field' }).innerText())
    .toMatch(/entry 1/);
});

test('an older checkpoint is opened with a button, as a step that undo takes back, and left for the newest', async () => {
  const { page } = await openPage({ hash: oneDisk('apfs') });
  await run(page, 'mkdir older');
  await run(page, 'mkdir newer');
  await showTab(page, 'Structures');
  const list = page.getByRole('region', { name: 'Checkpoints to open' });
  const rows = async () =>
    (await list.getByRole('listitem').allInnerTexts()).map((text) => text.replace(/\s+/g, ' '));
  await expect.poll(async () => (await rows()).join('\n')).toMatch(/^Transaction \d+ newest, mounted/);
  await expect
    .poll(async () => (await rows())[2])
    .toMatch(/not intact: the object map of the container is no longer in block \d+$/);
  const open = list.getByRole('button', { name: /^Open read-only: transaction/ });
  expect(await open.count()).toBe(1);
  await open.focus();
  await page.keyboard.press('Enter');
  await expect.poll(rows).toContainEqual(expect.stringMatching(/Transaction \d+ mounted/));
  await expect.poll(() => momentOf(page)).toMatch(/^step 3 of 3: mount -u -o checkpoint=\d+ disk2s1$/);
  expect(await open.evaluate((button) => button === document.activeElement)).toBe(true);
  const files = async (): Promise<string> => {
    await showTab(page, 'Files');
    return (await rowsOf(page, 'Files')).join();
  };
  await expect.poll(files).toContain('older');
  expect(await files()).not.toContain('newer');
  await page.getByRole('heading', { name: 'Diskoscope' }).click();
  await page.keyboard.press('Control+z');
  await expect.poll(files).toContain('newer');
  await page.keyboard.press('Control+Shift+z');
  await expect.poll(files).not.toContain('newer');
  await showTab(page, 'Structures');
  await list.getByRole('button', { name: /^Back to the newest/ }).click();
  await expect.poll(files).toContain('newer');
  await run(page, 'echo it is written again > newer/a');
  expect((await outputOf(page)).join()).not.toContain('Read-only');
});
