import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { chromium } from 'playwright';
import { preview } from 'vite';
import { findChromium, launchArguments } from '../../scripts/chromium.mjs';

const figures = [];

const note = (figure) => {
  figures.push(figure);
  const { measure, value, unit, max, min } = figure;
  const isGood = (max === undefined || value <= max) && (min === undefined || value >= min);
  const goal = max === undefined ? (min === undefined ? '' : `≥ ${min}`) : `≤ ${max}`;
  console.log(`${isGood ? '✓' : '✗'} ${measure}: ${Number(value.toPrecision(3))} ${unit} (${goal})`);
};

const folder = mkdtempSync(join(tmpdir(), 'diskoscope-bench-'));
const environment = { ...process.env, NODE_ENV: 'production' };
const build = ['node_modules/vite/bin/vite.js', 'build', '--outDir', folder, '--emptyOutDir'];
execFileSync(process.execPath, [...build, '--logLevel', 'error'], { env: environment, stdio: 'inherit' });
const server = await preview({
  build: { outDir: folder },
  preview: { port: 0, host: '127.0.0.1' },
  logLevel: 'error',
});
const address = `http://127.0.0.1:${server.httpServer.address().port}/`;
const executablePath = findChromium();
if (executablePath === undefined) throw new Error('no Chromium: set CHROME_PATH to one');
const browser = await chromium.launch({
  executablePath,
  args: [...launchArguments, '--js-flags=--expose-gc', '--enable-precise-memory-info'],
});

async function open(throttle = 1) {
  const context = await browser.newContext({ viewport: { width: 1440, height: 900 } });
  const page = await context.newPage();
  if (throttle > 1) {
    const devtools = await context.newCDPSession(page);
    await devtools.send('Emulation.setCPUThrottlingRate', { rate: throttle });
  }
  // Tasks of the main thread longer than 50 ms, from the very start.
  await page.addInitScript(() => {
    const tasks = [];
    Object.assign(globalThis, { longTasks: tasks });
    new PerformanceObserver((list) => {
      for (const { duration } of list.getEntries()) tasks.push(duration);
    }).observe({ type: 'longtask', buffered: true });
  });
  await page.goto(address);
  // Asked seldom: at four times the work a question costs what is measured.
  await page.waitForFunction(() => performance.getEntriesByName('bench ready').length > 0, undefined, {
    polling: 500,
  });
  await page.locator('[data-ready=true]').waitFor();
  return page;
}

const markOf = (page, name) =>
  page.evaluate((of) => performance.getEntriesByName(of).at(-1)?.startTime ?? NaN, name);

const prompt = (page) => page.getByRole('textbox', { name: 'Terminal: type a command' });
const momentOf = (page) => page.getByRole('slider', { name: 'Moment shown' }).getAttribute('aria-valuetext');

async function run(page, line, timeout = 120_000) {
  await prompt(page).focus();
  await page.keyboard.insertText(line);
  await page.keyboard.press('Enter');
  // The step's own line says nothing of the disks it was for.
  const start = line.replace(/^on \S+ /, '').slice(0, 24);
  await page.waitForFunction(
    (text) =>
      document
        .querySelector('[role=slider][aria-label="Moment shown"]')
        ?.getAttribute('aria-valuetext')
        ?.includes(text),
    start,
    { timeout, polling: 'raf' },
  );
}

const longTasks = (page) => page.evaluate(() => globalThis.longTasks.splice(0));
const longest = (tasks) => Math.max(0, ...tasks);
const median = (values) =>
  [...values].sort((one, other) => one - other)[Math.floor(values.length / 2)] ?? NaN;

/** Milliseconds from navigation to a prompt that takes keys, and to one whose line runs: all four disks are there. */
async function timesToPrompt() {
  const page = await open(4);
  const times = { prompt: await markOf(page, 'prompt ready'), bench: await markOf(page, 'bench ready') };
  await page.context().close();
  return times;
}
async function starts() {
  const times = [await timesToPrompt(), await timesToPrompt(), await timesToPrompt()];
  note({
    measure: 'prompt that takes keys at 4× throttle, median of 3',
    ...{ value: median(times.map(({ prompt }) => prompt)), unit: 'ms', max: 2000 },
  });
  note({
    measure: 'four disks ready at 4× throttle, median of 3',
    ...{ value: median(times.map(({ bench }) => bench)), unit: 'ms', max: 2000 },
  });
}

async function firstLoad() {
  const page = await open();
  const names = await page.evaluate(() => performance.getEntriesByType('resource').map(({ name }) => name));
  const wanted = [...new Set([address, ...names])].filter((name) => !/xterm|all-formats/.test(name));
  let bytes = 0;
  for (const name of wanted)
    bytes += gzipSync(new Uint8Array(await (await fetch(name)).arrayBuffer())).length;
  note({ measure: 'first load, gzip', value: bytes / 1000, unit: 'kB', max: 350 });
  await page.context().close();
}
/** From the engines' answer to ribbon and maps on the screen, both marked by the page itself. */
async function updates(page) {
  const taken = [];
  for (let nth = 0; nth < 12; nth++) {
    await run(page, `echo ${nth} > update-${nth}.txt`);
    await page.waitForTimeout(150);
    taken.push((await markOf(page, 'map painted')) - (await markOf(page, 'engines done')));
  }
  note({ measure: 'ribbon and maps after the engines are done', value: median(taken), unit: 'ms', max: 50 });
}

/** Resident memory of the page's processes as the browser tells it. */
async function memory(page) {
  return page.evaluate(async () => {
    const measure = performance.measureUserAgentSpecificMemory;
    if (measure && crossOriginIsolated) return (await measure.call(performance)).bytes;
    return performance.memory.usedJSHeapSize;
  });
}

