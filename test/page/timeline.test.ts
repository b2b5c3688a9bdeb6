import { expect, test } from 'vitest';
import type { Page } from 'playwright';
import { momentOf, openPage, outputOf, ready, run, usePage } from './browser.ts';

/**
 * Goal: time is a thing one can hold: scrub, step inside a line, play, name and compare moments. Method: by role and
 * name, mostly from the keyboard alone.
 */
usePage();

const slider = (page: Page) => page.getByRole('slider', { name: 'Moment shown' });
const LINES = ['mkdir t', 'echo one > t/a', 'cp t/a t/b'];

async function history() {
  const { page } = await openPage();
  for (const line of LINES) await run(page, line);
  return page;
}

test('from the keyboard: inside a line by calls, structures and writes, and over whole commands', async () => {
  const page = await history();
  await slider(page).focus();
  await page.getByRole('combobox', { name: 'Step by' }).selectOption('write');
  await slider(page).press('ArrowLeft');
  await expect.poll(() => momentOf(page)).toMatch(/^step 3 of 3: cp t\/a t\/b, after access (\d+) of \d+$/);
  const [, last = '0'] = /access (\d+)/.exec((await momentOf(page)) ?? '') ?? [];
  await slider(page).press('ArrowLeft');
  await expect.poll(() => momentOf(page)).toContain(`after access ${Number(last) - 1} of`);
  await slider(page).press('ArrowRight');
  await expect.poll(() => momentOf(page)).toContain(`after access ${last} of`);
  await page.getByRole('combobox', { name: 'Step by' }).selectOption('call');
  await slider(page).press('ArrowLeft');
  await expect
    .poll(async () => /access (\d+)/.exec((await momentOf(page)) ?? '')?.[1] ?? last)
    .not.toBe(last);
  await slider(page).press('Shift+ArrowRight');
  await expect.poll(() => momentOf(page)).toBe('step 3 of 3: cp t/a t/b');
  await slider(page).press('Shift+ArrowLeft');
  await expect.poll(() => momentOf(page)).toBe('step 2 of 3: echo one > t/a');
});

test('after a reload the track shows the barriers and what failed as before', async () => {
  const page = await history();
  await run(page, 'rm missing');
  await slider(page).press('ArrowLeft');
  await expect.poll(() => momentOf(page)).toContain('step 3 of 4');
  const picture = () =>
    slider(page)
      .locator('canvas')
      .evaluate((canvas) => (canvas as HTMLCanvasElement).toDataURL());
  const before = await picture();
  await page.getByText(/^saved /).waitFor();
  // What moved last is saved a moment later.
  await page.waitForTimeout(1000);
  await page.reload();
  await ready(page);
  await expect.poll(() => momentOf(page)).toContain('step 3 of 4');
  await expect.poll(picture).toBe(before);
});

test('a branch that was left hangs below the track', async () => {
  const page = await history();
  const isAnythingBelow = () =>
    slider(page)
      .locator('canvas')
      .evaluate((canvas) => {
        const { width, height } = canvas as HTMLCanvasElement;
        const copy = Object.assign(document.createElement('canvas'), { width, height });
        const context = copy.getContext('2d', { willReadFrequently: true });
        context?.drawImage(canvas as HTMLCanvasElement, 0, 0);
        const below = context?.getImageData(0, (height * 11) / 16, width, (height * 5) / 16).data ?? [];
        return below.some((value) => value !== 0);
      });
  expect(await isAnythingBelow()).toBe(false);
  await slider(page).press('ArrowLeft');
  await expect.poll(() => momentOf(page)).toContain('step 2 of 3');
  await run(page, 'echo other > t/c');
  await expect.poll(isAnythingBelow).toBe(true);
});

