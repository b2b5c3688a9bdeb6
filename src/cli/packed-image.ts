import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { createGunzip } from 'node:zlib';
import { FsError } from '../engine/base/errno.ts';
import { UnpackedImage } from '../engine/session/unpacked-image.ts';
import type { HostImage } from './host-file.ts';
import { EXIT, HostError, printable } from './report.ts';

/**
 * Images packed with gzip (RFC 1952): read as what is in them, never written. A packed stream has no block that could be
 * changed in place.
 */
const MAGIC = [0x1f, 0x8b, 8] as const;
const PIECE_BYTES = 2 ** 20;

export function isGzip(image: HostImage): boolean {
  const head = new Uint8Array(MAGIC.length);
  image.read(0, head);
  return MAGIC.every((byte, at) => head[at] === byte);
}

/** Why such an image is not written, and what to do instead. */
export function refusePackedWrite(path: string): HostError {
  const shown = printable(path);
  const advice =
    '`gunzip -k` unpacks it beside itself, `diskoscope export` packs it again, `diskoscope sh --read-only` looks into it';
  return new HostError(`${shown}: an image packed with gzip is only read; ${advice}.`, EXIT.usage);
}

/** What is packed in it, in memory without its zeros. HostError with exit code 3 for a damaged stream or too much. */
export async function unpacked(image: HostImage): Promise<UnpackedImage> {
  const whole = new UnpackedImage(image.path);
  const sink = async (chunks: AsyncIterable<Uint8Array>): Promise<void> => {
    for await (const chunk of chunks) whole.append(chunk);
  };
  try {
    await pipeline(Readable.from(piecesOf(image)), createGunzip(), sink);
  } catch (error) {
    throw hostErrorOf(image.path, error);
  }
  whole.finish();
  return whole;
}

function* piecesOf(image: HostImage): Generator<Uint8Array> {
  for (let at = 0; at < image.sizeBytes; at += PIECE_BYTES) {
    const piece = new Uint8Array(Math.min(PIECE_BYTES, image.sizeBytes - at));
    image.read(at, piece);
    yield piece;
  }
}

function hostErrorOf(path: string, error: unknown): unknown {
  const because = (detail: string) =>
    new HostError(`${printable(path)}: ${detail}.`, EXIT.unreadable, { cause: error });
  if (error instanceof FsError && error.code === 'EFBIG') return because(error.detail);
  const { code } = error as NodeJS.ErrnoException;
  if (code?.startsWith('Z_') !== true) return error;
  return because('its gzip stream is damaged or cut short; `gunzip -t` says more');
}
