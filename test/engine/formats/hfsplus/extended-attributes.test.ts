import { deflateSync } from 'node:zlib';
import { describe, expect, test } from 'vitest';
import { utf8 } from '../../../../src/engine/base/bytes.ts';
import { Prng } from '../../../../src/engine/base/prng.ts';
import { randomBytes } from '../../../../src/engine/device/generated.ts';
import type { VolumeNode } from '../../../../src/engine/formats/contract.ts';
import { EMPTY_FORK } from '../../../../src/engine/formats/hfsplus/layout.ts';
import { inlineBytesMax } from '../../../../src/engine/formats/hfsplus/xattr-tree.ts';
import { attributeOf, forkOf } from '../../codec/decmpfs-support.ts';
import { expectBytes, failure, HfsDisk } from './volume-support.ts';

const FINDER_INFO = 'com.apple.FinderInfo';
const RESOURCE_FORK = 'com.apple.ResourceFork';
const QUARANTINE = 'com.apple.quarantine';
const UF_COMPRESSED = 0x20;
const UF_HIDDEN = 0x8000;

const pattern = (seed: number, lengthBytes: number): Uint8Array => {
  const bytes = new Uint8Array(lengthBytes);
  randomBytes(seed, 0, bytes);
  return bytes;
};

const recordOf = (node: VolumeNode): Uint8Array => (node as unknown as { record: Uint8Array }).record;

/** Half of all blocks free, none beside another. */
function tearFreeSpace(disk: HfsDisk): void {
  const [a, b] = [disk.create('odd'), disk.create('even')];
  const blocks = disk.freeBlocks;
  for (let i = 0; i < Math.floor(blocks / 2); i++) {
    disk.volume.fill(a, i * 4096, 4096, { generator: 'zero' });
    disk.volume.fill(b, i * 4096, 4096, { generator: 'zero' });
  }
  disk.volume.fill(a, Math.floor(blocks / 2) * 4096, disk.freeBlocks * 4096, { generator: 'zero' });
  disk.volume.release(b);
  disk.volume.remove(disk.volume.root, 'even');
  disk.volume.sync();
}

