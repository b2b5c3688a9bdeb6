import { isZero } from '../engine/base/bytes.ts';
import type { Session } from '../engine/session/session.ts';

const PIECE_BYTES = 2 ** 20;

/**
 * The whole disk as a file to save. Zeros are one shared piece however many there are, so that a large disk with
 * little on it does not fill memory; blobs of the browser are kept on disk when they grow.
 */
export function imageBlob(store: Session['store']): Blob {
  const sizeBytes = store.blockCount * store.blockSizeBytes;
  const zeros = new Blob([new Uint8Array(PIECE_BYTES)]);
  const parts: Blob[] = [];
  const blocksAtOnce = PIECE_BYTES / store.blockSizeBytes;

  for (let block = 0; block < store.blockCount;) {
    const next = Math.min(store.nextStored(block), store.blockCount);
    const zeroPieces = Math.floor((next - block) / blocksAtOnce);
    if (zeroPieces > 0) {
      parts.push(repeated(zeros, zeroPieces));
      block += zeroPieces * blocksAtOnce;
      continue;
    }
    const bytes = new Uint8Array(Math.min(PIECE_BYTES, sizeBytes - block * store.blockSizeBytes));
    store.read(block, bytes);
    parts.push(isZero(bytes) ? zeros.slice(0, bytes.length) : new Blob([bytes]));
    block += bytes.length / store.blockSizeBytes;
  }
  return new Blob(parts, { type: 'application/octet-stream' });
}

/** `piece` so many times, by doubling: a terabyte of zeros is a few dozen blobs, not a million. */
function repeated(piece: Blob, count: number): Blob {
  const parts: Blob[] = [];
  for (let left = count, power = piece; left > 0; left = Math.floor(left / 2)) {
    if (left % 2 === 1) parts.push(power);
    power = new Blob([power, power]);
  }
  return new Blob(parts);
}
