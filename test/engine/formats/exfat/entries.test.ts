import { describe, expect, test } from 'vitest';
import { viewOf } from '../../../../src/engine/base/bytes.ts';
import { SimulatedClock } from '../../../../src/engine/base/clock.ts';
import {
  clusterOffsetBytes,
  FileEntry,
  geometryOf,
  LabelEntry,
  setChecksum,
  StreamEntry,
  tableChecksum,
} from '../../../../src/engine/formats/exfat/layout.ts';
import type { Geometry } from '../../../../src/engine/formats/exfat/layout.ts';
import { fsck } from '../../../../src/engine/formats/exfat/fsck.ts';
import { fsckExfat, imageFile } from '../../../support/checkers.ts';
import { FlatDevice } from '../../../support/flat-device.ts';
import { bytesOf, get, INIT, makeDirectory, names, outcome, put } from '../fat-family/support.ts';
import type { Fresh } from '../fat-family/support.ts';
import { formatted, fresh, mounted } from './support.ts';

/**
 * Goal: what exFAT has and FAT has not is on the disk as the specification says.
 * Method: change a volume, then look at the bytes and at the order of the writes.
 */

const geometryIn = ({ bytes }: FlatDevice): Geometry => {
  const geometry = geometryOf(bytes.subarray(0, 512), bytes.length);
  if (typeof geometry === 'string') throw new Error(geometry);
  return geometry;
};

/** Byte of the file entry whose name begins with `letter`, anywhere in the heap. */
function setAt(device: FlatDevice, letter: string): number {
  const geometry = geometryIn(device);
  for (let at = geometry.heapFirstSector * 512; at < device.bytes.length; at += 32) {
    const isSet = device.bytes[at] === 0x85 && device.bytes[at + 32] === 0xc0;
    if (isSet && device.bytes[at + 66] === letter.charCodeAt(0)) return at;
  }
  throw new Error(`no set of ${letter}`);
}

const streamOf = (device: FlatDevice, letter: string) =>
  StreamEntry.peek(device.bytes, setAt(device, letter) + 32);
const fileOf = (device: FlatDevice, letter: string) => FileEntry.peek(device.bytes, setAt(device, letter));

const fatEntry = (device: FlatDevice, cluster: number): number =>
  viewOf(device.bytes).getUint32(geometryIn(device).fatFirstSector * 512 + cluster * 4, true);

const verdict = ({ device, volume }: Fresh): string => {
  volume.unmount();
  return (
    fsckExfat(imageFile(device.bytes)) +
    fsck(device, { repair: false })
      .findings.map((f) => f.message)
      .join()
  );
};

describe('NoFatChain', () => {
  test('is kept as long as a file is one run, and the FAT is left alone', () => {
    const made = fresh(1);
    const { device, volume } = made;
    const node = volume.create(volume.root, 'x', INIT);
    expect(streamOf(device, 'x')).toMatchObject({ flags: 1, firstCluster: 0, dataLength: 0 });
    for (let i = 0; i < 5; i++) volume.write(node, i * 4096, bytesOf(4096, i));
    const { flags, firstCluster } = streamOf(device, 'x');
    expect(flags).toBe(3);
    for (let i = 0; i < 5; i++) expect(fatEntry(device, firstCluster + i)).toBe(0);
    volume.truncate(node, 0);
    expect(streamOf(device, 'x')).toMatchObject({ flags: 1, firstCluster: 0, dataLength: 0 });
    volume.release(node);
    expect(verdict(made)).toBe('');
  });

  test('goes when the file is in pieces: the whole chain is written, before the entry says so', () => {
    const made = fresh(1);
    const { device, volume } = made;
    const node = put(volume, volume.root, 'x', bytesOf(3 * 4096));
    put(volume, volume.root, 'wall', bytesOf(1));
    const { firstCluster } = streamOf(device, 'x');
    const since = device.log.length;
    volume.write(node, 3 * 4096, bytesOf(2 * 4096, 2));
    expect(streamOf(device, 'x')).toMatchObject({ flags: 1, firstCluster, dataLength: 5 * 4096 });
    const after = firstCluster + 4;
    const chain = [0, 1, 2].map((i) => fatEntry(device, firstCluster + i));
    expect(chain).toEqual([firstCluster + 1, firstCluster + 2, after]);
    expect([fatEntry(device, after), fatEntry(device, after + 1)]).toEqual([after + 1, 0xffff_ffff]);
    const order = device.log.slice(since).map((entry) => ('barrier' in entry ? '|' : entry.label.owner));
    expect(order.filter((owner) => owner !== 'boot sector')).toEqual([
      'x',
      'FAT',
      'allocation bitmap',
      '|',
      'root directory',
    ]);
    // Later clusters are linked behind.
    volume.write(node, 5 * 4096, bytesOf(1));
    expect(fatEntry(device, after + 1)).toBe(after + 2);
    expect(verdict(made)).toBe('');
  });

  test('of a directory goes as well, and its own entry follows its growth', () => {
    const made = fresh(1);
    const { device, volume } = made;
    const d = makeDirectory(volume, volume.root, 'd');
    const inner = makeDirectory(volume, d, 'inner');
    for (let i = 0; i < 100; i++) put(volume, inner, `a file of number ${i}`, bytesOf(1, i));
    expect(streamOf(device, 'i')).toMatchObject({
      flags: 1,
      dataLength: 4 * 4096,
      validDataLength: 4 * 4096,
    });
    expect(volume.attributes(inner).sizeBytes).toBe(4 * 4096);
    expect(verdict(made)).toBe('');
    const again = mounted(device);
    const found = again.lookup(again.lookup(again.root, 'd')!, 'inner')!;
    expect(names(again, found)).toHaveLength(100);
  });
});

