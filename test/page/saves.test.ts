import type { Page } from 'playwright';
import { expect, test } from 'vitest';
import { Prng } from '../../src/engine/base/prng.ts';
import type { NewDiskRequest } from '../../src/rpc/protocol.ts';
import { EngineServer } from '../../src/rpc/server.ts';
import { encodeLink, HASH_DIGITS } from '../../src/ui/storage/link.ts';
import '../support/all-formats.ts';
import {
  momentOf,
  openPage,
  outputOf,
  pageFolderAddress,
  ready,
  run,
  sampleDisk,
  usePage,
} from './browser.ts';

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
  expect.poll(() => outputOf(page).then((lines) => lines.join())).toContain(words);

const numberOf = async (page: Page): Promise<number> =>
  Number(/^step (\d+)/.exec((await momentOf(page)) ?? '')?.[1] ?? 0);

const KILLS = 50;

/** Line `number` of the script, counted from 1. */
const lineOf = (number: number): string =>
  `echo line ${number} >> log; mkfile ${1 + (number % 9)}k f${number % 5}`;

/** Small: it is made, hashed and brought back fifty times. */
const SMALL_DISK: NewDiskRequest = {
  ...sampleDisk('fat32', { type: 'fat12' }),
  ...{ sizeBytes: 2 ** 22, startLines: ['mkdir photos'] },
};

/** What the script leaves line by line on an engine that nobody kills. */
class Reference {
  readonly #engine = new EngineServer();
  readonly #hashes: string[] = [];

