import type { Command } from '../command.ts';
import { chflags } from './chflags.ts';
import { chmod } from './chmod.ts';
import { chgrp, chown } from './chown.ts';
import { cp } from './cp.ts';
import { dd } from './dd.ts';
import { df } from './df.ts';
import { du } from './du.ts';
import { echo } from './echo.ts';
import { find } from './find.ts';
import { ln } from './ln.ts';
import { ls } from './ls.ts';
import { mkdir } from './mkdir.ts';
import { mkfile } from './mkfile.ts';
import { mv } from './mv.ts';
import { rm, unlink } from './rm.ts';
import { rmdir } from './rmdir.ts';
import { readlink, stat } from './stat.ts';
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
  du,
  echo,
  find,
  ln,
  ls,
  mkdir,
  mkfile,
  mv,
  readlink,
  rm,
  rmdir,
  stat,
  touch,
  tree,
  truncate,
  unlink,
  xattr,
];
