import { describe, expect, test } from 'vitest';
import { nameHash } from '../../../../src/engine/formats/apfs/names.ts';
import { ApfsDisk, DIRECTORY_INIT, INIT } from './apfs-disk.ts';

const bytes = (text: string) => new TextEncoder().encode(text);
const filled = (length: number, value = 7) => new Uint8Array(length).fill(value);

/** Number of the newest checkpoint in the ring of descriptors. */
function transactionsOf(disk: ApfsDisk): number {
  const block = new Uint8Array(4096);
  let newest = 0;
  for (let at = 1; at <= 20; at++) {
    disk.store.read(at * 8, block);
    const view = new DataView(block.buffer);
    if (view.getUint32(32, true) === 0x4253_584e) newest = Math.max(newest, view.getUint32(16, true));
  }
  return newest;
}

describe.each([
  ['case-insensitive', { 'case-sensitive': 'no' }],
  ['case-sensitive', { 'case-sensitive': 'yes' }],
])('a %s volume', (kind, settings) => {
  test('everything that has a name, step by step before apfsck', () => {
    const disk = new ApfsDisk({ settings });
    const { volume } = disk;
    const steps: (() => void)[] = [
      () => disk.file('/', 'empty'),
      () => disk.file('/', 'notes.txt', 'hello'),
      () => disk.directory('/', 'folder'),
      () => disk.file('folder', 'Grüße', 'inside'),
      () => volume.release(volume.makeSymlink(volume.root, 'link', 'folder/Grüße', INIT)),
      () => volume.release(volume.makeSpecial(volume.root, 'pipe', 'fifo', 0, INIT)),
      () => volume.release(volume.makeSpecial(volume.root, 'plug', 'socket', 0, INIT)),
      () => volume.release(volume.makeSpecial(volume.root, 'tty', 'character device', 0x0200_0003, INIT)),
      () => volume.release(volume.makeSpecial(volume.root, 'disk', 'block device', 0x0100_0000, INIT)),
      () => volume.setAttributes(disk.node('notes.txt'), { mode: 0o4711, uid: 0, gid: 0, flags: 0x8002 }),
      () => volume.rename(volume.root, 'notes.txt', disk.node('folder'), 'moved'),
      () => volume.rename(disk.node('folder'), 'moved', disk.node('folder'), 'MOVED'),
      () => volume.rename(volume.root, 'empty', disk.node('folder'), 'MOVED'),
      () => volume.remove(volume.root, 'link'),
      () => volume.remove(disk.node('folder'), 'grüße'.normalize('NFD').replace('g', 'G')),
      () => volume.remove(disk.node('folder'), 'MOVED'),
      () => volume.removeDirectory(volume.root, 'folder'),
    ];
    for (const [index, step] of steps.entries()) {
      step();
      expect(disk.verdict(), `after step ${index} of ${kind}`).toBe('');
    }
    expect(disk.remount()).toBe('');
    expect(disk.names('/')).toEqual(['disk', 'pipe', 'plug', 'tty']);
    expect(disk.volume.deviceOf(disk.node('tty'))).toBe(0x0200_0003);
    expect(disk.volume.attributes(disk.node('plug')).type).toBe('socket');
  });

  test('names of one hash live beside each other', () => {
    const disk = new ApfsDisk({ settings, policy: 'writeback' });
    const byHash = new Map<number, string[]>();
    const colliding: string[] = [];
    for (let i = 0; colliding.length < 6; i++) {
      const name = `n${i}`;
      const hash = nameHash(name, kind === 'case-insensitive');
      const others = byHash.get(hash);
      if (others === undefined) byHash.set(hash, [name]);
      else colliding.push(others[0] ?? '', name);
    }
    for (const name of colliding) disk.file('/', name, name);
    expect(disk.remount()).toBe('');
    for (const name of colliding) expect(disk.text(name)).toBe(name);
    for (const name of colliding.filter((_, i) => i % 2 === 0)) disk.volume.remove(disk.volume.root, name);
    expect(disk.remount()).toBe('');
    expect(disk.names('/')).toEqual(colliding.filter((_, i) => i % 2 === 1).sort());
  });
});

