/** Numbers of Darwin's headers that programs pass to system calls. */

/** <sys/fcntl.h> */
export const O_RDONLY = 0x0000;
export const O_WRONLY = 0x0001;
export const O_RDWR = 0x0002;
export const O_ACCMODE = 0x0003;
export const O_APPEND = 0x0008;
export const O_NOFOLLOW = 0x0100;
export const O_CREAT = 0x0200;
export const O_TRUNC = 0x0400;
export const O_EXCL = 0x0800;
export const O_DIRECTORY = 0x100000;

/** <sys/unistd.h> */
export const SEEK_SET = 0;
export const SEEK_CUR = 1;
export const SEEK_END = 2;
export const SEEK_HOLE = 3;
export const SEEK_DATA = 4;
export const F_OK = 0;
export const X_OK = 1;
export const W_OK = 2;
export const R_OK = 4;

/** <sys/stat.h>: type bits of st_mode. */
export const S_IFMT = 0o170000;
export const S_IFIFO = 0o010000;
export const S_IFCHR = 0o020000;
export const S_IFDIR = 0o040000;
export const S_IFBLK = 0o060000;
export const S_IFREG = 0o100000;
export const S_IFSOCK = 0o140000;
export const S_IFLNK = 0o120000;

/** <sys/stat.h>: file flags as chflags(2) sets them. */
export const UF_NODUMP = 0x00000001;
export const UF_IMMUTABLE = 0x00000002;
export const UF_APPEND = 0x00000004;
export const UF_OPAQUE = 0x00000008;
export const UF_COMPRESSED = 0x00000020;
export const UF_TRACKED = 0x00000040;
export const UF_DATAVAULT = 0x00000080;
export const UF_HIDDEN = 0x00008000;
export const SF_ARCHIVED = 0x00010000;
export const SF_IMMUTABLE = 0x00020000;
export const SF_APPEND = 0x00040000;
export const SF_RESTRICTED = 0x00080000;
export const SF_NOUNLINK = 0x00100000;

/** <sys/xattr.h> */
export const XATTR_NOFOLLOW = 0x0001;
export const XATTR_CREATE = 0x0002;
export const XATTR_REPLACE = 0x0004;
export const XATTR_SHOWCOMPRESSION = 0x0020;
export const XATTR_NAME_BYTES_MAX = 127;

/** <sys/stdio.h> */
export const RENAME_SWAP = 0x0002;
export const RENAME_EXCL = 0x0004;
export const RENAME_NOFOLLOW_ANY = 0x0010;

/** <sys/clonefile.h> */
export const CLONE_NOFOLLOW = 0x1;
export const CLONE_NOOWNERCOPY = 0x2;
export const CLONE_ACL = 0x4;
export const CLONE_NOFOLLOW_ANY = 0x8;

/** <sys/fcntl.h>: in the place of a descriptor, the current directory. */
export const AT_FDCWD = -2;

/** <sys/syslimits.h> */
export const PATH_BYTES_MAX = 1024;
export const SYMLINKS_MAX = 32;
export const OPEN_MAX = 256;
