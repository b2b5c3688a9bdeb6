import { describe, expect, test } from 'vitest';
import { viewOf } from '../../../../src/engine/base/bytes.ts';
import {
  attributesOf,
  changeAttributes,
  stampNew,
  touchAccess,
  touchContents,
  touchRecord,
  typeOfRecord,
} from '../../../../src/engine/formats/hfsplus/attributes.ts';
import { HFS_EPOCH_SECONDS, hfsDate } from '../../../../src/engine/formats/hfsplus/layout.ts';
import { HfsDisk } from './volume-support.ts';

const UF_IMMUTABLE = 0x2;
const UF_HIDDEN = 0x8000;
const SF_ARCHIVED = 0x10000;
const SF_IMMUTABLE = 0x20000;
const NOW = hfsDate({ seconds: 1_800_000_000 });

const at = (seconds: number) => ({ seconds, nanoseconds: 0 });

/** A record of 248 (88) bytes with this mode; everything else zero. */
function record(mode: number, isFolder = false): Uint8Array {
  const bytes = new Uint8Array(isFolder ? 88 : 248);
  viewOf(bytes).setUint16(0, isFolder ? 1 : 2);
  viewOf(bytes).setUint16(42, mode);
  return bytes;
}

const facts = (bytes: Uint8Array) =>
  attributesOf(bytes, { inode: 99, blockSizeBytes: 4096, sizeBytes: 1, hiddenFolders: 0 });

describe('owner and mode', () => {
  test('of a record without any: user and group 99, who may do everything', () => {
    expect(facts(record(0))).toMatchObject({ uid: 99, gid: 99, mode: 0o777, type: 'file', linkCount: 1 });
    expect(facts(record(0o755, true))).toMatchObject({ uid: 99, gid: 99, mode: 0o777, type: 'directory' });
  });

  test('the first change makes the defaults true; locked stays locked', () => {
    const bytes = record(0);
    viewOf(bytes).setUint16(2, 1);
    expect(facts(bytes).flags).toBe(UF_IMMUTABLE);
    changeAttributes(bytes, { gid: 20 }, NOW, false);
    expect(facts(bytes)).toMatchObject({ uid: 99, gid: 20, mode: 0o777, flags: UF_IMMUTABLE });
    expect(viewOf(bytes).getUint16(42)).toBe(0o100777);
  });

  test('chmod keeps the type', () => {
    const bytes = record(0o120755);
    changeAttributes(bytes, { mode: 0o4711, uid: 501 }, NOW, false);
    expect(viewOf(bytes).getUint16(42)).toBe(0o124711);
    expect(facts(bytes)).toMatchObject({ type: 'symlink', mode: 0o4711, uid: 501 });
    expect(facts(bytes).changeTime.seconds).toBe(1_800_000_000);
  });

  test.each([
    [0o100644, 'file'],
    [0o120755, 'symlink'],
    [0o010644, 'fifo'],
    [0o140644, 'socket'],
    [0o020644, 'character device'],
    [0o060644, 'block device'],
    [0o040755, 'file'],
  ])('mode %o is a %s', (mode, type) => {
    expect(typeOfRecord(record(mode))).toBe(type);
  });

  test('links are counted where they are links, not device numbers', () => {
    const bytes = record(0o100644);
    viewOf(bytes).setUint32(44, 7);
    expect(facts(bytes).linkCount).toBe(7);
    viewOf(bytes).setUint16(42, 0o020644);
    expect(facts(bytes).linkCount).toBe(1);
  });

  test('a folder: its items, or its folders where they are counted; size as macOS has it', () => {
    const bytes = record(0o040755, true);
    viewOf(bytes).setUint32(4, 5);
    viewOf(bytes).setUint32(84, 2);
    expect(facts(bytes)).toMatchObject({ linkCount: 7, sizeBytes: 7 * 34, allocatedBytes: 0 });
    viewOf(bytes).setUint16(2, 0x10);
    expect(facts(bytes).linkCount).toBe(4);
  });
});

