/**
 * Errors a program could meet on a real Mac. Numbers are Darwin's, from <sys/errno.h> (ENOTEMPTY is 66 here, not
 * Linux's 39); texts are what strerror(3) prints there.
 */
const DARWIN = {
  EPERM: [1, 'Operation not permitted'],
  ENOENT: [2, 'No such file or directory'],
  EIO: [5, 'Input/output error'],
  ENXIO: [6, 'Device not configured'],
  E2BIG: [7, 'Argument list too long'],
  EBADF: [9, 'Bad file descriptor'],
  EACCES: [13, 'Permission denied'],
  EBUSY: [16, 'Resource busy'],
  EEXIST: [17, 'File exists'],
  EXDEV: [18, 'Cross-device link'],
  ENODEV: [19, 'Operation not supported by device'],
  ENOTDIR: [20, 'Not a directory'],
  EISDIR: [21, 'Is a directory'],
  EINVAL: [22, 'Invalid argument'],
  EMFILE: [24, 'Too many open files'],
  ENOTTY: [25, 'Inappropriate ioctl for device'],
  EFBIG: [27, 'File too large'],
  ENOSPC: [28, 'No space left on device'],
  ESPIPE: [29, 'Illegal seek'],
  EROFS: [30, 'Read-only file system'],
  EMLINK: [31, 'Too many links'],
  EPIPE: [32, 'Broken pipe'],
  ERANGE: [34, 'Result too large'],
  ENOTSUP: [45, 'Operation not supported'],
  ELOOP: [62, 'Too many levels of symbolic links'],
  ENAMETOOLONG: [63, 'File name too long'],
  ENOTEMPTY: [66, 'Directory not empty'],
  EFTYPE: [79, 'Inappropriate file type or format'],
  ECANCELED: [89, 'Operation canceled'],
  EILSEQ: [92, 'Illegal byte sequence'],
  ENOATTR: [93, 'Attribute not found'],
  EOPNOTSUPP: [102, 'Operation not supported on socket'],
} as const satisfies Record<string, readonly [number, string]>;

export type ErrnoCode = keyof typeof DARWIN;

export const isErrnoCode = (text: string): text is ErrnoCode => Object.hasOwn(DARWIN, text);

/** The number a program sees in errno. */
export const errnoOf = (code: ErrnoCode): number => DARWIN[code][0];

/** The text perror(3) prints. */
export const strerror = (code: ErrnoCode): string => DARWIN[code][1];

/**
 * An expected failure: what the user or the disk did. The shell prints it, the page shows it, the volume stays usable.
 * `detail` is one sentence for people (why, and what to try); programs look at `code`.
 */
export class FsError extends Error {
  override readonly name = 'FsError';

  constructor(
    readonly code: ErrnoCode,
    readonly syscall: string,
    readonly path: string,
    readonly detail = '',
    options?: ErrorOptions,
  ) {
    super(`${syscall} ${path}: ${strerror(code)}${detail === '' ? '' : ` (${detail})`}`, options);
  }

  get errno(): number {
    return errnoOf(this.code);
  }
}
