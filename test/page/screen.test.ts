import { expect, test } from 'vitest';
import { diskMenu, momentOf, openPage, outputOf, ready, rowsOf, run, showTab, usePage } from './browser.ts';

/**
 * Goal: somebody who has never seen the page can look at what a command does to a disk.
 * Method: the built page in a real browser, found by roles and names as people find things.
 */
usePage();

test('opens ready: a disk with files, a prompt, something to try', async () => {
  const { page } = await openPage();
  await expect.poll(() => page.getByRole('heading', { name: /SAMPLE/ }).innerText()).toContain('64 MiB');
  await expect.poll(async () => (await rowsOf(page, 'Files')).join('\n')).toContain('film.mov 8 MiB 8 MiB 1');
  const suggestion = page.getByRole('button', { name: 'cp -c film.mov clone.mov' });
  await suggestion.click();
  await expect.poll(() => momentOf(page)).toBe('step 1 of 1: cp -c film.mov clone.mov');
  const ribbon = page.getByRole('region', { name: 'Result on FAT32' });
  await expect.poll(() => ribbon.innerText()).toMatch(/ENOTSUP\s+then done/);
  await expect.poll(() => ribbon.innerText()).toContain('16,384 data');
  await expect.poll(() => ribbon.innerText()).toContain('−8 MiB');
});

test('a command that fails shows its errno with macOS’s words, and the next one works', async () => {
  const { page } = await openPage();
  await run(page, 'cp nothing.txt x');
  await expect.poll(() => outputOf(page)).toContain('cp: nothing.txt: No such file or directory');
  const ribbon = page.getByRole('region', { name: 'Result on FAT32' });
  await expect.poll(() => ribbon.innerText()).toContain('ENOENT No such file or directory');
  await run(page, 'echo alive');
  await expect.poll(() => outputOf(page)).toContain('alive');
});

test('one selection: a file, its blocks, its bytes, its fields and why', async () => {
  const { page } = await openPage();
  await page.getByRole('treeitem', { name: /notes\.txt/ }).click();
  const detail = page.getByRole('region', { name: 'Selected file' });
  await expect.poll(() => detail.innerText()).toContain('/notes.txt');
  await page.getByRole('tree', { name: 'Files' }).press('Enter');
  const hex = page.getByRole('grid', { name: /Bytes of block/ });
  await expect.poll(() => hex.innerText()).toContain('45'); // E of "Every block …"
  await showTab(page, 'Why');
  await expect.poll(() => page.getByRole('tabpanel').innerText()).toContain('notes.txt');

  await showTab(page, 'Bytes');
  await run(page, 'printf Cha | dd of=notes.txt conv=notrunc');
  await expect.poll(() => hex.innerText()).toContain('43\n68\n61');
  await page.getByRole('slider', { name: 'Moment shown' }).press('Home');
  await expect.poll(() => hex.innerText()).not.toContain('43\n68\n61');

  await showTab(page, 'Structures');
  await page
    .getByRole('treeitem', { name: /boot sector/i })
    .first()
    .click();
  await showTab(page, 'Bytes');
  await expect.poll(() => page.getByRole('tabpanel').innerText()).toContain('Block 0');
  await page.getByRole('treeitem', { name: /bytesPerSector/ }).click();
  const field = page.getByRole('region', { name: 'Selected field' });
  await expect.poll(() => field.innerText()).toContain('512 bytes');
  await expect.poll(() => field.innerText()).toContain('BPB_BytsPerSec');
  await expect.poll(() => field.innerText()).toContain('2 bytes at 11');
  await page.locator('[data-at="13"]').click();
  await expect.poll(() => field.innerText()).toContain('sectorsPerCluster');
});