test('names of 255 bytes, and no longer', () => {
  const disk = new ApfsDisk();
  const names = ['a'.repeat(255), 'é'.repeat(127), '𝔘'.repeat(63)];
  for (const name of names) disk.file('/', name, name);
  expect(() => disk.file('/', 'é'.repeat(128))).toThrow(/ENAMETOOLONG|name too long/i);
  expect(() => disk.file('/', 'half \ud800')).toThrow(/surrogate/);
  expect(disk.remount()).toBe('');
  for (const name of names) expect(disk.text(name)).toBe(name);
});

describe('hard links', () => {
  test('any of three names may go first', () => {
    const disk = new ApfsDisk();
    const { volume } = disk;
    disk.directory('/', 'folder');
    disk.file('/', 'first', 'contents');
    const node = disk.node('first');
    const steps: (() => void)[] = [
      () => volume.link(node, disk.node('folder'), 'second'),
      () => volume.link(node, volume.root, 'third'),
      () => volume.remove(volume.root, 'first'),
      () => volume.rename(disk.node('folder'), 'second', volume.root, 'A much longer second name'),
      () => volume.rename(volume.root, 'third', volume.root, 'THIRD'),
      () => volume.remove(volume.root, 'a much longer second name'),
      () => volume.link(disk.node('THIRD'), volume.root, 'fourth'),
      () => disk.file('/', 'other', 'other'),
      () => volume.swap(volume.root, 'fourth', volume.root, 'other'),
      () => volume.rename(volume.root, 'fourth', volume.root, 'third'),
    ];
    const counts = [2, 3, 2, 2, 2, 1, 2, 2, 2, 1];
    for (const [index, step] of steps.entries()) {
      step();
      expect(disk.verdict(), `after step ${index}`).toBe('');
      expect(volume.attributes(disk.volume.lookup(volume.root, 'other') ?? node).linkCount).toBe(
        index < 7 ? counts[index] : index === 7 ? 1 : counts[index],
      );
    }
    expect(disk.remount()).toBe('');
    expect(disk.names('/')).toEqual(['folder', 'other', 'third']);
    expect([disk.text('third'), disk.text('other')]).toEqual(['other', 'contents']);
  });

  test('a rename onto another name of the same file does nothing', () => {
    const disk = new ApfsDisk();
    disk.file('/', 'one', 'x');
    disk.volume.link(disk.node('one'), disk.volume.root, 'two');
    disk.volume.rename(disk.volume.root, 'one', disk.volume.root, 'two');
    expect(disk.names('/')).toEqual(['one', 'two']);
    expect(() => disk.volume.link(disk.volume.root, disk.volume.root, 'root')).toThrow(/directories/);
    expect(disk.remount()).toBe('');
  });
});

describe('swap', () => {
  test('a file and a directory, a file and a symlink, across directories', () => {
    const disk = new ApfsDisk();
    const { volume } = disk;
    disk.file('/', 'file', 'contents');
    disk.directory('/', 'folder');
    disk.file('folder', 'inner', 'inner');
    volume.release(volume.makeSymlink(disk.node('folder'), 'link', 'inner', INIT));
    volume.swap(volume.root, 'file', volume.root, 'folder');
    expect(disk.verdict()).toBe('');
    expect([disk.text('folder'), disk.text('file/inner')]).toEqual(['contents', 'inner']);
    volume.swap(volume.root, 'folder', disk.node('file'), 'link');
    expect(disk.remount()).toBe('');
    expect(disk.volume.readLink(disk.node('folder'))).toBe('inner');
    expect(disk.text('file/link')).toBe('contents');
    expect(disk.volume.parentOf(disk.node('file'))).toBe(disk.volume.root);
  });
});

