import { describe, expect, test } from 'vitest';
import type { Volume, VolumeNode } from '../../../../src/engine/formats/contract.ts';
import { annotate } from '../../../../src/engine/formats/hfsplus/annotate.ts';
import { OwnerIndex } from '../../../../src/engine/formats/hfsplus/owner-index.ts';
import { regions } from '../../../../src/engine/formats/hfsplus/regions.ts';
import { structures } from '../../../../src/engine/formats/hfsplus/structures.ts';
import type { Store } from '../../../../src/engine/device/store.ts';
import { INIT, MIB, mount, newDisk } from './volumes.ts';

/**
 * Goal: on a volume with a life behind it, deep trees, fragments, links, attributes, map and bytes still say what the
 * volume says. Method: the writer makes it; what it answers of its files' extents is held against the regions.
 */
interface Lived {
  readonly store: Store;
  readonly volume: Volume;
  readonly files: ReadonlyMap<string, VolumeNode>;
}

function lived(format: 'hfsplus' | 'hfsx'): Lived {
  const store = newDisk(48 * MIB, format);
  const volume = mount(store);
  const files = new Map<string, VolumeNode>();
  const { root } = volume;
  const folder = volume.makeDirectory(root, 'many', INIT);
  for (let i = 0; i < 900; i++) {
    const node = volume.create(folder, `a file with a long name, number ${i}`, INIT);
    volume.write(node, 0, new Uint8Array(100 + i).fill(i));
    if (i % 3 === 0) files.set(`/many/a file with a long name, number ${i}`, node);
  }
  for (let i = 1; i < 900; i += 3) volume.remove(folder, `a file with a long name, number ${i}`);
  // By turns, so that each comes in many pieces.
  const pair = ['/one', '/two'].map((path) => [path, volume.create(root, path.slice(1), INIT)] as const);
  for (let piece = 0; piece < 40; piece++) {
    for (const [path, node] of pair) {
      volume.write(node, piece * 4096, new Uint8Array(4096).fill(piece));
      files.set(path, node);
    }
    volume.sync();
  }
  const linked = volume.create(root, 'first name', INIT);
  volume.write(linked, 0, new Uint8Array(5000).fill(1));
  volume.link?.(linked, folder, 'second name');
  volume.setExtendedAttribute?.(linked, 'com.example.long', new Uint8Array(9000).fill(2));
  const forked = volume.create(root, 'forked', INIT);
  volume.setExtendedAttribute?.(forked, 'com.apple.ResourceFork', new Uint8Array(6000).fill(3));
  volume.setExtendedAttribute?.(forked, 'com.example.short', new Uint8Array(20).fill(4));
  volume.sync();
  return { store, volume, files };
}

describe.each(['hfsplus', 'hfsx'] as const)('%s', (format) => {
  const { store, volume, files } = lived(format);
  const index = new OwnerIndex(store);
  const found = regions(store, index);

  test('regions follow the extents of every file', () => {
    const owners = new Map<number, string>();
    for (const { firstBlock, blockCount, owner } of found) {
      for (let block = firstBlock; block < firstBlock + blockCount; block++) owners.set(block, owner);
    }
    let pieces = 0;
    for (const [path, node] of files) {
      for (const { deviceOffsetBytes, lengthBytes } of volume.extents(node)) {
        pieces++;
        for (let at = deviceOffsetBytes; at < deviceOffsetBytes + lengthBytes; at += 512) {
          expect(owners.get(Math.floor(at / 512)), path).toBe(path);
        }
      }
    }
    expect(pieces).toBeGreaterThan(files.size + 20);
    const names = new Set(owners.values());
    expect(names).toContain('resource fork of /forked');
    expect(
      [...names].some((name) =>
        /^attribute com.example.long of \/(first name|many\/second name)$/.test(name),
      ),
    ).toBe(true);
    expect(names.has('lost blocks')).toBe(false);
  });

  test('every byte of every metadata block is explained', () => {
    for (const { firstBlock, blockCount, role, owner } of found) {
      if (role === 'free') continue;
      const last = role === 'data' ? Math.min(blockCount, 8) : Math.min(blockCount, 1500);
      for (let block = firstBlock; block < firstBlock + last; block++) {
        const annotation = annotate(store, block, index);
        if (annotation.role !== role || annotation.owner !== owner)
          expect(annotation).toMatchObject({ role, owner });
        let next = 0;
        for (const { offsetBytes, lengthBytes } of annotation.fields) {
          if (offsetBytes !== next || lengthBytes <= 0)
            throw new Error(`block ${block}: gap at byte ${next}`);
          next += lengthBytes;
        }
        expect(next).toBe(512);
      }
    }
  });

  test('one block alone is explained as with the whole index', () => {
    for (let i = 0; i < found.length; i += 37) {
      const { firstBlock = 0 } = found[i] ?? {};
      expect(annotate(store, firstBlock)).toEqual(annotate(store, firstBlock, index));
    }
  });

  test('fragments and links in the tree of structures', () => {
    const page = { offset: 0, countMax: 200 };
    const root = structures(store, 'item:2', page, index).nodes;
    const one = root.find(({ title }) => title === 'File one');
    const parts = structures(store, one?.id ?? '', page, index).nodes.map(({ title }) => title);
    expect(parts.filter((title) => title.startsWith('data fork: block')).length).toBeGreaterThan(8);
    expect(parts).toContain('extents of the data fork beyond the first eight');
    const link = root.find(({ title }) => title === 'Hard link first name');
    const inLink = structures(store, link?.id ?? '', page, index).nodes;
    expect(inLink.find(({ title }) => title.startsWith('the file itself: File iNode'))?.text).toMatch(
      '5000 bytes',
    );
    const top = structures(store, null, page, index).nodes.find(({ id }) => id === 'tree:catalog');
    expect(top?.text).toMatch(/^[23] levels, \d+ records/);
  });
});
