import { readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { gunzipSync, gzipSync } from 'node:zlib';
import type { Page } from 'playwright';
import { describe, expect, test } from 'vitest';
import { findChecker, fsckHfsplus, fsckVfat, runChecker, temporaryFolder } from '../support/checkers.ts';
import { encodeLink } from '../../src/ui/storage/link.ts';
import { prepared } from '../../src/ui/state/samples.ts';
import { complaintsOf } from './axe.ts';
import { diskMenu, oneDisk, openPage, ready, run, usePage } from './browser.ts';

/** Goal: a disk leaves the page as any kind of file, at any moment, and packed ones come in. Method: real downloads. */
usePage();

const dialogOf = (page: Page) => page.getByRole('dialog', { name: /^Download / });

async function openDialog(page: Page): Promise<void> {
  await diskMenu(page, 'Download…');
  await dialogOf(page)
    .getByText(/contents/)
    .first()
    .waitFor();
}

async function save(page: Page, kind: RegExp): Promise<string> {
  await openDialog(page);
  const ending = /\((\.[a-z.]+)\)/.exec(String(kind).replaceAll('\\', ''))?.[1] ?? '';
  await dialogOf(page).getByRole('radio', { name: kind }).check();
  await dialogOf(page)
    .locator('b')
    .filter({ hasText: new RegExp(`${ending.replaceAll('.', '\\.')}$`) })
    .waitFor();
  const waiting = page.waitForEvent('download');
  await dialogOf(page).getByRole('button', { name: 'Save the file' }).click();
  const file = await waiting;
  const path = join(temporaryFolder(), file.suggestedFilename());
  await file.saveAs(path);
  await dialogOf(page).waitFor({ state: 'hidden' });
  return path;
}

test('one of each kind is downloaded, and each holds the same clean volume', async () => {
  const { page } = await openPage({ hash: oneDisk('hfsplus') });
  await run(page, 'seq 1 5000 > numbers');
  const raw = await save(page, /\(\.img\)/);
  expect(fsckHfsplus(raw)).toBe('');
  const volume = readFileSync(raw);
  const packed = await save(page, /\(\.img\.gz\)/);
  expect(gunzipSync(readFileSync(packed)).equals(volume)).toBe(true);
  const vhd = readFileSync(await save(page, /\(\.vhd\)/));
  expect(vhd.subarray(2 ** 20, 2 ** 20 + volume.length).equals(volume)).toBe(true);
  const dmg = await save(page, /\(\.dmg\)/);
  expect(statSync(dmg).size).toBeLessThan(2 ** 20);
  const dmg2img = findChecker('dmg2img');
  if (dmg2img !== null) {
    const unpacked = dmg.replace('.dmg', '-raw.img');
    expect(runChecker(dmg2img, ['-i', dmg, '-o', unpacked]).exitCode).toBe(0);
    expect(
      readFileSync(unpacked)
        .subarray(2 ** 20, 2 ** 20 + volume.length)
        .equals(volume),
    ).toBe(true);
  }
});

test('inside a step there is one state to be had, and the dialog says which', async () => {
  const { page } = await openPage();
  await run(page, 'echo hi > a');
  await page.getByRole('slider', { name: 'Moment shown' }).focus();
  await openDialog(page);
  const rest = dialogOf(page).getByRole('radio', { name: /unmounted in order/ });
  expect(await rest.isChecked()).toBe(true);
  await expect.poll(() => dialogOf(page).innerText()).toContain('The disk after step');
  await dialogOf(page).getByRole('button', { name: 'Close' }).click();
});

test('the dialog is usable by everybody, and its lines can be copied', async () => {
  const { page } = await openPage({ permissions: ['clipboard-read', 'clipboard-write'] });
  await openDialog(page);
  await dialogOf(page).getByText('Use it on macOS').click();
  for (const colorScheme of ['light', 'dark'] as const) {
    await page.emulateMedia({ colorScheme });
    expect(await complaintsOf(page, 'dialog[open]')).toEqual([]);
  }
  await dialogOf(page)
    .getByRole('button', { name: /^Copy: Attach and mount it, macOS/ })
    .click();
  expect(await page.evaluate(() => navigator.clipboard.readText())).toBe(
    'hdiutil attach -imagekey diskimage-class=CRawDiskImage SAMPLE-fat32.img',
  );
  expect(await dialogOf(page).getByRole('status').allInnerTexts()).toContainEqual(
    expect.stringContaining('Copied: hdiutil'),
  );
  await page.keyboard.press('Escape');
  await dialogOf(page).waitFor({ state: 'hidden' });
});

describe('a terabyte', () => {
  const hash = encodeLink({
    disks: [{ ...prepared('apfs'), sizeBytes: 2 ** 40 }],
    lines: [],
  });

  test('is a disk image of macOS of less than a mebibyte; raw it is refused with a sentence', async () => {
    const { page } = await openPage({ hash });
    await page.evaluate(() => Reflect.deleteProperty(window, 'showSaveFilePicker'));
    await openDialog(page);
    await expect.poll(() => dialogOf(page).innerText()).toContain('would have to download 1 TiB');
    expect(await dialogOf(page).getByRole('button', { name: 'Save the file' }).isDisabled()).toBe(true);
    await dialogOf(page).getByRole('button', { name: 'Close' }).click();
    expect(statSync(await save(page, /\(\.dmg\)/)).size).toBeLessThan(2 ** 20);
  });
});

test('where the browser can, a large file is written straight to its place, with holes', async () => {
  const hash = encodeLink({ disks: [{ ...prepared('exfat'), sizeBytes: 2 ** 30 }], lines: [] });
  const { page } = await openPage({ hash });
  // The browser's own dialog cannot be driven; a file of the page's private folder stands in for its answer.
  await page.evaluate(() => {
    Object.assign(window, {
      showSaveFilePicker: async ({ suggestedName }: { suggestedName: string }) =>
        (await navigator.storage.getDirectory()).getFileHandle(suggestedName, { create: true }),
    });
  });
  const sizeOf = () =>
    page.evaluate(async () => {
      const folder = await navigator.storage.getDirectory();
      return (await (await folder.getFileHandle('BENCH-exfat.img', { create: true })).getFile()).size;
    });
  await openDialog(page);
  await dialogOf(page).getByRole('button', { name: 'Save the file' }).click();
  await dialogOf(page).waitFor({ state: 'hidden' });
  expect(await sizeOf()).toBe(2 ** 30);
  const head = await page.evaluate(async () => {
    const folder = await navigator.storage.getDirectory();
    const file = await (await folder.getFileHandle('BENCH-exfat.img')).getFile();
    return [...new Uint8Array(await file.slice(3, 8).arrayBuffer())];
  });
  expect(Buffer.from(head).toString()).toBe('EXFAT');
});

describe('an image packed with gzip', () => {
  const open = async (page: Page, path: string) => {
    const chooser = page.waitForEvent('filechooser');
    await page.getByRole('button', { name: 'Open…' }).click();
    await (await chooser).setFiles(path);
  };
  const made = () => {
    const mkfs = findChecker('mkfs.vfat');
    if (mkfs === null) return null;
    const image = join(temporaryFolder(), 'packed.img');
    runChecker(mkfs, ['-C', '-F', '16', '-n', 'PACKED', image, '16384']);
    return readFileSync(image);
  };

  test('is opened, changed, and comes back clean', async () => {
    const bytes = made();
    if (bytes === null) return;
    const path = join(temporaryFolder(), 'packed.img.gz');
    writeFileSync(path, gzipSync(bytes));
    const { page } = await openPage();
    await open(page, path);
    await page.getByRole('heading', { name: /PACKED/ }).waitFor();
    await diskMenu(page, 'Remove from the bench');
    await page.getByText('was removed').waitFor();
    await run(page, 'echo hi > new.txt');
    expect(fsckVfat(await save(page, /\(\.img\)/))).toBe('');
  });

  test('that is cut short or damaged gets a sentence', async () => {
    const bytes = gzipSync(Buffer.from(Array.from({ length: 70_000 }, (_, i) => (i * i) & 255)));
    const folder = temporaryFolder();
    const damaged = Buffer.from(bytes);
    damaged[damaged.length - 6]! ^= 1; // of the CRC-32
    const { page } = await openPage();
    for (const [name, content, sentence] of [
      ['short.img.gz', bytes.subarray(0, -20), 'damaged, cut short'],
      ['damaged.img.gz', damaged, 'damaged, cut short'],
    ] as const) {
      const path = join(folder, name);
      writeFileSync(path, content);
      await open(page, path);
      await expect
        .poll(() => page.getByRole('alert').allInnerTexts())
        .toContainEqual(expect.stringContaining(sentence));
    }
    await ready(page);
    await run(page, 'echo still here');
  });
});