test('the map reads itself out, walks by arrows, zooms, and Enter opens the bytes', async () => {
  const { page } = await openPage();
  const map = page.getByRole('grid', { name: /^Block map/ });
  await map.focus();
  const current = async () => {
    const id = await map.getAttribute('aria-activedescendant');
    return page.locator(`[id="${id}"]`).innerText();
  };
  await expect.poll(() => current()).toMatch(/^blocks 0 to \d+, volume header/);
  await page.keyboard.press('End');
  await expect.poll(() => current()).toMatch(/to 131,071, free$/);
  await page.keyboard.press('Home');
  for (let nth = 0; nth < 12; nth++) await page.keyboard.press('+');
  await expect.poll(() => current()).toMatch(/^block 0, volume header/);
  await page.keyboard.press('ArrowRight');
  await expect.poll(() => current()).toMatch(/^block 1, /);
  await page.keyboard.press('Enter');
  await expect.poll(() => page.getByRole('tabpanel').innerText()).toContain('Block 1');
  await expect
    .poll(() =>
      page
        .getByRole('grid', { name: 'Bytes of block 1' })
        .evaluate((grid) => grid === document.activeElement),
    )
    .toBe(true);
});

test('the legend fades what it is told to', async () => {
  const { page } = await openPage();
  const button = page.getByRole('button', { name: 'file data' });
  const picture = () =>
    page
      .locator('canvas')
      .first()
      .evaluate((canvas: HTMLCanvasElement) => canvas.toDataURL());
  const before = await picture();
  await button.click();
  expect(await button.getAttribute('aria-pressed')).toBe('false');
  await expect.poll(picture).not.toBe(before);
});

test('the trace tells command, call, operation and write; a write is a moment to go to', async () => {
  const { page } = await openPage();
  await run(page, 'echo more >> notes.txt');
  await showTab(page, 'Trace');
  await expect.poll(async () => (await rowsOf(page, 'Trace of the step')).length).toBeGreaterThan(4);
  const rows = await rowsOf(page, 'Trace of the step');
  expect(rows[0]).toContain('echo more >> notes.txt');
  for (const kind of ['command', 'call', 'operation', 'Write', 'Barrier'])
    expect(rows.join('\n')).toContain(kind);
  await page
    .getByRole('treeitem', { name: /^Write/ })
    .first()
    .click();
  await expect.poll(() => momentOf(page)).toMatch(/after access 1 of \d+$/);
  await page.getByRole('button', { name: 'End of the step' }).click();
  await expect.poll(() => momentOf(page)).toBe('step 1 of 1: echo more >> notes.txt');
});

test('undo, redo and branches: nothing is lost', async () => {
  const { page } = await openPage();
  await run(page, 'echo one > a.txt');
  await run(page, 'rm film.mov');
  expect((await rowsOf(page, 'Files')).join()).not.toContain('film.mov');
  await page.getByRole('heading', { name: 'Diskoscope' }).click();
  await page.keyboard.press('Control+z');
  await expect.poll(() => momentOf(page)).toBe('step 1 of 2: echo one > a.txt');
  await expect.poll(async () => (await rowsOf(page, 'Files')).join()).toContain('film.mov');
  await page.keyboard.press('Control+Shift+z');
  await expect.poll(() => momentOf(page)).toBe('step 2 of 2: rm film.mov');
  await page.getByRole('button', { name: 'Undo', exact: true }).click();
  await run(page, 'echo two > b.txt');
  await expect.poll(() => momentOf(page)).toBe('step 2 of 2: echo two > b.txt');

  const branches = page.getByRole('combobox', { name: 'Branch' });
  const names = await branches.locator('option').allInnerTexts();
  expect(names).toHaveLength(2);
  const other = names.find((name) => name.includes('rm film.mov')) ?? '';
  await branches.selectOption({ label: other });
  await expect.poll(() => momentOf(page)).toBe('step 2 of 2: rm film.mov');
  await expect.poll(async () => (await rowsOf(page, 'Files')).join()).not.toContain('b.txt');

  const slider = page.getByRole('slider', { name: 'Moment shown' });
  await slider.press('Home');
  await expect.poll(() => momentOf(page)).toBe('before the first of 2 steps');
  await slider.press('ArrowRight');
  await expect.poll(() => momentOf(page)).toBe('step 1 of 2: echo one > a.txt');
  await slider.press('End');
  await expect.poll(() => momentOf(page)).toBe('step 2 of 2: rm film.mov');
});

