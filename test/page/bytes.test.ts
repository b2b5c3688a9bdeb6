import { expect, test } from 'vitest';
import { complaintsOf } from './axe.ts';
import { diskMenu, oneDisk, openPage, outputOf, run, showTab, usePage } from './browser.ts';

/** Goal: bytes can be edited, and reasons be read and acted on, with the keyboard alone and by name. */
usePage();

const grid = /^Bytes of block/;

test('bytes are edited from the keyboard: digits, Enter, Escape, hostile text, verdict, undo', async () => {
  const { page } = await openPage({ hash: oneDisk('fat32') });
  await run(page, 'true');
  await showTab(page, 'Bytes');
  await page.getByRole('button', { name: 'Show block 0' }).click();
  const bytes = page.getByRole('grid', { name: grid });
  await bytes.focus();
  await page.keyboard.press('End');
  await page.keyboard.press('z');
  expect(await page.getByRole('form', { name: 'Edit bytes' }).count()).toBe(0);
  await page.keyboard.press('0');
  const form = page.getByRole('form', { name: 'Edit bytes' });
  const input = form.getByRole('textbox');
  await expect.poll(() => input.inputValue()).toBe('0');
  await page.keyboard.press('Escape');
  await expect.poll(() => form.count()).toBe(0);
  await expect.poll(() => bytes.evaluate((element) => element === document.activeElement)).toBe(true);
  await page.keyboard.press('Enter');
  await expect.poll(() => input.inputValue()).toBe('55 aa');
  await input.fill('55 ag');
  await page.keyboard.press('Enter');
  await expect.poll(() => form.getByRole('alert').innerText()).toContain('no hexadecimal digit');
  await form.getByRole('button', { name: 'number' }).click();
  await expect.poll(() => input.inputValue()).toBe('43605');
  await input.fill('0');
  await input.press('Enter');
  const verdict = page.getByRole('region', { name: 'Verdict' });
  await expect.poll(() => verdict.innerText()).toMatch(/fsck_msdos: [1-9]/);
  await expect.poll(async () => (await outputOf(page)).join('\n')).toContain('scope poke 0 510 0000');
  expect(await complaintsOf(page)).toEqual([]);
  await page.getByRole('button', { name: /^Undo/ }).first().click();
  await expect.poll(() => verdict.count()).toBe(0);
});

test('selected bytes grow with Shift, and the layout’s section is on the header', async () => {
  const { page } = await openPage({ hash: oneDisk('apfs') });
  await showTab(page, 'Bytes');
  await page.getByRole('button', { name: 'Show block 0' }).click();
  const bytes = page.getByRole('grid', { name: grid });
  await expect.poll(() => page.getByRole('tabpanel').innerText()).toMatch(/exact · AFS, "nx_superblock_t"/);
  await bytes.focus();
  await page.keyboard.press('Home');
  await page.keyboard.press('Shift+ArrowRight');
  await page.keyboard.press('Shift+ArrowRight');
  await page.keyboard.press('Enter');
  const form = page.getByRole('form', { name: 'Edit bytes' });
  await expect.poll(() => form.innerText()).toContain('3 bytes at 0 of block 0');
  await form.getByRole('button', { name: 'Cancel' }).click();
  await expect.poll(() => form.count()).toBe(0);
  const field = page.getByRole('treeitem').filter({ hasText: 'blockSizeBytes' });
  await field.first().click();
  await page.getByRole('button', { name: 'Edit…' }).click();
  await form.getByRole('button', { name: 'number' }).click();
  await form.getByRole('textbox').fill('4097');
  await form.getByRole('checkbox', { name: 'make checksums fit' }).check();
  await form.getByRole('button', { name: 'Write' }).click();
  await expect.poll(() => field.first().innerText()).toContain('was 4096');
  await expect
    .poll(() => page.getByRole('region', { name: 'Verdict' }).innerText())
    .toMatch(/fsck_apfs: ([1-9]|the volume cannot)/);
});

test('a long section leaves the title its room', async () => {
  const { page } = await openPage({ hash: oneDisk('exfat') });
  await showTab(page, 'Bytes');
  await page.getByRole('button', { name: 'Show block 0' }).click();
  await page.getByText(/^exact · exFAT specification, 3.1/).waitFor();
  const title = page.getByRole('paragraph').filter({ hasText: 'Block 0' });
  await expect.poll(async () => (await title.boundingBox())?.width).toBeGreaterThan(150);
});

test('why a clone frees nothing, and the button that deletes both', async () => {
  const { page } = await openPage({ hash: oneDisk('apfs') });
  await run(page, 'cp -c film.mov copy.mov');
  await page.getByRole('treeitem').filter({ hasText: 'copy.mov' }).first().click();
  await showTab(page, 'Why');
  const freeing = page.getByRole('region', { name: 'What deleting would free' });
  await expect.poll(() => freeing.innerText()).toMatch(/\/film\.mov still holds all 2,048/);
  await run(page, 'scope snapshot create before');
  await expect
    .poll(() => page.getByRole('region', { name: 'Snapshots' }).innerText())
    .toContain('snapshot ‘before’');
  await page.getByText('How exact is this?').click();
  await expect.poll(() => page.getByRole('tabpanel').innerText()).toContain('Names and their hashes');
  expect(await complaintsOf(page)).toEqual([]);
  await freeing.getByRole('button', { name: /^rm \S+copy\.mov \S+film\.mov$/ }).click();
  await expect.poll(async () => (await outputOf(page)).join('\n')).toMatch(/rm \S+copy\.mov \S+film\.mov/);
  await showTab(page, 'Files');
  await expect.poll(() => page.getByRole('tree', { name: 'Files' }).innerText()).not.toContain('copy.mov');
});

test('how exact a format is can be asked at the head of each disk’s column', async () => {
  const { page } = await openPage({ hash: '' });
  const said = new Set<string>();
  for (const [disk, words] of [
    ['APFS', 'Names and their hashes'],
    ['HFS+', 'Splitting, sharing and freeing of nodes'],
    ['exFAT', 'NoFatChain'],
    ['FAT32', 'Code page of short names'],
  ] as const) {
    await diskMenu(page, 'How exact is its format…', disk);
    const dialog = page.getByRole('dialog', { name: /^How exact is .+ here\?$/ });
    await expect.poll(() => dialog.innerText(), { message: disk }).toContain(words);
    const text = await dialog.innerText();
    for (const kind of ['exact', 'policy', 'simplified'])
      expect(text, disk).toMatch(new RegExp(`^${kind}`, 'm'));
    expect(await dialog.evaluate((element) => element.scrollTop)).toBe(0);
    said.add(text);
    await page.keyboard.press('Escape');
    await dialog.waitFor({ state: 'hidden' });
  }
  expect(said.size).toBe(4);
});
