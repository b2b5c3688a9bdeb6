import { Inflate } from 'fflate';

/**
 * Compressed bytes that come from strangers: unpacked piece by piece, and given up as soon as they are more than
 * there may be. A few bytes can claim to be gigabytes.
 */
const PIECE_BYTES = 2 ** 14;

/** Throws an Error with a sentence when they are cut off, damaged or too large. */
export function unpressed(bytes: Uint8Array, bytesMax: number): Uint8Array<ArrayBuffer> {
  const pieces: Uint8Array[] = [];
  let total = 0;
  let isWhole = false;
  const inflate = new Inflate((piece, isLast) => {
    total += piece.length;
    pieces.push(piece);
    isWhole ||= isLast;
  });
  try {
    for (let at = 0; at < bytes.length && total <= bytesMax; at += PIECE_BYTES) {
      const end = Math.min(at + PIECE_BYTES, bytes.length);
      inflate.push(bytes.slice(at, end), end === bytes.length);
    }
  } catch {
    // The library's errors say no more than that the bytes are no compressed ones.
    throw new Error(CUT_OFF);
  }
  if (total > bytesMax) throw new Error('it would unpack to more than anything made here');
  if (!isWhole) throw new Error(CUT_OFF);
  const whole = new Uint8Array(total);
  let at = 0;
  for (const piece of pieces) {
    whole.set(piece, at);
    at += piece.length;
  }
  return whole;
}

export const CUT_OFF = 'it is cut off or was changed on the way';
