import { FsError } from '../engine/base/errno.ts';
import { UnpackedImage } from '../engine/session/unpacked-image.ts';
import type { Transfer } from './transfer.ts';

/** Images packed with gzip: unpacked while they stream in, checksum included. */
const GZIP_MAGIC = [0x1f, 0x8b, 8] as const;

export async function isGzip(file: Blob): Promise<boolean> {
  const head = new Uint8Array(await file.slice(0, GZIP_MAGIC.length).arrayBuffer());
  return GZIP_MAGIC.every((byte, i) => head[i] === byte);
}

/** FsError EFTYPE with a sentence when the stream is damaged, EFBIG when there is too much in it, ECANCELED when stopped. */
export async function unpacked(file: File, transfer: Transfer): Promise<UnpackedImage> {
  const image = new UnpackedImage(file.name);
  const counted = new TransformStream<Uint8Array<ArrayBuffer>, Uint8Array<ArrayBuffer>>({
    transform(chunk, controller) {
      transfer.doneBytes += chunk.length;
      controller.enqueue(chunk);
    },
  });
  const reader = file.stream().pipeThrough(counted).pipeThrough(new DecompressionStream('gzip')).getReader();
  try {
    for (;;) {
      const { done, value } = await read(reader, file.name);
      if (done) break;
      image.append(value);
      await transfer.pause();
    }
  } finally {
    await reader.cancel().catch(() => {
      // The stream has failed before; that error is the one to tell.
    });
  }
  image.finish();
  return image;
}

async function read(reader: ReadableStreamDefaultReader<Uint8Array>, name: string) {
  try {
    return await reader.read();
  } catch (error) {
    // TypeError: the stream is no gzip; anything else is of the file, which was moved or taken away.
    const detail =
      error instanceof TypeError
        ? 'its gzip stream is damaged, cut short, or more than one stream; `gunzip -c` may still unpack it'
        : 'the file was changed or moved since it was opened; open it again';
    throw new FsError(error instanceof TypeError ? 'EFTYPE' : 'EIO', 'open', name, detail, { cause: error });
  }
}
