import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { deflateSync } from 'node:zlib';
import { describe, expect, test } from 'vitest';
import type { FsError } from '../../../src/engine/base/errno.ts';
import { PartitionDevice } from '../../../src/engine/device/partition.ts';
import { readPartitionMap } from '../../../src/engine/device/partition-map.ts';
import { Store } from '../../../src/engine/device/store.ts';
import type { Backing } from '../../../src/engine/device/store.ts';
import { openUdif } from '../../../src/engine/device/udif.ts';
import { foreignImages } from '../../support/checkers.ts';

/** UDIF images made here, field by field, so that each can be wrong in one place; and real ones of hdiutil. */
const SECTOR = 512;
const ZERO = 0;
const RAW = 1;
const ZLIB = 0x8000_0005;
const TERMINATOR = 0xffff_ffff;

interface Piece {
  kind: number;
  firstSector: number;
  sectors: number;
  stored: Uint8Array;
}

const backing = (bytes: Uint8Array): Backing => ({
  sizeBytes: bytes.length,
  read: (offset, into) => into.set(bytes.subarray(offset, offset + into.length)),
});

const pattern = (sectors: number, seed: number) =>
  Uint8Array.from({ length: sectors * SECTOR }, (_, i) => (i * seed + (i >> 8)) & 0xff);

function table(firstSector: number, pieces: readonly (Piece & { at: number })[]): Buffer {
  const out = Buffer.alloc(204 + 40 * (pieces.length + 1));
  out.write('mish', 0);
  out.writeUInt32BE(1, 4);
  out.writeBigUInt64BE(BigInt(firstSector), 8);
  out.writeUInt32BE(pieces.length + 1, 200);
  pieces.forEach((piece, i) => {
    const at = 204 + 40 * i;
    out.writeUInt32BE(piece.kind, at);
    out.writeBigUInt64BE(BigInt(piece.firstSector), at + 8);
    out.writeBigUInt64BE(BigInt(piece.sectors), at + 16);
    out.writeBigUInt64BE(BigInt(piece.at), at + 24);
    out.writeBigUInt64BE(BigInt(piece.stored.length), at + 32);
  });
  out.writeUInt32BE(TERMINATOR, 204 + 40 * pieces.length);
  return out;
}

function udif(tables: readonly { firstSector: number; pieces: readonly Piece[] }[], sectors: number): Buffer {
  const parts: Uint8Array[] = [];
  let at = 0;
  const data = tables.map(({ firstSector, pieces }) => {
    const placed = pieces.map((piece) => {
      const here = at;
      parts.push(piece.stored);
      at += piece.stored.length;
      return { ...piece, at: here };
    });
    const base64 = table(firstSector, placed).toString('base64').replace(/.{52}/g, '$&\n\t\t');
    return `<dict><key>Attributes</key><string>0x0050</string><key>Data</key><data>\n${base64}\n</data></dict>`;
  });
  const plist = Buffer.from(
    `<?xml version="1.0"?><plist><dict><key>resource-fork</key><dict><key>blkx</key><array>${data.join('')}` +
      '</array><key>plst</key><array><dict><key>Data</key><data>AAAA</data></dict></array></dict></dict></plist>',
  );
  const trailer = Buffer.alloc(512);
  trailer.write('koly', 0);
  trailer.writeUInt32BE(4, 4);
  trailer.writeUInt32BE(512, 8);
  trailer.writeUInt32BE(1, 60);
  trailer.writeBigUInt64BE(BigInt(at), 32);
  trailer.writeBigUInt64BE(BigInt(at), 216);
  trailer.writeBigUInt64BE(BigInt(plist.length), 224);
  trailer.writeBigUInt64BE(BigInt(sectors), 492);
  return Buffer.concat([...parts, plist, trailer]);
}

const A = pattern(8, 7);
const B = pattern(4, 13);
const sample = () =>
  udif(
    [
      { firstSector: 0, pieces: [{ kind: ZLIB, firstSector: 0, sectors: 8, stored: deflateSync(A) }] },
      {
        firstSector: 8,
        pieces: [
          { kind: ZERO, firstSector: 0, sectors: 16, stored: new Uint8Array(0) },
          { kind: RAW, firstSector: 16, sectors: 4, stored: B },
        ],
      },
    ],
    40,
  );

function refusal(bytes: Uint8Array): string {
  try {
    openUdif(backing(bytes), 'x.dmg');
  } catch (error) {
    return `${(error as FsError).code}: ${(error as FsError).message}`;
  }
  return 'opened';
}