  async after(lineCount: number): Promise<string> {
    if (this.#hashes.length === 0) {
      await this.#engine.createDisk(SMALL_DISK);
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

/**
 * Gives the page, from its next load on, a way to be ended, or to have its workers ended at once, whatever they are
 * doing: so many milliseconds after the next Enter, counted in the page itself. The number of lines that were kept by
 * then is written down.
 */
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
    const endWorkers = () => {
      for (const worker of living.splice(0)) {
        worker.terminate();
        worker.dispatchEvent(new ErrorEvent('error', { message: 'out of memory, say' }));
      }
    };
    const onEnter = (event: KeyboardEvent) => {
      const doom = sessionStorage.getItem('doom');
      if (event.key !== 'Enter' || doom === null) return;
      sessionStorage.removeItem('doom');
      const [victim, delay] = doom.split(' ');
      setTimeout(() => {
        const slider = document.querySelector('[role=slider][aria-label="Moment shown"]');
        const shown = Number(/^step (\d+)/.exec(slider?.getAttribute('aria-valuetext') ?? '')?.[1] ?? 0);
        const at = (mark: string) => performance.getEntriesByName(mark)[0]?.startTime ?? 0;
        const isKept = at('line kept') >= at('engines done');
        sessionStorage.setItem('ended', String(isKept ? shown : shown - 1));
        if (victim === 'page') location.reload();
        else endWorkers();
      }, Number(delay));
    };
    addEventListener('keydown', onEnter, true);
  });

/** Types lines; the last Enter is the beginning of the end. Returns the number of lines that had ended. */
async function typeAndKill(
  page: Page,
  lines: readonly string[],
  victim: 'page' | 'worker',
  delay: number,
): Promise<number> {
  for (const line of lines.slice(0, -1)) await type(page, line);
  const over =
    victim === 'page'
      ? page.waitForEvent('load')
      : page.getByRole('button', { name: 'Restart FAT12' }).first().click();
  await page.evaluate((doom) => sessionStorage.setItem('doom', doom), `${victim} ${delay}`);
  await type(page, lines.at(-1) ?? '');
  await over;
  if (victim === 'page') {
    await ready(page);
    await says(page, 'is back as it was');
  } else {
    const work = page.getByRole('banner').getByRole('status');
    await expect.poll(() => work.textContent()).toBe('');
  }
  return page.evaluate(() => Number(sessionStorage.getItem('ended')));
}

test('killed at fifty random moments, the worker or the page, the bench is each time where its last finished line left it', async () => {
  const { page } = await openPage({ hash: encodeLink({ disks: [SMALL_DISK], lines: [] }) });
  await makeMortal(page);
  const prng = new Prng(17);
  const reference = new Reference();
  await run(page, lineOf(1));
  await page.waitForFunction(() => performance.getEntriesByName('line kept').length > 0);
  await page.reload();
  await ready(page);
  await says(page, 'is back as it was');
  let finished = 1;
  const outcomes = { page: new Set<number>(), worker: new Set<number>() };
  for (let kill = 0; kill < KILLS; kill++) {
    const victim = kill % 2 === 0 ? 'page' : 'worker';
    // Now and then some lines at a time, so that more than one is known from its note alone.
    const lines = Array.from({ length: kill % 10 === 0 ? 3 : 1 }, (_, nth) => lineOf(finished + 1 + nth));
    // While a line runs, or while what it left is saved.
    const delay = kill % 3 === 0 ? prng.below(400) : prng.below(40);
    const ended = await typeAndKill(page, lines, victim, delay);
    const back = await numberOf(page);
    const what = `kill ${kill}, ${victim}, ${delay} ms after line ${finished + lines.length}`;
    // The line that was running when the end came may be there or not; nothing before it may be missing.
    expect(back, what).toBeGreaterThanOrEqual(Math.max(finished, ended));
    expect(back, what).toBeLessThanOrEqual(finished + lines.length);
    outcomes[victim].add(finished + lines.length - back);
    finished = back;
    expect(await hashesOf(page), what).toBe(await reference.after(finished));
  }
  // Some came before the line had ended, some behind it.
  expect([...outcomes.page, ...outcomes.worker]).toEqual(expect.arrayContaining([0, 1]));
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
  await expect.poll(() => momentOf(second)).toContain('step 2 of 2');
  await run(second, 'ls');
  await expect.poll(async () => (await outputOf(second)).join()).toContain('c');
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
  await expect.poll(async () => (await outputOf(page)).join()).toContain('one');
});

test('a save that breaks off in the middle leaves nothing of itself', async () => {
  const { page } = await openPage();
  await page.evaluate(() => {
    const { put } = IDBObjectStore.prototype;
    IDBObjectStore.prototype.put = function (value, key) {
      // The last of a save.
      if ((key as string[])[0] === 'bench') throw new DOMException('no room', 'QuotaExceededError');
      return put.call(this, value, key);
    };
  });
  await run(page, 'echo one > a');
  await page.getByText('There is no room left for this bench').waitFor();
  const keyCount = await page.evaluate(
    () =>
      new Promise<number>((resolve) => {
        indexedDB.open('diskoscope').addEventListener('success', ({ target }) => {
          const { result } = target as IDBOpenDBRequest;
          const keys = result.transaction('records').objectStore('records').getAllKeys();
          keys.addEventListener('success', () => resolve(keys.result.length));
        });
      }),
  );
  expect(keyCount).toBe(0);
});

test('a bench that the version before kept is brought over, and what was noted behind it runs', async () => {
  const { page } = await openPage();
  await run(page, 'echo one > a');
  await page.getByText(/^saved /).waitFor();
  const body = '<link rel="icon" href="favicon.svg">';
  await page.route('**/empty', (route) => route.fulfill({ contentType: 'text/html', body }));
  await page.goto(`${pageFolderAddress()}empty`);
  await page.evaluate(async () => {
    const answer = <T>(request: IDBRequest<T>) =>
      new Promise<T>((resolve, reject) => {
        request.onsuccess = () => resolve(request.result);
        request.onerror = () => reject(request.error);
      });
    const now = await answer(indexedDB.open('diskoscope'));
    const store = now.transaction('records').objectStore('records');
    const [keys, values] = await Promise.all([answer(store.getAllKeys()), answer(store.getAll())]);
    now.close();
    await answer(indexedDB.deleteDatabase('diskoscope'));
    const opening = indexedDB.open('diskoscope', 2);
    opening.onupgradeneeded = () => {
      const records = opening.result.createObjectStore('records');
      keys.forEach((key, at) => records.put(values[at], key));
      const [, id] = keys.find((key) => (key as string[])[0] === 'bench') as string[];
      const note = { kind: 'line', text: 'echo two > b', on: [{ key: 'disk-1', typed: [] }] };
      records.put(note, ['note', id ?? '', 0]);
    };
    (await answer(opening)).close();
  });
  await page.goto(pageFolderAddress());
  await ready(page);
  await expect.poll(() => momentOf(page)).toBe('step 2 of 2: echo two > b');
  await run(page, 'cat a b');
  await expect.poll(async () => (await outputOf(page)).slice(-2)).toEqual(['one', 'two']);
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
  await expect.poll(() => momentOf(page)).toContain('step 1 of 1');
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
  await expect.poll(() => namesOf(page)).toEqual(given);
  // Longer than it takes until a change is saved.
  await page.waitForTimeout(1000);
  await page.reload();
  await ready(page);
  await says(page, 'is back as it was');
  await expect.poll(() => namesOf(page)).toEqual(given);
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
  await expect.poll(() => namesOf(other)).toEqual(given);

  const { page: linked } = await openPage({ hash });
  await expect.poll(() => namesOf(linked)).toEqual(['main', 'where it began']);
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
    .getByText(/^Write /)
    .first()
    .waitFor();
  await page.keyboard.press('Control+z');
  await expect.poll(() => momentOf(page)).toContain('step 1 of 2');
});