test('the terminal completes, remembers, pastes many lines and goes on with unfinished ones', async () => {
  const { page } = await openPage();
  await run(page, 'pwd');
  const terminal = page.getByRole('textbox', { name: 'Terminal: type a command' });
  await terminal.focus();
  await page.keyboard.type('cat no');
  await page.keyboard.press('Tab');
  await page.waitForTimeout(300);
  await page.keyboard.press('Enter');
  await expect.poll(() => outputOf(page)).toContain('Every block of this disk is real.');
  await page.keyboard.press('ArrowUp');
  await page.keyboard.press('Enter');
  await expect.poll(() => momentOf(page)).toMatch(/^step 3 of 3: cat notes.txt/);

  await terminal.evaluate((element) => {
    const data = new DataTransfer();
    data.setData('text/plain', 'echo p1 > p1\necho p2 > p2\nfor i in 1 2\ndo echo loop $i\ndone\n');
    element.dispatchEvent(new ClipboardEvent('paste', { clipboardData: data, bubbles: true }));
  });
  await expect.poll(() => outputOf(page)).toContain('loop 2');
  await expect.poll(() => momentOf(page)).toMatch(/^step 6 of 6: for i in 1 2/);
});

test('a running command reads what is typed, ends by Ctrl-D, and Ctrl-C stops one that would not end', async () => {
  const { page } = await openPage();
  const terminal = page.getByRole('textbox', { name: 'Terminal: type a command' });
  await terminal.focus();
  await page.keyboard.type('cat > typed.txt\n');
  await page.waitForTimeout(500);
  await page.keyboard.type('from the keyboard\n');
  await page.keyboard.press('Control+d');
  await expect.poll(() => momentOf(page)).toBe('step 1 of 1: cat > typed.txt');
  await run(page, 'cat typed.txt');
  await expect.poll(() => outputOf(page)).toContain('from the keyboard');

  await terminal.focus();
  await page.keyboard.insertText(`while true; do echo x > spin; done # ${'a long line '.repeat(40)}`);
  await page.keyboard.press('Enter');
  await page.getByText(/^running while true/).waitFor();
  await page.waitForTimeout(300);
  // Nothing moves because a line is long.
  expect(await page.evaluate(() => document.documentElement.scrollWidth - innerWidth)).toBe(0);
  await page.keyboard.press('Control+c');
  await expect.poll(() => momentOf(page)).toMatch(/^step 3 of 3: while true/);
  await run(page, 'echo alive');
  await expect.poll(() => outputOf(page)).toContain('alive');
});

test('endless output is cut with a sentence and the page stays alive', async () => {
  const { page } = await openPage();
  await page.getByRole('textbox', { name: 'Terminal: type a command' }).focus();
  await page.keyboard.type('seq 1 400000\n');
  await expect.poll(() => outputOf(page)).toContainEqual(expect.stringContaining('cut after'));
  await run(page, 'echo alive');
});

test('names from a disk are text: no HTML, no escape sequence acts', async () => {
  const { page } = await openPage();
  await run(
    page,
    "echo x > '<img src=x onerror=alert(1)>'; echo y > \"$(printf 'esc\\033]0;evil\\007.txt')\"; ls",
  );
  const rows = (await rowsOf(page, 'Files')).join('\n');
  expect(await page.locator('img').count()).toBe(0);
  expect(await page.title()).toBe('Diskoscope');
  expect(rows).toContain('esc');

  expect(rows + (await outputOf(page)).join('\n')).not.toMatch(/[\u0007\u001b]/);
});

test('after loading, nothing is fetched from anywhere', async () => {
  const { page, requests } = await openPage();
  // A line waits for the formats that come behind the first disk; from then on all is there.
  await run(page, 'true');
  requests.length = 0;
  await run(page, 'cp film.mov copy.mov');
  for (const tab of ['Structures', 'Bytes', 'Trace', 'Why', 'Files']) await showTab(page, tab);
  await diskMenu(page, 'Check volume');
  await expect.poll(() => page.getByRole('tabpanel').innerText()).toContain('✓ clean');
  expect(requests).toEqual([]);
});

