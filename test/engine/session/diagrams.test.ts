import { expect, test } from 'vitest';
import { fillOf } from '../../../src/engine/base/diagram.ts';
import { FORMATS } from '../../../src/engine/formats/registry.ts';
import { touches } from '../../../src/engine/session/diagrams.ts';
import { bench } from './bench.ts';
import type { Bench } from './bench.ts';

/** Goal: diagrams say what the disk says. Method: each is held against bytes or counts known from elsewhere. */

const drawn = (of: Bench, id: string, when: 'now' | 'before' = 'now', chosen: string | null = null) => {
  const found = of.session.views.diagrams(chosen)[when].find((one) => one.id === id);
  if (!found) throw new Error(`no diagram ${id}`);
  return found;
};

function bytesOfDisk({ session }: Bench, offset: number, length: number): DataView {
  const { blockSizeBytes } = session.store;
  const first = Math.floor(offset / blockSizeBytes);
  const end = Math.ceil((offset + length) / blockSizeBytes);
  const bytes = new Uint8Array((end - first) * blockSizeBytes);
  for (let block = first; block < end; block++)
    session.shownStore.read(
      block,
      bytes.subarray((block - first) * blockSizeBytes, (block - first + 1) * blockSizeBytes),
    );
  return new DataView(bytes.buffer, offset - first * blockSizeBytes, length);
}

test('the journal ring begins and ends where the header says, and transactions lie between', () => {
  const hfs = bench({ format: 'hfsplus' });
  hfs.run('mkdir a; echo text > a/b; rm a/b');
  const ring = drawn(hfs, 'journal');
  const { nodes } = hfs.session.views.structures(null, { offset: 0, countMax: 99 });
  const journal = nodes.find(({ id }) => id === 'journal');
  const header = bytesOfDisk(hfs, journal?.deviceOffsetBytes ?? 0, 44);
  const isLittle = header.getUint32(0, true) === 0x4a4e4c78;
  const number = (at: number) => Number(header.getBigUint64(at, isLittle));
  const [start, end, size] = [number(8), number(16), number(24)];
  expect(ring.marks).toEqual([
    { name: 'start', at: start / size },
    { name: 'end', at: end / size },
  ]);
  expect(ring.parts.length).toBeGreaterThan(1);
  for (const part of ring.parts) {
    expect(part.deviceOffsetBytes - (journal?.deviceOffsetBytes ?? 0)).toBeCloseTo(part.from * size);
    const offset = part.deviceOffsetBytes - (journal?.deviceOffsetBytes ?? 0);
    const isBetween = start <= end ? offset >= start && offset < end : offset >= start || offset < end;
    expect(part.tone).toBe(isBetween ? 'now' : 'old');
  }
  expect(ring.parts.some(({ isChanged }) => isChanged)).toBe(true);
});

test('the checkpoint ring shows each superblock in its slot, the newest as the one that counts', () => {
  const apfs = bench({ format: 'apfs' });
  apfs.run('echo one > a');
  apfs.run('echo two > b');
  const { parts } = drawn(apfs, 'checkpoints');
  const superblocks = parts.filter(({ key }) => key.startsWith('superblock'));
  const xidOf = ({ key }: { key: string }) => Number(key.split(':')[2]);
  expect(superblocks.length).toBeGreaterThan(1);
  for (const part of superblocks) {
    const block = bytesOfDisk(apfs, part.deviceOffsetBytes, 40);
    expect(block.getUint32(32, true)).toBe(0x4253584e);
    expect(Number(block.getBigUint64(16, true))).toBe(xidOf(part));
  }
  const newest = Math.max(...superblocks.map(xidOf));
  expect(superblocks.filter(({ tone }) => tone === 'now').map(xidOf)).toEqual([newest]);
  expect(superblocks.filter(({ isChanged }) => isChanged).map(xidOf)).toContain(newest);
  const before = drawn(apfs, 'checkpoints', 'before').parts;
  expect(before.some(({ key }) => key.startsWith('superblock') && key.endsWith(`:${newest}`))).toBe(false);
});

test('layers are the snapshots, newest first, with what each holds', () => {
  const apfs = bench({ format: 'apfs' });
  apfs.run('mkfile 1m a');
  apfs.run('tmutil localsnapshot || scope snapshot one');
  const { volume } = apfs.session;
  volume?.snapshots?.create('first');
  apfs.run('rm a');
  volume?.snapshots?.create('second');
  apfs.run('echo x > y');
  const shown = drawn(apfs, 'layers.0').parts;
  const names = volume?.snapshots?.list().map(({ name }) => `snapshot ${name}`) ?? [];
  expect(names.length).toBeGreaterThan(1);
  expect(shown.slice(1).map(({ title }) => title)).toEqual(names.reverse());
  const space = volume?.snapshots?.space('first');
  const layer = shown.find(({ title }) => title === 'snapshot first');
  expect(space?.pinnedBytes).toBeGreaterThan(2 ** 20 - 1);
  expect(layer?.text).toContain(`holds ${space?.pinnedBytes} bytes`);
  expect(layer?.text).toContain(`${space?.privateBytes} of them alone`);
});