describe('values', () => {
  test('of every size, set, replaced by others and removed', () => {
    const disk = new HfsDisk();
    const sizes = [0, 1, 7, 100, 3801, 3802, 3803, 4096, 4097, 100_000];
    const node = disk.create('file');
    sizes.forEach((size, i) => disk.volume.setExtendedAttribute(node, `user.${i}`, pattern(i, size)));
    disk.check();
    const again = disk.node('file');
    expect(disk.volume.listExtendedAttributes(again)).toEqual(sizes.map((_, i) => `user.${i}`));
    sizes.forEach((size, i) =>
      expectBytes(disk.volume.getExtendedAttribute(again, `user.${i}`), pattern(i, size)),
    );
    // Short ones become long and long ones short.
    sizes.forEach((_, i) =>
      disk.volume.setExtendedAttribute(again, `user.${i}`, pattern(50 + i, sizes.at(-1 - i) ?? 0)),
    );
    disk.check();
    const third = disk.node('file');
    sizes.forEach((_, i) =>
      expectBytes(
        disk.volume.getExtendedAttribute(third, `user.${i}`),
        pattern(50 + i, sizes.at(-1 - i) ?? 0),
      ),
    );
    sizes.forEach((_, i) => disk.volume.removeExtendedAttribute(third, `user.${i}`));
    expect(disk.volume.listExtendedAttributes(third)).toEqual([]);
    expect(failure(() => disk.volume.removeExtendedAttribute(third, 'user.1')).code).toBe('ENOATTR');
    disk.check();
    expect(disk.volume.getExtendedAttribute(disk.node('file'), 'user.1')).toBeUndefined();
  });

  test('the longest that stands in the tree, by node size', () => {
    expect(inlineBytesMax(8192)).toBe(3802);
    expect(inlineBytesMax(4096)).toBe(1754);
  });

  test('a value in hundreds of pieces, and all its blocks free again', () => {
    const disk = new HfsDisk({ sizeBytes: 4 * 2 ** 20, settings: { journal: 'off' } });
    tearFreeSpace(disk);
    const node = disk.create('file');
    const value = pattern(1, 200 * 4096 - 9);
    disk.volume.setExtendedAttribute(node, 'torn', value);
    // What the attributes tree grew by stays.
    const free = disk.freeBlocks + 200;
    expect(disk.parts.attributes?.header.leafRecords).toBe(25);
    disk.check();
    expectBytes(disk.volume.getExtendedAttribute(disk.node('file'), 'torn'), value);
    const tooLong = new Uint8Array((free + 1) * 4096);
    expect(failure(() => disk.volume.setExtendedAttribute(disk.node('file'), 'torn', tooLong)).code).toBe(
      'ENOSPC',
    );
    expectBytes(disk.volume.getExtendedAttribute(disk.node('file'), 'torn'), value);
    disk.volume.remove(disk.volume.root, 'file');
    expect(disk.freeBlocks).toBe(free);
    disk.check();
    expect(disk.parts.attributes?.header.leafRecords).toBe(0);
  });

  test('of folders, of symlinks, of the root, of hard links', () => {
    const disk = new HfsDisk({ isHfsx: true });
    const { volume } = disk;
    const init = { mode: 0o755, uid: 501, gid: 20 };
    const folder = volume.makeDirectory(volume.root, 'folder', init);
    const link = volume.makeSymlink(volume.root, 'link', 'folder', init);
    const file = disk.create('one');
    volume.link(file, volume.root, 'two');
    for (const node of [folder, link, volume.root, file]) {
      volume.setExtendedAttribute(node, 'short', utf8('value'));
      volume.setExtendedAttribute(node, 'long', pattern(3, 9000));
    }
    disk.check();
    for (const name of ['folder', 'link', 'one', 'two']) {
      expect(disk.volume.listExtendedAttributes(disk.node(name))).toEqual(['long', 'short']);
      expectBytes(disk.volume.getExtendedAttribute(disk.node(name), 'long'), pattern(3, 9000));
    }
    disk.volume.remove(disk.volume.root, 'one');
    disk.check();
    expect(disk.volume.listExtendedAttributes(disk.node('two'))).toEqual(['long', 'short']);
    for (const name of ['two', 'link']) disk.volume.remove(disk.volume.root, name);
    disk.volume.removeDirectory(disk.volume.root, 'folder');
    disk.check();
    expect(disk.volume.listExtendedAttributes(disk.volume.root)).toEqual(['long', 'short']);
  });

  test('names of any characters, 127 units at most', () => {
    const disk = new HfsDisk();
    const node = disk.create('file');
    const names = ['ä', 'Ä', 'a', 'A', '日本', '😀', 'x'.repeat(127)];
    for (const name of names) disk.volume.setExtendedAttribute(node, name, utf8(name));
    disk.check();
    const again = disk.node('file');
    expect([...disk.volume.listExtendedAttributes(again)].sort()).toEqual([...names].sort());
    for (const name of names) expectBytes(disk.volume.getExtendedAttribute(again, name), utf8(name));
    const error = failure(() => disk.volume.setExtendedAttribute(again, 'x'.repeat(128), utf8('')));
    expect(error.code).toBe('ENAMETOOLONG');
  });

  test('an access control list has a flag of its own', () => {
    const disk = new HfsDisk();
    const node = disk.create('file');
    const flags = () => recordOf(node)[3];
    disk.volume.setExtendedAttribute(node, 'com.apple.system.Security', pattern(1, 60));
    expect((flags() ?? 0) & 0xc).toBe(0xc);
    disk.volume.setExtendedAttribute(node, 'other', pattern(1, 60));
    disk.volume.removeExtendedAttribute(node, 'com.apple.system.Security');
    expect((flags() ?? 0) & 0xc).toBe(0x4);
    disk.check();
    disk.volume.removeExtendedAttribute(disk.node('file'), 'other');
    disk.check();
  });

  test('hundreds on each of many files, in random order', () => {
    const disk = new HfsDisk({ sizeBytes: 32 * 2 ** 20 });
    const random = new Prng(7);
    const files = Array.from({ length: 20 }, (_, i) => disk.create(`f${i}`));
    const held = new Map<string, number>();
    for (let i = 0; i < 1500; i++) {
      const f = random.below(files.length);
      const name = `attribute number ${random.below(60)}`;
      const node = files[f];
      if (!node) throw new Error('a file');
      if (held.has(`${f}/${name}`) && random.below(3) === 0) {
        disk.volume.removeExtendedAttribute(node, name);
        held.delete(`${f}/${name}`);
      } else {
        disk.volume.setExtendedAttribute(
          node,
          name,
          pattern(i, random.below(random.below(20) === 0 ? 9000 : 300)),
        );
        held.set(`${f}/${name}`, i);
      }
    }
    disk.check();
    for (const [key, seed] of held) {
      const [f, name] = key.split('/');
      const value = disk.volume.getExtendedAttribute(disk.node(`f${f}`), name ?? '');
      expectBytes(value, pattern(seed, value?.length ?? -1));
    }
    files.forEach((_, i) => disk.volume.remove(disk.volume.root, `f${i}`));
    disk.check();
  });
});

