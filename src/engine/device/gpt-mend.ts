import type { Device } from './device.ts';
import { crc32 } from '../codec/crc32.ts';
import { GptHeader } from './gpt.ts';
import { Medium } from './medium.ts';
import { nothingToMend, patchOf } from './mending.ts';
import type { Mending, Patch } from './mending.ts';
import { viewOf } from '../base/bytes.ts';

/** The CRC-32s of a GUID partition table, made right again after an edit. UEFI 2.10 §5.3.2. */

/** A larger array is taken for damage. */
const ARRAY_BYTES_MAX = 2 ** 20;
const HEADER_CRC_AT = 16;
const ARRAY_CRC_AT = 88;

/** `block` of the whole disk, which has been edited. */
export function mendGpt(device: Device, block: number): Mending {
  const medium = new Medium(device);
  const { blockSizeBytes, blockCount } = device;
  const patches: Patch[] = [];
  let isGuarded = false;
  for (const headerBlock of [1, blockCount - 1]) {
    const atBytes = headerBlock * blockSizeBytes;
    const bytes = medium.read(atBytes, blockSizeBytes);
    const { signature, headerBytes, arrayBlock, entryCount, entryBytes } = GptHeader.peek(bytes);
    const arrayBytes = entryCount * entryBytes;
    if (signature !== 'EFI PART' || headerBytes < GptHeader.sizeBytes || headerBytes > blockSizeBytes)
      continue;
    if (arrayBytes > ARRAY_BYTES_MAX) continue;
    const arrayEnd = arrayBlock + Math.ceil(arrayBytes / blockSizeBytes);
    if (block !== headerBlock && !(block >= arrayBlock && block < arrayEnd)) continue;
    isGuarded = true;
    const array = medium.read(arrayBlock * blockSizeBytes, arrayBytes);
    const arrayCrc = wordOf(crc32(array));
    patches.push(...patchOf(atBytes + ARRAY_CRC_AT, bytes.subarray(ARRAY_CRC_AT), arrayCrc));
    const checked = bytes.slice(0, headerBytes);
    checked.set(arrayCrc, ARRAY_CRC_AT);
    checked.fill(0, HEADER_CRC_AT, HEADER_CRC_AT + 4);
    const headerCrc = wordOf(crc32(checked));
    patches.push(...patchOf(atBytes + HEADER_CRC_AT, bytes.subarray(HEADER_CRC_AT), headerCrc));
  }
  if (!isGuarded) return nothingToMend('no CRC-32 of a partition table covers this block');
  if (patches.length === 0) return nothingToMend('the CRC-32s are right as they are');
  return { patches, sentence: 'The CRC-32s of the partition table fit again' };
}

function wordOf(value: number): Uint8Array {
  const word = new Uint8Array(4);
  viewOf(word).setUint32(0, value, true);
  return word;
}
