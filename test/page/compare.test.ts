import { readFileSync } from 'node:fs';
import type { Page } from 'playwright';
import { expect, test } from 'vitest';
import { encodeLink } from '../../src/ui/storage/link.ts';
import { prepared } from '../../src/ui/state/samples.ts';
import { complaintsOf } from './axe.ts';
import { openPage, run, showTab, usePage } from './browser.ts';

/** Goal: the disks of the bench can be compared. Method: by role and name, as a reader hears it, in a real Chromium. */
usePage();

const TWO = encodeLink({
  disks: ['apfs', 'fat32'].map((format) => ({ ...prepared(format), label: 'SAMPLE' })),
  lines: [],
});
const CLONE = 'cp -c film.mov copy.mov || cp film.mov copy.mov';

/** The cells of a row of the table called `caption`. */
const cellsOf = async (page: Page, caption: string, row: RegExp): Promise<string[]> => {
  const table = page.getByRole('table', { name: caption, exact: true });
  const found = table.getByRole('row').filter({ has: page.getByRole('rowheader', { name: row }) });
  const texts = await found.first().getByRole('cell').allInnerTexts();
  return texts.map((text) => text.replace(/\s+/g, ' ').trim());
};
const sentencesOf = (page: Page) =>
  page.getByRole('list', { name: 'What differs most' }).getByRole('listitem').allInnerTexts();

test('a clone and a copy side by side; lines are chosen, devices priced at once, and nothing runs again', async () => {
  const { page, requests } = await openPage({ hash: TWO });
  await showTab(page, 'Compare');
  await page.getByText('Nothing has run yet. Type a command').waitFor();
  await run(page, CLONE);

  const sentences = await sentencesOf(page);
  expect(sentences[0]).toMatch(
    /^APFS wrote \d+ blocks of 4 KiB \(\d+ KiB\) and none of them data; FAT32 got ENOTSUP and copied/,
  );
  await expect.poll(() => cellsOf(page, CLONE, /^result/)).toEqual(['done', 'done, ENOTSUP met']);
  const [clone, copy] = await cellsOf(page, CLONE, /^data/);
  expect([clone, copy === '0']).toEqual(['0', false]);

  const onNvme = await cellsOf(page, CLONE, /^time/);
  await page.getByRole('combobox', { name: 'Price for device' }).selectOption('SD card, A1 V30');
  const onCard = await cellsOf(page, CLONE, /^time, SD card/);
  expect(onCard).not.toEqual(onNvme);
  await expect.poll(() => cellsOf(page, CLONE, /^data/)).toEqual([clone, copy]);

  await run(page, 'echo small > small.txt');
  await page.getByRole('radio', { name: 'All 2' }).check();
  await expect.poll(() => cellsOf(page, '2 commands', /^result/)).toEqual(['done', 'done, ENOTSUP met']);
  await page.getByRole('checkbox', { name: `Compare ${CLONE}` }).uncheck();
  expect(await page.getByRole('radio', { name: 'Chosen below' }).isChecked()).toBe(true);
  await expect
    .poll(() => cellsOf(page, 'echo small > small.txt', /^handed over/))
    .toEqual(['6 bytes', '6 bytes']);
  await page.getByRole('checkbox', { name: 'Compare echo small > small.txt' }).uncheck();
  await page.getByText('Choose commands in the list below.').waitFor();
  // The browser fetches the tab's picture when it likes.
  expect(requests).toEqual([]);
});

test('how a file lies is said by every disk, and follows the moment shown', async () => {
  const { page } = await openPage({ hash: TWO });
  await run(page, 'mkfile 8k a.bin');
  await showTab(page, 'Compare');
  await page.getByRole('textbox', { name: 'File whose extents are compared' }).fill('a.bin');
  const cells = () => cellsOf(page, 'Extents at the moment shown', /^a\.bin$/);
  await expect
    .poll(cells)
    .toEqual([
      expect.stringMatching(/^8 KiB, 1 extent at [\d,]+$/),
      expect.stringMatching(/^8 KiB, \d extents? at [\d,]+/),
    ]);
  await run(page, 'rm a.bin');
  await expect.poll(cells).toEqual(['not there', 'not there']);
});

test('exports hold the figures, under names that are names', async () => {
  const { page } = await openPage({ hash: TWO });
  const line = 'echo "=1,2" > ../../Volumes/SAMPLE/=x.txt';
  await run(page, line);
  await showTab(page, 'Compare');
  const save = async (kind: string) => {
    const [saved] = await Promise.all([
      page.waitForEvent('download'),
      page.getByRole('button', { name: `Export ${kind}` }).click(),
    ]);
    expect(saved.suggestedFilename()).toBe(`compare-echo-1-2-Volumes-SAMPLE-x-txt.${kind.toLowerCase()}`);
    return readFileSync(await saved.path());
  };
  const comparison = JSON.parse((await save('JSON')).toString()) as {
    commands: { line: string }[];
    total: { bytes: number; handedBytes: number }[];
  };
  expect(comparison.commands.map((command) => command.line)).toEqual([line]);
  expect(comparison.total.map(({ handedBytes }) => handedBytes)).toEqual([5, 5]);
  const csv = (await save('CSV')).toString();
  for (const { bytes } of comparison.total) expect(csv).toContain(`,${bytes},`);
  expect((await save('SVG')).toString()).toMatch(/^<svg xmlns=.*<title>echo &#34;=1,2&#34; &#62;/s);
  const png = await save('PNG');
  expect(png.subarray(1, 4).toString()).toBe('PNG');
  expect(png.readUInt32BE(16)).toBe(2 * 760);
  await page.getByText('What this measures').click();
  await page.getByText('Simulated for the device chosen, never measured').waitFor();
});

test.each(['light', 'dark'] as const)(
  'axe has nothing to say about it, on a telephone: %s',
  async (colorScheme) => {
    const { page } = await openPage({ hash: TWO, colorScheme, viewport: { width: 390, height: 844 } });
    await run(page, CLONE);
    await showTab(page, 'Compare');
    await page.getByText('What this measures').click();
    expect(await complaintsOf(page, '.inspector')).toEqual([]);
    expect(await page.evaluate(() => document.documentElement.scrollWidth)).toBeLessThanOrEqual(390);
  },
);
