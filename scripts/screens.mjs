// Makes the pictures of the page in public/screens: `npm run build`, then `node scripts/screens.mjs [STATE …]`. Eight
// states, three widths, light and dark; with `pngquant` on the machine a picture takes a third of the room.
import { spawnSync } from 'node:child_process';
import { mkdirSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { chromium } from 'playwright';
import { preview } from 'vite';
import { findChromium, launchArguments } from './chromium.mjs';

const root = join(dirname(fileURLToPath(import.meta.url)), '..');
const folder = join(root, 'public', 'screens');
const WIDTHS_PIXELS = [1440, 1024, 390];
const SCHEMES = ['light', 'dark'];
const LINES = [
  'cp -c film.mov clone.mov',
  'echo hello >> notes.txt',
  'on apfs scope snapshot create now',
  'rm photos/two.jpg',
];

const openTab = (name) => (page) => page.getByRole('tab', { name, exact: true }).click();

/** A file of the list, as the object that all panes show. */
const selectNotes = (page) => page.getByRole('treeitem', { name: /notes\.txt/ }).click();

/** What is done before the picture; how a full page is not to be shown. */
const STATES = {
  bench: () => {},
  compare: openTab('Compare'),
  structures: openTab('Structures'),
  async bytes(page) {
    await selectNotes(page);
    await openTab('Bytes')(page);
  },
  trace: openTab('Trace'),
  async why(page) {
    await selectNotes(page);
    await openTab('Why')(page);
  },
  palette: (page) => page.getByRole('button', { name: 'Commands', exact: true }).click(),
  lecture: async (page) => {
    await openTab('Compare')(page);
    await page.getByRole('heading', { name: 'Diskoscope' }).click();
    await page.keyboard.press('l');
  },
};
/** Dialogs cover the window, whose size they keep. */
const OF_THE_WINDOW = ['palette'];

async function opened(browser, address, width, scheme) {
  const height = width === 390 ? 844 : 900;
  const page = await browser.newPage({ viewport: { width, height }, colorScheme: scheme });
  await page.goto(address);
  await page.locator('[data-ready=true]').waitFor();
  await page.getByRole('treeitem').first().waitFor();
  for (const [nth, line] of LINES.entries()) {
    await page.getByRole('textbox', { name: 'Terminal: type a command' }).focus();
    await page.keyboard.insertText(line);
    await page.keyboard.press('Enter');
    await page
      .getByText(`step ${nth + 1} of ${nth + 1}: `)
      .first()
      .waitFor();
    // What is typed before the prompt is back stands in the terminal twice.
    await page.waitForFunction(() => {
      const at = (mark) => performance.getEntriesByName(mark)[0]?.startTime ?? 0;
      return at('line kept') >= at('engines done');
    });
  }
  return page;
}

const server = await preview({
  ...{ root, logLevel: 'error', build: { outDir: 'dist/page' }, preview: { port: 0, host: '127.0.0.1' } },
});
const address = `http://127.0.0.1:${server.httpServer.address().port}/`;
const browser = await chromium.launch({ executablePath: findChromium(), args: launchArguments });
const wanted = process.argv.slice(2);
mkdirSync(folder, { recursive: true });
const paths = [];
for (const width of WIDTHS_PIXELS) {
  for (const scheme of SCHEMES) {
    for (const [name, prepare] of Object.entries(STATES)) {
      if (wanted.length > 0 && !wanted.includes(name)) continue;
      const page = await opened(browser, address, width, scheme);
      await prepare(page);
      await page.waitForTimeout(800);
      const path = join(folder, `${name}-${width}-${scheme}.png`);
      await page.screenshot({ path, fullPage: !OF_THE_WINDOW.includes(name), animations: 'disabled' });
      paths.push(path);
      await page.close();
    }
  }
}
await browser.close();
await server.close();
spawnSync('pngquant', ['--force', '--skip-if-larger', '--ext', '.png', ...paths], { stdio: 'ignore' });
