import type { Command } from '../command.ts';
import { chflags } from './chflags.ts';
import { chmod } from './chmod.ts';
import { chgrp, chown } from './chown.ts';
import { cp } from './cp.ts';
import { dd } from './dd.ts';
import { df } from './df.ts';
import { diskutil } from './diskutil.ts';
import { du } from './du.ts';
import { echo } from './echo.ts';
import { find } from './find.ts';
import { fsckMsdos } from './fsck_msdos.ts';
import { ln } from './ln.ts';
import { ls } from './ls.ts';
import { mkdir } from './mkdir.ts';
import { mkfile } from './mkfile.ts';
import { mount, umount } from './mount.ts';
import { mv } from './mv.ts';
import { newfsMsdos } from './newfs_msdos.ts';
import { rm, unlink } from './rm.ts';
import { rmdir } from './rmdir.ts';
import { scope } from './scope.ts';
import { readlink, stat } from './stat.ts';
import { sync } from './sync.ts';
import { touch } from './touch.ts';
import { tree } from './tree.ts';
import { truncate } from './truncate.ts';
import { xattr } from './xattr.ts';

/** Every command of the machine, one line each, in the order of the alphabet. Builtins of the shell are elsewhere. */
export const COMMANDS: readonly Command[] = [
  chflags,
  chgrp,
  chmod,
  chown,
  cp,
  dd,
  df,
  diskutil,
  du,
  echo,
  find,
  fsckMsdos,
  ln,
  ls,
  mkdir,
  mkfile,
  mount,
  mv,
  newfsMsdos,
  readlink,
  rm,
  rmdir,
  scope,
  stat,
  sync,
  touch,
  tree,
  truncate,
  umount,
  unlink,
  xattr,
];
