import type { Page } from 'playwright';
import { expect, test } from 'vitest';
import { Prng } from '../../src/engine/base/prng.ts';
import { momentOf, openPage, outputOf, ready, run, usePage } from './browser.ts';

/**
 * Goal: what was done is there again after a reload, whenever it comes, byte for byte, and in one tab at a time.
 * Method: a real browser with its real storage and locks; fingerprints of the disks are asked of the workers.
 */
usePage();

/** The first digits of every disk's fingerprint, as the link to the bench says them. */
async function hashesOf(page: Page): Promise<string> {
  await page.getByRole('button', { name: 'Share', exact: true }).click();
  await page.getByText(/^The (link is copied|address bar now holds)/).waitFor();
  return page.evaluate(async () => {
    const text = location.hash.slice(4).replaceAll('-', '+').replaceAll('_', '/');
    const bytes = Uint8Array.from(atob(text), (character) => character.charCodeAt(0));
    history.replaceState(null, '', location.pathname);
    const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream('deflate-raw'));
    const bench = (await new Response(stream).json()) as { hashes: string[] };
    return bench.hashes.join();
  });
}

async function type(page: Page, line: string): Promise<void> {
  await page.getByRole('textbox', { name: 'Terminal: type a command' }).focus();
  await page.keyboard.insertText(line);
  await page.keyboard.press('Enter');
}

const says = (page: Page, words: string) =>
  expect.poll(() => outputOf(page).then((lines) => lines.join()), { timeout: 20_000 }).toContain(words);

const numberOf = async (page: Page): Promise<number> =>
  Number(/^step (\d+)/.exec((await momentOf(page)) ?? '')?.[1] ?? 0);

const KILLS = 50;

test('reloaded at fifty random moments, the bench is each time where its last finished line left it', async () => {
  const { page } = await openPage();
  const prng = new Prng(17);
  const hashes = new Map<number, string>([[0, await hashesOf(page)]]);
  await run(page, 'echo begin > begin');
  await page.getByText(/^saved /).waitFor();
  hashes.set(1, await hashesOf(page));
  let finished = 1;
  let checked = 0;
  for (let kill = 0; kill < KILLS; kill++) {
    await type(page, `echo line ${finished + 1} >> log; mkfile ${1 + (finished % 9)}k f${finished % 5}`);
    await page.waitForTimeout(prng.below(120));
    const seen = await numberOf(page);
    await page.reload();
    await ready(page);
    await says(page, 'is back as it was');
    const back = await numberOf(page);
    // The line that was running when the end came may be there or not; nothing before it may be missing.
    expect(back, `kill ${kill}`).toBeGreaterThanOrEqual(Math.max(finished, seen - 1));
    expect(back).toBeLessThanOrEqual(finished + 1);
    finished = back;
    if (kill % 10 !== 9 && hashes.has(back)) continue;
    const hash = await hashesOf(page);
    const before = hashes.get(back);
    if (before !== undefined) expect(hash, `after kill ${kill}`).toBe(before);
    hashes.set(back, hash);
    checked += 1;
  }
  expect(checked).toBeGreaterThan(4);
  // The same lines at one go give the same bytes.
  const straight = (await openPage()).page;
  await run(straight, 'echo begin > begin');
  for (let at = 1; at < finished; at++) {
    await run(straight, `echo line ${at + 1} >> log; mkfile ${1 + (at % 9)}k f${at % 5}`);
  }
  expect(await hashesOf(straight)).toBe(await hashesOf(page));
}, 240_000);

