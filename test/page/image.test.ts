import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import type { Page } from 'playwright';
import { expect, test } from 'vitest';
import { findChecker, fsckVfat, runChecker, temporaryFolder } from '../support/checkers.ts';
import { momentOf, openPage, outputOf, pageFolderAddress, rowsOf, run, usePage } from './browser.ts';

/**
 * Goal: other people's images go in, other people's checkers like what comes out.
 * Method: mkfs.vfat and mcopy make a volume on the spot; the page opens, reads, changes and returns it.
 */
usePage();

const TEXT = 'The quick brown fox.\n'.repeat(400);

/** Path of an image with files in it; null where the tools are missing (said loudly by findChecker). */
function foreignImage(): string | null {
  const mkfs = findChecker('mkfs.vfat');
  const mcopy = findChecker('mcopy');
  if (mkfs === null || mcopy === null) return null;
  const folder = temporaryFolder();
  const image = join(folder, 'foreign.img');
  const file = join(folder, 'A long name, with spaces.txt');
  writeFileSync(file, TEXT);
  runChecker(mkfs, ['-C', '-F', '32', '-n', 'FOREIGN', image, '65536']);
  expect(runChecker(mcopy, ['-i', image, file, '::/']).exitCode).toBe(0);
  return image;
}

async function download(page: Page): Promise<string> {
  const waiting = page.waitForEvent('download');
  await page.getByRole('button', { name: 'Download', exact: true }).click();
  const path = join(temporaryFolder(), 'back.img');
  await (await waiting).saveAs(path);
  return path;
}

test('an image of mkfs.vfat goes in by button, is read, changed, and comes back clean', async () => {
  const image = foreignImage();
  if (image === null) return;
  const { page } = await openPage();
  const chooser = page.waitForEvent('filechooser');
  await page.getByRole('button', { name: 'Open…' }).click();
  await (await chooser).setFiles(image);
  await page.getByRole('heading', { name: /FOREIGN/ }).waitFor();
  await expect
    .poll(() => rowsOf(page, 'Files'))
    .toContainEqual(expect.stringContaining('A long name, with spaces.txt'));

  const sum = createHash('md5').update(TEXT).digest('hex');
  await run(page, 'md5 -q A*');
  expect(await outputOf(page)).toContain(sum);
  await run(page, 'mkdir new && cp A* new/copy.txt && echo appended >> A* && rm -f missing');
  const back = await download(page);
  expect(fsckVfat(back)).toBe('');
  const mtype = findChecker('mtype');
  if (mtype !== null) {
    expect(runChecker(mtype, ['-i', back, '::/new/copy.txt']).output).toBe(TEXT);
    expect(runChecker(mtype, ['-i', back, '::/A long name, with spaces.txt']).output).toBe(
      `${TEXT}appended\n`,
    );
  }
});

test('an image goes in by dropping it anywhere; what is no image is refused with a sentence', async () => {
  const image = foreignImage();
  if (image === null) return;
  const { page } = await openPage();
  const drop = async (name: string, bytes: Uint8Array) => {
    const base64 = Buffer.from(bytes).toString('base64');
    await page.evaluate(
      async ([name, base64]) => {
        const blob = await (
          await fetch(`data:application/octet-stream;base64,${base64}`).catch(() => null)
        )?.blob();
        const parts = blob ? [blob] : [Uint8Array.from(atob(base64 ?? ''), (one) => one.charCodeAt(0))];
        const data = new DataTransfer();
        data.items.add(new File(parts, name ?? ''));
        document.body.dispatchEvent(
          new DragEvent('drop', { dataTransfer: data, bubbles: true, cancelable: true }),
        );
      },
      [name, base64],
    );
  };
  await drop(
    'foreign.img',
    gzipSync(readFileSync(image)).length > 0 ? readFileSync(image) : new Uint8Array(),
  );
  await page.getByRole('heading', { name: /FOREIGN/ }).waitFor();
  await drop('empty.img', new Uint8Array());
  expect(await page.getByRole('alert').innerText()).toContain('empty.img: the file is empty');
});

test('random bytes open as a disk without a volume, say so, and break nothing', async () => {
  const { page } = await openPage();
  const path = join(temporaryFolder(), 'noise.img');
  writeFileSync(
    path,
    createHash('shake256', { outputLength: 2 ** 20 })
      .update('noise')
      .digest(),
  );
  const chooser = page.waitForEvent('filechooser');
  await page.getByRole('button', { name: 'Open…' }).click();
  await (await chooser).setFiles(path);
  await page.getByRole('heading', { name: /noise/ }).waitFor();
  expect(await page.getByRole('heading', { name: /noise/ }).innerText()).toContain('no volume');
  await page.getByRole('tab', { name: 'Bytes' }).click();
  await page.getByRole('button', { name: 'Show block 0' }).click();
  await page.getByRole('grid', { name: 'Bytes of block 0' }).waitFor();
  await run(page, 'ls');
  expect(await momentOf(page)).toBe('step 1 of 1: ls');
});

test('a disk made here, in a browser, is one that fsck.vfat likes', async () => {
  const { page } = await openPage();
  await run(page, 'cp -R photos again; rm film.mov; for i in 1 2 3; do echo $i > "file number $i"; done');
  expect(fsckVfat(await download(page))).toBe('');
});

test('the first load is small: everything but the terminal’s chunk and the worker within 350 kB', async () => {
  const { page } = await openPage();
  const names = await page.evaluate(() => performance.getEntriesByType('resource').map(({ name }) => name));
  let bytes = 0;
  for (const name of [pageFolderAddress(), ...names]) {
    const body = await (await fetch(name)).arrayBuffer();
    bytes += gzipSync(new Uint8Array(body)).length;
  }
  expect(bytes).toBeGreaterThan(20_000);
  expect(bytes).toBeLessThan(350_000);
});

void spawnSync;
