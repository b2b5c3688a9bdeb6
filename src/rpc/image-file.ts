import type { FilePiece } from '../engine/session/export.ts';
import type { Transfer } from './transfer.ts';

/**
 * Pieces of a file into a blob to download or into a file that the user chose. Neither holds more than a few pieces in
 * the worker's memory: blobs of the browser are kept on disk when they grow, and zeros are one shared piece however
 * many there are.
 */
const ZEROS_BYTES = 2 ** 20;
/** Small pieces are put together up to this size before the browser gets them. */
const GROUP_BYTES = 2 ** 22;

export async function blobOf(pieces: Iterable<FilePiece>, transfer: Transfer): Promise<Blob> {
  const zeros = new Blob([new Uint8Array(ZEROS_BYTES)]);
  const parts: Blob[] = [];
  let group: BlobPart[] = [];
  let groupBytes = 0;
  const close = () => {
    if (group.length > 0) parts.push(new Blob(group));
    group = [];
    groupBytes = 0;
  };
  for (const piece of pieces) {
    if (piece.kind === 'data') {
      group.push(piece.bytes as Uint8Array<ArrayBuffer>);
      groupBytes += piece.bytes.length;
      if (groupBytes >= GROUP_BYTES) close();
      transfer.doneBytes += piece.sourceBytes ?? 0;
    } else {
      const whole = Math.floor(piece.lengthBytes / ZEROS_BYTES);
      if (whole > 0) group.push(repeated(zeros, whole));
      group.push(zeros.slice(0, piece.lengthBytes % ZEROS_BYTES));
    }
    await transfer.pause();
  }
  close();
  return new Blob(parts, { type: 'application/octet-stream' });
}

/** `piece` so many times, by doubling. */
function repeated(piece: Blob, count: number): Blob {
  const parts: Blob[] = [];
  for (let left = count, power = piece; left > 0; left = Math.floor(left / 2)) {
    if (left % 2 === 1) parts.push(power);
    power = new Blob([power, power]);
  }
  return new Blob(parts);
}

/** Zeros are jumped over: the browser's file has holes there where its system can make them. */
export async function writeInto(
  handle: FileSystemFileHandle,
  pieces: Iterable<FilePiece>,
  transfer: Transfer,
): Promise<void> {
  const writable = await handle.createWritable();
  try {
    let position = 0;
    for (const piece of pieces) {
      if (piece.kind === 'data') {
        await writable.write({ type: 'write', position, data: piece.bytes as Uint8Array<ArrayBuffer> });
        position += piece.bytes.length;
        transfer.doneBytes += piece.sourceBytes ?? 0;
      } else position += piece.lengthBytes;
      await transfer.pause();
    }
    await writable.truncate(position);
    await writable.close();
  } catch (error) {
    // What was there before stays as it was.
    await writable.abort();
    throw error;
  }
}