test('a second tab reads only and says why, and writes when the first is closed', async () => {
  const { page: first } = await openPage();
  await run(first, 'echo one > a');
  await first.getByText(/^saved /).waitFor();
  const second = await first.context().newPage();
  await second.goto(first.url().replace(/#.*/, ''));
  await ready(second);
  await second.getByText('open in another tab').waitFor();
  await type(second, 'echo two > b');
  await says(second, 'can only be looked at');
  await run(first, 'echo three > c');
  await first.getByText(/^saved /).waitFor();
  await first.waitForTimeout(600);
  await first.close();
  await second.getByText('The other tab let go').waitFor();
  expect(await momentOf(second)).toContain('step 2 of 2');
  await run(second, 'ls');
  expect((await outputOf(second)).join()).toContain('c');
});

test('a storage without room is a sentence, and work goes on', async () => {
  const { page } = await openPage();
  await page.evaluate(() => {
    IDBObjectStore.prototype.put = () => {
      throw new DOMException('no room', 'QuotaExceededError');
    };
  });
  await run(page, 'echo one > a');
  await page.getByText('There is no room left for this bench').waitFor();
  await run(page, 'cat a');
  expect((await outputOf(page)).join()).toContain('one');
});

test('benches have names, stay beside each other, and go through a file', async () => {
  const { page } = await openPage();
  await run(page, 'echo one > a');
  await page.getByText(/^saved /).waitFor();
  const choose = async (item: string) => {
    await page.getByRole('button', { name: 'Bench', exact: true }).click();
    await page.getByRole('menuitem', { name: item }).click();
  };
  const waiting = page.waitForEvent('download');
  await choose('Export this bench');
  const path = await (await waiting).path();
  await choose('Benches…');
  await page.getByRole('textbox', { name: 'Name of From a link' }).fill('My bench');
  await page.keyboard.press('Enter');
  await page.getByRole('textbox', { name: 'Name of My bench' }).waitFor();
  const chooser = page.waitForEvent('filechooser');
  await page.getByRole('button', { name: 'Import a file…' }).click();
  await (await chooser).setFiles({ name: 'x.diskoscope', mimeType: '', buffer: Buffer.from('not a bench') });
  await page.getByText('it is no bench of Diskoscope').waitFor();
  const again = page.waitForEvent('filechooser');
  await page.getByRole('button', { name: 'Import a file…' }).click();
  await (await again).setFiles(path);
  await says(page, 'This is From a link');
  await run(page, 'cat a');
  await choose('Benches…');
  await page.getByRole('button', { name: 'Open My bench' }).click();
  await says(page, 'This is My bench');
  expect(await momentOf(page)).toContain('step 1 of 1');
});

test('names of moments and branches survive a reload, and go through a file and a link', async () => {
  const { page } = await openPage();
  const slider = page.getByRole('slider', { name: 'Moment shown' });
  await run(page, 'echo one > a');
  await slider.press('b');
  await run(page, 'echo two > b');
  await slider.press('ArrowLeft');
  await expect.poll(() => momentOf(page)).toContain('step 1 of 2');
  await run(page, 'echo three > c');
  const panelOf = async (at: Page) => {
    await at.getByRole('button', { name: 'Branches and bookmarks' }).click();
    return at.getByRole('dialog', { name: 'Branches and bookmarks' });
  };
  const rename = async (what: string, name: string) => {
    await (await panelOf(page)).getByRole('button', { name: `Rename ${what}` }).click();
    await page.keyboard.type(name);
    await page.keyboard.press('Enter');
    await page.keyboard.press('Escape');
  };
  await rename('bookmark echo one > a', 'where it began');
  await rename('branch branch 2', 'the other way');
  const namesOf = async (at: Page) => {
    const texts = await (await panelOf(at)).getByRole('listitem').locator('b').allInnerTexts();
    await at.keyboard.press('Escape');
    return texts;
  };
  const given = ['main', 'the other way', 'where it began'];
  expect(await namesOf(page)).toEqual(given);
  // Longer than it takes until a change is saved.
  await page.waitForTimeout(1000);
  await page.reload();
  await ready(page);
  await says(page, 'is back as it was');
  expect(await namesOf(page)).toEqual(given);
  await (await panelOf(page)).getByRole('button', { name: /^where it began/ }).click();
  await expect.poll(() => momentOf(page)).toContain('step 1 of 2: echo one > a');
  await page.keyboard.press('Escape');
  const saving = page.waitForEvent('download');
  await page.getByRole('button', { name: 'Bench', exact: true }).click();
  await page.getByRole('menuitem', { name: 'Export this bench' }).click();
  const file = await (await saving).path();
  await page.getByRole('button', { name: 'Share', exact: true }).click();
  await page.getByText(/^The (link is copied|address bar now holds)/).waitFor();
  const hash = await page.evaluate(() => location.hash);

  const { page: other } = await openPage();
  await other.getByRole('button', { name: 'Bench', exact: true }).click();
  await other.getByRole('menuitem', { name: 'Benches…' }).click();
  const chooser = other.waitForEvent('filechooser');
  await other.getByRole('button', { name: 'Import a file…' }).click();
  await (await chooser).setFiles(file);
  await says(other, 'This is From a link');
  expect(await namesOf(other)).toEqual(given);

  const { page: linked } = await openPage({ hash });
  expect(await namesOf(linked)).toEqual(['main', 'where it began']);
});

test('after a reload a step of before still has its trace and its bytes: its lines run again', async () => {
  const { page } = await openPage();
  await run(page, 'echo one > a');
  await run(page, 'echo two > b');
  await page.getByText(/^saved /).waitFor();
  await page.waitForTimeout(500);
  await page.reload();
  await ready(page);
  await page.getByRole('tab', { name: 'Trace' }).click();
  await page
    .getByText(/Write 1 block/)
    .first()
    .waitFor();
  await page.keyboard.press('Control+z');
  await expect.poll(() => momentOf(page), { timeout: 20_000 }).toContain('step 1 of 2');
});