describe('flags', () => {
  test('immutable and hidden live twice', () => {
    const bytes = record(0o100644);
    const view = viewOf(bytes);
    changeAttributes(bytes, { flags: SF_IMMUTABLE | UF_HIDDEN | SF_ARCHIVED | 0x1 }, NOW, false);
    expect(facts(bytes).flags).toBe(SF_IMMUTABLE | UF_HIDDEN | SF_ARCHIVED | 0x1);
    expect(view.getUint16(2) & 1).toBe(1);
    expect(view.getUint16(56) & 0x4000).toBe(0x4000);
    // Somebody who knows only one of both unlocks it.
    view.setUint16(2, 0);
    expect(facts(bytes).flags & (SF_IMMUTABLE | UF_IMMUTABLE)).toBe(0);
    changeAttributes(bytes, { flags: 0 }, NOW, false);
    expect(facts(bytes).flags).toBe(0);
    expect(view.getUint16(56)).toBe(0);
  });

  test('a folder has no locked bit', () => {
    const bytes = record(0o040755, true);
    changeAttributes(bytes, { flags: UF_IMMUTABLE }, NOW, false);
    expect(viewOf(bytes).getUint16(2)).toBe(0);
    expect(facts(bytes).flags).toBe(UF_IMMUTABLE);
  });
});

describe('dates', () => {
  test('1904 to 2040; before 1970 reads as 1970; what lies outside becomes the nearest', () => {
    const bytes = record(0o100644);
    const stored = (seconds: number) => {
      changeAttributes(bytes, { modifyTime: at(seconds), birthTime: at(seconds) }, NOW, false);
      return viewOf(bytes).getUint32(16);
    };
    expect(stored(-86_400)).toBe(HFS_EPOCH_SECONDS - 86_400);
    expect(facts(bytes).modifyTime).toEqual(at(0));
    expect(stored(-(2 ** 40))).toBe(0);
    expect(stored(2 ** 40)).toBe(0xffff_ffff);
    expect(facts(bytes).modifyTime.seconds).toBe(0xffff_ffff - HFS_EPOCH_SECONDS);
    expect(stored(1)).toBe(HFS_EPOCH_SECONDS + 1);
  });

  test('nothing is younger than its contents, but the root', () => {
    const bytes = record(0o100644);
    stampNew(bytes, NOW);
    changeAttributes(bytes, { modifyTime: at(1_000_000_000) }, NOW, true);
    expect(facts(bytes).birthTime.seconds).toBe(1_800_000_000);
    changeAttributes(bytes, { modifyTime: at(1_000_000_000) }, NOW, false);
    expect(facts(bytes).birthTime.seconds).toBe(1_000_000_000);
  });

  test('each touches what it should', () => {
    const bytes = record(0o100644);
    stampNew(bytes, NOW);
    touchAccess(bytes, NOW + 1);
    touchContents(bytes, NOW + 2);
    touchRecord(bytes, NOW + 3);
    const seconds = (time: { seconds: number }) => time.seconds - 1_800_000_000;
    const { accessTime, modifyTime, changeTime, birthTime } = facts(bytes);
    expect([accessTime, modifyTime, changeTime, birthTime].map(seconds)).toEqual([1, 2, 3, 0]);
  });

  test('a record of expanded times counts from 1970', () => {
    const bytes = record(0o100644);
    viewOf(bytes).setUint16(2, 0x1000);
    changeAttributes(bytes, { modifyTime: at(1_234_567_890) }, NOW, false);
    expect(viewOf(bytes).getUint32(16)).toBe(1_234_567_890);
    expect(facts(bytes).modifyTime.seconds).toBe(1_234_567_890);
  });
});

test('on the disk, judged and read back', () => {
  const disk = new HfsDisk();
  const node = disk.create('file');
  disk.clock.advance(5e9);
  const change = { mode: 0o1604, uid: 1000, gid: 2000, flags: UF_IMMUTABLE | UF_HIDDEN | SF_ARCHIVED };
  disk.volume.setAttributes(node, {
    ...change,
    accessTime: at(1_500_000_000),
    modifyTime: at(1_400_000_000),
  });
  const before = disk.volume.attributes(node);
  disk.check();
  expect(disk.volume.attributes(disk.node('file'))).toEqual(before);
  expect(before).toMatchObject({ ...change, accessTime: at(1_500_000_000), birthTime: at(1_400_000_000) });
});

test('reading changes the access date in memory; it goes to the disk with the next change', () => {
  const disk = new HfsDisk();
  const node = disk.create('file');
  disk.volume.write(node, 0, new Uint8Array(10));
  disk.volume.sync();
  const before = disk.volume.attributes(node).accessTime;
  disk.clock.advance(10e9);
  disk.volume.read(node, 0, new Uint8Array(10));
  expect(disk.volume.isDirty).toBe(false);
  expect(disk.volume.attributes(node).accessTime.seconds).toBe(before.seconds + 10);
  disk.volume.setAttributes(node, { mode: 0o600 });
  disk.remount();
  expect(disk.volume.attributes(disk.node('file')).accessTime.seconds).toBe(before.seconds + 10);
});
