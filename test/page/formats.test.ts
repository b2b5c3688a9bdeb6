import { describe, expect, test } from 'vitest';
import { diskMenu, oneDisk, openPage, outputOf, pageFolderAddress } from './browser.ts';
import { rowsOf, run, showTab, usePage } from './browser.ts';

/** Goal: every format can be made, used, looked into and checked on the page, without a picture of another one. */
usePage();

const SAMPLES = [
  { format: 'fat32', title: 'MS-DOS (FAT32)', structure: 'FAT', tool: 'fsck_msdos' },
  { format: 'exfat', title: 'ExFAT', structure: 'Up-case table', tool: 'fsck_exfat' },
  { format: 'hfsplus', title: 'Journaled HFS+', structure: 'Catalog tree', tool: 'fsck_hfs' },
  { format: 'hfsx', title: 'Case-sensitive Journaled HFS+', structure: 'Journal', tool: 'fsck_hfs' },
  { format: 'apfs', title: 'APFS', structure: 'Checkpoints', tool: 'fsck_apfs' },
];

describe.each(SAMPLES)('$format', ({ format, title, structure, tool }) => {
  test('opens, runs, shows its structures, bytes and reasons, and is clean', async () => {
    const { page } = await openPage({ hash: oneDisk(format) });
    const heading = page.getByRole('heading', { name: /SAMPLE/ });
    await expect.poll(() => heading.innerText()).toContain(title);
    await run(page, 'echo hello >> notes.txt; mkdir d; mv photos/one.jpg d; cp film.mov d/copy.mov');
    await expect
      .poll(async () => (await rowsOf(page, 'Files')).join('\n'))
      .toContain('film.mov 8 MiB 8 MiB 1');
    await showTab(page, 'Structures');
    await expect.poll(async () => (await rowsOf(page, 'Structures')).join('\n')).toContain(structure);
    await page.getByRole('treeitem').filter({ hasText: structure }).first().click();
    await showTab(page, 'Bytes');
    await page.getByRole('grid').first().waitFor();
    await showTab(page, 'Why');
    await expect.poll(() => page.getByRole('tabpanel').innerText()).toMatch(/Block \d/);
    await diskMenu(page, 'Check volume');
    await expect.poll(() => page.getByRole('tabpanel').innerText()).toContain('✓ clean');
    await expect
      .poll(async () => (await outputOf(page)).join('\n'))
      .toMatch(new RegExp(`check .*: ${tool} -n`));
  });
});

test('extended attributes show with their file, under the name that was chosen', async () => {
  const { page } = await openPage({ hash: oneDisk('hfsplus') });
  await run(page, 'xattr -w org.example.mood calm notes.txt; ln notes.txt photos/caption.txt');
  await page.getByRole('treeitem').filter({ hasText: 'notes.txt' }).first().click();
  const detail = page.getByRole('region', { name: 'Selected file' });
  await expect.poll(() => detail.innerText()).toContain('org.example.mood');
  await expect.poll(() => detail.innerText()).toContain('4 bytes: "calm"');
  await page.waitForTimeout(300);
  expect(await detail.innerText()).toContain('/notes.txt');
});

test('a new disk has the settings of its format, and the engine says what is wrong with them', async () => {
  const { page } = await openPage();
  await page.getByRole('button', { name: 'Bench', exact: true }).click();
  await page.getByRole('menuitem', { name: 'Add a disk…' }).click();
  const dialog = page.getByRole('dialog', { name: 'Add a disk' });
  expect(await dialog.getByLabel('Journal').count()).toBe(0);
  await dialog.getByLabel('Format').selectOption('exfat');
  await dialog.getByLabel('Label').fill('longer than exFAT takes');
  await dialog.getByRole('button', { name: 'Make the disk' }).click();
  await expect.poll(() => dialog.getByRole('alert').innerText()).toContain('at most 11');
  await dialog.getByLabel('Format').selectOption('hfsplus');
  await dialog.getByLabel('Journal').selectOption('off');
  await dialog.getByLabel('case-sensitive').check();
  await dialog.getByLabel('Allocation block size').selectOption('8k');
  await dialog.getByRole('button', { name: 'Make the disk' }).click();
  await dialog.waitFor({ state: 'hidden' });
  const heading = page.getByRole('heading', { name: /longer than exFAT takes/ });
  await expect.poll(() => heading.innerText()).toContain('Case-sensitive HFS+');
});

test('a line typed before the formats have come waits for them', async () => {
  const { page } = await openPage();
  const context = page.context();
  let letGo = () => {};
  const held = new Promise<void>((resolve) => (letGo = resolve));
  await context.route('**/all-formats*', async (route) => {
    await held;
    await route.continue();
  });
  const second = await context.newPage();
  await second.goto(`${pageFolderAddress()}${oneDisk('fat32', { type: 'fat32' })}`);
  await second.locator('[data-ready=true]').waitFor();
  await second.getByRole('textbox', { name: 'Terminal: type a command' }).focus();
  await second.keyboard.type('echo patience\n');
  letGo();
  await expect.poll(() => outputOf(second)).toContain('patience');
});

test('a line typed before the storage has answered waits for the disks', async () => {
  const { page } = await openPage();
  const context = page.context();
  await context.addInitScript(() => {
    const plain = EventTarget.prototype.addEventListener;
    IDBOpenDBRequest.prototype.addEventListener = function (type: string, listener: EventListener) {
      const late = (event: Event) => setTimeout(() => listener(event), 1500);
      plain.call(this, type, type === 'success' ? late : listener);
    };
  });
  const second = await context.newPage();
  await second.goto(pageFolderAddress());
  await second.locator('[data-ready=true]').waitFor();
  await second.getByRole('textbox', { name: 'Terminal: type a command' }).focus();
  await second.keyboard.type('echo patience\n');
  await expect.poll(() => outputOf(second)).toContain('patience');
});

test('clones and snapshots are seen on the map, and volumes share a container', async () => {
  const { page } = await openPage({ hash: oneDisk('apfs') });
  await run(page, 'cp -c film.mov clone.mov; scope snapshot create before');
  await run(page, 'scope shared film.mov clone.mov; diskutil apfs listSnapshots disk2s1');
  const printed = async () => (await outputOf(page)).join('\n');
  await expect.poll(printed).toContain('share 2,048 blocks');
  await expect.poll(printed).toContain('(1 found)');
  await diskMenu(page, 'Policy: overwrite in place');
  await page.getByRole('button', { name: 'APFS: disk menu' }).click();
  await page.getByRole('menuitem', { name: 'Policy: overwrite to new blocks' }).waitFor();
});