describe('the valid length', () => {
  test('stays when a file grows: nothing is written but bitmap and entry', () => {
    const made = fresh(4);
    const { device, volume } = made;
    const node = put(volume, volume.root, 'x', bytesOf(700));
    // What was in these clusters before must never be seen.
    put(volume, volume.root, 'old', new Uint8Array(10 * 4096).fill(0xee));
    volume.remove(volume.root, 'old');
    const since = device.log.length;
    volume.truncate(node, 30_000);
    const blocks = device.log.slice(since).map((entry) => ('barrier' in entry ? 0 : entry.blockCount));
    expect(blocks.reduce((sum, count) => sum + count, 0)).toBeLessThanOrEqual(3);
    expect(streamOf(device, 'x')).toMatchObject({ validDataLength: 700, dataLength: 30_000 });
    const wanted = new Uint8Array(30_000);
    wanted.set(bytesOf(700));
    expect(get(volume, volume.root, 'x')).toEqual(wanted);

    volume.write(node, 20_000, bytesOf(100, 2));
    expect(streamOf(device, 'x')).toMatchObject({ validDataLength: 20_100, dataLength: 30_000 });
    wanted.set(bytesOf(100, 2), 20_000);
    expect(get(volume, volume.root, 'x')).toEqual(wanted);
    volume.truncate(node, 5000);
    expect(streamOf(device, 'x')).toMatchObject({ validDataLength: 5000, dataLength: 5000 });
    expect(verdict(made)).toBe('');
    const again = mounted(device);
    expect(get(again, again.root, 'x')).toEqual(wanted.subarray(0, 5000));
  });

  test('a gap is zeroed when somebody writes behind it', () => {
    const made = fresh(4);
    const { volume } = made;
    put(volume, volume.root, 'old', new Uint8Array(20 * 4096).fill(0xee));
    volume.remove(volume.root, 'old');
    const node = put(volume, volume.root, 'x', bytesOf(10));
    volume.write(node, 50_001, bytesOf(10, 2));
    const wanted = new Uint8Array(50_011);
    wanted.set(bytesOf(10));
    wanted.set(bytesOf(10, 2), 50_001);
    expect(get(volume, volume.root, 'x')).toEqual(wanted);
    expect(verdict(made)).toBe('');
  });
});

