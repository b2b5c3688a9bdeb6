import { describe, expect, test } from 'vitest';
import { InvariantError } from '../../../src/engine/base/assert.ts';
import { Prng } from '../../../src/engine/base/prng.ts';
import { crc32 } from '../../../src/engine/codec/crc32.ts';
import {
  GptEntry,
  GptHeader,
  GPT_TYPES,
  guidBytes,
  guidText,
  randomGuid,
} from '../../../src/engine/device/gpt.ts';
import { writeMbr, writeSlot } from '../../../src/engine/device/mbr.ts';
import {
  annotateMapBlock,
  mapRegions,
  readPartitionMap,
  VOLUME_TYPES,
  wholeDiskPartition,
  writeWholeDiskMap,
} from '../../../src/engine/device/partition-map.ts';
import { PartitionDevice } from '../../../src/engine/device/partition.ts';
import { Store } from '../../../src/engine/device/store.ts';
import { FlatDevice } from '../../support/flat-device.ts';

/**
 * Goal: partition maps are what the specification says, damage is told and survived, a partition is an island.
 * Method: maps written and damaged byte by byte on a plain array; offsets below are the specification's.
 */
const LABEL = { role: 'data', owner: '', reason: '' } as const;
const MIB = 2 ** 20;

function diskWith(scheme: 'gpt' | 'mbr', blockSizeBytes = 512): FlatDevice {
  const disk = new FlatDevice(16 * MIB, blockSizeBytes);
  writeWholeDiskMap(disk, scheme, { ...VOLUME_TYPES.fat32, name: 'PHOTOS' }, new Prng(1));
  return disk;
}

const damage = (disk: FlatDevice, offsetBytes: number): void => {
  disk.bytes[offsetBytes]! ^= 0x55;
};

describe.each([512, 4096])('with blocks of %i bytes', (blockSizeBytes) => {
  const perMebibyte = MIB / blockSizeBytes;

  test('an MBR names one aligned FAT32 partition', () => {
    const disk = diskWith('mbr', blockSizeBytes);
    expect(readPartitionMap(disk)).toEqual({
      scheme: 'mbr',
      partitions: [
        {
          ...{ index: 1, firstBlock: perMebibyte, blockCount: 15 * perMebibyte },
          ...{ type: '0xc', typeName: 'Windows_FAT_32', name: '', isUsable: true },
        },
      ],
      problems: [],
    });
    // UEFI 2.10, tables 5.1 and 5.2
    expect([...disk.bytes.subarray(446, 462)].map((byte) => byte.toString(16))).toEqual(
      ['0', 'fe', 'ff', 'ff', 'c', 'fe', 'ff', 'ff'].concat(
        blockSizeBytes === 512
          ? ['0', '8', '0', '0', '0', '78', '0', '0']
          : ['0', '1', '0', '0', '0', 'f', '0', '0'],
      ),
    );
    expect([disk.bytes[510], disk.bytes[511]]).toEqual([0x55, 0xaa]);
  });

  test('a GPT names one aligned partition, in both copies', () => {
    const disk = diskWith('gpt', blockSizeBytes);
    const expected = {
      scheme: 'gpt',
      partitions: [
        {
          ...{ index: 1, firstBlock: perMebibyte, blockCount: 14 * perMebibyte },
          ...{ type: GPT_TYPES['Microsoft Basic Data'], typeName: 'Microsoft Basic Data', name: 'PHOTOS' },
          isUsable: true,
        },
      ],
      problems: [],
    };
    expect(readPartitionMap(disk)).toEqual(expected);

    damage(disk, blockSizeBytes + 40);
    expect(readPartitionMap(disk)).toEqual({
      ...expected,
      problems: [
        'The GPT header in block 1 fails its CRC-32.',
        `The copy in block ${disk.blockCount - 1} is used.`,
      ],
    });
  });

  test('every byte of a map block is explained, once and in order', () => {
    for (const scheme of ['gpt', 'mbr'] as const) {
      const disk = diskWith(scheme, blockSizeBytes);
      const map = readPartitionMap(disk);
      let blocks = 0;
      for (const { firstBlock, blockCount, role } of mapRegions(disk, map)) {
        for (let block = firstBlock; role === 'partition' && block < firstBlock + blockCount; block++) {
          const said = annotateMapBlock(disk, map, block)!;
          let end = 0;
          for (const field of said.fields) {
            expect(field.offsetBytes, field.name).toBe(end);
            end += field.lengthBytes;
          }
          expect(end, said.title).toBe(blockSizeBytes);
          blocks++;
        }
      }
      expect(blocks).toBe(scheme === 'mbr' ? 1 : 3 + 2 * (16384 / blockSizeBytes));
      expect(annotateMapBlock(disk, map, perMebibyte)).toBeNull();
    }
  });
});