describe('a disk image of macOS', () => {
  test('zlib, zero and raw chunks give the disk, whatever piece is read', () => {
    const disk = openUdif(backing(sample()), 'x.dmg');
    expect(disk?.sizeBytes).toBe(40 * SECTOR);
    const want = new Uint8Array(40 * SECTOR);
    want.set(A, 0);
    want.set(B, 24 * SECTOR);
    for (const [offset, length] of [
      [0, 40 * SECTOR],
      [7 * SECTOR + 13, 3 * SECTOR],
      [23 * SECTOR, 2 * SECTOR],
      [39 * SECTOR, SECTOR],
    ] as const) {
      const got = new Uint8Array(length).fill(0xee);
      disk?.read(offset, got);
      expect(got).toEqual(want.subarray(offset, offset + length));
    }
  });

  test('holes are known without unpacking', () => {
    const disk = openUdif(backing(sample()), 'x.dmg');
    expect(disk?.nextData?.(8 * SECTOR)).toBe(24 * SECTOR);
    expect(disk?.nextData?.(28 * SECTOR)).toBe(40 * SECTOR);
  });

  test('a file without the trailer is none', () => {
    expect(openUdif(backing(new Uint8Array(4096)), 'x.img')).toBeNull();
    expect(openUdif(backing(new Uint8Array(100)), 'x.img')).toBeNull();
  });

  test.each([
    [0x8000_0004, 'ADC'],
    [0x8000_0006, 'bzip2'],
    [0x8000_0007, 'LZFSE'],
    [0x8000_0008, 'LZMA'],
    [0x8000_0099, '0x80000099'],
  ])('a codec that is not read is named: %i', (kind, name) => {
    const image = udif([{ firstSector: 0, pieces: [{ kind, firstSector: 0, sectors: 1, stored: A }] }], 1);
    expect(refusal(image)).toMatch(new RegExp(`^EFTYPE: .*${name}`));
    expect(refusal(image)).toContain('hdiutil convert');
  });

  test('an encrypted one says so', () => {
    const image = sample();
    image.write('encrcdsa', 0);
    expect(refusal(image)).toContain('encrypted');
  });

  test('damage is a sentence: cut short, overlap, absurd sizes, no tables', () => {
    const image = sample();
    const cut = Buffer.concat([image.subarray(0, 40), image.subarray(image.length - 512)]);
    expect(refusal(cut)).toContain('cut short');
    const huge = sample();
    huge.writeBigUInt64BE(2n ** 60n, huge.length - 512 + 216);
    expect(refusal(huge)).toContain('2^53');
    const overlap = udif(
      [
        { firstSector: 0, pieces: [{ kind: RAW, firstSector: 0, sectors: 4, stored: B }] },
        { firstSector: 3, pieces: [{ kind: RAW, firstSector: 0, sectors: 4, stored: B }] },
      ],
      8,
    );
    expect(refusal(overlap)).toContain('sector 3');
    const beyond = udif(
      [{ firstSector: 0, pieces: [{ kind: ZLIB, firstSector: 0, sectors: 2 ** 40, stored: A }] }],
      8,
    );
    expect(refusal(beyond)).toContain('claims');
    expect(refusal(udif([], 8))).toContain('no blocks');
  });

  test('a damaged chunk is EIO where it is read, and nowhere else', () => {
    const image = sample();
    image.fill(0xff, 2, 30);
    const disk = openUdif(backing(image), 'x.dmg')!;
    expect(() => disk.read(0, new Uint8Array(SECTOR))).toThrow(/sector 0/);
    const rest = new Uint8Array(B.length);
    disk.read(24 * SECTOR, rest);
    expect(rest).toEqual(B);
  });

  test('a chunk that unpacks to more than it says is damaged', () => {
    const stored = deflateSync(pattern(9, 7));
    const image = udif([{ firstSector: 0, pieces: [{ kind: ZLIB, firstSector: 0, sectors: 8, stored }] }], 8);
    const disk = openUdif(backing(image), 'x.dmg')!;
    expect(() => disk.read(0, new Uint8Array(SECTOR))).toThrow(/cannot be unpacked/);
  });

  test("hdiutil's own images hold a partition map and an HFS+ volume", () => {
    const folder = foreignImages();
    if (folder === null) return;
    for (const name of [
      'goapfs-hfs-basic',
      'hdimac-test-disk-image-hfsp-c',
      'hdimac-test-disk-image-hfsp-j',
    ]) {
      const bytes = readFileSync(join(folder, 'hfsplus', `${name}.dmg`));
      const disk = openUdif(backing(bytes), name)!;
      const store = new Store({ blockSizeBytes: SECTOR, blockCount: disk.sizeBytes / SECTOR }, disk);
      const map = readPartitionMap(store);
      expect(map).toMatchObject({ scheme: 'gpt', problems: [] });
      const { firstBlock, blockCount } = map.partitions.find(({ typeName }) => typeName === 'Apple_HFS')!;
      const header = new Uint8Array(SECTOR);
      new PartitionDevice(store, firstBlock, blockCount).read(2, header);
      expect(['H+', 'HX']).toContain(String.fromCharCode(header[0]!, header[1]!));
    }
  });
});
