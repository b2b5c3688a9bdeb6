import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { copyFileSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import type { Page } from 'playwright';
import { expect, test } from 'vitest';
import { PAGE_ROWS } from '../../src/ui/state/lazy-tree.svelte.ts';
import { bench } from '../engine/session/bench.ts';
import '../support/all-formats.ts';
import { findChecker, fsckVfat, runChecker, temporaryFolder } from '../support/checkers.ts';
import { sparseImageFile } from '../support/formats.ts';
import {
  diskMenu,
  momentOf,
  openPage,
  outputOf,
  pageFolderAddress,
  ready,
  rowsOf,
  run,
  usePage,
} from './browser.ts';

/**
 * Goal: other people's images go in, other people's checkers like what comes out.
 * Method: mkfs.vfat and mcopy make a volume on the spot; the page opens, reads, changes and returns it.
 */
usePage();

const TEXT = 'The quick brown fox.\n'.repeat(400);

/** Path of an image with files in it; null where the tools are missing (said loudly by findChecker). */
function foreignImage(type = ['-F', '32'], sizeKibibytes = 65_536): string | null {
  const mkfs = findChecker('mkfs.vfat');
  const mcopy = findChecker('mcopy');
  if (mkfs === null || mcopy === null) return null;
  const folder = temporaryFolder();
  const image = join(folder, 'foreign.img');
  const file = join(folder, 'A long name, with spaces.txt');
  writeFileSync(file, TEXT);
  runChecker(mkfs, ['-C', ...type, '-n', 'FOREIGN', image, String(sizeKibibytes)]);
  expect(runChecker(mcopy, ['-i', image, file, '::/']).exitCode).toBe(0);
  return image;
}

/** By the button, in place of the disk that was there. */
async function openImage(page: Page, path: string): Promise<void> {
  const chooser = page.waitForEvent('filechooser');
  await page.getByRole('button', { name: 'Open…' }).click();
  await (await chooser).setFiles(path);
  await page
    .getByText(/^Opened /)
    .first()
    .waitFor();
  await diskMenu(page, 'Remove from the bench');
  await page.getByText('was removed').waitFor();
}

async function download(page: Page): Promise<string> {
  const waiting = page.waitForEvent('download');
  await diskMenu(page, 'Download…');
  await page.getByRole('button', { name: 'Save the file' }).click();
  const path = join(temporaryFolder(), 'back.img');
  await (await waiting).saveAs(path);
  return path;
}

test('an image of mkfs.vfat goes in by button, is read, changed, and comes back clean', async () => {
  const image = foreignImage();
  if (image === null) return;
  const { page } = await openPage();
  await openImage(page, image);
  await page.getByRole('heading', { name: /FOREIGN/ }).waitFor();
  await expect
    .poll(() => rowsOf(page, 'Files'))
    .toContainEqual(expect.stringContaining('A long name, with spaces.txt'));

  const sum = createHash('md5').update(TEXT).digest('hex');
  await run(page, 'md5 -q A*');
  await expect.poll(() => outputOf(page)).toContain(sum);
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

test('an image goes in by dropping it anywhere; an empty file is refused with a sentence', async () => {
  const image = foreignImage(['-F', '12'], 1440);
  if (image === null) return;
  const { page } = await openPage();
  const drop = (name: string, bytes: Uint8Array) =>
    page.evaluate(
      ([name, base64]) => {
        const data = new DataTransfer();
        const content = Uint8Array.from(atob(base64 ?? ''), (character) => character.charCodeAt(0));
        data.items.add(new File([content], name ?? ''));
        const event = { dataTransfer: data, bubbles: true, cancelable: true };
        document.body.dispatchEvent(new DragEvent('dragover', event));
        document.body.dispatchEvent(new DragEvent('drop', event));
      },
      [name, Buffer.from(bytes).toString('base64')],
    );
  await drop('floppy.img', readFileSync(image));
  const heading = page.getByRole('heading', { name: /FOREIGN/ });
  await heading.waitFor();
  await expect.poll(() => heading.innerText()).toContain('FAT12');
  await diskMenu(page, 'Remove from the bench');
  await expect.poll(() => rowsOf(page, 'Files')).toContainEqual(expect.stringContaining('A long name'));
  await drop('empty.img', new Uint8Array());
  await expect.poll(() => page.getByRole('alert').innerText()).toContain('empty.img: the file is empty');
  expect(await outputOf(page)).not.toContain('Opened empty.img.');
  await heading.waitFor();
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
  await openImage(page, path);
  await page.getByRole('heading', { name: /noise/ }).first().waitFor();
  await expect
    .poll(() => page.getByRole('heading', { name: /noise/ }).first().innerText())
    .toContain('no volume');
  await page.getByRole('tab', { name: 'Bytes' }).click();
  await page.getByRole('button', { name: 'Show block 0' }).click();
  await page.getByRole('grid', { name: 'Bytes of block 0' }).waitFor();
  await run(page, 'ls');
  await expect.poll(() => momentOf(page)).toBe('step 1 of 1: ls');
});

test('a disk made here, in a browser, is one that fsck.vfat likes', async () => {
  const { page } = await openPage();
  await run(page, 'cp -R photos again; rm film.mov; for i in 1 2 3; do echo $i > "file number $i"; done');
  expect(fsckVfat(await download(page))).toBe('');
});

test('the same lines on the same image with the same seed: the page and the command line write the same bytes', async () => {
  const folder = temporaryFolder();
  const vite = ['node_modules/vite/bin/vite.js', 'build', '--ssr', 'src/cli/main.ts', '--logLevel', 'error'];
  const environment = { ...process.env, NODE_ENV: 'production' };
  execFileSync(process.execPath, [...vite, '--outDir', join(folder, 'cli')], { env: environment });
  const cli = (...args: string[]) =>
    execFileSync(process.execPath, [join(folder, 'cli', 'main.js'), ...args]);

  const lines = [
    'mkdir -p photos/2026 "a directory with a long name"',
    'seq 1 5000 > numbers.txt',
    'cp numbers.txt "a directory with a long name/größe 猫.txt"',
    'mkfile 3m film.mov',
    'for i in 1 2 3 4 5; do echo $i$RANDOM > photos/$i.jpg; done',
    'rm photos/3.jpg numbers.txt; mv photos/2026 moved',
    'cp nothing anywhere',
    'echo the end >> photos/5.jpg',
  ];
  const [fresh, scripted, script] = ['fresh.img', 'scripted.img', 'script.sh'].map((name) =>
    join(folder, name),
  );
  if (fresh === undefined || scripted === undefined || script === undefined) throw new Error('three names');
  cli('newfs', '-t', 'fat32', '-s', '64m', '-v', 'SAME', fresh);
  copyFileSync(fresh, scripted);
  writeFileSync(script, `${lines.join('\n')}\n`);
  cli('sh', scripted, script, '--seed', '1');

  const { page } = await openPage();
  await openImage(page, fresh);
  await page.getByRole('heading', { name: /SAME/ }).waitFor();
  for (const line of lines) await run(page, line);
  const hashOf = (path: string) => createHash('sha256').update(readFileSync(path)).digest('hex');
  expect(hashOf(await download(page))).toBe(hashOf(scripted));
  expect(hashOf(scripted)).not.toBe(hashOf(fresh));
  expect(fsckVfat(scripted)).toBe('');
});

test('the first load is small: 350 kB without the terminal and the formats, which come behind it', async () => {
  const { page } = await openPage();
  const names = await page.evaluate(() => performance.getEntriesByType('resource').map(({ name }) => name));
  const sizeOf = async (name: string) =>
    gzipSync(new Uint8Array(await (await fetch(name)).arrayBuffer())).length;
  const sizes = await Promise.all(
    [...new Set([pageFolderAddress(), ...names])].map(async (name) => ({ name, bytes: await sizeOf(name) })),
  );
  const sum = (isWanted: (name: string) => boolean) =>
    sizes.filter(({ name }) => isWanted(name)).reduce((total, { bytes }) => total + bytes, 0);
  const listing = sizes.map(({ name, bytes }) => `${bytes} ${name}`).join('\n');
  expect(
    sum((name) => name.includes('worker')),
    listing,
  ).toBeGreaterThan(20_000);
  expect(
    sum((name) => name.includes('xterm')),
    listing,
  ).toBeGreaterThan(20_000);
  expect(
    sum((name) => !/xterm|all-formats/.test(name)),
    listing,
  ).toBeLessThan(350_000);
});

const MANY_FILES = 51_000;
/** Rows of the folder before its files: its record and its thread record. */
const HEAD_ROWS = 2;

/** An HFS+ volume with a folder of so many files that its catalog has more than 100,000 records. */
function crowdedImage(): string {
  const settings = { policy: 'writeback', isRecording: false } as const;
  const { session, run: type } = bench({ format: 'hfsplus', sizeBytes: 2 ** 28, ...settings });
  expect(type(`mkdir many; cd many; touch $(seq 1 ${MANY_FILES})`)).toBe('');
  session.shutDown();
  return sparseImageFile(session.store);
}

/** From the next load on, counts the structures that the worker hands to the page. */
const countStructures = (page: Page): Promise<unknown> =>
  page.addInitScript(() => {
    const Plain = globalThis.Worker;
    globalThis.Worker = class extends Plain {
      constructor(...args: ConstructorParameters<typeof Worker>) {
        super(...args);
        this.addEventListener('message', ({ data }: MessageEvent<{ value?: { nodes?: unknown[] } }>) => {
          const { dataset } = document.documentElement;
          const { length = 0 } = data.value?.nodes ?? [];
          dataset['structures'] = String(Number(dataset['structures'] ?? 0) + length);
        });
      }
    };
  });

const structuresReceived = (page: Page): Promise<number> =>
  page.evaluate(() => Number(document.documentElement.dataset['structures']));

test('a catalog of 100,000 records opens a page at a time, and only the rows on show exist', async () => {
  const { page } = await openPage();
  await countStructures(page);
  await page.reload();
  await ready(page);
  await openImage(page, crowdedImage());
  const tree = page.getByRole('tree', { name: 'Structures' });
  const rowNamed = (name: RegExp) => tree.getByRole('treeitem', { name });
  await page.getByRole('tab', { name: 'Structures' }).click();
  const [, records = '0'] = /(\d+) records/.exec(await rowNamed(/Catalog tree/).innerText()) ?? [];
  expect(Number(records)).toBeGreaterThan(100_000);

  await rowNamed(/Root folder/).click();
  await tree.press('ArrowRight');
  await rowNamed(/Folder many/).click();
  await tree.press('ArrowRight');
  const setSize = await rowNamed(/File 1\b/).getAttribute('aria-setsize');
  expect(setSize).toBe(String(HEAD_ROWS + MANY_FILES));
  // Far beyond the first page, and back into the middle: pages come when somebody looks.
  const last = rowNamed(/File 9999\b/);
  expect(await last.count()).toBe(0);
  await tree.press('End');
  expect(await last.getAttribute('aria-posinset')).toBe(setSize);
  const names = Array.from({ length: MANY_FILES }, (_, at) => String(at + 1)).sort();
  const place = HEAD_ROWS + names.indexOf('33333') + 1;
  await tree.evaluate((box, share) => (box.scrollTop = share * box.scrollHeight), place / Number(setSize));
  const middle = rowNamed(/File 33333\b/);
  await middle.waitFor();
  expect(await middle.getAttribute('aria-posinset')).toBe(String(place));
  const fit = await tree.evaluate((box) => box.clientHeight / 24);
  const rows = await page.locator('[role=treeitem]').count();
  expect(rows).toBeGreaterThanOrEqual(Math.floor(fit));
  expect(rows).toBeLessThan(fit + 50);
  // Three places of the folder were looked at, each on one page of its rows or on the border of two.
  const received = await structuresReceived(page);
  expect(received).toBeGreaterThan(PAGE_ROWS);
  expect(received).toBeLessThan(10 * PAGE_ROWS);
});