describe('a volume without an attributes file', () => {
  test('gets one with its first attribute', () => {
    const disk = new HfsDisk();
    const { commit, header, allocation } = disk.parts;
    commit.begin();
    allocation.free(header.fork('attributes').extents);
    header.setFork('attributes', EMPTY_FORK);
    commit.end();
    disk.check();
    expect(disk.parts.attributes).toBeUndefined();
    const node = disk.create('file');
    expect(disk.volume.listExtendedAttributes(node)).toEqual([]);
    disk.volume.setExtendedAttribute(node, 'first', utf8('one'));
    disk.volume.setExtendedAttribute(node, 'second', pattern(1, 9000));
    disk.check();
    expect(disk.parts.attributes).toBeDefined();
    expectBytes(disk.volume.getExtendedAttribute(disk.node('file'), 'first'), utf8('one'));
  });
});

describe('Finder information', () => {
  test('is in the record; the numbers of the system are hidden and stay', () => {
    const disk = new HfsDisk();
    const node = disk.create('file');
    const before = recordOf(node).slice(64, 80);
    expect(disk.volume.getExtendedAttribute(node, FINDER_INFO)).toBeUndefined();
    const value = pattern(1, 32);
    disk.volume.setExtendedAttribute(node, FINDER_INFO, value);
    const shown = value.slice();
    for (const at of [16, 20, 28]) shown.fill(0, at, at + 4);
    expectBytes(disk.volume.getExtendedAttribute(node, FINDER_INFO), shown);
    expectBytes(recordOf(node).slice(64, 72), before.slice(0, 8));
    expect(disk.volume.listExtendedAttributes(node)).toEqual([FINDER_INFO]);
    disk.check();
    disk.volume.removeExtendedAttribute(disk.node('file'), FINDER_INFO);
    expect(disk.volume.listExtendedAttributes(disk.node('file'))).toEqual([]);
    expect(failure(() => disk.volume.removeExtendedAttribute(disk.node('file'), FINDER_INFO)).code).toBe(
      'ENOATTR',
    );
    disk.check();
  });

  test('its invisible bit is UF_HIDDEN; a hard link it cannot make; a symlink keeps what it is', () => {
    const disk = new HfsDisk();
    const node = disk.create('file');
    const value = new Uint8Array(32);
    value[8] = 0x40;
    disk.volume.setExtendedAttribute(node, FINDER_INFO, value);
    expect(disk.volume.attributes(node).flags & UF_HIDDEN).toBe(UF_HIDDEN);
    disk.volume.setAttributes(node, { flags: 0 });
    expect(disk.volume.getExtendedAttribute(node, FINDER_INFO)).toBeUndefined();
    value.set(utf8('hlnkhfs+'));
    expect(failure(() => disk.volume.setExtendedAttribute(node, FINDER_INFO, value)).code).toBe('EPERM');
    const short = value.subarray(1);
    expect(failure(() => disk.volume.setExtendedAttribute(node, FINDER_INFO, short)).code).toBe('ERANGE');
    const init = { mode: 0o755, uid: 501, gid: 20 };
    const link = disk.volume.makeSymlink(disk.volume.root, 'link', 'file', init);
    expect(disk.volume.getExtendedAttribute(link, FINDER_INFO)).toBeUndefined();
    disk.volume.setExtendedAttribute(link, FINDER_INFO, value);
    expect(disk.volume.readLink(link)).toBe('file');
    disk.check();
    expect(disk.volume.readLink(disk.node('link'))).toBe('file');
  });
});