async function workersMemory(page) {
  let bytes = 0;
  for (const worker of page.workers()) {
    bytes += await worker.evaluate(() => {
      globalThis.gc?.();
      const { memory } = performance;
      return memory?.usedJSHeapSize ?? 0;
    });
  }
  return bytes;
}

async function tenThousand(page) {
  await longTasks(page);
  const script = 'mkdir many; cd many; for i in $(seq 10000); do echo $i > $((i % 500)).txt; done; cd ..';
  await run(page, script, 300_000);
  const tasks = await longTasks(page);
  note({
    measure: 'longest main-thread task while a script of 10,000 commands runs',
    ...{ value: longest(tasks), unit: 'ms', max: 50 },
  });
}

/** Its first disk becomes one of ten million blocks. */
async function enlarge(page) {
  await page.getByRole('button', { name: /^APFS.*: disk menu$/ }).click();
  await page.getByRole('menuitem', { name: 'Another disk in its place…' }).click();
  const dialog = page.getByRole('dialog');
  await dialog.getByLabel('Format').selectOption('apfs');
  await dialog.getByLabel('Size', { exact: true }).fill('40g');
  await dialog.getByRole('button', { name: 'Make the disk' }).click();
  await dialog.waitFor({ state: 'hidden' });
  const bar = page.getByRole('meter').first();
  if (!/ GiB free/.test((await bar.getAttribute('aria-valuetext')) ?? '')) throw new Error('no large disk');
}

/** Ten thousand lines pasted, then the slider dragged from end to end. */
async function scrub(page) {
  const lines = Array.from({ length: 10_000 }, (_, nth) => `echo ${nth} > ${nth % 200}.txt`).join('\n');
  await prompt(page).evaluate((element, text) => {
    const data = new DataTransfer();
    data.setData('text/plain', `${text}\n`);
    element.dispatchEvent(new ClipboardEvent('paste', { clipboardData: data, bubbles: true }));
  }, lines);
  await page.waitForFunction(
    () =>
      document
        .querySelector('[role=slider][aria-label="Moment shown"]')
        ?.getAttribute('aria-valuetext')
        ?.includes('echo 9999 >'),
    undefined,
    { timeout: 900_000, polling: 1000 },
  );
  // What it keeps of ten thousand lines is written first.
  await page.waitForTimeout(3000);
  await longTasks(page);
  const slider = page.getByRole('slider', { name: 'Moment shown' });
  const box = await slider.boundingBox();
  if (box === null) throw new Error('the slider has no place');
  await page.evaluate(() => {
    const frames = { count: 0, isCounting: true };
    Object.assign(globalThis, { frames });
    const next = () => {
      frames.count += 1;
      if (frames.isCounting) requestAnimationFrame(next);
    };
    requestAnimationFrame(next);
  });
  const y = box.y + box.height / 2;
  await page.mouse.move(box.x + box.width - 2, y);
  await page.mouse.down();
  const start = Date.now();
  for (let nth = 0; Date.now() - start < 4000; nth++) {
    const share = Math.abs(((nth / 90) % 2) - 1);
    await page.mouse.move(box.x + 2 + share * (box.width - 4), y);
    await page.waitForTimeout(8);
  }
  const seconds = (Date.now() - start) / 1000;
  await page.mouse.up();
  const count = await page.evaluate(() => {
    const { frames } = globalThis;
    frames.isCounting = false;
    return frames.count;
  });
  note({
    measure: 'scrubbing over 10,000 steps, one map of 10 million blocks',
    value: count / seconds,
    unit: 'frames/s',
    min: 50,
  });
  note({
    measure: 'longest main-thread task while scrubbing',
    ...{ value: longest(await longTasks(page)), unit: 'ms', max: 50 },
  });
  const bytes = (await memory(page)) + (await workersMemory(page));
  note({ measure: 'memory after it, page and workers', value: bytes / 1e6, unit: 'MB', max: 300 });
}

/** A saved bench with 100 MB of touched blocks comes back. */
async function restore() {
  const page = await open();
  await page.getByRole('treeitem').first().waitFor();
  await run(page, 'on apfs dd if=/dev/random of=noise.bin bs=1m count=100', 300_000);
  const slider = await momentOf(page);
  await page.waitForTimeout(6000);
  await page.reload();
  await page.locator('[data-ready=true]').waitFor();
  await page.waitForFunction(() => performance.getEntriesByName('bench ready').length > 0);
  if ((await momentOf(page)) !== slider) throw new Error('the bench did not come back');
  const [back, began] = await page.evaluate(() => {
    const at = (name) => performance.getEntriesByName(name)[0]?.startTime ?? NaN;
    return [at('bench restored'), at('bench restoring')];
  });
  note({
    measure: 'restoring a bench with 100 MB of touched blocks',
    ...{ value: (back ?? NaN) - (began ?? NaN), unit: 'ms', max: 1000 },
  });
  await page.context().close();
}

async function onPage(...parts) {
  const page = await open();
  await page.getByRole('treeitem').first().waitFor();
  for (const part of parts) await part(page);
  await page.context().close();
}

const STAGES = {
  ...{ starts, firstLoad, restore },
  commands: () => onPage(updates, tenThousand),
  scrubbing: () => onPage(enlarge, scrub),
};
const asked = process.argv.slice(2);
for (const name of asked.length > 0 ? asked : Object.keys(STAGES)) {
  const stage = STAGES[name];
  if (stage === undefined) throw new Error(`no stage ${name}: there is ${Object.keys(STAGES).join(', ')}`);
  await stage();
}
await browser.close();
await server.close();
rmSync(folder, { recursive: true, force: true });
