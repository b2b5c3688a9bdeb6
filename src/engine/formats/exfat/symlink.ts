import { FsError } from '../../base/errno.ts';
import { textOf } from '../../base/bytes.ts';
import { decodeXSym, XSYM_SIZE_BYTES } from '../../codec/xsym.ts';
import type { Content } from './content.ts';
import type { Chain } from './extents.ts';

/** The target when `chain`, of a file of 1067 bytes, holds a symlink; undefined for any other contents. */
export function decodeSymlink(content: Content, chain: Chain): string | undefined {
  const file = new Uint8Array(XSYM_SIZE_BYTES);
  try {
    content.read(chain, XSYM_SIZE_BYTES, 0, file);
  } catch (error) {
    // An unreadable file is a file: whoever opens it gets the error.
    if (error instanceof FsError) return undefined;
    throw error;
  }
  const target = decodeXSym(file);
  return target === null ? undefined : textOf(target);
}
