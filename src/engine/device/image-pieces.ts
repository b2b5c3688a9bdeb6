import { isZero } from '../base/bytes.ts';
import { GzipWriter } from '../codec/gzip.ts';
import type { Device } from './device.ts';

/**
 * A whole disk as a file to hand on, piece by piece from its first byte to its last. Zeros are one piece however many
 * there are: the host writes holes, or names one piece of zeros many times. What a piece holds depends on the contents
 * of the disk alone, not on how they came there: equal disks, equal files.
 */
export type FilePiece =
  | {
      readonly kind: 'data';
      readonly bytes: Uint8Array;
      /** Bytes of the disk that were looked at for it: for whoever shows how far things are. */
      readonly sourceBytes?: number;
    }
  | { readonly kind: 'zero'; readonly lengthBytes: number };

/** A range of the disk, for whoever packs it. `bytes` is reused for the next one. */
export type DiskRun =
  | { readonly kind: 'data'; readonly offsetBytes: number; readonly bytes: Uint8Array }
  | { readonly kind: 'zero'; readonly offsetBytes: number; readonly lengthBytes: number };

/** Packed at once: the disk is looked at in pieces that begin at multiples of this. */
export const RUN_BYTES = 2 ** 20;

/** The bytes from `firstBlock` to `endBlock`, without a gap. Runs of zeros are as long as they can be. */
export function* diskRuns(device: Device, firstBlock = 0, endBlock = device.blockCount): Generator<DiskRun> {
  const { blockSizeBytes } = device;
  const blocksAtOnce = RUN_BYTES / blockSizeBytes;
  const buffer = new Uint8Array(RUN_BYTES);
  let zerosFrom = firstBlock;
  const zeros = (end: number): DiskRun => ({
    ...{ kind: 'zero', offsetBytes: zerosFrom * blockSizeBytes },
    lengthBytes: (end - zerosFrom) * blockSizeBytes,
  });
  for (let block = firstBlock; block < endBlock;) {
    const stored = Math.min(device.nextStored(block), endBlock);
    block = Math.max(block, Math.floor(stored / blocksAtOnce) * blocksAtOnce);
    if (stored === endBlock) break;
    const end = Math.min((Math.floor(block / blocksAtOnce) + 1) * blocksAtOnce, endBlock);
    const bytes = buffer.subarray(0, (end - block) * blockSizeBytes);
    device.read(block, bytes);
    if (!isZero(bytes)) {
      if (zerosFrom < block) yield zeros(block);
      yield { kind: 'data', offsetBytes: block * blockSizeBytes, bytes };
      zerosFrom = end;
    }
    block = end;
  }
  if (zerosFrom < endBlock) yield zeros(endBlock);
}

/** The bytes of the disk as they are. */
export function* rawPieces(device: Device): Generator<FilePiece> {
  for (const run of diskRuns(device)) {
    if (run.kind === 'zero') yield { kind: 'zero', lengthBytes: run.lengthBytes };
    else yield { kind: 'data', bytes: run.bytes.slice(), sourceBytes: run.bytes.length };
  }
}

export function* gzipPieces(device: Device): Generator<FilePiece> {
  const writer = new GzipWriter();
  yield { kind: 'data', bytes: writer.head() };
  for (const run of diskRuns(device)) {
    if (run.kind === 'zero') yield* writer.zeros(run.lengthBytes);
    else yield { kind: 'data', bytes: writer.data(run.bytes), sourceBytes: run.bytes.length };
  }
  yield { kind: 'data', bytes: writer.tail() };
}