test.each([
  ['fat32', 'fat', 'cluster'],
  ['exfat', 'bitmap', 'cluster'],
  ['hfsplus', 'allocation', 'block'],
  ['apfs', 'space', 'block'],
])('the strip of %s fills by as much as the volume says', (format, id) => {
  const one = bench({ format });
  const usedShare = () => {
    const { totalBlocks = 1, freeBlocks = 0 } = one.session.volume?.statistics() ?? {};
    return 1 - freeBlocks / totalBlocks;
  };
  const shown = () => drawn(one, id).parts.reduce((sum, { fill, from, to }) => sum + fill * (to - from), 0);
  expect(shown()).toBeCloseTo(usedShare(), 1);
  one.run('mkfile 30m big');
  expect(usedShare()).toBeGreaterThan(0.4);
  expect(Math.abs(shown() - usedShare())).toBeLessThan(0.02);
  expect(drawn(one, id).parts.some(({ isChanged }) => isChanged)).toBe(true);
});

test('a tree is drawn from its root down, and marks the nodes of the step', () => {
  const hfs = bench({ format: 'hfsplus' });
  hfs.run('for i in $(seq 1 400); do echo a > file-with-a-rather-long-name-$i; done');
  hfs.run('echo b > last');
  const { parts } = drawn(hfs, 'tree:catalog');
  expect(parts.filter(({ row }) => row === 0)).toHaveLength(1);
  expect(parts.filter(({ row }) => row === 1).length).toBeGreaterThan(3);
  const changed = parts.filter(({ isChanged }) => isChanged);
  expect(changed.length).toBeGreaterThan(0);
  expect(changed.length).toBeLessThan(parts.length);
});

/** The structure of exFAT's directory `name` in the root. */
function directoryOf({ session }: Bench, name: string): string {
  const page = { offset: 0, countMax: 99 };
  const below = (parent: string | null) => session.views.structures(parent, page).nodes;
  const root = below(null).find(({ title }) => title === 'Root directory');
  const set = below(root?.id ?? '').find(({ title }) => title === `directory "${name}"`);
  const directory = below(set?.id ?? '').find(({ hasDiagram }) => hasDiagram);
  return directory?.id ?? '';
}

test('entry sets of the directory chosen stand in rows, entry by entry, and lead to the bytes they tell of', () => {
  const exfat = bench({ format: 'exfat' });
  const name = 'a-name-of-more-than-fifteen-letters.txt';
  exfat.run(`mkdir d; echo a > d/${name}; echo b > d/two; echo c > d/three; rm d/two`);
  exfat.run('echo more text >> d/three');
  const chosen = directoryOf(exfat, 'd');
  expect(exfat.session.views.diagrams().now.map(({ title }) => title)).toEqual([
    ...['Allocation bitmap', 'Entry sets of the root directory'],
  ]);
  const { now, before } = exfat.session.views.diagrams(chosen);
  const sets = now.find(({ id }) => id === chosen);
  expect(sets?.title).toBe('Entry sets of /d');
  expect(sets?.text).toBe('2 entry sets in 11 entries of 32 bytes');
  const parts = sets?.parts ?? [];
  const typeOf = (offset: number) => bytesOfDisk(exfat, offset, 1).getUint8(0);
  const rows = [0, 1, 2, 3].map((number) => parts.filter(({ row }) => row === number));
  const types = rows.map((row) => row.map((part) => typeOf(part.deviceOffsetBytes)));
  expect(types).toEqual([
    ...[
      [0x85, 0xc0, 0xc1, 0xc1, 0xc1],
      [0x05, 0x40, 0x41],
      [0x85, 0xc0, 0xc1],
    ], //
    [0],
  ]);
  // Entries of 32 bytes that follow each other, columns that begin at the same place in every row.
  const first = parts[0]?.deviceOffsetBytes ?? 0;
  expect(parts.map((part) => part.deviceOffsetBytes)).toEqual(parts.map((_, entry) => first + entry * 32));
  for (const row of rows) expect(row.map(({ from }) => from * 5)).toEqual(row.map((_, at) => at));
  expect(parts.map(({ tone }) => tone)).toEqual([
    ...Array.from({ length: 5 }, () => 'now'),
    ...['old', 'old', 'old', 'now', 'now', 'now', 'kept'],
  ]);
  const told = parts.slice(2, 5).map(({ text }) => /^name "(.*)"$/.exec(text)?.[1]);
  expect(told.join('')).toBe(name);
  expect(parts[4]?.fill).toBeCloseTo((name.length - 30) / 15);
  expect(parts[1]?.text).toMatch(/^stream, 2 bytes from cluster \d+ on$/);
  // All of these entries lie in one sector; only what the step changed is called changed.
  const changed = parts.filter(({ isChanged }) => isChanged).map(({ key }) => key);
  expect(changed).toEqual(['entry:8', 'entry:9']);
  expect(before.find(({ id }) => id === chosen)?.parts[9]?.text).toContain('stream, 2 bytes');
});