test('playing goes to the end by itself, and space stops it', async () => {
  const page = await history();
  await page.getByRole('combobox', { name: 'Speed of playing' }).selectOption('0.5×');
  await slider(page).press('Home');
  await slider(page).press(' ');
  await expect.poll(() => page.getByRole('button', { name: 'Pause' }).isVisible()).toBe(true);
  await slider(page).press(' ');
  await expect.poll(() => page.getByRole('button', { name: 'Play', exact: true }).isVisible()).toBe(true);
  expect(await momentOf(page)).not.toMatch(/^step 3/);
  await page.getByRole('combobox', { name: 'Speed of playing' }).selectOption('16×');
  await page.getByRole('button', { name: 'Play', exact: true }).click();
  await expect.poll(() => momentOf(page)).toBe('step 3 of 3: cp t/a t/b');
  await expect.poll(() => page.getByRole('button', { name: 'Play', exact: true }).isVisible()).toBe(true);
});

test('bookmarks and branches are lists: named, renamed, gone to, removed', async () => {
  const page = await history();
  await slider(page).press('b');
  await slider(page).press('ArrowLeft');
  await expect.poll(() => momentOf(page)).toContain('step 2 of 3');
  await run(page, 'rm t/a');
  await page.getByRole('button', { name: 'Branches and bookmarks' }).click();
  const panel = page.getByRole('dialog', { name: 'Branches and bookmarks' });
  expect(await panel.getByRole('list').count()).toBe(2);
  await panel.getByRole('button', { name: 'Rename bookmark cp t/a t/b' }).click();
  await page.keyboard.type('the copy');
  await page.keyboard.press('Enter');
  await panel.getByRole('button', { name: 'Rename branch branch 2' }).click();
  await page.keyboard.type('<i>other</i>');
  await page.keyboard.press('Enter');
  expect(await panel.getByRole('listitem').allInnerTexts()).toHaveLength(3);
  await expect.poll(() => panel.getByText('<i>other</i>').count()).toBe(1);
  await panel.getByRole('button', { name: /^the copy/ }).click();
  await expect.poll(() => momentOf(page)).toBe('step 3 of 3: cp t/a t/b');
  await panel.getByRole('button', { name: 'Remove bookmark the copy' }).click();
  await expect.poll(() => panel.getByRole('listitem').count()).toBe(2);
  await page.keyboard.press('Escape');
  await expect.poll(() => panel.count()).toBe(0);
});

test('two marked moments are compared in files, structures and bytes', async () => {
  const page = await history();
  await slider(page).press('Home');
  await expect.poll(() => momentOf(page)).toContain('before the first');
  await slider(page).press('[');
  await slider(page).press('End');
  await expect.poll(() => momentOf(page)).toContain('step 3 of 3');
  await slider(page).press(']');
  const files = page.getByRole('tree', { name: 'Files that differ' });
  await expect.poll(() => files.getByRole('treeitem').filter({ hasText: '/t/b' }).count()).toBe(1);
  const texts = (await files.getByRole('treeitem').allInnerTexts()).map((text) =>
    text.replace(/\s+/g, ' ').trim(),
  );
  expect(texts).toEqual(expect.arrayContaining(['added /t/a 4 B', 'added /t/b 4 B']));
  await page.getByRole('radio', { name: 'Structures' }).press(' ');
  const structures = page.getByRole('tree', { name: 'Structures that differ' });
  await expect.poll(() => structures.getByRole('treeitem').filter({ hasText: 'FAT 1' }).count()).toBe(1);
  await page.getByRole('radio', { name: 'Bytes' }).press(' ');
  const blocks = page.getByRole('tree', { name: 'Blocks that differ' });
  await blocks.press('Home');
  await page.getByRole('group', { name: 'Bytes that differ' }).waitFor();
  await page.getByRole('button', { name: 'Clear marks' }).click();
  await expect.poll(() => page.getByRole('tab', { name: 'Moments' }).count()).toBe(0);
});

test('a power cut inside a line is judged as the disk lies', async () => {
  const page = await history();
  await page.getByRole('combobox', { name: 'Step by' }).selectOption('write');
  await slider(page).press('ArrowLeft');
  await expect.poll(() => momentOf(page)).toContain('after access');
  await slider(page).press('c');
  await expect
    .poll(async () => (await outputOf(page)).join('\n'))
    .toMatch(/power cut after access \d+ of ‘cp t\/a t\/b’/);
  await expect.poll(async () => (await outputOf(page)).join('\n')).toMatch(/FAT32: (clean|\d+ findings?)/);
});