describe('resource fork', () => {
  test('comes, changes its length, and goes', () => {
    const disk = new HfsDisk();
    const free = disk.freeBlocks;
    const node = disk.create('file');
    for (const size of [10, 9000, 9001, 4096, 1]) {
      disk.volume.setExtendedAttribute(node, RESOURCE_FORK, pattern(size, size));
      expectBytes(disk.volume.getExtendedAttribute(node, RESOURCE_FORK), pattern(size, size));
      expect(disk.volume.attributes(node).allocatedBytes).toBe(Math.ceil(size / 4096) * 4096);
    }
    disk.check();
    expect(disk.volume.listExtendedAttributes(disk.node('file'))).toEqual([RESOURCE_FORK]);
    disk.volume.removeExtendedAttribute(disk.node('file'), RESOURCE_FORK);
    expect(disk.freeBlocks).toBe(free);
    expect(failure(() => disk.volume.removeExtendedAttribute(disk.node('file'), RESOURCE_FORK)).code).toBe(
      'ENOATTR',
    );
    const huge = new Uint8Array((free + 1) * 4096);
    expect(failure(() => disk.volume.setExtendedAttribute(disk.node('file'), RESOURCE_FORK, huge)).code).toBe(
      'ENOSPC',
    );
    disk.check();
  });
});

describe('exchange', () => {
  test('both forks, the date and the quarantine change hands, all else stays', () => {
    const disk = new HfsDisk();
    const [a, b] = [disk.create('a'), disk.create('b')];
    for (let i = 0; i < 30; i++) {
      disk.volume.write(a, i * 4096, pattern(i, 4096));
      disk.volume.write(b, i * 8192, pattern(100 + i, 8192));
      disk.clock.advance(1e9);
    }
    disk.volume.setExtendedAttribute(a, RESOURCE_FORK, pattern(7, 5000));
    disk.volume.setExtendedAttribute(a, QUARANTINE, utf8('from the web'));
    disk.volume.setExtendedAttribute(b, 'own', utf8('stays'));
    disk.volume.setAttributes(a, { modifyTime: { seconds: 1_000_000_000, nanoseconds: 0 }, mode: 0o600 });
    const before = [a, b].map((node) => ({ ...disk.volume.attributes(node), bytes: disk.contents(node) }));
    disk.volume.exchange(a, b);
    for (const [node, own, other] of [
      [a, 0, 1],
      [b, 1, 0],
    ] as const) {
      const facts = disk.volume.attributes(node);
      expectBytes(disk.contents(node), before[other]?.bytes ?? new Uint8Array(0));
      expect(facts.modifyTime).toEqual(before[other]?.modifyTime);
      expect(facts.inode).toBe(before[own]?.inode);
      expect(facts.mode).toBe(before[own]?.mode);
    }
    disk.check();
    expect(disk.volume.listExtendedAttributes(disk.node('a'))).toEqual([]);
    expect(disk.volume.listExtendedAttributes(disk.node('b'))).toEqual([RESOURCE_FORK, QUARANTINE, 'own']);
    expectBytes(disk.contents(disk.node('a')), before[1]?.bytes ?? new Uint8Array(0));
    disk.volume.write(disk.node('a'), 0, pattern(1, 10));
    disk.volume.remove(disk.volume.root, 'b');
    disk.check();
  });

  test('refuses folders and one file with itself', () => {
    const disk = new HfsDisk();
    const a = disk.create('a');
    const init = { mode: 0o755, uid: 501, gid: 20 };
    const folder = disk.volume.makeDirectory(disk.volume.root, 'folder', init);
    expect(failure(() => disk.volume.exchange(a, a)).code).toBe('EINVAL');
    expect(failure(() => disk.volume.exchange(a, folder)).code).toBe('EINVAL');
  });
});