test('the last session comes back: lines, disk, directory, and what was undone', async () => {
  const { page } = await openPage();
  await run(page, 'mkdir kept');
  await run(page, 'cd kept');
  await expect.poll(() => page.getByText(/^saved \d\d:\d\d$/).count()).toBe(1);
  await page.waitForTimeout(800);
  await page.reload();
  await ready(page);
  await expect.poll(() => momentOf(page)).toBe('step 2 of 2: cd kept');
  await expect.poll(async () => (await rowsOf(page, 'Files')).join()).toContain('kept/');
  await expect
    .poll(async () => (await outputOf(page)).join())
    .toContain('is back as it was, with 2 lines of history');
  await run(page, 'pwd');
  await expect.poll(() => outputOf(page)).toContain('/Volumes/SAMPLE/kept');

  await page.getByRole('button', { name: 'Undo', exact: true }).click();
  await page.getByRole('button', { name: 'Undo', exact: true }).click();
  await expect.poll(() => momentOf(page)).toBe('step 1 of 3: mkdir kept');
  await page.waitForTimeout(800);
  await page.reload();
  await ready(page);
  await expect.poll(() => momentOf(page)).toBe('step 1 of 3: mkdir kept');
});

test('a link makes the same disk again; a broken one says so and leaves the sample', async () => {
  const { page } = await openPage();
  await run(page, 'echo shared > s.txt');
  await page.getByRole('button', { name: 'Share', exact: true }).click();
  await page.getByText('The link is copied').or(page.getByText('The address bar now holds')).waitFor();
  const { hash } = new URL(page.url());
  const other = await openPage({ hash });
  await expect.poll(() => momentOf(other.page)).toBe('step 1 of 1: echo shared > s.txt');
  const broken = await openPage({ hash: hash.slice(0, 30) });
  await expect
    .poll(() => broken.page.getByRole('alert').innerText())
    .toContain('The link in the address cannot be opened');
  await expect.poll(async () => (await rowsOf(broken.page, 'Files')).join()).toContain('film.mov');
});

test('a new disk: problems in sentences, then the disk asked for', async () => {
  const { page } = await openPage();
  await diskMenu(page, 'Another disk in its place…');
  const dialog = page.getByRole('dialog', { name: 'Another disk in place of FAT32' });
  await dialog.getByLabel('Size', { exact: true }).fill('10k');
  await dialog.getByLabel('Label').fill('A*B');
  await dialog.getByRole('button', { name: 'Make the disk' }).click();
  await expect.poll(() => dialog.innerText()).toContain('FAT32 needs at least');
  await expect.poll(() => dialog.innerText()).toContain('A label cannot hold *');
  await dialog.getByLabel('Format').selectOption('fat16');
  await dialog.getByLabel('Size', { exact: true }).fill('32m');
  await dialog.getByLabel('Label').fill('OLD');
  await dialog.getByLabel('Partition map').selectOption('mbr');
  await dialog.getByRole('button', { name: 'Make the disk' }).click();
  await dialog.waitFor({ state: 'hidden' });
  const heading = page.getByRole('heading', { name: /OLD/ });
  await expect.poll(() => heading.innerText()).toMatch(/FAT16[^]*32 MiB[^]*MBR/);
  await run(page, 'echo hi > hi.txt');
  await expect.poll(async () => (await rowsOf(page, 'Files')).join()).toContain('hi.txt');
});

test('another device makes the same disk with other times', async () => {
  const { page } = await openPage();
  await run(page, 'cp film.mov copy.mov');
  const ribbon = page.getByRole('region', { name: 'Result on FAT32' });
  const time = async () =>
    /simulated ([\d.]+ \S+)/.exec((await ribbon.innerText()).replace(/\s+/g, ' '))?.[1];
  const nvme = await time();
  expect(nvme).toBeDefined();
  await page.getByRole('combobox', { name: 'Device' }).selectOption('hdd');
  await expect.poll(time).not.toBe(nvme);
  await expect.poll(() => momentOf(page)).toBe('step 1 of 1: cp film.mov copy.mov');
});

test('a worker that dies takes its disk along, and both come back', async () => {
  const { page } = await openPage();
  await run(page, 'echo keep > keep.txt');
  const [worker] = page.workers();
  await worker?.evaluate(() =>
    setTimeout(() => {
      throw new Error('out of memory, say');
    }),
  );
  const alert = page.getByRole('alert');
  await expect.poll(() => alert.innerText()).toContain('engine');
  await page.getByRole('button', { name: 'Restart FAT32' }).first().click();
  await expect.poll(() => momentOf(page)).toBe('step 1 of 1: echo keep > keep.txt');
  await expect.poll(async () => (await rowsOf(page, 'Files')).join()).toContain('keep.txt');
});
