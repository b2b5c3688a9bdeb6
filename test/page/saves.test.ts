import type { Page } from 'playwright';
import { expect, test } from 'vitest';
import { Prng } from '../../src/engine/base/prng.ts';
import { EngineServer } from '../../src/rpc/server.ts';
import { HASH_DIGITS } from '../../src/ui/storage/link.ts';
import '../support/all-formats.ts';
import { momentOf, openPage, outputOf, ready, run, sampleDisk, usePage } from './browser.ts';

/**
 * Goal: what was done is there again after a reload, whenever it comes, byte for byte, and in one tab at a time.
 * Method: a real browser with its real storage and locks; fingerprints of the disks are asked of the workers, and held
 * against those of an engine in Node that ran the same lines.
 */
usePage();

/** The first digits of every disk's fingerprint, as the link to the bench says them. */
async function hashesOf(page: Page): Promise<string> {
  await page.getByRole('button', { name: 'Share', exact: true }).click();
  await page.waitForFunction(() => location.hash !== '');
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

/** Line `number` of the script, counted from 1. */
const lineOf = (number: number): string =>
  `echo line ${number} >> log; mkfile ${1 + (number % 9)}k f${number % 5}`;

/** What the script leaves line by line on an engine that nobody kills. */
class Reference {
  readonly #engine = new EngineServer();
  readonly #hashes: string[] = [];

  async after(lineCount: number): Promise<string> {
    if (this.#hashes.length === 0) {
      await this.#engine.createDisk(sampleDisk('fat32', { type: 'fat32' }));
      await this.#hash();
    }
    while (this.#hashes.length <= lineCount) {
      await this.#engine.run(lineOf(this.#hashes.length), () => {});
      await this.#hash();
    }
    return this.#hashes[lineCount] ?? '';
  }

  async #hash(): Promise<void> {
    this.#hashes.push((await this.#engine.imageHash()).slice(0, HASH_DIGITS));
  }
}

/** Gives the page, from its next load on, a way to end its workers at once, whatever they are doing. */
const makeMortal = (page: Page): Promise<unknown> =>
  page.addInitScript(() => {
    const living: Worker[] = [];
    const Plain = globalThis.Worker;
    globalThis.Worker = class extends Plain {
      constructor(...args: ConstructorParameters<typeof Worker>) {
        super(...args);
        living.push(this);
      }
    };
    addEventListener('end workers', () => {
      for (const worker of living.splice(0)) {
        worker.terminate();
        worker.dispatchEvent(new ErrorEvent('error', { message: 'out of memory, say' }));
      }
    });
  });

async function killWorkers(page: Page): Promise<void> {
  await page.evaluate(() => dispatchEvent(new Event('end workers')));
  await page.getByRole('button', { name: 'Restart FAT32' }).first().click();
  const work = page.getByRole('banner').getByRole('status');
  await expect.poll(() => work.textContent(), { timeout: 20_000 }).toBe('');
}

async function killPage(page: Page): Promise<void> {
  await page.reload();
  await ready(page);
  await says(page, 'is back as it was');
}

test('killed at fifty random moments, the worker or the page, the bench is each time where its last finished line left it', async () => {
  const { page } = await openPage();
  await makeMortal(page);
  const prng = new Prng(17);
  const reference = new Reference();
  await run(page, lineOf(1));
  await page.getByText(/^saved /).waitFor();
  let finished = 1;
  let lost = 0;
  for (let kill = 0; kill < KILLS; kill++) {
    // The page first: workers can be ended from its second load on.
    const isPage = kill % 2 === 0;
    await type(page, lineOf(finished + 1));
    await page.waitForTimeout(prng.below(120));
    const seen = await numberOf(page);
    await (isPage ? killPage(page) : killWorkers(page));
    const back = await numberOf(page);
    const what = `kill ${kill}, ${isPage ? 'page' : 'worker'}, after ${finished} lines`;
    // The line that was running when the end came may be there or not; nothing before it may be missing.
    expect(back, what).toBeGreaterThanOrEqual(Math.max(finished, isPage ? seen - 1 : seen));
    expect(back, what).toBeLessThanOrEqual(finished + 1);
    if (back === finished) lost += 1;
    finished = back;
    expect(await hashesOf(page), what).toBe(await reference.after(finished));
  }
  // Some came before the line had ended, some behind it.
  expect(lost).toBeGreaterThan(0);
  expect(finished).toBeGreaterThan(KILLS / 4);
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
