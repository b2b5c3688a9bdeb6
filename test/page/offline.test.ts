import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Page } from 'playwright';
import { expect, onTestFinished, test } from 'vitest';
import { fsckHfsplus, temporaryFolder } from '../support/checkers.ts';
import { diskMenu, openPage, pageFolder, pageFolderAddress, ready, run, usePage } from './browser.ts';

/** Goal: after one visit the page needs no network. Method: the network is cut, and everything is done once more. */
usePage();

const kept = (page: Page) =>
  page.evaluate(async () => {
    await navigator.serviceWorker.ready;
    while (navigator.serviceWorker.controller === null) await new Promise((again) => setTimeout(again, 50));
  });

/** Null where there is a network. */
const refusal = (page: Page) =>
  page.evaluate(async () => {
    try {
      await fetch('./not-kept.txt', { cache: 'no-store' });
      return null;
    } catch (error) {
      return String(error);
    }
  });

test('with the network cut the page opens, runs a line on all formats and saves a disk', async () => {
  const { page } = await openPage({ hash: '' });
  await kept(page);
  const context = page.context();
  await context.setOffline(true);
  const origins = new Set<string>();
  context.on('request', (request) => void origins.add(new URL(request.url()).origin));
  const second = await context.newPage();
  await second.goto(pageFolderAddress());
  await ready(second);
  expect(await refusal(second)).toContain('Failed to fetch');
  await run(second, 'mkdir offline; seq 1 2000 > offline/numbers');
  expect(await second.getByRole('button', { name: /: disk menu$/ }).count()).toBe(4);
  await diskMenu(second, 'Download…', 'HFS+');
  const waiting = second.waitForEvent('download');
  await second.getByRole('button', { name: 'Save the file' }).click();
  const path = join(temporaryFolder(), 'offline.img');
  await (await waiting).saveAs(path);
  expect(fsckHfsplus(path)).toBe('');
  expect(
    [...origins].filter((origin) => origin !== 'null' && !pageFolderAddress().startsWith(origin)),
  ).toEqual([]);
});

test('it can be installed: a manifest with icons that are there, under any address', async () => {
  const { page } = await openPage();
  const href = await page.locator('link[rel=manifest]').getAttribute('href');
  expect(href).toBe('./manifest.webmanifest');
  const manifest = (await (await page.request.get(new URL(href!, page.url()).href)).json()) as {
    icons: { src: string; sizes: string }[];
    start_url: string;
  };
  expect(manifest.start_url).toBe('./');
  for (const { src, sizes } of manifest.icons) {
    expect(src).not.toMatch(/^\//);
    const size = await page.evaluate(async (url) => {
      const image = new Image();
      image.src = url;
      await image.decode();
      return `${image.naturalWidth}x${image.naturalHeight}`;
    }, src);
    if (sizes !== 'any') expect(size).toBe(sizes);
  }
});

test('what is kept is the built files and nothing else; a new version waits and says so', async () => {
  const { page } = await openPage();
  await kept(page);
  const urls = () =>
    page.evaluate(async () => {
      const names = await caches.keys();
      const keys = await Promise.all(names.map(async (name) => (await caches.open(name)).keys()));
      return keys.flat().map(({ url }) => url);
    });
  const before = await urls();
  expect(before.filter((url) => /all-formats|xterm|worker|\/$/.test(url)).length).toBeGreaterThanOrEqual(4);
  expect(before.filter((url) => !url.startsWith(pageFolderAddress()) || /screens|sw\.js/.test(url))).toEqual(
    [],
  );

  // Another version on the server.
  const path = join(pageFolder(), 'sw.js');
  const old = readFileSync(path, 'utf8');
  onTestFinished(() => writeFileSync(path, old));
  writeFileSync(path, old.replace(/PREFIX \+ '?"?\w+'?"?/, 'PREFIX + "newer"'));
  await page.evaluate(async () => (await navigator.serviceWorker.ready).update());
  const message = page.getByText('A new version of Diskoscope is here.');
  await message.waitFor();
  await run(page, 'echo the old version works on');
  const reloaded = page.waitForEvent('load');
  await page.getByRole('button', { name: 'Reload with it now' }).click();
  await reloaded;
  await ready(page);
  await expect.poll(() => page.evaluate(() => caches.keys())).toEqual([expect.stringMatching(/ newer$/)]);
});

test('the worker is short and knows no other place', () => {
  const source = readFileSync('workers/service-worker.js', 'utf8');
  expect(source).not.toMatch(/https?:|importScripts|eval/);
});
