import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { gunzipSync } from 'node:zlib';
import { describe, expect, test } from 'vitest';
import { utf8, viewOf } from '../../../../src/engine/base/bytes.ts';
import { decodeInode, emptyStream, encodeInode, Inode } from '../../../../src/engine/formats/apfs/inode.ts';
import {
  INODE_FIELD,
  InodeValue,
  MODE_TYPE,
  NO_ID,
  objectIdAt,
  putObjectKey,
  RECORD_TYPE,
  recordTypeAt,
  XFieldEntry,
  XFieldsHeader,
} from '../../../../src/engine/formats/apfs/layout-catalog.ts';
import { putTime, timeOf } from '../../../../src/engine/formats/apfs/layout.ts';
import { foreignImages } from '../../../support/checkers.ts';

const BLOCK = 4096;

/** Every record in every leaf of a catalog that lies anywhere in the image, as key and value. */
function* catalogRecords(image: Uint8Array): Generator<{ key: Uint8Array; value: Uint8Array }> {
  for (let from = 0; from + BLOCK <= image.length; from += BLOCK) {
    const node = image.subarray(from, from + BLOCK);
    const view = viewOf(node);
    const type = view.getUint32(24, true);
    const isCatalog = (type === 2 || type === 3) && view.getUint32(28, true) === 0xe;
    if (!isCatalog || view.getUint16(34, true) !== 0) continue;
    const keysAt = 56 + view.getUint16(42, true);
    const valuesEnd = view.getUint16(32, true) & 1 ? BLOCK - 40 : BLOCK;
    for (let i = 0; i < view.getUint32(36, true); i++) {
      const entryAt = 56 + 8 * i;
      const keyAt = keysAt + view.getUint16(entryAt, true);
      const valueAt = valuesEnd - view.getUint16(entryAt + 4, true);
      yield {
        key: node.subarray(keyAt, keyAt + view.getUint16(entryAt + 2, true)),
        value: node.subarray(valueAt, valueAt + view.getUint16(entryAt + 6, true)),
      };
    }
  }
}

describe('inodes that macOS wrote', () => {
  const folder = foreignImages();
  const images = folder === null ? [] : readdirSync(join(folder, 'apfs')).filter((n) => n.endsWith('.gz'));

  test('are written back byte for byte, every one', () => {
    for (const name of images) {
      const image = gunzipSync(readFileSync(join(folder ?? '', 'apfs', name)));
      let count = 0;
      for (const { key, value } of catalogRecords(image)) {
        if (recordTypeAt(viewOf(key), 0) !== RECORD_TYPE.inode) continue;
        const inode = decodeInode(objectIdAt(viewOf(key), 0), value);
        expect(encodeInode(inode), `${name}, inode ${inode.number}`).toEqual(new Uint8Array(value));
        count++;
      }
      // The catalog of an encrypted volume is not readable.
      if (!name.includes('encrypted')) expect(count, name).toBeGreaterThan(2);
    }
  });
});

describe('inodes', () => {
  const file = () => {
    const inode = new Inode(20);
    inode.mode = MODE_TYPE.file | 0o644;
    inode.nameBytes = utf8('notes.txt');
    inode.stream = { ...emptyStream(), sizeBytes: 5, allocatedBytes: 4096, cryptoId: NO_ID, bytesWritten: 5 };
    inode.internalFlags = 0x8000;
    return inode;
  };

  test('come back as they were', () => {
    const again = decodeInode(20, encodeInode(file()).slice());
    expect(again).toEqual(file());
    expect([again.name, again.type]).toEqual(['notes.txt', 'file']);
  });

  test('keep what nobody here understands, in its order', () => {
    const inode = file();
    inode.otherFields = [
      { type: 15, flags: 2, value: utf8('purgable') },
      { type: 3, flags: 0, value: new Uint8Array([1, 0, 0, 0]) },
    ];
    const bytes = encodeInode(inode).slice();
    expect(viewOf(bytes).getUint16(InodeValue.sizeBytes, true)).toBe(4);
    expect(encodeInode(decodeInode(20, bytes))).toEqual(bytes);
  });

  test('count only values and their padding, never entries', () => {
    const bytes = encodeInode(file());
    const header = XFieldsHeader.read(bytes, InodeValue.sizeBytes);
    expect(header).toEqual({ fieldCount: 2, usedBytes: 16 + 40 });
    expect(XFieldEntry.read(bytes, InodeValue.sizeBytes + 4)).toEqual({
      type: INODE_FIELD.name,
      flags: 2,
      sizeBytes: 10,
    });
  });

  test.each([
    ['too short', (bytes: Uint8Array) => bytes.subarray(0, 90)],
    ['cut within its fields', (bytes: Uint8Array) => bytes.subarray(0, bytes.length - 30)],
    ['with an impossible parent', (bytes: Uint8Array) => bytes.fill(0xff, 0, 8)],
    ['with a stream of another size', (bytes: Uint8Array) => bytes.fill(7, 92 + 4 + 4 + 2, 92 + 4 + 4 + 3)],
  ])('%s are refused with a sentence', (_, spoil) => {
    const bytes = spoil(encodeInode(file()).slice());
    expect(() => decodeInode(20, bytes)).toThrow(/record of inode 20/);
  });
});

describe('keys', () => {
  test('carry type and id in one word', () => {
    const bytes = new Uint8Array(8);
    putObjectKey(viewOf(bytes), 0, 2 ** 52 + 12345, RECORD_TYPE.siblingMap);
    expect(objectIdAt(viewOf(bytes), 0)).toBe(2 ** 52 + 12345);
    expect(recordTypeAt(viewOf(bytes), 0)).toBe(12);
    expect(bytes[7]).toBe(0xc0);
  });
});

describe('times', () => {
  const view = new DataView(new ArrayBuffer(8));

  test.each([
    [{ seconds: 0, nanoseconds: 0 }, 0n],
    [{ seconds: 1_767_225_600, nanoseconds: 999_999_999 }, 1_767_225_600_999_999_999n],
    [{ seconds: 9_223_372_035, nanoseconds: 1 }, 9_223_372_035_000_000_001n],
    [{ seconds: -1, nanoseconds: 999_999_999 }, -1n],
    [{ seconds: -2, nanoseconds: 1 }, -1_999_999_999n],
    [{ seconds: -2_082_844_800, nanoseconds: 5 }, -2_082_844_799_999_999_995n],
  ])('%o are %d nanoseconds', (time, nanoseconds) => {
    putTime(view, 0, time);
    expect(view.getBigInt64(0, true)).toBe(nanoseconds);
    expect(timeOf(view, 0)).toEqual(time);
  });
});
