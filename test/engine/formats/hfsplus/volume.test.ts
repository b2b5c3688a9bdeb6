import { beforeEach, describe, expect, test } from 'vitest';
import { Prng } from '../../../../src/engine/base/prng.ts';
import type { Store } from '../../../../src/engine/device/store.ts';
import type { Volume, VolumeNode } from '../../../../src/engine/formats/contract.ts';
import { hfsplus } from '../../../../src/engine/formats/hfsplus/index.ts';
import { PRIVATE_FOLDER_NAME } from '../../../../src/engine/formats/hfsplus/links.ts';
import { VolumeHeader } from '../../../../src/engine/formats/hfsplus/layout.ts';
import { INIT, MIB, mount, mountOptions, namesIn, newDisk, verdict } from './volumes.ts';

const text = (content: string) => new TextEncoder().encode(content);
const code = (wanted: string) => expect.objectContaining({ code: wanted });
/** As programs see the folder that they do not see. */
const PRIVATE = PRIVATE_FOLDER_NAME.replaceAll('\0', '\u2400');

function headerOf(store: Store) {
  const sectors = new Uint8Array(512);
  store.read(2, sectors);
  return VolumeHeader.read(sectors);
}

describe.each(['hfsplus', 'hfsx'] as const)('%s', (format) => {
  let store: Store;
  let volume: Volume;

  beforeEach(() => {
    store = newDisk(16 * MIB, format);
    volume = mount(store);
  });

  const file = (name: string, directory: VolumeNode = volume.root, content = ''): VolumeNode => {
    const node = volume.create(directory, name, INIT);
    if (content !== '') volume.write(node, 0, text(content));
    volume.release(node);
    return node;
  };
  const folder = (name: string, parent: VolumeNode = volume.root): VolumeNode => {
    const node = volume.makeDirectory(parent, name, { ...INIT, mode: 0o755 });
    volume.release(node);
    return node;
  };
  const found = (name: string, directory: VolumeNode = volume.root): VolumeNode => {
    const node = volume.lookup(directory, name);
    expect(node, name).toBeDefined();
    return node ?? volume.root;
  };
  /** Out, judged, and in again. */
  const again = (): void => {
    volume.unmount();
    expect(verdict(store)).toBe('');
    volume = mount(store);
  };
  const contents = (node: VolumeNode): string => {
    const bytes = new Uint8Array(volume.attributes(node).sizeBytes);
    volume.read(node, 0, bytes);
    return new TextDecoder().decode(bytes);
  };

  test('hard links are one file; the last name takes it along', () => {
    const a = file('a', volume.root, 'shared');
    const d = folder('d');
    expect(volume.attributes(a).linkCount).toBe(1);
    for (const name of ['b', 'c', 'd']) volume.link?.(a, d, name);
    expect(volume.attributes(a).linkCount).toBe(4);
    expect(() => volume.link?.(d, volume.root, 'e')).toThrow(code('EPERM'));
    expect(() => volume.link?.(a, d, 'b')).toThrow(code('EEXIST'));
    again();
    const inode = found('a').inode;
    const listed = volume.list(found('d'), null, 10).entries;
    expect(listed.map((entry) => [entry.name, entry.inode, entry.type])).toEqual(
      ['b', 'c', 'd'].map((name) => [name, inode, 'file']),
    );
    volume.write(found('c', found('d')), 0, text('SHARED'));
    expect(contents(found('a'))).toBe('SHARED');
    // From the middle, the head and the tail of the chain.
    volume.remove(found('d'), 'c');
    again();
    volume.remove(volume.root, 'a');
    again();
    volume.rename(found('d'), 'd', volume.root, 'moved');
    volume.remove(found('d'), 'b');
    again();
    expect(volume.attributes(found('moved')).linkCount).toBe(1);
    volume.remove(volume.root, 'moved');
    again();
    expect(namesIn(volume)).toEqual(['d']);
    expect(headerOf(store).fileCount).toBe(2); // of the journal
  });

  test('renaming over a hard link leaves the other names', () => {
    const a = file('a', volume.root, 'first');
    volume.link?.(a, volume.root, 'b');
    file('c', volume.root, 'second');
    volume.rename(volume.root, 'c', volume.root, 'b');
    again();
    expect([contents(found('a')), contents(found('b'))]).toEqual(['first', 'second']);
    volume.link?.(found('a'), volume.root, 'x');
    // Two names of one file: nothing to do.
    volume.rename(volume.root, 'a', volume.root, 'x');
    expect(namesIn(volume)).toEqual(['a', 'b', 'x']);
    volume.rename(volume.root, 'x', volume.root, 'b');
    again();
    expect(contents(found('b'))).toBe('first');
    expect(volume.attributes(found('b')).linkCount).toBe(2);
  });

  test('what the volume needs for itself is not to be seen, and not to be taken', () => {
    volume.link?.(file('a'), volume.root, 'b');
    expect(namesIn(volume)).toEqual(['a', 'b']);
    for (const name of [PRIVATE, '.journal', '.journal_info_block']) {
      expect(volume.lookup(volume.root, name)).toBeUndefined();
      expect(() => volume.create(volume.root, name, INIT)).toThrow(code('EEXIST'));
      expect(() => volume.remove(volume.root, name)).toThrow(code('ENOENT'));
      expect(() => volume.rename(volume.root, 'a', volume.root, name)).toThrow(code('EEXIST'));
    }
    // Neither counts as a folder of the root.
    expect(volume.attributes(volume.root).linkCount).toBe(format === 'hfsx' ? 2 : 6);
    again();
    expect(headerOf(store).folderCount).toBe(1);
  });

  test('a file without a name lives until its holder lets go, or until the next mount', () => {
    const free = volume.statistics().freeBlocks;
    const held = ['a', 'b'].map((name) => file(name, volume.root, name.repeat(9000)));
    const linked = file('c', volume.root, 'c');
    volume.link?.(linked, volume.root, 'd');
    for (const node of [...held, linked]) volume.retain(node);
    for (const name of ['a', 'b', 'c', 'd']) volume.remove(volume.root, name);
    expect(namesIn(volume)).toEqual([]);
    for (const node of [...held, linked]) expect(volume.attributes(node).linkCount).toBe(0);
    expect(contents(held[1] ?? linked)).toBe('b'.repeat(9000));
    volume.write(held[1] ?? linked, 9000, text('!'));
    expect(() => volume.link?.(linked, volume.root, 'back')).toThrow(code('ENOENT'));
    volume.release(held[0] ?? linked);
    volume.sync();

    // The power goes: the next mount finds them and takes them away.
    const cut = store.fork();
    const after = mount(cut);
    expect(after.statistics().freeBlocks).toBe(free);
    after.unmount();
    expect(verdict(cut)).toBe('');
    // And at an orderly end they go as well.
    again();
    expect(volume.statistics().freeBlocks).toBe(free);
  });

  test('a folder that is removed while somebody stands in it takes nothing in', () => {
    const d = folder('d');
    file('inside', d);
    volume.retain(d);
    expect(() => volume.removeDirectory(volume.root, 'd')).toThrow(code('ENOTEMPTY'));
    volume.remove(d, 'inside');
    volume.removeDirectory(volume.root, 'd');
    expect(() => volume.create(d, 'x', INIT)).toThrow(code('ENOENT'));
    expect(namesIn(volume, d)).toEqual([]);
    volume.release(d);
    again();
  });

  test('renames: case, over others, between folders', () => {
    const [d, e] = [folder('d'), folder('e')];
    file('Name', d, '1');
    volume.rename(d, 'Name', d, 'nAME');
    expect(namesIn(volume, d)).toEqual(['nAME']);
    file('other', e, '2');
    volume.rename(d, 'nAME', e, 'other');
    expect([namesIn(volume, d), namesIn(volume, e)]).toEqual([[], ['other']]);
    expect(contents(found('other', e))).toBe('1');
    folder('sub', d);
    folder('empty', e);
    volume.rename(d, 'sub', e, 'empty');
    expect(volume.parentOf(found('empty', e)).inode).toBe(e.inode);
    expect(() => volume.rename(e, 'other', e, 'empty')).toThrow(code('EISDIR'));
    expect(() => volume.rename(e, 'empty', e, 'other')).toThrow(code('ENOTDIR'));
    file('x', found('empty', e));
    folder('y', d);
    expect(() => volume.rename(d, 'y', e, 'empty')).toThrow(code('ENOTEMPTY'));
    again();
    expect(namesIn(volume, found('e'))).toEqual(['empty', 'other']);
  });

  test('one record, its thread, its counts: after everything random', () => {
    const random = new Prng(11);
    const names = Array.from({ length: 40 }, (_, i) => `${'name '.repeat(1 + (i % 30))}${i}`);
    const pick = () => names[random.below(names.length)] ?? '';
    for (let step = 1; step <= 4000; step++) {
      const folders = [volume.root, ...['f1', 'f2', 'f3'].map((name) => volume.lookup(volume.root, name))];
      const at = () => folders[random.below(folders.length)] ?? volume.root;
      const attempt = (action: () => void) => {
        try {
          action();
        } catch (error) {
          expect(error).toHaveProperty('code');
        }
      };
      const node = volume.lookup(at(), pick());
      switch (random.below(8)) {
        case 0:
          attempt(() => folder(`f${1 + random.below(3)}`));
          break;
        case 1:
        case 2:
          attempt(() => file(pick(), at(), 'x'.repeat(random.below(3000) + 1)));
          break;
        case 3:
          attempt(() => volume.remove(at(), pick()));
          break;
        case 4:
          attempt(() => volume.rename(at(), pick(), at(), pick()));
          break;
        case 5:
          if (node !== undefined) attempt(() => volume.link?.(node, at(), pick()));
          break;
        case 6:
          attempt(() => volume.makeSymlink?.(at(), pick(), 'somewhere/else', INIT));
          break;
        default:
          attempt(() => volume.removeDirectory(volume.root, `f${1 + random.below(3)}`));
      }
      if (step % 400 === 0) again();
    }
  });

  test('the label is the name of the root', () => {
    volume.setLabel('Größe/2:3');
    expect(() => volume.setLabel('')).toThrow(code('EINVAL'));
    expect(() => volume.setLabel('é'.repeat(128))).toThrow(code('ENAMETOOLONG'));
    file('a');
    again();
    expect(volume.label.normalize('NFC')).toBe('Größe/2:3');
    expect(namesIn(volume)).toEqual(['a']);
  });

  test('a listing goes on where it stopped, whatever becomes of what was listed', () => {
    const d = folder('d');
    for (let i = 0; i < 500; i++) file(`n${String(i).padStart(3, '0')}`, d);
    const seen: string[] = [];
    let after: number | null = null;
    do {
      const page = volume.list(d, after, 7);
      for (const { name } of page.entries) {
        seen.push(name);
        if (name < 'n300') volume.remove(d, name);
        else volume.rename(d, name, volume.root, `moved ${name}`);
      }
      after = page.next;
    } while (after !== null);
    expect(seen).toEqual(Array.from({ length: 500 }, (_, i) => `n${String(i).padStart(3, '0')}`));
    again();
  });

  test('ids begin anew at 16 when they run out, and none is given twice', () => {
    for (let i = 0; i < 20; i++) file(`early ${i}`);
    volume.unmount();
    const sector = new Uint8Array(512);
    store.read(2, sector);
    new DataView(sector.buffer).setUint32(VolumeHeader.fields.nextCatalogId.at, 0xffff_fffd);
    store.write(2, sector, { role: 'header', owner: 'test', reason: 'ids are nearly used up' });
    volume = mount(store);
    for (let i = 0; i < 20; i++) file(`late ${i}`);
    const inodes = volume.list(volume.root, null, 100).entries.map(({ inode }) => inode);
    expect(new Set(inodes).size).toBe(40);
    expect(Math.max(...inodes)).toBe(0xffff_ffff);
    again();
    expect(headerOf(store).attributes & (2 ** 12)).not.toBe(0);
  });

  test('a full volume refuses new names and still lets old ones go', () => {
    store = newDisk(2 * MIB, format, { journal: 'off' });
    volume = mount(store);
    const big = file('big');
    volume.retain(big);
    const fillUp = () => {
      for (let i = 0; ; i++) file(`${'long '.repeat(40)}${i}`);
    };
    const room = volume.statistics().freeBlocks * volume.statistics().blockSizeBytes;
    volume.fill(big, 0, room, { generator: 'zero' });
    expect(fillUp).toThrow(code('ENOSPC'));
    expect(() => volume.makeSymlink?.(volume.root, 'l', 'target', INIT)).toThrow(code('ENOSPC'));
    volume.release(big);
    again();
    for (const name of namesIn(volume)) volume.remove(volume.root, name);
    again();
    expect(namesIn(volume)).toEqual([]);
  });
});

test('a volume mounted for reading only is not written to', () => {
  const store = newDisk(8 * MIB);
  const before = mount(store);
  before.release(before.create(before.root, 'a', INIT));
  before.unmount();
  const volume = hfsplus.mount(store, { ...mountOptions(), isReadOnly: true });
  expect(() => volume.create(volume.root, 'b', INIT)).toThrow(code('EROFS'));
  expect(() => volume.remove(volume.root, 'a')).toThrow(code('EROFS'));
  expect(namesIn(volume)).toEqual(['a']);
  volume.unmount();
});

test('32,767 names are the most that a file has', () => {
  const store = newDisk(64 * MIB, 'hfsplus', { journal: 'off' });
  const volume = mount(store);
  const a = volume.create(volume.root, '0', INIT);
  for (let i = 1; i < 32_767; i++) volume.link?.(a, volume.root, String(i));
  expect(volume.attributes(a).linkCount).toBe(32_767);
  expect(() => volume.link?.(a, volume.root, 'more')).toThrow(code('EMLINK'));
  volume.release(a);
  volume.unmount();
  expect(verdict(store)).toBe('');
});
