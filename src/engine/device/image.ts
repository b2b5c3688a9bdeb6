import { sha256 } from '@noble/hashes/sha2.js';
import { bytesToHex } from '@noble/hashes/utils.js';
import { utf8, viewOf } from '../base/bytes.ts';
import type { Device } from './device.ts';
import type { Store } from './store.ts';

/**
 * Raw images on their way in and out, for hosts that have files: what to write where, in pieces of bounded size, and
 * the fingerprint of a whole disk. Coming in needs nothing from here: a host's file is a `Backing` of a store.
 */

/** What to do to a file so that it becomes the image of a store. Offsets ascend. */
export type ImagePiece =
  | { readonly kind: 'data'; readonly offsetBytes: number; readonly bytes: Uint8Array }
  /** The range reads as zeros: a hole where the host can make one. */
  | { readonly kind: 'hole'; readonly offsetBytes: number; readonly lengthBytes: number };

/** Bytes of one piece: large enough for a host's fastest path, small enough to wait between two. */
const PIECE_BYTES = 2 ** 20;

/**
 * Everything that differs from the backing. Applied to (a copy of) the backing's file, or to an empty file of the
 * device's size where there is no backing, the result is the image. `bytes` of a piece is reused for the next one.
 */
export function* changesOf(store: Store): Generator<ImagePiece> {
  const buffer = new Uint8Array(PIECE_BYTES);
  const blocksAtOnce = PIECE_BYTES / store.blockSizeBytes;
  for (const { firstBlock, blockCount, kind } of store.runs()) {
    if (kind === 'backing') continue;
    const offsetBytes = firstBlock * store.blockSizeBytes;
    if (kind === 'zero') {
      yield { kind: 'hole', offsetBytes, lengthBytes: blockCount * store.blockSizeBytes };
      continue;
    }
    for (let block = firstBlock; block < firstBlock + blockCount; block += blocksAtOnce) {
      const count = Math.min(blocksAtOnce, firstBlock + blockCount - block);
      const bytes = buffer.subarray(0, count * store.blockSizeBytes);
      store.read(block, bytes);
      yield { kind: 'data', offsetBytes: block * store.blockSizeBytes, bytes };
    }
  }
}

/** Unit of the fingerprint, whatever the block size of the device. */
const CHUNK_BYTES = 4096;
const HASH_HEAD = 'diskoscope image 1\n';

/**
 * The fingerprint of a disk's contents, equal for equal bytes on every host, in hexadecimal. Not the SHA-256 of the raw
 * file: a terabyte of zeros would take an hour. It is SHA-256 over
 *
 *     'diskoscope image 1\n', then for each 4096-byte chunk that is not all zeros, in ascending order,
 *     its number (64 bits, little-endian) and its bytes (the last chunk of a device is padded with zeros),
 *     and at the end the size of the device in bytes (64 bits, little-endian).
 *
 * Cost follows what is stored, except that generated content has to be generated.
 */
export function imageHash(device: Device): string {
  const hash = sha256.create();
  hash.update(utf8(HASH_HEAD));
  const number = new Uint8Array(8);
  const updateNumber = (value: number): void => {
    viewOf(number).setUint32(0, value >>> 0, true);
    viewOf(number).setUint32(4, Math.floor(value / 2 ** 32), true);
    hash.update(number);
  };

  const chunk = new Uint8Array(CHUNK_BYTES);
  const words = new Uint32Array(chunk.buffer);
  const blocksPerChunk = CHUNK_BYTES / device.blockSizeBytes;
  for (let block = device.nextStored(0); block < device.blockCount;) {
    const index = Math.floor(block / blocksPerChunk);
    const first = index * blocksPerChunk;
    const count = Math.min(blocksPerChunk, device.blockCount - first);
    device.read(first, chunk.subarray(0, count * device.blockSizeBytes));
    chunk.fill(0, count * device.blockSizeBytes);
    if (words.some((word) => word !== 0)) {
      updateNumber(index);
      hash.update(chunk);
    }
    if (first + count >= device.blockCount) break;
    block = device.nextStored(first + count);
  }
  updateNumber(device.blockCount * device.blockSizeBytes);
  return bytesToHex(hash.digest());
}