describe('entry sets', () => {
  test('lie within one sector, so that one write makes and one write changes them', () => {
    const made = fresh(1);
    const { device, volume } = made;
    const lengths = [1, 15, 16, 40, 100, 200, 210, 211, 255];
    lengths.forEach((length, i) =>
      put(volume, volume.root, String.fromCharCode(97 + i).repeat(length), bytesOf(1)),
    );
    lengths.forEach((length, i) => {
      const at = setAt(device, String.fromCharCode(97 + i));
      const entryCount = device.bytes[at + 1]! + 1;
      expect(entryCount).toBe(2 + Math.ceil(length / 15));
      const sectors = Math.floor((at + entryCount * 32 - 1) / 512) - Math.floor(at / 512) + 1;
      expect(sectors, `${length} units`).toBe(entryCount <= 16 ? 1 : 2);
      expect(at % 512, 'file and stream entry share a sector').toBeLessThanOrEqual(512 - 64);
    });
    expect(verdict(made)).toBe('');
  });

  test('holes are filled before the directory grows', () => {
    const made = fresh(1);
    const { volume } = made;
    const d = makeDirectory(volume, volume.root, 'd');
    for (let round = 0; round < 6; round++) {
      for (let i = 0; i < 20; i++) put(volume, d, `${'n'.repeat(10 + 40 * round)} ${i}`, bytesOf(0));
      for (let i = 0; i < 20; i++) volume.remove(d, `${'n'.repeat(10 + 40 * round)} ${i}`);
    }
    expect(volume.attributes(d).sizeBytes).toBeLessThanOrEqual(4 * 4096);
    expect(verdict(made)).toBe('');
  });

  test('renaming in place is one write; a longer name has a new set before the old one goes', () => {
    const made = fresh(1);
    const { device, volume } = made;
    put(volume, volume.root, 'name', bytesOf(0));
    put(volume, volume.root, 'other name that fills entries', bytesOf(0));
    const rewritten = (action: () => void): string[] => {
      const since = device.log.length;
      action();
      return device.log.slice(since).map((entry) => ('barrier' in entry ? '|' : String(entry.blockCount)));
    };
    expect(rewritten(() => volume.rename(volume.root, 'name', volume.root, 'another name'))).toEqual(['1']);
    const d = makeDirectory(volume, volume.root, 'd');
    expect(rewritten(() => volume.rename(volume.root, 'another name', d, 'moved'))).toEqual(['1', '|', '1']);
    expect(verdict(made)).toBe('');
  });

  test('keep what only their vendor understands, wherever the file moves; its clusters go with the file', () => {
    const made = fresh(1);
    const { device, volume } = made;
    const d = makeDirectory(volume, volume.root, 'd');
    put(volume, d, 'victim', bytesOf(3));
    put(volume, volume.root, 'xxxxxxxxxxxxxxxxx', bytesOf(10));
    const wall = put(volume, volume.root, 'zz', bytesOf(10));
    const taken = streamOf(device, 'z').firstCluster;
    volume.unmount();
    // The second name entry becomes a vendor allocation that holds the cluster of 'zz', which loses its set.
    const at = setAt(device, 'x');
    device.bytes[at + 32 + 3] = 15;
    device.bytes.fill(0, at + 96, at + 128);
    device.bytes.set([0xe1, 3, 9, 9, 9], at + 96);
    viewOf(device.bytes).setUint32(at + 96 + 20, taken, true);
    device.bytes[at + 96 + 25] = 16;
    let hash = 0;
    for (let i = 0; i < 15; i++) {
      for (const byte of [0x58, 0]) hash = (((hash & 1) << 15) + (hash >>> 1) + byte) & 0xffff;
    }
    viewOf(device.bytes).setUint16(at + 32 + 4, hash, true);
    viewOf(device.bytes).setUint16(at + 2, setChecksum(device.bytes, at, 4), true);
    const other = setAt(device, 'z');
    for (let entry = 0; entry < 3; entry++) device.bytes[other + 32 * entry]! &= 0x7f;
    expect(wall.type).toBe('file');

    const again = mounted(device);
    const free = again.statistics().freeBlocks;
    again.rename(again.root, 'x'.repeat(15), again.root, 'y'.repeat(40));
    expect(device.bytes[setAt(device, 'y') + 5 * 32]).toBe(0xe1);
    again.rename(again.root, 'y'.repeat(40), again.lookup(again.root, 'd')!, 'victim');
    expect(
      Array.from(device.bytes.subarray(setAt(device, 'v') + 3 * 32, setAt(device, 'v') + 3 * 32 + 5)),
    ).toEqual([0xe1, 3, 9, 9, 9]);
    expect(
      outcome(() => again.rename(again.lookup(again.root, 'd')!, 'victim', again.root, 'y'.repeat(255))),
    ).toBe('ENAMETOOLONG');
    expect(get(again, again.lookup(again.root, 'd')!, 'victim')).toEqual(bytesOf(10));
    again.remove(again.lookup(again.root, 'd')!, 'victim');
    // The victim's cluster, the file's and its vendor's.
    expect(again.statistics().freeBlocks - free).toBe(3);
    expect(verdict({ device, volume: again })).toBe('');
  });
});

