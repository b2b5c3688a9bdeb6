import { utf8 } from '../base/bytes.ts';
import { FsError } from '../base/errno.ts';
import { XATTR_CREATE, XATTR_NAME_BYTES_MAX, XATTR_NOFOLLOW } from './constants.ts';
import { XATTR_REPLACE, XATTR_SHOWCOMPRESSION } from './constants.ts';
import type { Entry } from './namei.ts';

/**
 * What holds for extended attributes wherever they are kept: names, options, sizes, who can have which. Sources: xnu
 * bsd/vfs/vfs_xattr.c, bsd/sys/xattr.h; hfs core/hfs_xattr.c for what both kinds of volume answer alike.
 */
export const FINDER_INFO = 'com.apple.FinderInfo';
export const RESOURCE_FORK = 'com.apple.ResourceFork';
/** Attributes that only the system reads and writes. */
export const PROTECTED_PREFIX = 'com.apple.system.';

/** One attribute is held in memory as a whole. */
export const VALUE_BYTES_MAX = 64 * 2 ** 20;

const LONE_SURROGATE = /\p{Surrogate}/u;
const OPTIONS = XATTR_NOFOLLOW | XATTR_CREATE | XATTR_REPLACE | XATTR_SHOWCOMPRESSION;

export interface AttributeWrite {
  readonly name: string;
  readonly value: Uint8Array;
  /** XATTR_CREATE, XATTR_REPLACE … */
  readonly options: number;
}

/** EINVAL, ENAMETOOLONG; EPERM for what belongs to the system. */
export function requireAttributeName(name: string, path: string): void {
  if (name === '' || name.includes('\0') || LONE_SURROGATE.test(name)) {
    throw new FsError('EINVAL', '', path, 'the name of an attribute is text, and not empty');
  }
  if (utf8(name).length > XATTR_NAME_BYTES_MAX) {
    throw new FsError(
      'ENAMETOOLONG',
      '',
      path,
      `an attribute's name has at most ${XATTR_NAME_BYTES_MAX} bytes`,
    );
  }
  if (name.startsWith(PROTECTED_PREFIX)) {
    throw new FsError('EPERM', '', path, `${PROTECTED_PREFIX}… belongs to the system`);
  }
}

export function requireWriteOptions(options: number, path: string): void {
  const isBoth = (options & XATTR_CREATE) !== 0 && (options & XATTR_REPLACE) !== 0;
  if (isBoth || (options & ~OPTIONS) !== 0) {
    throw new FsError('EINVAL', '', path, 'XATTR_CREATE and XATTR_REPLACE exclude each other');
  }
}

/** EEXIST and ENOATTR, as XATTR_CREATE and XATTR_REPLACE want it. */
export function requirePresence(exists: boolean, { name, options }: AttributeWrite, path: string): void {
  if (exists && (options & XATTR_CREATE) !== 0) throw new FsError('EEXIST', '', path);
  if (!exists && (options & XATTR_REPLACE) !== 0) throw noAttribute(name, path);
}

export function requireForkHolder({ target }: Entry, path: string): void {
  if (target.node.type !== 'file') throw new FsError('EPERM', '', path, 'only files have a resource fork');
}

export const noAttribute = (name: string, path: string) =>
  new FsError('ENOATTR', '', path, `there is no attribute ${JSON.stringify(name)}`);

export const tooBig = (path: string) =>
  new FsError('E2BIG', '', path, `an attribute has at most ${VALUE_BYTES_MAX} bytes here`);