describe('files without a name', () => {
  test('live on for whoever holds them, and go at last', () => {
    const disk = new ApfsDisk();
    const { volume } = disk;
    const before = volume.statistics().freeBlocks;
    const node = volume.create(volume.root, 'held', INIT);
    volume.write(node, 0, filled(100_000));
    volume.setExtendedAttribute(node, 'user.note', bytes('note'));
    volume.remove(volume.root, 'held');
    expect(disk.verdict()).toBe('');
    expect(volume.attributes(node)).toMatchObject({ linkCount: 0, sizeBytes: 100_000 });
    volume.write(node, 100_000, filled(10));
    expect(disk.verdict()).toBe('');
    volume.release(node);
    expect(disk.verdict()).toBe('');
    expect(disk.remount()).toBe('');
    expect(disk.volume.statistics().freeBlocks).toBe(before);
  });

  test('a power cut leaves them to the next mount', () => {
    const disk = new ApfsDisk();
    const before = disk.volume.statistics();
    const node = disk.volume.create(disk.volume.root, 'held', INIT);
    disk.volume.write(node, 0, filled(50_000));
    disk.volume.remove(disk.volume.root, 'held');
    const after = disk.afterPowerCut();
    expect(after.volume.statistics()).toEqual(before);
    expect(after.remount()).toBe('');
  });

  test('a file of many pieces goes in several transactions, each of them sound', () => {
    const disk = new ApfsDisk({ sizeBytes: 32 * 2 ** 20 });
    const { volume } = disk;
    const node = volume.create(volume.root, 'pieces', INIT);
    // A hole between any two blocks.
    for (let i = 0; i < 300; i++) volume.write(node, i * 8192, filled(4096, i));
    volume.release(node);
    const wasThere = volume.statistics().freeBlocks;
    const before = transactionsOf(disk);
    volume.remove(volume.root, 'pieces');
    expect(transactionsOf(disk) - before).toBeGreaterThan(3);
    expect(disk.verdict()).toBe('');
    expect(volume.statistics().freeBlocks).toBeGreaterThanOrEqual(wasThere + 300);
    expect(disk.remount()).toBe('');
  });
});

describe('extended attributes', () => {
  test.each([1, 3804, 3805, 10_000])('a value of %d bytes', (length) => {
    const disk = new ApfsDisk();
    const node = disk.file('/', 'file', 'contents');
    disk.volume.setExtendedAttribute(node, 'user.value', filled(length, 3));
    expect(disk.verdict()).toBe('');
    disk.volume.setExtendedAttribute(node, 'user.value', filled(length, 4));
    expect(disk.remount()).toBe('');
    expect(disk.volume.getExtendedAttribute(disk.node('file'), 'user.value')).toEqual(filled(length, 4));
    disk.volume.removeExtendedAttribute(disk.node('file'), 'user.value');
    expect(disk.remount()).toBe('');
    expect(disk.volume.listExtendedAttributes(disk.node('file'))).toEqual([]);
  });

  test('Finder information and resource fork come first, and zeros are none', () => {
    const disk = new ApfsDisk();
    const { volume } = disk;
    const node = disk.file('/', 'file');
    volume.setExtendedAttribute(node, 'a', bytes('a'));
    volume.setExtendedAttribute(node, 'com.apple.ResourceFork', bytes('fork'));
    volume.setExtendedAttribute(node, 'com.apple.FinderInfo', filled(32));
    expect(disk.verdict()).toBe('');
    expect(volume.listExtendedAttributes(node)).toEqual([
      'com.apple.FinderInfo',
      'com.apple.ResourceFork',
      'a',
    ]);
    volume.setExtendedAttribute(node, 'com.apple.FinderInfo', filled(32, 0));
    volume.setExtendedAttribute(node, 'com.apple.ResourceFork', filled(0));
    expect(disk.remount()).toBe('');
    expect(disk.volume.listExtendedAttributes(disk.node('file'))).toEqual(['a']);
    expect(() =>
      disk.volume.setExtendedAttribute(disk.node('file'), 'com.apple.FinderInfo', filled(31)),
    ).toThrow(/32 bytes/);
  });
});