describe('times', () => {
  test('have 10 ms and the distance from UTC of the host', () => {
    const clock = new SimulatedClock({
      seconds: Date.UTC(2026, 2, 3, 22, 15, 1) / 1000,
      nanoseconds: 234_000_000,
    });
    const { device, volume } = fresh(1, {}, { clock, timeZoneMinutes: 120 });
    put(volume, volume.root, 'x', bytesOf(1));
    const entry = fileOf(device, 'x');
    const stamp = ((2026 - 1980) << 25) | (3 << 21) | (4 << 16) | (0 << 11) | (15 << 5) | 0;
    expect(entry).toMatchObject({ createStamp: stamp, modifyStamp: stamp, accessStamp: stamp });
    expect(entry).toMatchObject({ createTens: 123, modifyTens: 123 });
    expect([entry.createOffset, entry.modifyOffset, entry.accessOffset]).toEqual([0x88, 0x88, 0x88]);
    volume.unmount();
    // Read where another zone is in force: the entry itself says what it means.
    const again = mounted(device, { timeZoneMinutes: -300 });
    const { birthTime, modifyTime, accessTime } = again.attributes(again.lookup(again.root, 'x')!);
    const wanted = { seconds: Date.UTC(2026, 2, 3, 22, 15, 1) / 1000, nanoseconds: 230_000_000 };
    expect([birthTime, modifyTime]).toEqual([wanted, wanted]);
    expect(accessTime).toEqual({ seconds: wanted.seconds - 1, nanoseconds: 0 });
  });

  test.each([
    [Date.UTC(1970, 0, 1) / 1000, Date.UTC(1980, 0, 1) / 1000, 0],
    [Date.UTC(2200, 0, 1) / 1000, Date.UTC(2107, 11, 31, 23, 59, 59) / 1000, 990_000_000],
    [Date.UTC(1980, 0, 1, 0, 0, 1) / 1000, Date.UTC(1980, 0, 1, 0, 0, 1) / 1000, 0],
  ])('of %i s are kept as far as the years go', (seconds, kept, nanoseconds) => {
    const { volume } = fresh(1);
    const node = put(volume, volume.root, 'x', bytesOf(1));
    volume.setAttributes(node, { modifyTime: { seconds, nanoseconds: 0 } });
    expect(volume.attributes(node).modifyTime).toEqual({ seconds: kept, nanoseconds });
  });
});

describe('the volume', () => {
  test('keeps PercentInUse true, and VolumeDirty only while mounted; the checksum needs no change', () => {
    const { device, volume } = fresh(1);
    const total = volume.statistics().totalBlocks;
    for (let i = 0; i < 10; i++) {
      put(volume, volume.root, `${i}`, bytesOf(8192));
      const used = total - volume.statistics().freeBlocks;
      expect([device.bytes[106], device.bytes[112]]).toEqual([2, Math.floor((used * 100) / total)]);
    }
    volume.unmount();
    expect(device.bytes[106]).toBe(0);
    expect(mounted(device).warnings).toEqual([]);
  });

  test('keeps its GUID, and the label in its own entry', () => {
    const device = new FlatDevice(2 ** 20);
    const guid = '12345678-1234-1234-1234-123456789abc';
    formatted(device, { guid }, 'First');
    const geometry = geometryIn(device);
    const root = clusterOffsetBytes(geometry, geometry.rootCluster);
    const before = device.bytes.slice(root + 32, root + 64);
    expect(before[0]).toBe(0xa0);
    const volume = mounted(device);
    expect(volume.label).toBe('First');
    volume.setLabel('Zweites Ü');
    put(volume, volume.root, 'x', bytesOf(1));
    expect(LabelEntry.peek(device.bytes, root).characterCount).toBe(9);
    volume.setLabel('');
    expect(volume.label).toBe('');
    expect(device.bytes.subarray(root, root + 32).every((byte, i) => byte === (i === 0 ? 0x83 : 0))).toBe(
      true,
    );
    expect(verdict({ device, volume })).toBe('');
    expect(device.bytes.subarray(root + 32, root + 64)).toEqual(before);
  });

  test('without a label entry gets one where there is room', () => {
    const { device, volume } = fresh(1);
    volume.unmount();
    const geometry = geometryIn(device);
    device.bytes[clusterOffsetBytes(geometry, geometry.rootCluster)] = 0x03;
    const again = mounted(device);
    expect(again.label).toBe('');
    again.setLabel('New');
    again.unmount();
    const later = mounted(device);
    expect(later.label).toBe('New');
    expect(verdict({ device, volume: later })).toBe('');
  });

  test('compares names through its own table', () => {
    const { device, volume } = fresh(1);
    volume.unmount();
    const geometry = geometryIn(device);
    const table = clusterOffsetBytes(geometry, 3);
    // Here 'b' becomes 'X', and 'a' stays as it is.
    device.bytes[table + 2 * 0x62] = 0x58;
    device.bytes[table + 2 * 0x61] = 0x61;
    const root = clusterOffsetBytes(geometry, geometry.rootCluster);
    viewOf(device.bytes).setUint32(
      root + 64 + 4,
      tableChecksum(device.bytes.subarray(table, table + 5836)),
      true,
    );
    const again = mounted(device);
    expect(again.warnings).toEqual([]);
    put(again, again.root, 'b', bytesOf(1));
    put(again, again.root, 'a', bytesOf(2));
    expect(outcome(() => again.create(again.root, 'x', INIT))).toBe('EEXIST');
    expect(outcome(() => again.create(again.root, 'A', INIT))).toBe('ok');
    expect(again.storedName(again.root, 'X')).toBe('b');
    again.unmount();
    expect(streamOf(device, 'b').nameHash).toBe(0x2c);
  });

  test('does not know preallocation and hard links', () => {
    const { volume } = fresh(1);
    expect([volume.preallocate, volume.link, volume.exchange]).toEqual([undefined, undefined, undefined]);
  });
});
