import { deflateSync } from 'node:zlib';
import type { CompressedFork } from '../../../src/engine/codec/decmpfs.ts';

/** Compressed files as a Mac makes them, after the public description. */

const BLOCK_BYTES = 65_536;

/** Value of com.apple.decmpfs. */
export function attributeOf(
  method: number,
  sizeBytes: number,
  stored: Uint8Array = new Uint8Array(0),
): Uint8Array {
  const value = Buffer.alloc(16 + stored.length);
  value.write('fpmc', 'latin1');
  value.writeUInt32LE(method, 4);
  value.writeBigUInt64LE(BigInt(sizeBytes), 8);
  value.set(stored, 16);
  return Uint8Array.from(value);
}

/** By zlib or, where that gains nothing, behind a byte FF. */
function packed(block: Uint8Array): Uint8Array {
  const shorter = deflateSync(block);
  return shorter.length <= block.length ? shorter : Uint8Array.of(0xff, ...block);
}

/** A resource fork with `data` in blocks, each as `pack` makes it. */
export function forkOf(data: Uint8Array, pack = packed): Uint8Array {
  const blocks: Uint8Array[] = [];
  for (let at = 0; at < data.length; at += BLOCK_BYTES) {
    blocks.push(pack(data.subarray(at, at + BLOCK_BYTES)));
  }
  const table = Buffer.alloc(4 + 8 * blocks.length);
  table.writeUInt32LE(blocks.length);
  let offset = table.length;
  blocks.forEach((block, i) => {
    table.writeUInt32LE(offset, 4 + 8 * i);
    table.writeUInt32LE(block.length, 8 + 8 * i);
    offset += block.length;
  });
  const head = Buffer.alloc(260);
  const map = Buffer.alloc(50);
  head.writeUInt32BE(256, 0);
  head.writeUInt32BE(260 + offset, 4);
  head.writeUInt32BE(4 + offset, 8);
  head.writeUInt32BE(map.length, 12);
  head.writeUInt32BE(offset, 256);
  return Uint8Array.from(Buffer.concat([head, table, ...blocks, map]));
}

export const forkWith = (bytes: Uint8Array): CompressedFork => ({
  sizeBytes: bytes.length,
  read: (offsetBytes, into) => into.set(bytes.subarray(offsetBytes, offsetBytes + into.length)),
});