describe('a GPT', () => {
  test('writes what UEFI 2.10 §5.3 says', () => {
    const { bytes } = diskWith('gpt');
    const view = new DataView(bytes.buffer);
    expect(bytes[446 + 4]).toBe(0xee);
    expect(view.getUint32(446 + 8, true)).toBe(1);
    expect(view.getUint32(446 + 12, true)).toBe(32767);
    expect(Buffer.from(bytes.subarray(512, 520)).toString()).toBe('EFI PART');
    expect(view.getUint32(520, true)).toBe(0x10000);
    const last = 32767 * 512;
    for (const [at, my, other, array] of [
      [512, 1, 32767, 2],
      [last, 32767, 1, 32735],
    ] as const) {
      expect(Number(view.getBigUint64(at + 24, true))).toBe(my);
      expect(Number(view.getBigUint64(at + 32, true))).toBe(other);
      expect(Number(view.getBigUint64(at + 40, true))).toBe(34);
      expect(Number(view.getBigUint64(at + 48, true))).toBe(32734);
      expect(Number(view.getBigUint64(at + 72, true))).toBe(array);
      expect(view.getUint32(at + 88, true)).toBe(crc32(bytes.subarray(array * 512, array * 512 + 16384)));
    }
    expect(Buffer.from(bytes.subarray(1024, 1040)).toString('hex')).toBe('a2a0d0ebe5b9334487c068b6b72699c7');
    expect(Number(view.getBigUint64(1024 + 32, true))).toBe(2048);
    expect(Number(view.getBigUint64(1024 + 40, true))).toBe(30719);
  });

  test('reads with damage anywhere, as long as one copy is whole', () => {
    const whole = readPartitionMap(diskWith('gpt')).partitions;
    const copy = 32767 * 512;
    for (const [offsetBytes, sentence] of [
      [512, 'The GPT header in block 1 has no "EFI PART" signature.'],
      [512 + 12, 'The GPT header in block 1 says it is 9 bytes long.'],
      [512 + 56, 'The GPT header in block 1 fails its CRC-32.'],
      [1024 + 60, 'The GPT header in block 1 has entries that fail their CRC-32.'],
      [copy, 'The copy of the GPT header in block 32767 has no "EFI PART" signature.'],
      [copy + 60, 'The copy of the GPT header in block 32767 fails its CRC-32.'],
      [510, 'The protective MBR is missing: older systems take the disk for an empty one.'],
    ] as const) {
      const disk = diskWith('gpt');
      damage(disk, offsetBytes);
      const map = readPartitionMap(disk);
      expect(map.partitions).toEqual(whole);
      expect(map.problems[0]).toBe(sentence);
    }
    const disk = diskWith('gpt');
    damage(disk, 512);
    damage(disk, copy);
    expect(readPartitionMap(disk)).toEqual({
      scheme: 'gpt',
      partitions: [],
      problems: [
        'The GPT header in block 1 has no "EFI PART" signature.',
        'Its copy in block 32767 has no "EFI PART" signature. No partition can be found.',
      ],
    });
  });

  test('names partitions that overlap or lie elsewhere, and does not let them be used', () => {
    const disk = diskWith('gpt');
    const put = (entry: number, firstBlock: number, lastBlock: number) => {
      const [type, guid] = [guidBytes(GPT_TYPES.EFI), guidBytes(randomGuid(new Prng(entry)))];
      const fields = { type, guid, firstBlock, lastBlock, attributes: new Uint8Array(8) };
      GptEntry.write(disk.bytes, { ...fields, name: 'x'.padEnd(36, '\0') }, 1024 + 128 * entry);
    };
    put(1, 30000, 31000);
    put(2, 31500, 40000);
    put(3, 2, 40);
    put(4, 32000, 31999);
    const header = GptHeader.peek(disk.bytes, 512);
    const signed = { ...header, arrayCrc: crc32(disk.bytes.subarray(1024, 1024 + 16384)), headerCrc: 0 };
    GptHeader.write(disk.bytes, signed, 512);
    GptHeader.write(disk.bytes, { ...signed, headerCrc: crc32(disk.bytes.subarray(512, 604)) }, 512);

    const map = readPartitionMap(disk);
    expect(map.problems).toEqual([
      'Partition 2 overlaps partition 1.',
      'Partition 3 ends at block 40001, the disk at block 32768.',
      'Partition 4 overlaps the partition map.',
      'Partition 5 ends before it begins.',
    ]);
    expect(map.partitions.map(({ isUsable }) => isUsable)).toEqual([true, false, false, false, false]);
  });

  test('random damage never throws', () => {
    const prng = new Prng(8);
    for (let i = 0; i < 500; i++) {
      const disk = diskWith(prng.pick(['gpt', 'mbr']));
      for (let n = 0; n < 20; n++) disk.bytes[prng.below(prng.pick([512, 2048]))] = prng.u32();
      const map = readPartitionMap(disk);
      for (const { isUsable, firstBlock, blockCount } of map.partitions) {
        if (isUsable) new PartitionDevice(disk, firstBlock, blockCount);
      }
      for (const block of [0, 1, 2, 32767]) annotateMapBlock(disk, map, block);
      mapRegions(disk, map);
    }
  });
});