test('of a long directory the beginning and the end are drawn, and a torn set is shown as broken', () => {
  const exfat = bench({ format: 'exfat' });
  exfat.run('mkdir d; for i in $(seq 1 500); do echo a > d/file$i; done');
  const chosen = directoryOf(exfat, 'd');
  const sets = drawn(exfat, chosen, 'now', chosen);
  expect(sets.text).toBe('500 entry sets in 1599 entries of 32 bytes; 552 rows in the middle not drawn');
  expect(new Set(sets.parts.map(({ row }) => row)).size).toBe(48);
  expect(sets.parts[0]?.title).toBe('"file1", entry 0');
  expect(sets.parts.at(-1)?.text).toBe('end of the directory');
  expect(sets.parts.at(-2)?.title).toBe('"file500", entry 1598');
  // The stream of the second file is no longer one: its set is torn.
  const stream = sets.parts[4]?.deviceOffsetBytes ?? 0;
  const { blockSizeBytes } = exfat.session.store;
  exfat.run(`scope poke ${Math.floor(stream / blockSizeBytes)} ${stream % blockSizeBytes} c3`);
  const torn = drawn(exfat, chosen, 'now', chosen).parts.filter(({ tone }) => tone === 'broken');
  expect(torn.map(({ title, row }) => [title, row])).toEqual([
    ...[
      ['torn, entry 3', 1],
      ['torn, entry 4', 1],
      ['torn, entry 5', 1],
    ], //
  ]);
});

test('a structure says that the step changed its bytes, its neighbour does not', () => {
  const fat = bench();
  fat.run('echo a > ONE.TXT; echo b > TWO.TXT');
  fat.run('echo more text >> TWO.TXT');
  const page = { offset: 0, countMax: 99 };
  const root = fat.session.views.structures(null, page).nodes.find(({ id }) => id === 'dir:0');
  expect(root?.isChanged).toBe(true);
  const slots = fat.session.views.structures('dir:0', page).nodes;
  const isChanged = (name: string) => {
    const own = slots.filter(({ title, text }) => `${title} ${text}`.includes(name));
    expect(own, slots.map(({ title, text }) => `${title} ${text}`).join('; ')).not.toEqual([]);
    return own.some((slot) => slot.isChanged === true);
  };
  expect([isChanged('ONE'), isChanged('TWO')]).toEqual([false, true]);
});

test.each(FORMATS.map((format) => [format.name, format] as const))(
  'no diagram of %s throws on rubbish',
  (name, format) => {
    const one = bench({ format: name });
    one.run('mkdir d; echo a > d/a; mkfile 300k b; rm d/a');
    const { store } = one.session;
    const block = new Uint8Array(store.blockSizeBytes);
    let seed = 12345;
    const random = (below: number) => (seed = (seed * 1103515245 + 12345) % 2 ** 31) % below;
    for (let round = 0; round < 60; round++) {
      const copy = store.fork();
      for (let hit = 0; hit < 20; hit++) {
        const at = random(round % 2 === 0 ? 200 : 4000);
        copy.read(at, block);
        for (let byte = 0; byte < 12; byte++) block[random(block.length)] = random(256);
        copy.write(at, block, { role: 'data', owner: '', reason: '' });
      }
      for (const { parts } of format.survey(copy).diagrams(null)) expect(parts.length).toBeLessThan(1000);
    }
  },
);

test('a piece of a strip counts what lies in it, and ranges are found', () => {
  expect(
    fillOf(64, [
      [0, 1],
      [2, 4],
    ]).slice(0, 5),
  ).toEqual([1, 0, 1, 1, 0]);
  expect(
    fillOf(130, [
      [0, 3],
      [129, 500],
    ]).at(-1),
  ).toBe(1);
  const ranges = Float64Array.of(3, 2, 10, 1);
  expect([2, 3, 4, 5, 9, 10, 11].map((block) => touches(ranges, block, block + 1))).toEqual([
    ...[false, true, true, false, false, true, false],
  ]);
});
