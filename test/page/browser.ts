import { cpSync, mkdtempSync, rmSync } from 'node:fs';
import { basename, join } from 'node:path';
import { chromium } from 'playwright';
import type { Browser, BrowserContextOptions, Page } from 'playwright';
import { afterAll, beforeAll, expect, inject, onTestFinished } from 'vitest';
import { findChromium, launchArguments } from '../../scripts/chromium.mjs';
import type { NewDiskRequest } from '../../src/rpc/protocol.ts';
import { prepared } from '../../src/ui/state/samples.ts';
import { encodeLink } from '../../src/ui/storage/link.ts';

/** The built page in a real browser. Each test gets a fresh profile; what went wrong in it fails the test. */
let browser: Browser;
let address = '';
let builtFolder = '';

export function usePage(): void {
  const served = inject('served');
  const folder = mkdtempSync(join(served.folder, 'page-'));
  builtFolder = folder;
  address = `${served.address}${basename(folder)}/`;

  beforeAll(async () => {
    const executablePath = findChromium();
    if (executablePath === undefined) throw new Error('no Chromium: set CHROME_PATH to one');
    cpSync(inject('builtPage'), folder, { recursive: true });
    browser = await chromium.launch({ executablePath, args: launchArguments });
    return () => browser.close();
  });

  afterAll(() => rmSync(folder, { recursive: true, force: true }));
}

export interface Opened {
  readonly page: Page;
  /** Requests since the page was ready. */
  readonly requests: string[];
}

export const pageFolderAddress = (): string => address;

/** What is served there: a folder of this test file's own. */
export const pageFolder = (): string => builtFolder;

export const sampleDisk = (format: string, settings: Record<string, string> = {}): NewDiskRequest => ({
  ...prepared(format, settings),
  label: 'SAMPLE',
});

/** Address of a bench with one prepared disk, for tests that look at one. */
export const oneDisk = (format = 'fat32', settings: Record<string, string> = {}): string =>
  encodeLink({ disks: [sampleDisk(format, settings)], lines: [] });

/** Opens the page, with one FAT32 disk unless `hash` says otherwise, and waits for the prompt. When the test ends, there must have been no complaint in the console. */
export async function openPage(options: BrowserContextOptions & { hash?: string } = {}): Promise<Opened> {
  const { hash = oneDisk('fat32', { type: 'fat32' }), ...contextOptions } = options;
  const context = await browser.newContext({ viewport: { width: 1440, height: 900 }, ...contextOptions });
  context.setDefaultTimeout(20_000);
  const page = await context.newPage();
  const complaints: string[] = [];
  const requests: string[] = [];
  page.on('pageerror', (error) => complaints.push(String(error.stack)));
  page.on('console', (message) => {
    if (['error', 'warning'].includes(message.type())) complaints.push(message.text());
  });
  onTestFinished(async () => {
    await context.close();
    expect(complaints).toEqual([]);
  });
  await page.goto(`${address}${hash}`);
  await ready(page);
  page.on('request', (request) => {
    // The browser fetches the icon of a tab for itself, whenever it likes.
    if (!/^blob:|\/favicon\.svg$/.test(request.url())) requests.push(request.url());
  });
  return { page, requests };
}

/** A prompt to type at, every disk made, and what the inspector shows of one. */
export async function ready(page: Page): Promise<void> {
  await page.locator('[data-ready=true]').waitFor();
  await page.getByRole('heading', { level: 2 }).getByRole('button', { pressed: true }).first().waitFor();
  await expect.poll(() => page.getByText('Being made…').count()).toBe(0);
  const other = page.getByRole('tab', { selected: true, name: /^(?!Files)/ });
  await page.getByRole('treeitem').or(other).first().waitFor();
}

export const momentOf = (page: Page): Promise<string | null> =>
  page.getByRole('slider', { name: 'Moment shown' }).getAttribute('aria-valuetext');

/** Types a line at the prompt and waits until its step is the one on show. */
export async function run(page: Page, line: string): Promise<void> {
  const before = await momentOf(page);
  await page.getByRole('textbox', { name: 'Terminal: type a command' }).focus();
  await page.keyboard.insertText(line);
  await page.keyboard.press('Enter');
  await expect.poll(() => momentOf(page)).not.toBe(before);
  await expect.poll(() => momentOf(page)).toMatch(new RegExp(`^step (\\d+) of \\1: `));
}

/** Chooses from the menu of a disk, the first one unless named. */
export async function diskMenu(page: Page, item: string, disk = ''): Promise<void> {
  const name = new RegExp(`^${disk.replace(/[+]/g, '[+]')}.*: disk menu$`);
  await page.getByRole('button', { name }).first().click();
  await page.getByRole('menuitem', { name: item }).click();
}

/** What the terminal has said so far, line by line. */
export const outputOf = (page: Page): Promise<string[]> =>
  page.getByRole('log', { name: 'Terminal output' }).locator('div').allTextContents();

export const showTab = (page: Page, name: string): Promise<void> => page.getByRole('tab', { name }).click();

/** The rows of a list or tree, as a reader hears them. */
export const rowsOf = async (page: Page, name: string): Promise<string[]> =>
  (await page.getByRole('tree', { name, exact: true }).getByRole('treeitem').allInnerTexts()).map((text) =>
    text.replace(/\s+/g, ' ').trim(),
  );