describe('an MBR', () => {
  test('names an extended partition and does not open it', () => {
    const disk = new FlatDevice(16 * MIB);
    writeMbr(disk, [{ firstBlock: 2048, blockCount: 4096, type: 0x0c }], 1);
    writeSlot(disk.bytes, 1, { firstBlock: 8192, blockCount: 8192, type: 0x0f });
    const map = readPartitionMap(disk);
    expect(map.problems).toEqual([
      'Partition 2 is an extended partition; the logical partitions inside it are not opened.',
    ]);
    expect(map.partitions.map(({ isUsable }) => isUsable)).toEqual([true, false]);
  });

  test('is not seen in the boot sector of a FAT volume, in zeros or in random bytes', () => {
    const disk = new FlatDevice(MIB);
    expect(readPartitionMap(disk).scheme).toBe('none');
    disk.bytes.set([0xeb, 0x58, 0x90, ...Buffer.from('MSDOS5.0'), 0, 2, 8, 32, 0]);
    disk.bytes.set([0x55, 0xaa], 510);
    disk.bytes[446 + 4] = 0x0c; // boot code may hold anything there
    disk.bytes[446 + 12] = 9;
    expect(readPartitionMap(disk).scheme).toBe('none');
    disk.bytes.set(new Prng(3).bytes(510));
    expect(readPartitionMap(disk).scheme).toBe('none');
  });
});

describe('a partition over the whole disk', () => {
  test('is aligned, and absent where there is no room', () => {
    expect(wholeDiskPartition(new FlatDevice(2 * MIB), 'mbr')).toEqual({
      firstBlock: 2048,
      blockCount: 2048,
    });
    expect(wholeDiskPartition(new FlatDevice(2 * MIB), 'gpt')).toBeNull();
    expect(wholeDiskPartition(new FlatDevice(2 * MIB - 512), 'mbr')).toBeNull();
    expect(wholeDiskPartition(new FlatDevice(512 * 9), 'none')).toEqual({ firstBlock: 0, blockCount: 9 });
    const huge = new Store({ blockSizeBytes: 512, blockCount: 2 ** 35 });
    expect(wholeDiskPartition(huge, 'mbr')!.blockCount).toBeLessThan(2 ** 32);
    expect(wholeDiskPartition(huge, 'gpt')!.blockCount).toBe(2 ** 35 - 4096);
  });
});

describe('a partition', () => {
  test('is an island: its blocks count from 0 and nothing beyond them is reached', () => {
    const disk = new FlatDevice(100 * 512);
    const part = new PartitionDevice(disk, 10, 20);
    part.write(3, new Uint8Array(512).fill(7), LABEL);
    expect(disk.bytes[13 * 512]).toBe(7);
    expect(part.nextStored(0)).toBe(3);
    expect(part.nextStored(4)).toBe(20);
    for (const access of [
      () => part.read(20, new Uint8Array(512)),
      () => part.read(-1, new Uint8Array(512)),
      () => part.write(19, new Uint8Array(1024), LABEL),
      () => part.fill(0, 21, { generator: 'zero' }, LABEL),
      () => part.trim(15, 6),
      () => new PartitionDevice(disk, 90, 11),
    ]) {
      expect(access).toThrow(InvariantError);
    }
  });
});

test('GUIDs and CRC-32 have their published test values', () => {
  expect(crc32(Buffer.from('123456789'))).toBe(0xcbf43926);
  expect(guidText(guidBytes(GPT_TYPES.Apple_APFS))).toBe(GPT_TYPES.Apple_APFS);
  expect(randomGuid(new Prng(4))).toMatch(
    /^[0-9A-F]{8}-[0-9A-F]{4}-4[0-9A-F]{3}-[89AB][0-9A-F]{3}-[0-9A-F]{12}$/,
  );
});