describe('compressed files', () => {
  const text = utf8('All work and no play makes Jack a dull boy.\n'.repeat(5000));

  function compressed(disk: HfsDisk, isInFork: boolean): VolumeNode {
    const node = disk.create('packed');
    const data = isInFork ? text : text.subarray(0, 3000);
    if (isInFork) disk.volume.setExtendedAttribute(node, RESOURCE_FORK, forkOf(data));
    const value = isInFork ? attributeOf(4, data.length) : attributeOf(3, data.length, deflateSync(data));
    disk.volume.setExtendedAttribute(node, 'com.apple.decmpfs', value);
    disk.volume.setAttributes(node, { flags: UF_COMPRESSED });
    return node;
  }

  test.each([true, false])('read as what they were; in the resource fork: %s', (isInFork) => {
    const disk = new HfsDisk();
    compressed(disk, isInFork);
    disk.check();
    const data = isInFork ? text : text.subarray(0, 3000);
    const node = disk.node('packed');
    expect(disk.volume.attributes(node).flags).toBe(UF_COMPRESSED);
    expect(disk.volume.attributes(node).sizeBytes).toBe(data.length);
    expectBytes(disk.contents(node), data);
    const into = new Uint8Array(50);
    expect(disk.volume.read(node, data.length - 20, into)).toBe(20);
  });

  test.each([true, false])('a write unpacks; in the resource fork: %s', (isInFork) => {
    const disk = new HfsDisk();
    const node = compressed(disk, isInFork);
    const data = (isInFork ? text : text.subarray(0, 3000)).slice();
    data.set(utf8('WRITTEN'), 100);
    disk.volume.write(node, 100, utf8('WRITTEN'));
    expect(disk.volume.attributes(node).flags).toBe(0);
    expect(disk.volume.listExtendedAttributes(node)).toEqual([]);
    disk.check();
    expectBytes(disk.contents(disk.node('packed')), data);
  });

  test('truncating keeps what it should', () => {
    const disk = new HfsDisk();
    const node = compressed(disk, true);
    disk.volume.truncate(node, 70_000);
    disk.check();
    expectBytes(disk.contents(disk.node('packed')), text.subarray(0, 70_000));
  });

  test('unpacking that does not fit leaves the file compressed', () => {
    const disk = new HfsDisk();
    const node = compressed(disk, true);
    const filler = disk.create('filler');
    disk.volume.fill(filler, 0, (disk.freeBlocks - 10) * 4096, { generator: 'zero' });
    expect(failure(() => disk.volume.write(node, 0, utf8('x'))).code).toBe('ENOSPC');
    expect(disk.freeBlocks).toBe(10);
    expectBytes(disk.contents(node), text);
    disk.check();
    expectBytes(disk.contents(disk.node('packed')), text);
  });

  test('the flag is only for who has a header; without one the forks are what they are', () => {
    const disk = new HfsDisk();
    const plain = disk.create('plain');
    disk.volume.write(plain, 0, utf8('plain'));
    disk.volume.setAttributes(plain, { flags: UF_COMPRESSED });
    expect(disk.volume.attributes(plain).flags).toBe(0);
    const node = compressed(disk, false);
    disk.volume.setAttributes(node, { flags: 0 });
    expect(disk.volume.attributes(node).sizeBytes).toBe(0);
    disk.volume.setAttributes(node, { flags: UF_COMPRESSED });
    expectBytes(disk.contents(node), text.subarray(0, 3000));
    disk.check();
  });
});
