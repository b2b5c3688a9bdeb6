// Makes the icons of the installed page from public/favicon.svg: `node scripts/icons.mjs`. Needs Chromium, as the tests
// of the page do. A maskable icon is cut to a shape by the system: its picture keeps to the middle.
import { mkdirSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { chromium } from 'playwright';
import { findChromium, launchArguments } from './chromium.mjs';

const folder = join(dirname(fileURLToPath(import.meta.url)), '..', 'public');
const svg = readFileSync(join(folder, 'favicon.svg'), 'utf8');
const GROUND = '#15191e';
const ICONS = [
  { name: 'icon-192.png', sizePixels: 192, share: 1, ground: 'transparent' },
  { name: 'icon-512.png', sizePixels: 512, share: 1, ground: 'transparent' },
  { name: 'icon-maskable-512.png', sizePixels: 512, share: 0.8, ground: GROUND },
];

mkdirSync(join(folder, 'icons'), { recursive: true });
const browser = await chromium.launch({ executablePath: findChromium(), args: launchArguments });
for (const { name, sizePixels, share, ground } of ICONS) {
  const page = await browser.newPage({ viewport: { width: sizePixels, height: sizePixels } });
  const style = `body{margin:0;display:grid;place-items:center;height:100vh;background:${ground}}svg{width:${share * 100}vw}`;
  await page.setContent(`<style>${style}</style>${svg}`);
  await page.screenshot({ path: join(folder, 'icons', name), omitBackground: true });
  await page.close();
}
await browser.close();