describe('clones', () => {
  test('of a file share everything until one of them changes', () => {
    const disk = new ApfsDisk();
    const { volume } = disk;
    const node = disk.file('/', 'original', 'x'.repeat(100_000));
    volume.setAttributes(node, { mode: 0o6755, flags: 0x8000 });
    volume.setExtendedAttribute(node, 'user.small', bytes('small'));
    volume.setExtendedAttribute(node, 'user.large', filled(9000));
    const free = volume.statistics().freeBlocks;
    volume.clone(node, volume.root, 'clone', { uid: 502, gid: 12 });
    expect(disk.verdict()).toBe('');
    expect(free - volume.statistics().freeBlocks).toBeLessThanOrEqual(2);
    expect(volume.attributes(disk.node('clone'))).toMatchObject({ mode: 0o755, uid: 502, flags: 0x8000 });
    expect(volume.getExtendedAttribute(disk.node('clone'), 'user.large')).toEqual(filled(9000));
    expect(volume.sharing(disk.node('clone')).cloneReferenceCount).toBe(2);
    volume.write(disk.node('clone'), 5000, bytes('changed'));
    expect(disk.verdict()).toBe('');
    expect(volume.sharing(node)).toMatchObject({ cloneReferenceCount: 1, mayShareBlocks: true });
    volume.remove(volume.root, 'original');
    expect(disk.remount()).toBe('');
    expect(disk.text('clone').slice(4999, 5008)).toBe('xchangedx');
  });

  test('of a directory bring all that is in it', () => {
    const disk = new ApfsDisk();
    const { volume } = disk;
    disk.directory('/', 'tree');
    disk.directory('tree', 'below');
    disk.file('tree/below', 'file', 'contents');
    disk.file('tree', 'empty');
    volume.link(disk.node('tree/empty'), disk.node('tree/below'), 'same');
    volume.release(volume.makeSymlink(disk.node('tree'), 'link', 'below', INIT));
    volume.clone(disk.node('tree'), volume.root, 'copy', null);
    expect(disk.verdict()).toBe('');
    expect(disk.names('copy')).toEqual(['below', 'empty', 'link']);
    expect(disk.text('copy/below/file')).toBe('contents');
    expect(() => volume.clone(disk.node('tree'), disk.node('tree/below'), 'self', null)).toThrow(/itself/);
    volume.write(disk.node('copy/below/file'), 0, bytes('C'));
    for (const name of ['file', 'same']) volume.remove(disk.node('tree/below'), name);
    expect(disk.remount()).toBe('');
    expect(disk.text('copy/below/file')).toBe('Contents');
  });
});

describe('many', () => {
  test('3,000 files come, are renamed and go; removing while listing forgets none', () => {
    const disk = new ApfsDisk({ policy: 'writeback', sizeBytes: 32 * 2 ** 20 });
    disk.directory('/', 'many');
    const many = disk.node('many');
    disk.volume.retain(many);
    for (let i = 0; i < 3000; i++) {
      disk.volume.release(disk.volume.create(many, `file number ${i}`, INIT));
      if (i % 500 === 499) disk.volume.sync();
    }
    expect(disk.verdict()).toBe('');
    for (let i = 0; i < 3000; i += 3) disk.volume.rename(many, `file number ${i}`, many, `other ${i}`);
    disk.volume.release(many);
    expect(disk.remount()).toBe('');
    const again = disk.node('many');
    disk.volume.retain(again);
    let count = 0;
    for (let after: number | null = null; ;) {
      const { entries, next } = disk.volume.list(again, after, 100);
      for (const { name } of entries) disk.volume.remove(again, name);
      count += entries.length;
      if (next === null) break;
      after = next;
    }
    expect(count).toBe(3000);
    disk.volume.release(again);
    disk.volume.removeDirectory(disk.volume.root, 'many');
    expect(disk.remount()).toBe('');
  });

  test('a full volume can always be emptied', () => {
    const disk = new ApfsDisk({ sizeBytes: 4 * 2 ** 20 });
    const { volume } = disk;
    const free = volume.statistics().freeBlocks;
    const names: string[] = [];
    const fill = () => {
      for (let i = 0; i < 5000; i++) {
        const name = `file ${i}`;
        disk.file('/', name, 'contents');
        names.push(name);
      }
    };
    expect(fill).toThrow(/ENOSPC|No space/);
    expect(disk.verdict()).toBe('');
    for (const name of disk.names('/')) volume.remove(volume.root, name);
    expect(disk.remount()).toBe('');
    expect(disk.names('/')).toEqual([]);
    expect(disk.volume.statistics().freeBlocks).toBe(free);
  });
});

test('a directory that was removed takes no more names', () => {
  const disk = new ApfsDisk();
  const directory = disk.volume.makeDirectory(disk.volume.root, 'gone', DIRECTORY_INIT);
  disk.volume.removeDirectory(disk.volume.root, 'gone');
  expect(() => disk.volume.create(directory, 'x', INIT)).toThrow(/was removed/);
  expect(disk.remount()).toBe('');
});
